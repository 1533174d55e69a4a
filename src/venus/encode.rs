use super::Call;
use crate::sys::Arena;

/// Appends the reply to a command. `result` is what the command returned: a VkResult, a VkBool32, an address.
pub fn encode_reply(call: &Call, result: u64, arena: &Arena, out: &mut Vec<u8>) {
    let _ = (result, arena);
    out.extend((call.command as u32).to_le_bytes());
}
