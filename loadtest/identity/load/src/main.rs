//! Load and figures for `./dev bench identity`. Each command prints one JSON object.

mod chance;
mod cpu;
mod hash;
mod http;
mod load;
mod policy;
mod stub;
mod timing;

use clap::Parser;

#[derive(Parser)]
enum Command {
    /// How much work one password hash is, and nothing else.
    Hash(hash::Options),
    /// Sends requests from a file, and says what they cost whoever answers them.
    Load(load::Options),
    /// Answers everything with 200: a service behind a gateway.
    Stub(stub::Options),
    /// Permission checks in this process, ours and Cedar's, on the same policy.
    Policy(policy::Options),
    /// Can two kinds of requests be told apart by the time that they take?
    Timing(timing::Options),
}

fn main() -> anyhow::Result<()> {
    let said = match Command::parse() {
        Command::Hash(options) => hash::run(&options)?,
        Command::Load(options) => load::run(&options)?,
        Command::Stub(options) => stub::run(&options)?,
        Command::Policy(options) => policy::run(&options)?,
        Command::Timing(options) => timing::run(&options)?,
    };
    println!("{said}");
    Ok(())
}
