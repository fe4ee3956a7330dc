use std::path::PathBuf;

use clap::ValueEnum;
use serde::Deserialize;
use url::Url;

/// A part of the platform that can run in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// TLS, credentials, limits, routing.
    Gateway,
    /// Tenants, people, sessions, projects.
    Identity,
    /// Hosts and virtual machines.
    Compute,
    /// The audit log.
    Audit,
    /// The live event stream.
    Notify,
    /// The web portal.
    Portal,
}

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The platform's own address: the `iss` of its access tokens.
    #[serde(default = "default_issuer")]
    pub issuer: String,
    /// Where `PostgreSQL` is.
    pub database: db::Connect,
    /// How roles hear of events.
    #[serde(default)]
    pub bus: Bus,
    /// The key-encryption key.
    pub crypto: Crypto,
    /// The one way in.
    pub gateway: gateway::Settings,
    /// Tenants and people.
    #[serde(default)]
    pub identity: identity::Settings,
    /// Hosts and machines.
    pub compute: compute::Settings,
    /// The audit log.
    #[serde(default)]
    pub audit: audit::Settings,
    /// The event stream.
    #[serde(default)]
    pub notify: notify::Settings,
    /// The web portal.
    pub portal: portal::Settings,
    /// Where the other roles are, if they run elsewhere.
    #[serde(default)]
    pub upstreams: Elsewhere,
    /// How log lines are written.
    #[serde(default)]
    pub log: Log,
}

fn default_issuer() -> String {
    "https://localhost:8443".to_owned()
}

/// `[bus]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bus {
    /// Kafka's brokers, `host:port` divided by commas; without them events are read from the database. They are spoken to in
    /// the clear, and told which events there are, not what is in them.
    pub kafka_brokers: Option<String>,
}

impl Bus {
    /// Where consumers hear of events.
    pub fn feed(&self) -> events::Feed {
        match self.kafka_brokers.as_deref().map(str::trim) {
            Some(brokers) if !brokers.is_empty() => events::Feed::kafka(events::Kafka::new(brokers)),
            _ => events::Feed::postgres(),
        }
    }
}

/// `[crypto]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crypto {
    /// The file of the key-encryption key: mode 0600, 32 bytes in base64.
    pub kek: PathBuf,
    /// A file with the tenants whose keys were destroyed, the same for all processes; it begins empty. It must outlive the
    /// database and its backups: without it, a backup that is older than a key's destruction brings the key back.
    #[serde(default)]
    pub destroyed: Option<PathBuf>,
}

/// `[upstreams]`: needed only where roles run in processes of their own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Elsewhere {
    /// A file of 32 random bytes in base64, the same for all processes: what passports are signed with. Without it a
    /// process makes a key of its own, and only its own roles understand each other.
    pub passport_key: Option<PathBuf>,
    /// Base URLs of identity.
    pub identity: Vec<Url>,
    /// Base URLs of compute.
    pub compute: Vec<Url>,
    /// Base URLs of audit.
    pub audit: Vec<Url>,
    /// Base URLs of notify.
    pub notify: Vec<Url>,
    /// Base URLs of portal.
    pub portal: Vec<Url>,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// For people or for programs.
    pub format: Format,
    /// What is written, in the syntax of `RUST_LOG`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: Format::Text,
            filter: DEFAULT_FILTER.to_owned(),
        }
    }
}

/// actix writes an error line for each malformed request, which would let strangers write the log.
const DEFAULT_FILTER: &str = "info,actix_http=off,actix_server=warn";

/// How a log line looks.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}
