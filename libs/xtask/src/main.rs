//! Repository chores: `cargo xtask <command>`, mostly reached through `./dev`.

mod cli;
mod daemon;
mod guest;
mod http;
mod pg;
mod pg_test;
mod place;
mod secrets;
mod sh;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            sh::complain(&error);
            ExitCode::FAILURE
        }
    }
}
