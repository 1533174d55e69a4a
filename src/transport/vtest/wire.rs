//! Messages of vtest: a length, a number, and that many words; answers look the same.

/// Bytes in front of each message.
pub(super) const HEADER_BYTES: usize = 8;

/// No message is longer: commands in bulk travel through rings.
const SUBMIT_WORDS_MAX: u32 = 256 << 10;

/// A name, in bytes and not in words as all else.
const NAME_BYTES_MAX: u32 = 4096;

/// As much of a name as is shown and noted: whoever keeps the client takes no long records.
const NAME_BYTES_SHOWN: usize = 64;

/// Syncs that one wait or one batch may name.
const POINTS_MAX: u32 = 1024;

/// `VIRGL_RENDERER_CAPSET_VENUS`.
pub(super) const CAPSET_VENUS: u32 = 4;

/// Newer versions bring nothing that Vulkan uses.
pub(super) const PROTOCOL_VERSION: u32 = 3;

/// Timelines that a client's queues may be bound to, with 0, which is none.
pub(super) const TIMELINES: u32 = 64;

const PARAMETER_MAX_TIMELINE_COUNT: u32 = 1;

/// Why a connection is closed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("command {0} is not one of Vulkan's, or not of protocol version {PROTOCOL_VERSION}")]
    Unknown(u32),
    #[error("a {name} of length {length}")]
    Length { name: &'static str, length: u32 },
    #[error("a {0} that points beyond itself, or asks for what version {PROTOCOL_VERSION} does not have")]
    Malformed(&'static str),
}

/// The commands that Mesa's Vulkan driver sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    ResourceUnref = 3,
    ResourceBusyWait = 7,
    CreateRenderer = 8,
    PingProtocolVersion = 10,
    ProtocolVersion = 11,
    GetParam = 15,
    GetCapset = 16,
    ContextInit = 17,
    ResourceCreateBlob = 18,
    SyncCreate = 19,
    SyncUnref = 20,
    SyncRead = 21,
    SyncWrite = 22,
    SyncWait = 23,
    SubmitCmd2 = 24,
}

impl Kind {
    fn find(number: u32) -> Option<(Self, &'static str)> {
        Some(match number {
            3 => (Self::ResourceUnref, "RESOURCE_UNREF"),
            7 => (Self::ResourceBusyWait, "RESOURCE_BUSY_WAIT"),
            8 => (Self::CreateRenderer, "CREATE_RENDERER"),
            10 => (Self::PingProtocolVersion, "PING_PROTOCOL_VERSION"),
            11 => (Self::ProtocolVersion, "PROTOCOL_VERSION"),
            15 => (Self::GetParam, "GET_PARAM"),
            16 => (Self::GetCapset, "GET_CAPSET"),
            17 => (Self::ContextInit, "CONTEXT_INIT"),
            18 => (Self::ResourceCreateBlob, "RESOURCE_CREATE_BLOB"),
            19 => (Self::SyncCreate, "SYNC_CREATE"),
            20 => (Self::SyncUnref, "SYNC_UNREF"),
            21 => (Self::SyncRead, "SYNC_READ"),
            22 => (Self::SyncWrite, "SYNC_WRITE"),
            23 => (Self::SyncWait, "SYNC_WAIT"),
            24 => (Self::SubmitCmd2, "SUBMIT_CMD2"),
            _ => return None,
        })
    }

    fn takes(self, length: u32) -> bool {
        match self {
            Self::PingProtocolVersion => length == 0,
            Self::ResourceUnref
            | Self::ProtocolVersion
            | Self::GetParam
            | Self::ContextInit
            | Self::SyncUnref
            | Self::SyncRead => length == 1,
            Self::ResourceBusyWait | Self::GetCapset | Self::SyncCreate => length == 2,
            Self::SyncWrite => length == 3,
            Self::ResourceCreateBlob => length == 6,
            Self::CreateRenderer => length <= NAME_BYTES_MAX,
            Self::SyncWait => {
                length.checked_sub(2).is_some_and(|rest| rest % 3 == 0 && rest / 3 <= POINTS_MAX)
            }
            Self::SubmitCmd2 => (1..=SUBMIT_WORDS_MAX).contains(&length),
        }
    }
}

/// What is in front of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) payload_bytes: usize,
}

impl Header {
    /// Checks the length before anything is allocated.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, WireError> {
        let [length, number] = [0, 4].map(|at| word(bytes, at).unwrap_or_default());
        let (kind, name) = Kind::find(number).ok_or(WireError::Unknown(number))?;
        if !kind.takes(length) {
            return Err(WireError::Length { name, length });
        }
        let unit = if kind == Kind::CreateRenderer { 1 } else { 4 };
        Ok(Self { kind, payload_bytes: usize::try_from(length * unit).unwrap_or_default() })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// A sync and a value of it.
pub(super) type SyncPoint = (u32, u64);

/// What a sync and a value take on the wire.
const SYNC_POINT_BYTES: usize = 12;

/// A message. What it carries was checked as far as can be without knowing the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'m> {
    ResourceUnref(u32),
    ResourceBusyWait,
    CreateRenderer(String),
    PingProtocolVersion,
    ProtocolVersion(u32),
    GetParam(u32),
    GetCapset(u32),
    ContextInit(u32),
    ResourceCreateBlob { bytes: u64, blob_id: u64 },
    SyncCreate(u64),
    SyncUnref(u32),
    SyncRead(u32),
    SyncWrite(SyncPoint),
    SyncWait { any: bool, timeout_ms: Option<u32>, points: Vec<SyncPoint> },
    Submit(Vec<Batch<'m>>),
}

/// Commands, and the syncs that are signalled once the timeline is done with them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch<'m> {
    pub(super) commands: &'m [u8],
    pub(super) ring_index: u32,
    pub(super) points: Vec<SyncPoint>,
}

impl<'m> Request<'m> {
    /// Reads the payload that a header announced.
    pub(super) fn decode(kind: Kind, payload: &'m [u8]) -> Result<Self, WireError> {
        let short = || WireError::Malformed("message");
        let at = |index: usize| word(payload, index * 4).ok_or_else(short);
        let long = |index| Ok::<u64, WireError>(u64::from(at(index)?) | u64::from(at(index + 1)?) << 32);
        Ok(match kind {
            Kind::ResourceUnref => Self::ResourceUnref(at(0)?),
            Kind::ResourceBusyWait => Self::ResourceBusyWait,
            Kind::CreateRenderer => Self::CreateRenderer(printable(payload)),
            Kind::PingProtocolVersion => Self::PingProtocolVersion,
            Kind::ProtocolVersion => Self::ProtocolVersion(at(0)?),
            Kind::GetParam => Self::GetParam(at(0)?),
            Kind::GetCapset => Self::GetCapset(at(0)?),
            Kind::ContextInit => Self::ContextInit(at(0)?),
            Kind::ResourceCreateBlob => Self::ResourceCreateBlob { bytes: long(2)?, blob_id: long(4)? },
            Kind::SyncCreate => Self::SyncCreate(long(0)?),
            Kind::SyncUnref => Self::SyncUnref(at(0)?),
            Kind::SyncRead => Self::SyncRead(at(0)?),
            Kind::SyncWrite => Self::SyncWrite((at(0)?, long(1)?)),
            Kind::SyncWait => Self::SyncWait {
                any: at(0)? & 1 != 0,
                timeout_ms: Some(at(1)?).filter(|timeout| *timeout != u32::MAX),
                points: points(payload, 2, (payload.len() / 4).saturating_sub(2) / 3).ok_or_else(short)?,
            },
            Kind::SubmitCmd2 => Self::Submit(batches(payload).ok_or(WireError::Malformed("SUBMIT_CMD2"))?),
        })
    }
}

/// A name for the log: what a client calls itself, without what would break lines.
fn printable(name: &[u8]) -> String {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut shown = String::new();
    for letter in String::from_utf8_lossy(name).chars() {
        if shown.len() + letter.len_utf8() > NAME_BYTES_SHOWN {
            break;
        }
        shown.push(if letter.is_control() { '?' } else { letter });
    }
    shown
}

/// `count` syncs from a word on.
fn points(payload: &[u8], start: usize, count: usize) -> Option<Vec<SyncPoint>> {
    let bytes = payload.get(start.checked_mul(4)?..)?.get(..count.checked_mul(SYNC_POINT_BYTES)?)?;
    let (triples, _) = bytes.as_chunks::<SYNC_POINT_BYTES>();
    triples.iter().map(|triple| point(triple)).collect()
}

fn point(triple: &[u8]) -> Option<SyncPoint> {
    Some((word(triple, 0)?, u64::from(word(triple, 4)?) | u64::from(word(triple, 8)?) << 32))
}

/// The batches of a submission. Their headers have six words in Mesa and eight in virglrenderer; the first batch's
/// commands begin where the headers end, which tells the two from each other.
fn batches(payload: &[u8]) -> Option<Vec<Batch<'_>>> {
    let at = |index: usize| word(payload, index.checked_mul(4)?);
    let count = usize::try_from(at(0)?).ok()?;
    if count > payload.len() / 24 {
        return None;
    }
    let eight = count > 1 && usize::try_from(at(2)?).ok()? > 8 * count;
    let words = if eight { 8 } else { 6 };
    let mut batches = Vec::with_capacity(count);
    let mut carried = 0;
    for index in 0..count {
        let batch = batch(payload, 1 + words * index)?;
        // Each has bytes of its own, or what we make of a message would grow with the square of it.
        carried += batch.commands.len() + batch.points.len() * SYNC_POINT_BYTES;
        if carried > payload.len() {
            return None;
        }
        batches.push(batch);
    }
    Some(batches)
}

fn batch(payload: &[u8], start: usize) -> Option<Batch<'_>> {
    let at = |index: usize| word(payload, (start + index) * 4);
    let size = |index| usize::try_from(at(index)?).ok();
    let (flags, ring_index) = (at(0)?, at(5)?);
    // Fences as descriptors are of version 4.
    if flags > 1 || ring_index >= TIMELINES || at(4)? > POINTS_MAX {
        return None;
    }
    let commands = payload.get(size(1)?.checked_mul(4)?..)?.get(..size(2)?.checked_mul(4)?)?;
    let ring_index = if flags & 1 != 0 { ring_index } else { 0 };
    Some(Batch { commands, ring_index, points: points(payload, size(3)?, size(4)?)? })
}

/// An answer: its payload behind a header.
pub(super) fn answer(kind: Kind, payload: &[u32]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default();
    [length, kind as u32].iter().chain(payload).flat_map(|word| word.to_le_bytes()).collect()
}

/// What a parameter is worth.
pub(super) fn parameter(number: u32) -> Option<u32> {
    (number == PARAMETER_MAX_TIMELINE_COUNT).then_some(TIMELINES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn header(length: u32, number: u32) -> Result<Header, WireError> {
        Header::decode(bytes(&[length, number]).first_chunk().unwrap())
    }

    #[test]
    fn lengths_are_checked_before_anything_is_read() {
        assert_eq!(header(6, 18).unwrap(), Header { kind: Kind::ResourceCreateBlob, payload_bytes: 24 });
        assert_eq!(header(5, 8).unwrap().payload_bytes, 5, "a name has bytes");
        for (length, number) in
            [(7, 18), (0, 3), (u32::MAX, 24), (0, 24), (4097, 8), (3, 23), (3 * 1025 + 2, 23)]
        {
            assert!(header(length, number).is_err(), "{number} of length {length}");
        }
        assert!(matches!(header(0, 25), Err(WireError::Unknown(25))));
    }

    #[test]
    fn batches_have_headers_of_six_words_or_eight() {
        let commands = [0xaa, 0xbb];
        let six = [&[2, 1, 13, 1, 15, 1, 3, 1, 14, 1, 18, 0, 0], &commands[..], &[7, 1, 2]].concat();
        let eight =
            [&[2, 1, 17, 1, 19, 1, 3, 0, 0, 1, 18, 1, 22, 0, 0, 0, 0], &commands[..], &[7, 1, 2]].concat();
        for words in [six, eight] {
            let payload = bytes(&words);
            let Ok(Request::Submit(batches)) = Request::decode(Kind::SubmitCmd2, &payload) else {
                panic!("{words:?}")
            };
            assert_eq!(batches[0].commands, 0xaau32.to_le_bytes());
            assert_eq!((batches[0].ring_index, &batches[0].points[..]), (3, &[(7, 1 | 2 << 32)][..]));
            assert_eq!(batches[1].commands, 0xbbu32.to_le_bytes());
            assert_eq!(batches[1].points, []);
        }
    }

    #[test]
    fn submissions_that_point_beyond_themselves_are_refused() {
        for words in [
            vec![],
            vec![1],
            vec![u32::MAX, 0, 0, 0, 0, 0, 0],
            vec![1, 1, 7, 1, 7, 0, 0],
            vec![1, 1, u32::MAX, u32::MAX, 7, 0, 0],
            vec![1, 1, 7, 0, 7, 1, 0],
            vec![1, 1, 7, 0, u32::MAX, u32::MAX, 0],
            vec![1, 1, 7, 0, 7, 0, 64],
            vec![1, 3, 7, 0, 7, 0, 0],
        ] {
            assert!(Request::decode(Kind::SubmitCmd2, &bytes(&words)).is_err(), "{words:?}");
        }
        assert!(Request::decode(Kind::SubmitCmd2, &bytes(&[1, 1, 7, 0, 7, 0, 63])).is_ok());
    }

    #[test]
    fn names_do_not_break_the_log() {
        let name = Request::decode(Kind::CreateRenderer, b"evil\nline\0rest").unwrap();
        assert_eq!(name, Request::CreateRenderer("evil?line".into()));
    }

    #[test]
    fn names_are_short_whatever_they_are_written_in() {
        for letter in ["a", "é", "€", "🦀"] {
            let Ok(Request::CreateRenderer(name)) =
                Request::decode(Kind::CreateRenderer, letter.repeat(1000).as_bytes())
            else {
                panic!("{letter}")
            };
            assert!(name.len() <= NAME_BYTES_SHOWN && name.len() + 4 > NAME_BYTES_SHOWN, "{name}");
        }
    }

    #[test]
    fn batches_that_share_what_they_carry_are_refused_when_that_is_more_than_the_message() {
        let submit = |batches: u32, points: u32| {
            let start = 1 + 6 * batches;
            let header = [1, start, 0, start, points, 0];
            let rest = std::iter::repeat_n([7, 1, 0], points as usize);
            let words: Vec<u32> = [batches]
                .into_iter()
                .chain(std::iter::repeat_n(header, batches as usize).flatten())
                .chain(rest.flatten())
                .collect();
            Request::decode(Kind::SubmitCmd2, &bytes(&words)).map(drop)
        };
        submit(1, 1000).unwrap();
        for (batches, points) in [(2, 1000), (1, 1025), (10_000, 1000)] {
            assert!(submit(batches, points).is_err(), "{batches} batches of {points} syncs");
        }
    }
}
