//! The server binary.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    yunshud::cli::Cli::parse().run()
}
