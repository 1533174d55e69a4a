//! A vGPU, or a piece of a GPU, as a container gets it.

use std::path::Path;

use super::{Device, DeviceNode, Edits, Mount};
use crate::control::api::{Name, Vgpu};
use crate::control::profile::Transport;
use crate::control::vmm::environment;
use crate::inventory::{Part, PciAddress, Piece};

/// Where a container has sockets of vGPUs: such paths are short enough for a socket, wherever the host has them.
const SOCKETS: &str = "/run/vgpu";

/// Enough to connect; nothing that a container could do with the host's file otherwise.
const OPTIONS: [&str; 5] = ["ro", "nosuid", "nodev", "noexec", "bind"];

/// Why a container cannot have it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is for VMs.
    #[error("{name} is offered by {transport}, for a VM")]
    OfVm {
        /// The vGPU.
        name: Name,
        /// How it is offered.
        transport: Transport,
    },
    /// Runtimes would refuse the file.
    #[error("{0}: names of devices for containers end in a letter or a digit")]
    Name(Name),
    /// Nobody can open it.
    #[error("{address} has no driver, so nobody can open it")]
    NoDriver {
        /// The function.
        address: PciAddress,
    },
    /// Its driver has made none, or they were removed.
    #[error("{piece} lacks device nodes")]
    NoNodes {
        /// What was looked for.
        piece: String,
    },
}

impl Unfit {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::OfVm { .. } => "containers take vGPUs whose profile has transport = \"vtest\"".to_owned(),
            Self::Name(_) => "make it anew under a name that ends in a letter or a digit".to_owned(),
            Self::NoDriver { address } => {
                format!("load its driver, or `vgpu gpu bind {address}` to hand it to a VMM in a container")
            }
            Self::NoNodes { .. } => {
                "load what makes them: for VFIO the modules vfio_iommu_type1 or iommufd, for NVIDIA's \
                 nvidia-modprobe -u -c 0; `vgpu doctor` looks further"
                    .to_owned()
            }
        }
    }
}

impl Device {
    /// A vGPU for programs: its socket, and the environment by which Mesa's driver finds it.
    pub fn of_vgpu(vgpu: &Vgpu) -> Result<Self, Unfit> {
        let name = vgpu.name.clone();
        let transport = vgpu.profile.transport;
        let (Some(host_path), false) = (vgpu.socket.clone(), transport.is_of_vm()) else {
            return Err(Unfit::OfVm { name, transport });
        };
        // What a vGPU's name may have elsewhere, a device's may have too.
        if !name.as_str().ends_with(|last: char| last.is_ascii_alphanumeric()) {
            return Err(Unfit::Name(name));
        }
        let socket = Path::new(SOCKETS).join(format!("{name}.sock"));
        let env = environment(&socket).into_iter().map(|(name, value)| format!("{name}={value}"));
        let mount = Mount { host_path, container_path: socket, options: OPTIONS.map(str::to_owned).to_vec() };
        let container_edits = Edits { env: env.collect(), mounts: vec![mount], ..Edits::default() };
        Ok(Self { name: name.into(), container_edits })
    }

    /// A piece of a GPU: its device nodes.
    pub fn of_piece(piece: &Piece) -> Result<Self, Unfit> {
        if piece.part == Part::Idle {
            return Err(Unfit::NoDriver { address: piece.of });
        }
        if piece.nodes.is_empty() {
            return Err(Unfit::NoNodes { piece: piece.to_string() });
        }
        let nodes = piece.shared.iter().chain(&piece.nodes).cloned().map(|path| DeviceNode { path });
        let container_edits = Edits { device_nodes: nodes.collect(), ..Edits::default() };
        Ok(Self { name: piece.to_string(), container_edits })
    }
}
