//! A Vulkan program that checks what it computed and drew.
//!
//! `vgpu-test-vulkan [CHECK...]` runs checks, all without names, and prints a line for each, and digests of pictures;
//! the pictures themselves go to the folder VGPU_PICTURES, if that is set. The other verbs are for
//! tests that steer it: `fill`, `obey`, `write-and-wait`, `look`, `until-lost`, `wait`, `contexts`, `cycles`, `share`,
//! `idle`; `bench` and `figures` measure, and `tenant` is one of several programs on a GPU.
//! Which driver it meets is the Vulkan loader's choice, by the usual variables.

mod bench;
mod canvas;
mod checks;
mod figures;
mod gpu;
mod memory;
mod sharing;
mod tenant;
mod waits;

use std::process::ExitCode;

use checks::CHECKS;
use gpu::{Failure, Gpu, Outcome};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("failed: {failure:?}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Outcome {
    let number = |word: &str| word.parse().map_err(|_| Failure::Wrong(format!("{word} is not a number")));
    match words {
        ["fill", most] => memory::fill(&Gpu::open()?, number(most)?),
        ["obey"] => memory::obey(&Gpu::open()?),
        ["use-beyond", mib] => memory::use_beyond(&Gpu::open()?, number(mib)?),
        ["write-and-wait", mib] => memory::write_and_wait(&Gpu::open()?, number(mib)?),
        ["look", mib] => memory::look(&Gpu::open()?, number(mib)?),
        ["until-lost"] => memory::until_lost(&Gpu::open()?),
        ["wait", way, cause] => waits::wait(&Gpu::open()?, way, cause),
        ["contexts", count] => memory::contexts(number(count)? as u32),
        ["cycles", count] => figures::cycles(&Gpu::open()?, number(count)? as usize),
        ["figures"] => figures::run(&Gpu::open()?),
        ["share"] => sharing::run(),
        ["idle"] => memory::idle(&Gpu::open()?),
        ["tenant", kind, rest @ ..] => tenant::run(kind, rest),
        ["bench", name, rest @ ..] => bench::run(name, rest),
        names => run_checks(names),
    }
}

fn run_checks(names: &[&str]) -> Outcome {
    if let Some(unknown) = names.iter().find(|name| CHECKS.iter().all(|(known, _)| known != *name)) {
        return Err(Failure::Wrong(format!("there is no check {unknown}")));
    }
    let gpu = Gpu::open()?;
    println!("on {}", gpu.name());
    let mut failed = 0;
    for (name, check) in CHECKS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        match check(&gpu) {
            Ok(()) => println!("{name}: ok"),
            Err(Failure::Missing(what)) => println!("{name}: skipped, the device lacks {what}"),
            Err(Failure::Wrong(why)) => {
                println!("{name}: FAILED: {why}");
                failed += 1;
            }
        }
    }
    if failed > 0 { Err(Failure::Wrong(format!("{failed} checks failed"))) } else { Ok(()) }
}
