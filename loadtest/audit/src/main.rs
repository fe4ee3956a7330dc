//! Load and figures for `./dev bench audit`: prints a table on standard error, and one JSON object.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "of figures no more is lost than they are good for"
)]

mod backlog;
mod content;
#[path = "../../identity/load/src/cpu.rs"]
mod cpu;
mod figures;
mod options;
mod ours;
mod paced;
mod parts;
mod peer;
mod store;
mod watch;
mod world;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let said = runtime.block_on(parts::measured(&options::Options::read()?))?;
    println!("{said}");
    Ok(())
}
