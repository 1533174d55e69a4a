//! Until the generated calls are here: right for commands whose parameters are integers, on x86-64.

use super::RawFunction;
use crate::venus::CommandType;

type Widest = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> u64;

pub(super) unsafe fn call(function: RawFunction, _command: CommandType, arguments: &[u64]) -> u64 {
    let at = |index: usize| arguments.get(index).copied().unwrap_or_default();
    // SAFETY: the calling convention ignores arguments that are not looked at.
    unsafe {
        let function = std::mem::transmute::<RawFunction, Widest>(function);
        function(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11))
    }
}
