//! A domain for libvirt.

use super::{Argument, Memory, qemu};
use crate::control::api::Vgpu;

const DOMAIN: &str = include_str!("domain.xml");

/// A domain that libvirt defines and starts, with a vGPU and as little else as can be.
pub(super) fn domain(vgpu: &Vgpu, memory: Memory) -> String {
    let words = qemu::device_arguments(vgpu).into_iter().flat_map(Argument::words);
    let arguments: String =
        words.map(|word| format!("    <qemu:arg value='{}'/>\n", escaped(&word))).collect();
    // Two hyphens would end the comment.
    filled(DOMAIN, vgpu, memory)
        .replace("@ARGUMENTS@", &arguments)
        .replace("@SOCKET@", &escaped(&super::socket(vgpu)).replace("--", "-&#45;"))
}

/// A template with what every domain has.
pub(super) fn filled(template: &str, vgpu: &Vgpu, memory: Memory) -> String {
    template.replace("@NAME@", vgpu.name.as_str()).replace("@MEMORY@", &memory.mib.to_string())
}

/// A text as XML, also within single quotation marks, and without the mark that the template's gaps have.
fn escaped(text: &str) -> String {
    let escape = |character: char| match character {
        '&' | '<' | '>' | '\'' | '@' => format!("&#{};", u32::from(character)),
        control if control.is_control() => format!("&#{};", u32::from(control)),
        plain => plain.to_string(),
    };
    text.chars().map(escape).collect()
}
