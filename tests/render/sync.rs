//! Submissions that wait, fences, semaphores, and who is told.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::*;
use crate::guest::Command;
use crate::scene::{begin, create_buffer};

const LONG: Duration = Duration::from_secs(20);

/// A submission that waits for a timeline semaphore's value, and does nothing else.
fn waits(semaphore: u64, value: u64, fence: u64) -> Command {
    submit(&[Batch { waits: &[(semaphore, value)], ..Default::default() }], fence)
}

#[test]
fn a_submission_waits_for_the_hosts_signal_that_lies_behind_it_on_the_ring() {
    let mut client = Client::new(1 << 20);
    client.tell(create_timeline(10, 0));
    client.tell(create_fence(11, false));
    assert_eq!(client.ask(waits(10, 5, 11)).result(), SUCCESS, "the ring goes on");
    assert_eq!(client.ask(fence_status(11)).result(), NOT_READY);
    assert_eq!(client.ask(wait_for_fence(11, 1_000_000)).result(), TIMEOUT);
    assert_eq!(client.ask(signal(10, 4)).result(), SUCCESS);
    assert_eq!(client.ask(fence_status(11)).result(), NOT_READY);
    assert_eq!(client.ask(signal(10, 5)).result(), SUCCESS);
    assert_eq!(client.ask(wait_for_fence(11, u64::MAX)).result(), SUCCESS);
    assert_eq!(client.ask(reset_fence(11)).result(), SUCCESS);
    assert_eq!(client.ask(fence_status(11)).result(), NOT_READY);
    assert_eq!(client.lost(), None);
}

#[test]
fn what_a_waiting_submission_signals_comes_with_it() {
    let mut client = Client::new(1 << 20);
    client.tell(create_timeline(10, 0));
    client.tell(create_timeline(11, 0));
    let batch = Batch { waits: &[(10, 1)], signals: &[(11, 7)], ..Default::default() };
    client.tell(submit(&[batch], 0));
    assert_eq!(client.ask(wait_semaphore(11, 7, 1_000_000)).result(), TIMEOUT);
    client.tell(signal(10, 1));
    assert_eq!(client.ask(wait_semaphore(11, 7, u64::MAX)).result(), SUCCESS);
    assert_eq!(client.ask(value(11)).long(4), 7);
    assert_eq!(client.lost(), None);
}

#[test]
fn a_thread_that_waits_is_woken_by_another_ones_signal() {
    let mut client = Client::new(1 << 20);
    client.tell(create_timeline(10, 0));
    client.tell(create_fence(11, false));
    let mut other = client.other_thread();
    let waiting = thread::spawn(move || other.ask(wait_for_fence(11, u64::MAX)).result());
    client.tell(waits(10, 1, 11));
    client.tell(signal(10, 1));
    assert_eq!(waiting.join().unwrap(), SUCCESS);
}

#[test]
fn a_semaphore_goes_forward_only() {
    for wrong in [3, 2, 0] {
        let mut client = Client::new(1 << 20);
        client.tell(create_timeline(10, 3));
        client.tell(signal(10, wrong));
        client.assert_lost("has this value already");
    }
    let mut client = Client::new(1 << 20);
    client.tell(create_binary(10));
    client.tell(signal(10, 1));
    client.assert_lost("no timeline semaphore");
}

#[test]
fn a_fence_is_not_reset_or_submitted_while_a_submission_has_it() {
    for held in [reset_fence(11), submit(&[], 11)] {
        let mut client = Client::new(1 << 20);
        client.tell(create_timeline(10, 0));
        client.tell(create_fence(11, false));
        client.tell(waits(10, 1, 11));
        client.tell(held);
        client.assert_lost("submission");
    }
    let mut client = Client::new(1 << 20);
    client.tell(create_fence(11, true));
    client.tell(submit(&[], 11));
    client.assert_lost("signalled");
}

#[test]
fn who_asks_for_a_ring_index_is_told_in_order_and_at_once_when_nothing_is_left() {
    let mut client = Client::new(1 << 20);
    let (sender, told) = mpsc::channel();
    let ask = |client: &Client, index, name| {
        let sender = sender.clone();
        client.context.fence(index, move || sender.send(name).unwrap());
    };
    ask(&client, RING_INDEX, "idle");
    assert_eq!(told.try_recv(), Ok("idle"));
    client.tell(create_timeline(10, 0));
    client.tell(waits(10, 1, 0));
    ask(&client, RING_INDEX, "first");
    client.tell(waits(10, 2, 0));
    ask(&client, RING_INDEX, "second");
    ask(&client, 0, "none");
    assert_eq!(told.try_recv(), Ok("none"));
    assert!(told.try_recv().is_err());
    client.tell(signal(10, 1));
    assert_eq!(told.recv_timeout(LONG), Ok("first"));
    assert!(told.try_recv().is_err());
    client.tell(signal(10, 2));
    assert_eq!(told.recv_timeout(LONG), Ok("second"));
    assert_eq!(client.lost(), None);
}

#[test]
fn a_client_that_is_given_up_wakes_everybody() {
    let mut client = Client::new(1 << 20);
    client.tell(create_timeline(10, 0));
    client.tell(create_fence(11, false));
    client.tell(waits(10, 1, 11));
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let count = Arc::clone(&count);
        client.context.fence(RING_INDEX, move || _ = count.fetch_add(1, Ordering::Relaxed));
    }
    let mut others: Vec<Client> = (0..3).map(|_| client.other_thread()).collect();
    thread::scope(|scope| {
        let mut others = others.iter_mut();
        let commands = [wait_for_fence(11, u64::MAX), wait_semaphore(10, 1, u64::MAX), wait_idle()];
        let waiting: Vec<_> = commands
            .into_iter()
            .map(|command| {
                let other = others.next().unwrap();
                scope.spawn(move || other.ask(command).result())
            })
            .collect();
        thread::sleep(Duration::from_millis(50)); // so that they wait; the outcome is the same if they do not
        client.tell(signal(10, 0));
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap(), DEVICE_LOST);
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), 3);
    client.context.fence(RING_INDEX, {
        let count = Arc::clone(&count);
        move || _ = count.fetch_add(1, Ordering::Relaxed)
    });
    assert_eq!(count.load(Ordering::Relaxed), 4);
}

#[test]
fn a_command_buffer_in_use_is_not_begun_again() {
    let mut client = Client::new(1 << 20);
    client.ask(allocate(10, 4096));
    client.ask(create_buffer(11, 4096));
    client.ask(bind_buffer(11, 10, 0));
    record_fill(&mut client, [12, 13, 11], 4096);
    client.tell(create_timeline(14, 0));
    let batch = |waits| Batch { waits, buffers: &[13], ..Default::default() };
    for _ in 0..100 {
        client.tell(submit(&[batch(&[])], 0));
        client.tell(submit(&[], 0));
        assert_eq!(client.ask(wait_idle()).result(), SUCCESS);
    }
    client.tell(submit(&[batch(&[(14, 1)])], 0));
    client.tell(begin(13));
    client.assert_lost("still in use");
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn clients_that_come_and_go_in_the_middle_of_their_work_leave_nothing() {
    let mut counts = Vec::new();
    for round in 0..60 {
        let mut client = Client::new(1 << 20);
        client.ask(allocate(10, 65536));
        client.ask(create_buffer(11, 65536));
        client.ask(bind_buffer(11, 10, 0));
        record_fill(&mut client, [12, 13, 11], 65536);
        client.tell(create_timeline(14, 0));
        client.tell(submit(&[Batch { buffers: &[13], ..Default::default() }], 0));
        client.tell(submit(&[Batch { waits: &[(14, 1)], buffers: &[13], ..Default::default() }], 0));
        client.context.fence(RING_INDEX, || {});
        assert_eq!(client.lost(), None);
        drop(client);
        if round >= 30 {
            counts.push((threads(), descriptors()));
        }
    }
    // Other tests run meanwhile, with clients of their own: what grows with each client would grow by 30.
    let end = Instant::now() + LONG;
    let (threads_before, descriptors_before) = counts[0];
    while threads() > threads_before + 15 || descriptors() > descriptors_before + 15 {
        assert!(Instant::now() < end, "{} threads, {} descriptors", threads(), descriptors());
        thread::yield_now();
    }
}

#[test]
fn the_thread_of_a_connection_waits_for_nothing_when_its_client_is_gone() {
    for idle in [false, true] {
        let mut client = Client::new(1 << 20);
        client.ask(create_timeline(90, 0));
        client.tell(submit(&[Batch { waits: &[(90, 1)], ..Batch::default() }], 0));
        let (here, there) = UnixStream::pair().unwrap();
        let mut connection = client.connection(here);
        let wait = if idle { wait_idle() } else { wait_semaphore(90, 1, u64::MAX) };
        let waiting = thread::spawn(move || connection.ask(wait).result());
        thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished());
        drop(there);
        assert_eq!(waiting.join().unwrap(), DEVICE_LOST);
        client.assert_lost("the client went away");
    }
}
