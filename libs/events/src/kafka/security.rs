//! How brokers are spoken to.

use std::fs;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use secrecy::{ExposeSecret, SecretString};

use super::Kafka;

/// TLS, and who we are. Without either, brokers are spoken to in the clear.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Speaks TLS.
    pub tls: Option<Tls>,
    /// Signs in with SCRAM-SHA-512, which wants TLS.
    pub login: Option<Login>,
}

/// The files TLS is spoken with, all PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Whose certificates brokers must show, for the names by which they are reached.
    pub ca: PathBuf,
    /// The certificate we show and its key, if brokers ask for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// A name and its password.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// Its password.
    pub password: SecretString,
}

/// Why brokers cannot be spoken to like this.
#[derive(Debug, thiserror::Error)]
pub enum Insecure {
    /// A file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// There is something else in it.
    #[error("{path}: there is no {what} in it, which begins with `-----BEGIN {what}-----`")]
    NotPem {
        /// Which file.
        path: String,
        /// What should be in it.
        what: &'static str,
    },
    /// Signing in without TLS.
    #[error("signing in needs TLS: without it anybody on the way could answer in the broker's place")]
    LoginWithoutTls,
    /// The client library will have none of it.
    #[error("these files do not go together: {0}")]
    Refused(#[from] KafkaError),
}

impl Security {
    pub(super) fn apply(&self, config: &mut ClientConfig) {
        if let Some(tls) = &self.tls {
            config
                .set(
                    "security.protocol",
                    if self.login.is_some() { "sasl_ssl" } else { "ssl" },
                )
                .set("ssl.ca.location", tls.ca.to_string_lossy())
                .set("enable.ssl.certificate.verification", "true")
                .set("ssl.endpoint.identification.algorithm", "https");
            if let Some((certificate, key)) = &tls.own {
                config
                    .set("ssl.certificate.location", certificate.to_string_lossy())
                    .set("ssl.key.location", key.to_string_lossy());
            }
        }
        if let Some(login) = &self.login {
            config
                .set("sasl.mechanisms", "SCRAM-SHA-512")
                .set("sasl.username", &login.user)
                .set("sasl.password", login.password.expose_secret());
        }
    }
}

impl Kafka {
    /// Looks at all that brokers are spoken to with, so that what is wrong is said at the start and not at the first event. No
    /// broker need be there yet.
    pub fn check(&self) -> Result<(), Insecure> {
        let Some(tls) = &self.security.tls else {
            return match self.security.login {
                Some(_) => Err(Insecure::LoginWithoutTls),
                None => Ok(()),
            };
        };
        holds(&tls.ca, "CERTIFICATE")?;
        if let Some((certificate, key)) = &tls.own {
            holds(certificate, "CERTIFICATE")?;
            holds(key, "PRIVATE KEY")?;
        }
        let _: AdminClient<DefaultClientContext> = self.config().create()?;
        Ok(())
    }
}

/// Is there a PEM of this kind in it?
fn holds(path: &Path, what: &'static str) -> Result<(), Insecure> {
    let name = || path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| Insecure::File { path: name(), error })?;
    // Keys come as `PRIVATE KEY`, `EC PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`.
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{what}-----"));
    if text.lines().any(begins) {
        Ok(())
    } else {
        Err(Insecure::NotPem { path: name(), what })
    }
}
