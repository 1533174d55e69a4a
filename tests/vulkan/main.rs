//! Mesa's own Vulkan driver on a vGPU, through vtest, with lavapipe as the GPU. Run scripts/setup first.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "these are tests")]

mod host;
mod memory;
#[path = "../support/mesa.rs"]
mod mesa;
#[path = "../support/piece.rs"]
mod piece;
mod pieces;
mod priority;
mod server;
mod tenants;
mod validation;

use std::process::Output;

use mesa::native;
use server::{Server, eventually, holdings};

/// Mesa's ways to know what happened from memory, all switched off: every answer comes through the ring.
const NO_FEEDBACK: &str = "no_fence_feedback,no_semaphore_feedback,no_query_feedback,no_event_feedback";

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn verdicts(output: &Output) -> Vec<String> {
    mesa::verdicts(&String::from_utf8_lossy(&output.stdout))
}

#[test]
fn vulkaninfo_tells_all_of_the_device() {
    let server = Server::start("memory = \"1GiB\"");
    let output = server.vulkaninfo(&[]);

    let told = text(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("Virtio-GPU Venus (llvmpipe"), "{told}");
    assert!(told.contains("VkPhysicalDeviceMemoryProperties"), "{told}");
}

#[test]
fn every_check_gives_what_it_gives_on_the_gpu_itself() {
    let server = Server::start("memory = \"1GiB\"");
    let (here, there) = (native(&[]), server.client(&[]).output().unwrap());

    assert!(here.status.success(), "{}", text(&here));
    assert_eq!(verdicts(&there), verdicts(&here), "{}", text(&there));
    assert!(verdicts(&there).iter().filter(|line| line.ends_with(": ok")).count() >= 25, "{}", text(&there));
}

#[test]
fn every_check_gives_the_same_on_a_newer_mesa() {
    let server = Server::start("memory = \"1GiB\"");
    let there = server.newer_client(&[]).output().unwrap();

    assert!(text(&there).contains("Virtio-GPU Venus (llvmpipe"), "{}", text(&there));
    assert_eq!(verdicts(&there), verdicts(&native(&[])), "{}", text(&there));
}

#[test]
fn every_check_passes_without_feedback_in_memory() {
    let server = Server::start("memory = \"1GiB\"");
    let there = server.client(&[]).env("VN_PERF", NO_FEEDBACK).output().unwrap();

    assert_eq!(verdicts(&there), verdicts(&native(&[])), "{}", text(&there));
}

/// lavapipe has one queue only, so this is on a driver that computes nothing and has two. It gets a submission when
/// what that waits for was signalled, and not before.
#[test]
fn a_queue_waits_for_what_another_one_is_given_later() {
    let server = Server::start_on_nothing("memory = \"1GiB\"");
    let checks = ["two-queues", "host-signal"];
    let output = server.client(&checks).env("VN_PERF", NO_FEEDBACK).output().unwrap();

    let told = text(&output);
    for check in checks {
        assert!(told.lines().any(|line| line == format!("{check}: ok")), "{told}");
    }
}

#[test]
fn memory_ends_at_the_limit_with_vulkans_error() {
    let server = Server::start("memory = \"64MiB\"");
    let filled = server.client(&["fill", "100"]).env("VN_PERF", "no_async_mem_alloc").output().unwrap();

    let told = text(&filled);
    let taken: u64 = told
        .lines()
        .find_map(|line| line.strip_prefix("took ")?.strip_suffix(" bytes")?.parse().ok())
        .unwrap();
    // The rest is Mesa's own: its ring, the replies, the pool of its streams of commands.
    assert!((48 << 20..64 << 20).contains(&taken), "{told}");
    let refused = "Err(ERROR_OUT_OF_DEVICE_MEMORY)";
    for (what, came) in [
        ("one byte more", refused),
        ("a submission", "Ok(())"),
        ("one byte more at once", refused),
        ("all at once", "Ok(())"),
        ("one byte beside it", refused),
        ("one byte after it", "Ok(())"),
    ] {
        assert!(told.lines().any(|line| line == format!("{what}: {came}")), "{what} is not {came}:\n{told}");
    }
    // It was all given back.
    let after = server.client(&["widths32"]).output().unwrap();
    assert!(after.status.success(), "{}", text(&after));
}

/// Mesa asks for no answer then: the allocation that did not fit is noticed when it is used.
#[test]
fn memory_beyond_the_limit_that_nobody_asked_about_costs_that_client_alone() {
    let server = Server::start("memory = \"64MiB\"");
    let mut neighbour = server.talk(&["idle"]);
    assert_eq!(neighbour.line(), "idle");
    let filled = server.client(&["use-beyond", "100"]).output().unwrap();

    let told = text(&filled);
    assert!(told.contains("used: Err(ERROR_DEVICE_LOST)"), "{told}");
    eventually("the log says why", || server.log().contains("limit").then_some(()));
    assert!(neighbour.finish());
}

#[test]
fn a_thousand_contexts_leave_nothing_behind() {
    let server = Server::start("memory = \"1GiB\"");
    let run = |count: &str| assert!(server.client(&["contexts", count]).status().unwrap().success());
    run("50");
    let render = server.render();
    let before = holdings(render);
    run("1000");

    let settled = eventually("its threads end", || {
        let after = holdings(render);
        (after.threads <= before.threads && after.descriptors <= before.descriptors).then_some(after)
    });
    let grown = settled.resident_kib.saturating_sub(before.resident_kib);
    assert!(grown < 16 << 10, "{before:?}, then {settled:?}");
    assert_eq!(server.render(), render, "another process renders");
}

#[test]
fn two_clients_compute_at_the_same_time() {
    let server = Server::start("memory = \"1GiB\"");
    let start = || server.client(&["widths32", "atomics", "copies", "host-signal"]).spawn().unwrap();
    let clients = [start(), start()];

    for mut client in clients {
        assert!(client.wait().unwrap().success());
    }
}

#[test]
fn clients_of_a_renderer_that_was_killed_lose_their_device_and_the_next_ones_work() {
    let server = Server::start("memory = \"1GiB\"");
    let mut client = server.talk(&["until-lost"]);
    assert_eq!(client.line(), "running");
    let dead = server.kill_render();

    assert_eq!(client.line(), "ended with ERROR_DEVICE_LOST");
    assert!(client.finish());
    assert_ne!(server.render(), dead);
    let next = server.client(&["widths32"]).output().unwrap();
    assert!(next.status.success(), "{}", text(&next));
    assert!(server.log().contains("SIGKILL"), "{}", server.log());
}

/// How a program waits, and how that ends when its device is lost. Mesa's driver looks into memory for all of these,
/// where only the GPU would write, and some have no place there for an error.
const WAYS: [(&str, &str); 5] = [
    ("fence", "Err(ERROR_DEVICE_LOST)"),
    ("semaphore", "Ok(())"),
    ("query", "Ok(())"),
    ("event", "Err(ERROR_DEVICE_LOST)"),
    ("idle", "Err(ERROR_DEVICE_LOST)"),
];

fn ended(with: &str) -> String {
    format!("ended with {with}, the next one with Err(ERROR_DEVICE_LOST)")
}

#[test]
fn every_wait_ends_when_another_thread_loses_the_device() {
    let server = Server::start("memory = \"64MiB\"");
    for cause in ["misuse", "limit"] {
        for (way, end) in WAYS {
            let output = server.client(&["wait", way, cause]).output().unwrap();
            assert!(text(&output).contains(&ended(end)), "{way}: {}", text(&output));
        }
    }
}

#[test]
fn every_wait_ends_when_the_renderer_is_killed() {
    let server = Server::start("memory = \"1GiB\"");
    let start = |(way, _)| server.talk(&["wait", way, "patience"]);
    let mut clients: Vec<_> = WAYS.into_iter().map(start).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.line(), "waiting"));
    server.kill_render();

    for (mut client, (way, end)) in clients.into_iter().zip(WAYS) {
        assert_eq!(client.line(), ended(end), "{way}");
        assert!(client.finish());
    }
}

#[test]
fn what_a_client_wrote_is_gone_when_the_next_one_looks() {
    let server = Server::start("memory = \"1GiB\"");
    let mut first = server.talk(&["write-and-wait", "64"]);
    assert_eq!(first.line(), "written");
    first.kill();

    let second = server.client(&["look", "64"]).output().unwrap();
    assert!(text(&second).contains("all zero"), "{}", text(&second));
}
