mod crypto;

use std::path::PathBuf;

use anyhow::Context;
use clap::ValueEnum;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

pub use self::crypto::{Crypto, check};

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

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Gateway,
        Self::Identity,
        Self::Compute,
        Self::Audit,
        Self::Notify,
        Self::Portal,
    ];

    /// What it is called on the command line and in certificates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Identity => "identity",
            Self::Compute => "compute",
            Self::Audit => "audit",
            Self::Notify => "notify",
            Self::Portal => "portal",
        }
    }
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
    /// What roles share that is forgettable.
    #[serde(default)]
    pub cache: Forgettable,
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
    /// What this process shows to those of other roles.
    #[serde(default)]
    pub mesh: Option<mesh::Settings>,
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
    /// Kafka's brokers, `host:port` divided by commas; without them events are read from the database. They are told which
    /// events there are, not what is in them.
    pub kafka_brokers: Option<String>,
    /// TLS towards the brokers; without it they are spoken to in the clear.
    pub tls: Option<BusTls>,
    /// Who we are to the brokers, with SCRAM-SHA-512.
    pub login: Option<BusLogin>,
}

/// `[bus.tls]`: files, all PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusTls {
    /// Who has signed what brokers show.
    pub ca: PathBuf,
    /// What we show, if brokers ask for it.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// `[bus.login]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusLogin {
    /// The name.
    pub user: String,
    /// The file of its password.
    pub password: PathBuf,
}

impl Bus {
    /// Where consumers hear of events.
    pub fn feed(&self) -> anyhow::Result<events::Feed> {
        let brokers = self.kafka_brokers.as_deref().map(str::trim).unwrap_or_default();
        if brokers.is_empty() {
            let alone = self.tls.is_none() && self.login.is_none();
            anyhow::ensure!(
                alone,
                "bus.tls and bus.login are for bus.kafka_brokers, which names none"
            );
            return Ok(events::Feed::postgres());
        }
        let kafka = events::Kafka {
            security: self.security()?,
            ..events::Kafka::new(brokers)
        };
        kafka.check().context("bus")?;
        Ok(events::Feed::kafka(kafka))
    }

    fn security(&self) -> anyhow::Result<events::KafkaSecurity> {
        let tls = |tls: &BusTls| {
            let own = match (&tls.certificate, &tls.key) {
                (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
                (None, None) => None,
                _ => anyhow::bail!("bus.tls: certificate and key go together"),
            };
            let ca = tls.ca.clone();
            Ok(events::KafkaTls { ca, own })
        };
        let login = |login: &BusLogin| {
            let file = &login.password;
            let text = std::fs::read_to_string(file).with_context(|| format!("bus.login: {}", file.display()))?;
            let password = SecretString::from(text.trim_end().to_owned());
            let user = login.user.clone();
            anyhow::Ok(events::KafkaLogin { user, password })
        };
        Ok(events::KafkaSecurity {
            tls: self.tls.as_ref().map(tls).transpose()?,
            login: self.login.as_ref().map(login).transpose()?,
        })
    }
}

/// `[cache]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forgettable {
    /// Redis, `redis://user@host:port`, or `rediss://` for TLS; without it each process keeps what is forgettable itself.
    /// `REDIS_URL` in the environment says it too.
    pub redis: Option<Url>,
    /// The file of its password.
    pub password: Option<PathBuf>,
}

impl Forgettable {
    /// The cache.
    pub fn open(&self, clock: clock::Clock) -> anyhow::Result<cache::Cache> {
        let named = std::env::var("REDIS_URL").ok().filter(|url| !url.is_empty());
        let url = match (&self.redis, named) {
            (Some(url), _) => url.clone(),
            (None, Some(url)) => url.parse().map_err(|_| cache::NotAnAddress)?,
            (None, None) => return Ok(cache::Cache::process(clock)),
        };
        let read = |file: &PathBuf| {
            let text = std::fs::read_to_string(file).with_context(|| format!("cache.password: {}", file.display()))?;
            anyhow::Ok(SecretString::from(text.trim_end().to_owned()))
        };
        let password = self.password.as_ref().map(read).transpose()?;
        Ok(cache::Cache::redis(&cache::Address { url, password }, clock)?)
    }
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

impl Elsewhere {
    /// Is any role in another process?
    pub fn are_named(&self) -> bool {
        let Self {
            identity,
            compute,
            audit,
            notify,
            portal,
            ..
        } = self;
        [identity, compute, audit, notify, portal]
            .iter()
            .any(|urls| !urls.is_empty())
    }
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

#[cfg(test)]
mod tests {
    use clock::Clock;

    use super::*;

    #[tokio::test]
    async fn what_cannot_be_a_cache_is_said_at_the_start() {
        let said = |cache: &Forgettable| cache.open(Clock::system()).err().map(|error| error.to_string());
        let of = |url: &str| Forgettable {
            redis: Some(url.parse().unwrap()),
            password: None,
        };
        assert_eq!(
            said(&of("redis://yunshu@127.0.0.1:1")),
            None,
            "it need not be there yet"
        );
        assert!(said(&of("http://127.0.0.1:1")).unwrap().contains("redis://"));
        let unreadable = Forgettable {
            password: Some("/nonexistent/redis.password".into()),
            ..of("redis://yunshu@127.0.0.1:1")
        };
        assert!(said(&unreadable).unwrap().contains("/nonexistent/redis.password"));
    }

    #[test]
    fn what_cannot_be_a_bus_is_said_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (ca, password) = (
            file("ca.pem", "a note about certificates"),
            file("password", "secret\n"),
        );
        let said = |text: &str| {
            let bus: Bus = toml::from_str(text).unwrap();
            bus.feed().err().map(|error| format!("{error:#}"))
        };
        let brokers = "kafka_brokers = \"127.0.0.1:1\"";
        assert_eq!(said(""), None);
        assert_eq!(said(brokers), None, "it need not be there yet");
        let alone = said("[tls]\nca = \"ca.pem\"").unwrap();
        assert!(alone.contains("bus.kafka_brokers"), "{alone}");
        let half = said(&format!("{brokers}\n[tls]\nca = \"{ca}\"\nkey = \"key\"")).unwrap();
        assert!(half.contains("go together"), "{half}");
        let missing = said(&format!("{brokers}\n[tls]\nca = \"/nonexistent/ca.pem\"")).unwrap();
        assert!(missing.contains("bus: /nonexistent/ca.pem"), "{missing}");
        let other = said(&format!("{brokers}\n[tls]\nca = \"{ca}\"")).unwrap();
        assert!(other.contains("there is no CERTIFICATE"), "{other}");
        let clear = said(&format!("{brokers}\n[login]\nuser = \"u\"\npassword = \"{password}\"")).unwrap();
        assert!(clear.contains("needs TLS"), "{clear}");
    }

    #[test]
    fn roles_are_called_the_same_everywhere() {
        for role in Role::ALL {
            let known = role.to_possible_value().map(|value| value.get_name().to_owned());
            assert_eq!(known.as_deref(), Some(role.name()));
        }
        assert_eq!(Role::ALL.len(), Role::value_variants().len());
    }
}
