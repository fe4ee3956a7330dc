//! Figures for `./dev bench events`: a table on standard error, one JSON object on standard output.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures: what is lost is below what is measured"
)]

#[path = "../../identity/load/src/cpu.rs"]
mod cpu;
mod ours;
mod parts;
mod peers;
mod place;
mod store;
mod turn;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = place::Place::found()?;
    let said = parts::run(&place).await?;
    println!("{said}");
    Ok(())
}
