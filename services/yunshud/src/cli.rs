use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config, Role};
use crate::{bootstrap, log, openapi, peers, platform, simulate};

/// How long the end waits for what blocks.
const END: Duration = Duration::from_secs(5);

/// Yunshu: a cloud for many tenants.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the roles until it is told to stop (SIGTERM, SIGINT).
    Serve {
        #[command(flatten)]
        file: File,
        /// Which roles; all of them if none is named.
        #[arg(long, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Brings the database's roles and schema up to date.
    Migrate(File),
    /// Writes the API descriptions; needs no server and no database.
    Openapi {
        /// Into this directory.
        #[arg(long, default_value = "openapi")]
        out: PathBuf,
    },
    /// Makes a platform operator; the password comes on standard input.
    Operator {
        #[command(flatten)]
        file: File,
        /// Their address.
        #[arg(long)]
        email: String,
    },
    /// Certificates between processes.
    Mesh {
        #[command(subcommand)]
        command: Mesh,
    },
    /// Says the public key that signs the audit log: what witnesses and verifiers are to know.
    LogKey(File),
    /// What concerns the key-encryption key.
    #[command(subcommand)]
    Keys(Keys),
    /// Plays a hypervisor that only pretends to run machines.
    SimulateHost(simulate::Options),
}

#[derive(Debug, Subcommand)]
enum Mesh {
    /// Makes a certificate for a process, and an authority if there is none.
    Issue(peers::Issue),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Makes the key that `[crypto] provider` names, in its token. A key that is there is left alone.
    Make(File),
    /// Has every provider of `[crypto]` wrap and unwrap a key, as each start does.
    Check(File),
    /// Takes another token for the key that a tenant keeps itself, from standard input, if the tenant's key unwraps by it.
    Token {
        #[command(flatten)]
        file: File,
        /// The tenant's id.
        #[arg(long)]
        tenant: ids::TenantId,
    },
}

#[derive(Debug, Args)]
struct File {
    /// The configuration.
    #[arg(long, default_value = ".local/yunshud.toml")]
    config: PathBuf,
}

impl File {
    fn read(&self) -> anyhow::Result<Config> {
        let config: Config = settings::load(&self.config)?;
        log::start(&config.log)?;
        Ok(config)
    }
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> anyhow::Result<()> {
        platform::leave_no_core()?;
        platform::install_providers();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("no runtime")?;
        let done = match self.command {
            Command::Serve { file, roles } => runtime.block_on(platform::serve(file.read()?, &roles)),
            Command::Migrate(file) => runtime.block_on(bootstrap::migrate(&file.read()?)),
            Command::Openapi { out } => openapi::write(&out),
            Command::LogKey(file) => {
                let config: Config = settings::load(&file.config)?;
                let key = audit::Log::open(&config.audit.log)?.public();
                Ok(writeln!(std::io::stdout(), "{key}")?)
            }
            Command::Operator { file, email } => runtime.block_on(bootstrap::operator(&file.read()?, &email)),
            Command::Mesh {
                command: Mesh::Issue(issue),
            } => issue.run(),
            Command::Keys(Keys::Make(file)) => runtime.block_on(file.read()?.make_kek()),
            Command::Keys(Keys::Check(file)) => runtime.block_on(config::check(&file.read()?.kek_providers()?)),
            Command::Keys(Keys::Token { file, tenant }) => {
                runtime.block_on(bootstrap::key_token(&file.read()?, tenant))
            }
            Command::SimulateHost(options) => runtime.block_on(simulate::run(options)),
        };
        // A module of a token may hang in a call for ever: no reason not to end.
        runtime.shutdown_timeout(END);
        done
    }
}
