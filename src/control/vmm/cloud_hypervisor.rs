//! cloud-hypervisor's command line.

use super::{Argument, Memory};
use crate::control::api::Vgpu;
use crate::control::profile::Transport;

pub(super) fn arguments(vgpu: &Vgpu, memory: Memory) -> Vec<Argument> {
    // A quotation mark within quotation marks is written twice.
    let socket = super::socket(vgpu).replace('"', "\"\"");
    let device = match vgpu.profile.transport {
        Transport::VfioUser => Argument::new("--user-device", format!("socket=\"{socket}\"")),
        Transport::VhostUser | Transport::Vtest => Argument::new(
            "--generic-vhost-user",
            format!("device_type=gpu,socket=\"{socket}\",queue_sizes=[256,16]"),
        ),
    };
    vec![Argument::new("--memory", format!("size={}M,shared=on", memory.mib)), device]
}
