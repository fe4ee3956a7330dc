//! Every command on one screen.

#[cfg(feature = "advisories")]
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    bench, check, deny, guest, kafka_test, openapi, pg_test,
    place::Place,
    redis, running,
    test::{self, What},
    up::{self, Up},
};

#[derive(Parser)]
#[command(
    name = "xtask",
    bin_name = "./dev",
    about = "Builds, starts, checks and tests Yunshu"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and start everything, up to a running virtual machine
    Up(Up),
    /// Stop what `up` started
    Down,
    /// What runs and where
    Status,
    /// Start again what ends, of the shape with a process per role
    #[command(hide = true)]
    Supervise,
    /// Follow the logs: of one part, or of all
    Logs { part: Option<String> },
    /// What the design demands and compilers do not see
    Check,
    /// Banned crates, licences and sources
    Deny,
    /// Known vulnerabilities, from a copy of the RustSec database
    #[cfg(feature = "advisories")]
    Advisories {
        #[arg(long)]
        db: PathBuf,
    },
    /// Write openapi/*.json, or compare and lint what is committed
    Openapi {
        #[arg(long)]
        check: bool,
    },
    /// Every check and every test
    Test {
        /// Only the running system: up, browser, kill -9, fuzz
        #[arg(long, conflicts_with = "apart")]
        stack: bool,
        /// Only the running system with a process per role: up, and kill -9
        #[arg(long)]
        apart: bool,
        /// How often something of it is killed
        #[arg(long, requires = "apart", default_value_t = test::ROUNDS)]
        rounds: usize,
    },
    /// The benchmarks of loadtest/, against what runs
    Bench { name: Option<String> },
    /// Make the demonstration image
    Guest,
    /// What a process has in memory, to standard output
    #[command(hide = true)]
    Memory { pid: u32 },
    /// Start or stop the PostgreSQL that tests use
    PgTest { what: Switch },
    /// Start or stop the Kafka that tests use
    KafkaTest { what: Switch },
    /// Start or stop the Redis that tests use
    RedisTest { what: Switch },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Switch {
    Start,
    Stop,
}

impl Cli {
    pub fn run(self) -> Result<()> {
        let place = Place::of_checkout()?;
        match self.command {
            Command::Up(options) => up::up(&place, &options),
            Command::Down => running::down(&place),
            Command::Supervise => up::full::supervise(&place),
            Command::Status => running::status(&place),
            Command::Logs { part } => running::logs(&place, part.as_deref()),
            Command::Check => check::check(&place),
            Command::Deny => deny::deny(&place),
            #[cfg(feature = "advisories")]
            Command::Advisories { db } => crate::advisories::advisories(&place, &db),
            Command::Openapi { check: false } => openapi::write(&place),
            Command::Openapi { check: true } => {
                openapi::fresh(&place)?;
                openapi::lint(&place)
            }
            Command::Test {
                apart: true, rounds, ..
            } => test::test(&place, What::Apart { rounds }),
            Command::Test { stack: true, .. } => test::test(&place, What::Stack),
            Command::Test { .. } => test::test(&place, What::All),
            Command::Bench { name } => bench::bench(&place, name.as_deref()),
            Command::Guest => guest::make(&place).map(|guest| println!("{guest}")),
            Command::Memory { pid } => test::canaries::processes::memory(pid),
            Command::PgTest { what: Switch::Start } => pg_test::start(&place).map(|url| println!("{url}")),
            Command::PgTest { what: Switch::Stop } => pg_test::stop(&place),
            Command::KafkaTest { what: Switch::Start } => {
                kafka_test::start(&place).map(|address| println!("{address}"))
            }
            Command::KafkaTest { what: Switch::Stop } => kafka_test::stop(&place),
            Command::RedisTest { what: Switch::Start } => redis::test::start(&place).map(|url| println!("{url}")),
            Command::RedisTest { what: Switch::Stop } => redis::test::stop(&place),
        }
    }
}
