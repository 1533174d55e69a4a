//! Query pools and their results.

use std::sync::Arc;
use std::time::Duration;

use vulkanalia_sys as vk;

use super::driver::{result_of, returned};
use super::objects::{Data, Object};
use super::reason::Reason;
use super::turn::{Outcome, Turn};
use crate::venus::{CommandType, ObjectType};

/// How long a wait for results sleeps between two looks, at first and at most.
const NAPS: (Duration, Duration) = (Duration::from_micros(20), Duration::from_millis(2));

/// Larger pools are refused: drivers multiply their size in 32 bits.
const QUERIES_MAX: u32 = 1 << 20;

/// About what a query costs the host.
const QUERY_BYTES: u64 = 64;

/// What is known of a query pool.
#[derive(Clone, Copy)]
pub(super) struct QueryPool {
    pub(super) count: u32,
    /// Numbers that a query results in.
    pub(super) numbers: u32,
}

impl QueryPool {
    /// Whether the pool has all of these queries.
    pub(super) fn has(&self, first: u32, count: u32) -> bool {
        first.checked_add(count).is_some_and(|end| end <= self.count)
    }

    /// Bytes from the first query's results to the end of the last one's.
    pub(super) fn bytes(&self, count: u32, stride: u64, flags: vk::QueryResultFlags) -> Option<u64> {
        let width = if flags.contains(vk::QueryResultFlags::_64) { 8 } else { 4 };
        let extra =
            flags.intersects(vk::QueryResultFlags::WITH_AVAILABILITY | vk::QueryResultFlags::WITH_STATUS_KHR);
        let last = u64::from(self.numbers + u32::from(extra)) * width;
        let Some(before) = count.checked_sub(1) else { return Some(0) };
        stride.checked_mul(before.into())?.checked_add(last)
    }
}

/// vkCreateQueryPool.
pub(super) fn create(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let info = *turn.get::<vk::QueryPoolCreateInfo>(turn.call.arg(1))?;
    let numbers = match info.query_type {
        vk::QueryType::PIPELINE_STATISTICS => info.pipeline_statistics.bits().count_ones(),
        vk::QueryType::TRANSFORM_FEEDBACK_STREAM_EXT => 2,
        _ => 1,
    };
    let device = Arc::clone(turn.first()?);
    if info.query_count > QUERIES_MAX {
        let id = *turn.get::<u64>(turn.call.arg(3))?;
        turn.check_free(id)?;
        return turn.refuse(ObjectType::QueryPool, id, &device, vk::Result::ERROR_OUT_OF_DEVICE_MEMORY);
    }
    let bytes = u64::from(info.query_count) * QUERY_BYTES;
    turn.create_sized(ObjectType::QueryPool, &device, bytes, |pool| {
        pool.with(Data::QueryPool(QueryPool { count: info.query_count, numbers }))
            .destroyed_by(CommandType::DestroyQueryPool)
    })
}

/// What is known of the query pool that the command names.
pub(super) fn pool(turn: &Turn<'_>) -> Result<QueryPool, Reason> {
    match turn.of(ObjectType::QueryPool)?.data {
        Data::QueryPool(pool) => Ok(pool),
        _ => Err(turn.invalid("it names no query pool")),
    }
}

/// vkResetQueryPool.
pub(super) fn reset(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let range = (turn.call.arg(2), turn.call.arg(3));
    if !pool(turn)?.has(lower_half(range.0), lower_half(range.1)) {
        return Err(turn.invalid("the pool has fewer queries"));
    }
    turn.pass().map(Outcome::Done)
}

/// vkGetQueryPoolResults. Drivers wait for ever for a query that never ends, so the waiting is ours.
pub(super) fn results(turn: &mut Turn<'_>) -> Result<Outcome, Reason> {
    let [first, count] = [2, 3].map(|index| lower_half(turn.call.arg(index)));
    let (bytes, stride) = (turn.call.arg(4), turn.call.arg(6));
    let flags = vk::QueryResultFlags::from_bits_truncate(lower_half(turn.call.arg(7)));
    let queries = pool(turn)?;
    if !queries.has(first, count) {
        return Err(turn.invalid("the pool has fewer queries"));
    }
    if queries.bytes(count, stride, flags).is_none_or(|needed| needed > bytes) {
        return Err(turn.invalid("the results do not fit into the memory that is there for them"));
    }
    if !flags.contains(vk::QueryResultFlags::WAIT) {
        return turn.pass().map(Outcome::Done);
    }
    let object = Arc::clone(turn.of(ObjectType::QueryPool)?);
    turn.call.set_arg(7, u64::from((flags - vk::QueryResultFlags::WAIT).bits()));
    Ok(wait(turn, object))
}

fn wait(turn: &Turn<'_>, pool: Arc<Object>) -> Outcome {
    let call = *turn.call;
    Outcome::Later(Box::new(move |context, worker| {
        let mut nap = NAPS.0;
        loop {
            worker.check_client()?;
            {
                let _turn = context.state();
                let answer = pool.functions.call(call.command, call.arguments());
                let answer = answer.ok_or(Reason::NotOffered(call.command))?;
                if result_of(answer) != vk::Result::NOT_READY {
                    return Ok(answer);
                }
            }
            if context.lost().is_some() {
                return Ok(returned(vk::Result::ERROR_DEVICE_LOST));
            }
            std::thread::sleep(nap);
            nap = (nap * 2).min(NAPS.1);
        }
    }))
}

/// A parameter of 32 bits, as it stands in a call.
pub(super) fn lower_half(argument: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the upper half is no part of the parameter")]
    {
        argument as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_take_a_stride_each_and_the_last_one_only_its_numbers() {
        let pool = QueryPool { count: 10, numbers: 3 };
        let wide = vk::QueryResultFlags::_64 | vk::QueryResultFlags::WITH_AVAILABILITY;

        assert_eq!(pool.bytes(0, 8, wide), Some(0));
        assert_eq!(pool.bytes(1, 8, wide), Some(32));
        assert_eq!(pool.bytes(3, 100, vk::QueryResultFlags::empty()), Some(212));
        assert_eq!(pool.bytes(10, u64::MAX, wide), None);
    }

    #[test]
    fn a_pool_has_its_queries_and_no_others() {
        let pool = QueryPool { count: 10, numbers: 1 };
        assert!(pool.has(0, 10) && pool.has(9, 1) && pool.has(10, 0));
        assert!(!pool.has(9, 2) && !pool.has(u32::MAX, 2) && !pool.has(11, 0));
    }
}
