use super::{Call, Malformed, Names, Reader};
use crate::sys::Arena;

/// Reads one command into `arena`, with the driver's handles in place of the guest's.
pub fn decode(reader: &mut Reader<'_>, arena: &mut Arena, names: &mut impl Names) -> Result<Call, Malformed> {
    let _ = (arena, names);
    let command = reader.peek().ok_or(Malformed::NoCommand)??;
    Err(Malformed::Truncated(command))
}
