//! The witness's binary.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    witness::cli::Cli::parse().run()
}
