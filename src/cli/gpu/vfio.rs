//! `vgpu gpu bind`, `unbind`, `check` and `reset`.

use super::super::error::CommandError;
use super::super::output;
use super::drain::{self, Drain};
use super::host::Sysfs;
use super::layout::State;
use crate::control::profile::bytes_text;
use crate::inventory::{Function, PciAddress, SYSFS};
use crate::vfio::{BindError, Binder, Device, DeviceError, Memory, Region};

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

/// Try a PCI function that is bound to vfio-pci as a VMM would have it
///
/// Opens it, maps memory for it and takes an interrupt that the kernel raises in its place. It is not reset.
///
/// Example: vgpu gpu check 3b:00.4
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Its address, as in 0000:3b:00.4; the domain may be left out where it is 0000
    #[arg(value_name = "ADDRESS")]
    address: PciAddress,
    #[command(flatten)]
    state: State,
}

/// Reset a PCI function that is bound to vfio-pci, and see that its memory is clear
///
/// Before it memory of the function is marked, where it has a BAR that is memory for sure; what is still marked after
/// it would be there for the next VM, and is an error.
///
/// Example: vgpu gpu reset 3b:00.4
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ResetArgs {
    /// Its address, as in 0000:3b:00.4; the domain may be left out where it is 0000
    #[arg(value_name = "ADDRESS")]
    address: PciAddress,
    #[command(flatten)]
    state: State,
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

/// Opens one that nobody has, while nobody binds or unbinds.
fn open(address: PciAddress, state: &State) -> Result<Device, CommandError> {
    let group = Binder::new(SYSFS.as_ref(), &state.folder).bound(address)?;
    Ok(Device::open(address, group.number)?)
}

/// Tries it, and prints what it has.
pub(super) fn check(arguments: &CheckArgs) -> Result<(), CommandError> {
    let device = open(arguments.address, &arguments.state)?;
    let dma = device.try_dma()?;
    let msix = device.msix_count();
    if msix > 0 {
        device.try_interrupt()?;
    }
    let regions: Vec<String> = device.regions().iter().map(region).collect();
    let interrupts = if msix > 0 { "the first arrives" } else { "nothing to try" };
    output::text(&format!(
        "{} can be handed over, by {}\n  regions: {}\n  memory: {} mapped for it, and unmapped\n  \
         MSI-X interrupts: {msix}, {interrupts}\n",
        arguments.address,
        device.way(),
        regions.join(", "),
        bytes_text(dma.get()),
    ))
}

fn region(region: &Region) -> String {
    let name = if region.index < 6 { format!("BAR {}", region.index) } else { "configuration".to_owned() };
    format!("{name} {}", bytes_text(region.bytes))
}

/// Resets it, and prints by what is known that nothing is left in it.
pub(super) fn reset(arguments: &ResetArgs) -> Result<(), CommandError> {
    let address = arguments.address;
    let device = open(address, &arguments.state)?;
    let methods =
        Function::read(SYSFS.as_ref(), address)?.reset_methods.ok_or(DeviceError::NoReset(address))?;
    let memory = device.reset()?;
    if let Some(Memory { bar, marked, kept }) = memory.iter().copied().find(|memory| memory.kept > 0) {
        return Err(DeviceError::Kept { address, bar, kept, marked }.into());
    }
    let clear = |memory: &Memory| format!("  BAR {}: {} marks are gone\n", memory.bar, memory.marked);
    let proof = match memory.as_slice() {
        [] => "  none of its BARs takes marks, so nothing tells whether its memory is clear\n".to_owned(),
        memory => memory.iter().map(clear).collect(),
    };
    output::text(&format!("{address} is reset, by the first that works of: {methods}\n{proof}"))
}

impl From<DeviceError> for CommandError {
    fn from(error: DeviceError) -> Self {
        let host = Self::host(&error);
        match error {
            DeviceError::Open { .. } => {
                host.hint("it takes root, vfio_iommu_type1 (modprobe) and a group that nobody has open")
            }
            DeviceError::Dma { .. } => {
                host.hint("locked memory may be limited (ulimit -l); the kernel's log (dmesg) may say why")
            }
            DeviceError::NoReset(_) | DeviceError::Kept { .. } => {
                host.hint("do not give it to another tenant before its GPU, or the host, was reset")
            }
            DeviceError::Interrupt { .. } | DeviceError::Reset { .. } => {
                host.hint("the kernel's log (dmesg) may say why")
            }
        }
    }
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
            BindError::NotBound { address, .. } => user.hint(format!("`vgpu gpu bind {address}`")),
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
