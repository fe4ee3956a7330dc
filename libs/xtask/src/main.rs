//! Repository chores: `cargo xtask <command>`, mostly reached through `./dev`.

#[cfg(feature = "advisories")]
mod advisories;
mod bench;
mod check;
mod cli;
mod daemon;
mod deny;
mod digest;
mod guest;
mod http;
mod kafka;
mod kafka_test;
mod libvirt;
mod npm;
mod openapi;
mod pg;
mod pg_test;
mod place;
mod redis;
mod running;
mod secrets;
mod sh;
mod test;
mod up;

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
