//! Which code carries a command out. What has no arm here is not offered to guests.

use super::reason::Reason;
use super::turn::{Outcome, Turn};
use super::{recording, simple};
use crate::venus::CommandType;

/// Carries one command out.
pub(super) fn dispatch(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    use CommandType as C;
    let command = turn.command();
    match command {
        C::BeginCommandBuffer => recording::begin(turn),
        C::EndCommandBuffer => recording::end(turn),
        C::ResetCommandBuffer => recording::reset(turn),

        // Event and private data: no parameter can be wrong.
        C::GetEventStatus | C::SetEvent | C::ResetEvent | C::SetPrivateData | C::GetPrivateData => {
            turn.pass().map(Outcome::Done)
        }
        _ if recording::is_recorded(command) => recording::record(turn),
        _ if simple::destroys(command) => turn.destroy(),
        _ => match simple::made_by(command) {
            Some((kind, destroy)) => simple::create(turn, kind, destroy),
            None => Err(Reason::NotOffered(command)),
        },
    }
}
