//! The commands of `VK_MESA_venus_protocol` that say how commands travel: they are for us and never reach Vulkan.

use super::Fault;
use super::layout::RingInfo;
use crate::venus::CommandType;

const SET_REPLY_STREAM: u32 = CommandType::SetReplyCommandStreamMESA as u32;
const SEEK_REPLY_STREAM: u32 = CommandType::SeekReplyCommandStreamMESA as u32;
const EXECUTE_STREAMS: u32 = CommandType::ExecuteCommandStreamsMESA as u32;
const CREATE_RING: u32 = CommandType::CreateRingMESA as u32;
const DESTROY_RING: u32 = CommandType::DestroyRingMESA as u32;
const NOTIFY_RING: u32 = CommandType::NotifyRingMESA as u32;
const WRITE_RING_EXTRA: u32 = CommandType::WriteRingExtraMESA as u32;
const SUBMIT_VIRTQUEUE_SEQNO: u32 = CommandType::SubmitVirtqueueSeqnoMESA as u32;
const WAIT_VIRTQUEUE_SEQNO: u32 = CommandType::WaitVirtqueueSeqnoMESA as u32;
const WAIT_RING_SEQNO: u32 = CommandType::WaitRingSeqnoMESA as u32;

const STYPE_RING_CREATE_INFO: u32 = 1_000_384_000;
const STYPE_RING_MONITOR_INFO: u32 = 1_000_384_006;
const STYPE_RING_PRIORITY_INFO: u32 = 1_000_384_007;

/// `VK_COMMAND_GENERATE_REPLY_BIT_EXT`.
const GENERATE_REPLY: u32 = 1;

/// `VkCommandStreamDescriptionMESA`: a range of shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) resource_id: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// One of the streams of `vkExecuteCommandStreamsMESA`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Indirect {
    pub(super) place: Place,
    pub(super) reply_position: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    SetReplyStream(Place),
    SeekReplyStream(u64),
    ExecuteStreams(Vec<Indirect>),
    CreateRing(u64, Box<RingInfo>),
    DestroyRing(u64),
    NotifyRing(u64),
    WriteRingExtra { ring: u64, offset: u64, value: u32 },
    SubmitVirtqueueSeqno { ring: u64, seqno: u64 },
    WaitVirtqueueSeqno(u64),
    WaitRingSeqno { ring: u64, seqno: u64 },
}

/// A command of ours at the start of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) command: Command,
    /// Bytes of it in the stream.
    pub(super) bytes: usize,
    /// What is to be answered if an answer is wanted: the command's number, for none of these returns anything.
    pub(super) reply: Option<[u8; 4]>,
}

/// Whether the command at the start of a stream is one of these. A stream that is too short for that has none.
pub(super) fn is_transport(stream: &[u8]) -> bool {
    let number = stream.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    matches!(
        number,
        Some(
            SET_REPLY_STREAM..=EXECUTE_STREAMS
            | CREATE_RING..=WRITE_RING_EXTRA
            | SUBMIT_VIRTQUEUE_SEQNO..=WAIT_RING_SEQNO,
        )
    )
}

pub(super) fn decode(stream: &[u8]) -> Result<Decoded, Fault> {
    let mut wire = Wire(stream);
    let number = wire.u32()?;
    let flags = wire.u32()?;
    let command = match number {
        SET_REPLY_STREAM => Command::SetReplyStream(wire.present()?.place()?),
        SEEK_REPLY_STREAM => Command::SeekReplyStream(wire.u64()?),
        EXECUTE_STREAMS => Command::ExecuteStreams(wire.streams()?),
        CREATE_RING => Command::CreateRing(wire.u64()?, Box::new(wire.present()?.ring_info()?)),
        DESTROY_RING => Command::DestroyRing(wire.u64()?),
        NOTIFY_RING => {
            let ring = wire.u64()?;
            let (_seqno, _flags) = (wire.u32()?, wire.u32()?);
            Command::NotifyRing(ring)
        }
        WRITE_RING_EXTRA => {
            Command::WriteRingExtra { ring: wire.u64()?, offset: wire.u64()?, value: wire.u32()? }
        }
        SUBMIT_VIRTQUEUE_SEQNO => Command::SubmitVirtqueueSeqno { ring: wire.u64()?, seqno: wire.u64()? },
        WAIT_VIRTQUEUE_SEQNO => Command::WaitVirtqueueSeqno(wire.u64()?),
        WAIT_RING_SEQNO => Command::WaitRingSeqno { ring: wire.u64()?, seqno: wire.u64()? },
        other => return Err(Fault::Undecodable(format!("command {other} is not about rings or streams"))),
    };
    let reply = (flags & GENERATE_REPLY != 0).then(|| number.to_le_bytes());
    Ok(Decoded { command, bytes: stream.len() - wire.0.len(), reply })
}

/// What is left of a stream.
struct Wire<'s>(&'s [u8]);

impl Wire<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Fault::Truncated)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        self.take().map(u64::from_le_bytes)
    }

    /// A pointer that must not be NULL.
    fn present(&mut self) -> Result<&mut Self, Fault> {
        match self.u64()? {
            0 => Err(Fault::Undecodable("a pointer that may not be NULL is".to_owned())),
            _ => Ok(self),
        }
    }

    fn place(&mut self) -> Result<Place, Fault> {
        Ok(Place { resource_id: self.u32()?, offset: self.u64()?, size: self.u64()? })
    }

    /// The length in front of an array: the count that was said before, or 0 for NULL.
    fn length(&mut self, count: u32) -> Result<u32, Fault> {
        match self.u64()? {
            0 => Ok(0),
            length if length == u64::from(count) => Ok(count),
            length => Err(Fault::Undecodable(format!("an array of {count} has {length} elements"))),
        }
    }

    fn streams(&mut self) -> Result<Vec<Indirect>, Fault> {
        let count = self.u32()?;
        if count == 0 || self.length(count)? == 0 {
            return Err(Fault::Undecodable("no command stream is to be executed".to_owned()));
        }
        let mut streams = Vec::new();
        for _ in 0..count {
            streams.push(Indirect { place: self.place()?, reply_position: None });
        }
        if self.length(count)? != 0 {
            for stream in &mut streams {
                stream.reply_position = Some(self.u64()?);
            }
        }
        // What depends on what does not matter where they are executed one after the other.
        let dependencies = self.u32()?;
        for _ in 0..self.length(dependencies)? {
            self.u64()?;
        }
        self.u32()?;
        Ok(streams)
    }

    fn ring_info(&mut self) -> Result<RingInfo, Fault> {
        let stype = self.u32()?;
        if stype != STYPE_RING_CREATE_INFO {
            return Err(Fault::Undecodable(format!("a ring is described by structure {stype}")));
        }
        let (report_period_us, priority) = self.ring_chain()?;
        self.u32()?;
        Ok(RingInfo {
            resource_id: self.u32()?,
            offset: self.u64()?,
            size: self.u64()?,
            idle_timeout_ns: self.u64()?,
            head_offset: self.u64()?,
            tail_offset: self.u64()?,
            status_offset: self.u64()?,
            buffer_offset: self.u64()?,
            buffer_size: self.u64()?,
            extra_offset: self.u64()?,
            extra_size: self.u64()?,
            report_period_us,
            priority,
        })
    }

    /// The two structures that may be chained, each once. In a stream all types come before all members, whose order
    /// is then the other way round.
    fn ring_chain(&mut self) -> Result<(Option<u32>, Option<i32>), Fault> {
        let mut types = Vec::new();
        while self.u64()? != 0 {
            match self.u32()? {
                stype @ (STYPE_RING_MONITOR_INFO | STYPE_RING_PRIORITY_INFO) if !types.contains(&stype) => {
                    types.push(stype);
                }
                other => return Err(Fault::Undecodable(format!("structure {other} is chained to a ring's"))),
            }
        }
        let (mut report_period_us, mut priority) = (None, None);
        for stype in types.into_iter().rev() {
            let member = self.u32()?;
            match stype {
                STYPE_RING_MONITOR_INFO => report_period_us = Some(member),
                _ => priority = Some(member.cast_signed()),
            }
        }
        Ok((report_period_us, priority))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn ring(chain: &[u32]) -> Vec<u8> {
        let front = [188, 0, 7, 0, 1, 0, STYPE_RING_CREATE_INFO];
        let members =
            [0, 5, 0, 0, 4292, 0, 1_000_000, 0, 0, 0, 64, 0, 128, 0, 192, 0, 4096, 0, 4288, 0, 4, 0];
        words(&[&front, chain, &members].concat())
    }

    #[test]
    fn a_ring_with_a_monitor_and_a_priority_is_read() {
        let stream =
            ring(&[1, 0, STYPE_RING_MONITOR_INFO, 1, 0, STYPE_RING_PRIORITY_INFO, 0, 0, 3, 3_000_000]);
        let decoded = decode(&stream).unwrap();
        let Command::CreateRing(7, info) = decoded.command else { panic!("{decoded:?}") };

        assert_eq!((info.report_period_us, info.priority), (Some(3_000_000), Some(3)));
        assert_eq!((info.resource_id, info.size, info.idle_timeout_ns), (5, 4292, 1_000_000));
        assert_eq!((info.buffer_offset, info.buffer_size, info.extra_offset), (192, 4096, 4288));
        assert_eq!((decoded.bytes, decoded.reply), (stream.len(), None));
    }

    #[test]
    fn every_truncation_is_refused() {
        let execute = [180, 1, 2, 2, 0, 1, 0, 0, 8, 0, 1, 16, 0, 8, 0, 2, 0, 0, 0, 4, 0, 1, 1, 0, 0, 1, 0];
        for stream in [ring(&[1, 0, STYPE_RING_MONITOR_INFO, 0, 0, 9]), words(&execute)] {
            assert_eq!(decode(&stream).unwrap().bytes, stream.len());
            for end in 0..stream.len() {
                assert!(matches!(decode(&stream[..end]), Err(Fault::Truncated)), "{end}");
            }
        }
    }

    #[test]
    fn counts_that_the_stream_cannot_hold_are_refused() {
        for stream in [
            vec![180, 0, u32::MAX, u32::MAX, 0, 1, 0, 0, 8, 0],
            vec![180, 0, 1, 2, 0, 1, 0, 0, 8, 0],
            vec![180, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            vec![180, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            vec![178, 0, 0, 0],
        ] {
            assert!(decode(&words(&stream)).is_err(), "{stream:?}");
        }
    }

    #[test]
    fn unknown_and_repeated_structures_in_a_ring_s_chain_are_refused() {
        let monitor = [1, 0, STYPE_RING_MONITOR_INFO];
        assert!(decode(&ring(&[1, 0, 4, 0, 0, 9])).is_err());
        assert!(decode(&ring(&[&monitor[..], &monitor, &[0, 0, 9, 9]].concat())).is_err());
    }

    #[test]
    fn a_reply_is_the_number_of_the_command() {
        let decoded = decode(&words(&[190, 1, 7, 0, 99, 0])).unwrap();
        assert_eq!((decoded.command, decoded.reply), (Command::NotifyRing(7), Some([190, 0, 0, 0])));
    }

    #[test]
    fn commands_of_vulkan_are_left_alone() {
        for number in [0, 177, 181, 187, 192, 250, 254, u32::MAX] {
            assert!(!is_transport(&number.to_le_bytes()));
            assert!(decode(&words(&[number, 0, 0, 0, 0, 0])).is_err());
        }
        assert!(!is_transport(&[178, 0, 0]));
        assert!(is_transport(&[178, 0, 0, 0]));
    }
}
