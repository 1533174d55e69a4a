//! `vgpu gpu bind` and `unbind`.

use super::super::error::CommandError;
use super::super::output;
use super::drain::{self, Drain};
use super::host::Sysfs;
use super::layout::State;
use crate::inventory::PciAddress;
use crate::vfio::{BindError, Binder};

/// Bind PCI functions to vfio-pci, to hand them to a VM
///
/// What else is in their IOMMU groups goes with them: name all of it. Their drivers are written down first, for
/// `vgpu gpu unbind`. One that was cut off is mended by either.
///
/// Example: vgpu gpu bind 3b:00.0 3b:00.1
#[derive(Clone, Debug, clap::Args)]
pub(super) struct BindArgs {
    /// Their addresses, as in 0000:3b:00.0; the domain may be left out where it is 0000
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<PciAddress>,
    #[command(flatten)]
    sysfs: Sysfs,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    drain: Drain,
}

/// Give PCI functions back to the drivers that they had before `vgpu gpu bind`
///
/// Example: vgpu gpu unbind 3b:00.0 3b:00.1
#[derive(Clone, Debug, clap::Args)]
pub(super) struct UnbindArgs {
    /// Their addresses, as in 0000:3b:00.0; the domain may be left out where it is 0000
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<PciAddress>,
    #[command(flatten)]
    sysfs: Sysfs,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    drain: Drain,
}

/// Binds them, and prints by which node a VMM opens each.
pub(super) fn bind(arguments: &BindArgs) -> Result<(), CommandError> {
    let binder = Binder::new(arguments.sysfs.root(), &arguments.state.folder);
    let bind = || binder.bind(&mut arguments.sysfs.kernel(), &arguments.addresses);
    let groups = arguments.drain.without(bind, BindError::vgpus)?;
    let line = |(address, group): (&PciAddress, _)| format!("{address} is bound: /dev/vfio/{group}\n");
    let numbers = groups.iter().map(|group| group.number);
    output::text(&arguments.addresses.iter().zip(numbers).map(line).collect::<String>())
}

/// Gives them back, and prints who has them.
pub(super) fn unbind(arguments: &UnbindArgs) -> Result<(), CommandError> {
    let binder = Binder::new(arguments.sysfs.root(), &arguments.state.folder);
    for address in &arguments.addresses {
        let unbind = || binder.unbind(&mut arguments.sysfs.kernel(), *address);
        let function = arguments.drain.without(unbind, BindError::vgpus)?;
        let driver = function.driver.as_deref().unwrap_or("no driver");
        output::text(&format!("{address} is given back: {driver}\n"))?;
    }
    Ok(())
}

impl From<BindError> for CommandError {
    fn from(error: BindError) -> Self {
        let host = Self::host(&error);
        let user = Self::user(&error);
        match error {
            BindError::Inventory(error) => error.into(),
            BindError::Users(error) => error.into(),
            BindError::NoIommu { reason, .. } => user.hint(reason.remedy),
            BindError::Group { all, .. } => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                user.hint(format!("a group goes as one: `vgpu gpu bind {}`", all.join(" ")))
            }
            BindError::HasFunctions(_) => user.hint("take them back first: `vgpu gpu apply` with vfs = 0"),
            BindError::NoDriver => user.hint("modprobe vfio-pci, of a kernel with CONFIG_VFIO_PCI"),
            BindError::Leased { vgpus, .. } => user.hint(drain::hint(&vgpus)),
            BindError::InUse { .. } => {
                user.hint("stop who uses it first: what is in use is never taken away")
            }
            BindError::NotOurs { .. } => {
                user.hint("give the --state that it was bound with; else unbind it as it was bound")
            }
            BindError::OtherTree { .. } => user.hint("give the same --sysfs-root, or another --state"),
            BindError::Write { .. } => host.hint(
                "do it again, or `vgpu gpu unbind` to give it back; the kernel's log (dmesg) may say why",
            ),
            BindError::Busy => user.hint("try again when it is done"),
            BindError::State { .. } => user.hint("give a folder that this user may write to with --state"),
        }
    }
}
