//! What was asked of the VMM and what it answered: the handshake, heads' modes, EDIDs.
//!
//! Replies come in the order of the requests. QEMU answers nothing when asked for the EDID of a head that it does
//! not have, so a question for its features follows each such request: if that is answered first, no EDID comes.

use std::collections::VecDeque;

use super::{Answer, Question};
use crate::wire::display::{FEATURE_EDID, Reply, Request};
use crate::wire::{SCANOUTS_MAX, ScanoutId};

/// A reply that the display owes nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the display answered what it was not asked, or in another order")]
pub(super) struct Unasked;

/// Everything asked and not yet taken. Bounded: each question is on its way at most once.
#[derive(Debug)]
pub(super) struct Questions {
    features: Features,
    modes: State,
    edids: [State; SCANOUTS_MAX],
    owed: VecDeque<Owed>,
    former: Option<Former>,
}

/// Answers to what a process asked that is dead; they are not ours. Where they end is told by a row that nobody else
/// asked for: features, modes this many times, features. A process asks for modes twice in a row only here, and each
/// that goes on for another asks a number of times of its own.
#[derive(Debug)]
struct Former {
    modes: u16,
    is_asked: bool,
    /// Modes since the last features, if nothing else came between.
    row: Option<u16>,
}

/// As many processes as this can be told apart: more than have died before the VMM answered the first.
const FORMER_MAX: u16 = 64;

/// The handshake: asked once, when the socket is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Features {
    ToAsk,
    Asked,
    /// Those that it has and we use.
    ToSet(u64),
    Set(u64),
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Idle,
    Wanted,
    Asked,
    Answered(Answer),
}

/// A reply that will come, or may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Features,
    Modes,
    Edid(ScanoutId),
}

impl Questions {
    pub(super) fn new() -> Self {
        Self {
            features: Features::ToAsk,
            modes: State::Idle,
            edids: Default::default(),
            owed: VecDeque::new(),
            former: None,
        }
    }

    /// On a socket on which others asked that are dead: we are the `resumes`th to go on.
    pub(super) fn anew(resumes: u16) -> Self {
        let former = Former { modes: 2 + resumes % FORMER_MAX, is_asked: false, row: None };
        Self { former: Some(former), ..Self::new() }
    }

    /// The answer, if it is there: each is taken once, so the next question is a new one. Otherwise notes the question.
    pub(super) fn ask(&mut self, question: Question) -> Option<Answer> {
        if matches!((question, self.features), (Question::Edid(_), Features::ToSet(0) | Features::Set(0))) {
            return Some(Answer::Unknown);
        }
        let state = match question {
            Question::Modes => &mut self.modes,
            Question::Edid(head) => self.edids.get_mut(head.index())?,
        };
        match std::mem::take(state) {
            State::Answered(answer) => return Some(answer),
            State::Idle => *state = State::Wanted,
            pending => *state = pending,
        }
        None
    }

    /// Appends the messages that are due.
    pub(super) fn encode(&mut self, out: &mut Vec<u8>) {
        if let Some(former) = self.former.as_mut().filter(|former| !former.is_asked) {
            former.is_asked = true;
            Request::ProtocolFeatures.encode(out);
            (0..former.modes).for_each(|_| Request::Modes.encode(out));
            // The handshake's question for features ends the row.
        }
        match self.features {
            Features::ToAsk => {
                Request::ProtocolFeatures.encode(out);
                self.owed.push_back(Owed::Features);
                self.features = Features::Asked;
            }
            Features::ToSet(features) => {
                Request::SetProtocolFeatures(features).encode(out);
                self.features = Features::Set(features);
            }
            Features::Asked | Features::Set(_) => {}
        }
        if matches!(self.modes, State::Wanted) {
            Request::Modes.encode(out);
            self.owed.push_back(Owed::Modes);
            self.modes = State::Asked;
        }
        if let Features::Set(_) = self.features {
            self.encode_edids(out);
        }
    }

    fn encode_edids(&mut self, out: &mut Vec<u8>) {
        for (head, state) in ScanoutId::all().zip(&mut self.edids) {
            if matches!(state, State::Wanted) {
                Request::Edid(head).encode(out);
                Request::ProtocolFeatures.encode(out);
                self.owed.extend([Owed::Edid(head), Owed::Features]);
                *state = State::Asked;
            }
        }
    }

    /// Takes a reply; true if it, or its place in the order, answered a question.
    pub(super) fn receive(&mut self, reply: Reply) -> Result<bool, Unasked> {
        if let Some(former) = &mut self.former {
            if !former.ends_with(&reply) {
                return Ok(false);
            }
            self.former = None;
        }
        match (self.owed.pop_front(), reply) {
            (Some(Owed::Features), Reply::ProtocolFeatures(features)) => Ok(self.negotiate(features)),
            (Some(Owed::Modes), Reply::Modes(modes)) => {
                self.modes = State::Answered(modes.map_or(Answer::Unknown, Answer::Modes));
                Ok(true)
            }
            (Some(Owed::Edid(head)), Reply::Edid(edid)) => Ok(self.answer_edid(head, edid)),
            (Some(Owed::Edid(head)), Reply::ProtocolFeatures(_)) => {
                self.owed.pop_front();
                Ok(self.answer_edid(head, None))
            }
            _ => Err(Unasked),
        }
    }

    /// The first answer about features settles them; later ones only mark their place in the order.
    fn negotiate(&mut self, offered: u64) -> bool {
        if self.features != Features::Asked {
            return false;
        }
        self.features = Features::ToSet(offered & FEATURE_EDID);
        if offered & FEATURE_EDID != 0 {
            return false;
        }
        let wanted = self.edids.iter_mut().filter(|state| matches!(state, State::Wanted));
        wanted.map(|state| *state = State::Answered(Answer::Unknown)).count() > 0
    }

    fn answer_edid(&mut self, head: ScanoutId, edid: Option<Vec<u8>>) -> bool {
        if let Some(state) = self.edids.get_mut(head.index()) {
            *state = State::Answered(edid.map_or(Answer::Unknown, Answer::Edid));
        }
        true
    }
}

impl Former {
    /// Whether this reply ends the row, and so is the first of ours.
    fn ends_with(&mut self, reply: &Reply) -> bool {
        let row = match reply {
            Reply::ProtocolFeatures(_) => self.row.replace(0),
            Reply::Modes(_) => {
                self.row = self.row.map(|row| row.saturating_add(1));
                None
            }
            Reply::Edid(_) => self.row.take().and(None),
        };
        self.is_asked && row == Some(self.modes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HeadMode;

    fn head(number: u32) -> ScanoutId {
        ScanoutId::new(number).unwrap()
    }

    fn sent(questions: &mut Questions) -> Vec<u8> {
        let mut out = Vec::new();
        questions.encode(&mut out);
        out
    }

    fn encoded(requests: &[Request<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        requests.iter().for_each(|request| request.encode(&mut out));
        out
    }

    fn connected(features: u64) -> Questions {
        let mut questions = Questions::new();
        assert_eq!(sent(&mut questions), encoded(&[Request::ProtocolFeatures]));
        assert_eq!(questions.receive(Reply::ProtocolFeatures(features)), Ok(false));
        assert_eq!(sent(&mut questions), encoded(&[Request::SetProtocolFeatures(features & 1)]));
        questions
    }

    #[test]
    fn features_that_we_do_not_use_are_not_set() {
        connected(0b11);
        connected(u64::MAX);
        connected(0);
    }

    #[test]
    fn modes_are_asked_anew_each_time() {
        let mut questions = connected(1);
        for width in [640, 800] {
            assert_eq!(questions.ask(Question::Modes), None);
            assert_eq!(questions.ask(Question::Modes), None);
            assert_eq!(sent(&mut questions), encoded(&[Request::Modes]));
            assert!(sent(&mut questions).is_empty());
            let mut modes = Box::new([HeadMode::default(); SCANOUTS_MAX]);
            modes[0].area.width = width;
            assert_eq!(questions.receive(Reply::Modes(Some(modes.clone()))), Ok(true));
            assert_eq!(questions.ask(Question::Modes), Some(Answer::Modes(modes)));
        }
    }

    #[test]
    fn an_edid_that_never_comes_is_unknown_and_the_next_one_is_not_mistaken_for_it() {
        let mut questions = connected(1);
        assert_eq!(questions.ask(Question::Edid(head(9))), None);
        assert_eq!(questions.ask(Question::Edid(head(3))), None);
        let (three, nine) = (Request::Edid(head(3)), Request::Edid(head(9)));
        let all = [three, Request::ProtocolFeatures, nine, Request::ProtocolFeatures];
        assert_eq!(sent(&mut questions), encoded(&all));
        assert_eq!(questions.receive(Reply::ProtocolFeatures(1)), Ok(true));
        assert_eq!(questions.receive(Reply::Edid(Some(vec![9]))), Ok(true));
        assert_eq!(questions.receive(Reply::ProtocolFeatures(1)), Ok(false));
        assert_eq!(questions.ask(Question::Edid(head(3))), Some(Answer::Unknown));
        assert_eq!(questions.ask(Question::Edid(head(9))), Some(Answer::Edid(vec![9])));
        assert_eq!(questions.receive(Reply::ProtocolFeatures(1)), Err(Unasked));
    }

    #[test]
    fn a_display_without_edids_is_not_asked_for_them() {
        let mut questions = Questions::new();
        assert_eq!(questions.ask(Question::Edid(head(0))), None);
        assert_eq!(sent(&mut questions), encoded(&[Request::ProtocolFeatures]));
        assert_eq!(questions.receive(Reply::ProtocolFeatures(0)), Ok(true));
        assert_eq!(questions.ask(Question::Edid(head(0))), Some(Answer::Unknown));
        assert_eq!(sent(&mut questions), encoded(&[Request::SetProtocolFeatures(0)]));
        assert_eq!(questions.ask(Question::Edid(head(1))), Some(Answer::Unknown));
        assert!(sent(&mut questions).is_empty());
    }

    #[test]
    fn answers_to_what_dead_processes_asked_are_nobodys() {
        let modes = || Reply::Modes(Some(Box::default()));
        let features = || Reply::ProtocolFeatures(1);
        // One died with a question for modes and one for an EDID on its way, the next in the middle of all this.
        let mut stale = vec![modes(), Reply::Edid(Some(vec![1])), features()];
        stale.extend(std::iter::once_with(features).chain(std::iter::repeat_with(modes).take(3)));
        stale.extend([features(), modes(), Reply::Edid(Some(vec![2])), features()]);
        for taken in 0..=stale.len() {
            let mut questions = Questions::anew(2);
            assert_eq!(questions.ask(Question::Modes), None);
            let row = [&[Request::ProtocolFeatures][..], &[Request::Modes; 4], &[Request::ProtocolFeatures]];
            assert_eq!(sent(&mut questions), encoded(&[&row.concat()[..], &[Request::Modes]].concat()));
            for reply in stale.iter().skip(taken).cloned() {
                assert_eq!(questions.receive(reply), Ok(false));
            }
            for reply in [features(), modes(), modes(), modes(), modes(), features()] {
                assert_eq!(questions.receive(reply), Ok(false));
            }
            assert_eq!(sent(&mut questions), encoded(&[Request::SetProtocolFeatures(1)]));
            assert_eq!(questions.receive(modes()), Ok(true));
            assert_eq!(questions.receive(modes()), Err(Unasked), "from here on the order is ours");
        }
    }

    #[test]
    fn replies_that_nobody_asked_for_are_refused() {
        for reply in [Reply::ProtocolFeatures(1), Reply::Modes(None), Reply::Edid(None)] {
            assert_eq!(connected(1).receive(reply), Err(Unasked));
        }
        let mut questions = connected(1);
        assert_eq!(questions.ask(Question::Modes), None);
        sent(&mut questions);
        assert_eq!(questions.receive(Reply::Edid(None)), Err(Unasked));
    }
}
