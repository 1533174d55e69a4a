//! The command line: one file per verb; nothing below it touches the terminal.
#![forbid(unsafe_code)]

mod api;
mod args;
mod cdi;
mod control_error;
mod create;
mod daemon;
mod delete;
mod device;
mod doctor;
mod error;
mod events;
mod file;
mod gpu;
mod list;
mod log;
mod output;
mod render;
mod run;
mod screenshot;
mod set;
mod several;
mod show;
mod start;
mod stop;
mod top;
mod vgpus;
mod vmm_args;

pub use error::CommandError;

use std::process::ExitCode;

use clap::Parser;

/// Does what the command line says.
pub fn main() -> ExitCode {
    log::start();
    match dispatch() {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

fn dispatch() -> Result<ExitCode, CommandError> {
    // By convention everything else on the line is then to be ignored, even what would be an error.
    if std::env::args_os().any(|argument| argument == "--print-capabilities") {
        return run::print_capabilities().map(|()| ExitCode::SUCCESS);
    }
    match args::Cli::parse_from(args::with_verb(std::env::args_os())).command {
        args::Command::Daemon(arguments) => daemon::run(&arguments),
        args::Command::Run(arguments) => run::run(&arguments),
        args::Command::Create(arguments) => create::run(&arguments),
        args::Command::List(arguments) => list::run(&arguments),
        args::Command::Show(arguments) => show::run(&arguments),
        args::Command::Set(arguments) => set::run(&arguments),
        args::Command::Top(arguments) => top::run(&arguments),
        args::Command::Gpu(arguments) => gpu::run(&arguments),
        args::Command::Start(arguments) => start::run(&arguments),
        args::Command::Stop(arguments) => stop::run(&arguments),
        args::Command::Delete(arguments) => delete::run(&arguments),
        args::Command::Screenshot(arguments) => screenshot::run(&arguments),
        args::Command::Events(arguments) => events::run(&arguments),
        args::Command::Args(arguments) => vmm_args::run(&arguments),
        args::Command::Cdi(arguments) => cdi::run(&arguments),
        args::Command::Doctor(arguments) => return doctor::run(&arguments),
        args::Command::Device(arguments) => device::run(&arguments),
        args::Command::Render(arguments) => render::run(&arguments),
        args::Command::Rehearse(arguments) => render::rehearse(&arguments),
    }
    .map(|()| ExitCode::SUCCESS)
}
