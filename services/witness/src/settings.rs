use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use tlog::PublicKey;
use tlog::note::Algorithm;

/// The configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Its one section.
    pub witness: Settings,
}

/// `[witness]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one. Plain HTTP: what is asked is public to whoever reads the log, and what is
    /// answered is signed.
    pub listen: SocketAddr,
    /// What its key is called; by convention a host name and path of the witness's own.
    pub name: String,
    /// The file of its key: mode 0600, 32 bytes in base64. It is made at the first start.
    pub key: PathBuf,
    /// A folder of its own for what it has cosigned. Whoever sets it back makes the witness sign another history.
    pub state: PathBuf,
    /// How many logs it keeps at most.
    #[serde(default = "most")]
    pub most_origins: usize,
    /// The logs it knows.
    pub logs: Vec<LogSettings>,
}

/// `[[witness.logs]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// The log's origin. One that ends in `/*` stands for every origin with one more part there.
    pub origin: String,
    /// The keys that may sign for it, as `name+id+key`.
    pub keys: Vec<String>,
}

const fn most() -> usize {
    100_000
}

/// A log, or a family of them, and who signs for it.
#[derive(Debug)]
pub struct Known {
    origin: String,
    keys: Vec<PublicKey>,
}

impl Known {
    /// Checks a setting.
    pub fn check(settings: &LogSettings) -> Result<Self, String> {
        let origin = settings.origin.clone();
        if origin.is_empty() || origin == "/*" || origin.chars().any(char::is_control) {
            return Err("witness.logs: an origin is a line of text, or one that ends in `/*`".to_owned());
        }
        let keys = settings.keys.iter().map(|key| key.parse());
        let keys: Vec<PublicKey> = keys
            .collect::<Result<_, tlog::Error>>()
            .map_err(|error| format!("witness.logs: a key of {origin}: {error}"))?;
        if keys.is_empty() || keys.iter().any(|key| key.algorithm() != Algorithm::Note) {
            return Err(format!(
                "witness.logs: {origin} needs keys, and of logs, not of witnesses"
            ));
        }
        Ok(Self { origin, keys })
    }

    /// Does it stand for this origin?
    pub fn is_of(&self, origin: &str) -> bool {
        let Some(family) = self.origin.strip_suffix('*') else {
            return self.origin == origin;
        };
        let part = origin.strip_prefix(family).filter(|_| family.ends_with('/'));
        part.is_some_and(|part| !part.is_empty() && !part.contains('/'))
    }

    /// Who may sign for it.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use tlog::Signer;

    use super::*;

    fn known(origin: &str, keys: &[String]) -> Result<Known, String> {
        let settings = LogSettings {
            origin: origin.to_owned(),
            keys: keys.to_vec(),
        };
        Known::check(&settings)
    }

    #[test]
    fn a_family_has_one_part_more_and_no_other_origin_is_known() {
        let key = Signer::from_seed("a", &[1; 32]).unwrap().public().to_string();
        let family = known("cloud/audit/*", std::slice::from_ref(&key)).unwrap();
        assert!(family.is_of("cloud/audit/x"));
        for other in [
            "cloud/audit/",
            "cloud/audit",
            "cloud/audit/x/y",
            "cloud/auditx",
            "x",
            "",
        ] {
            assert!(!family.is_of(other), "{other}");
        }
        let one = known("cloud/audit", std::slice::from_ref(&key)).unwrap();
        assert!(one.is_of("cloud/audit") && !one.is_of("cloud/audit/x"));
        let odd = known("cloud/audit*", std::slice::from_ref(&key)).unwrap();
        assert!(!odd.is_of("cloud/audit/x") && !odd.is_of("cloud/auditx"));
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        let signer = Signer::from_seed("a", &[1; 32]).unwrap();
        let key = signer.public().to_string();
        for (origin, keys) in [
            ("", vec![key.clone()]),
            ("/*", vec![key.clone()]),
            ("a\nb", vec![key]),
            ("a", vec![]),
            ("a", vec!["no key".to_owned()]),
            ("a", vec![signer.public_cosigner().to_string()]),
        ] {
            assert!(known(origin, &keys).is_err(), "{origin:?} {keys:?}");
        }
    }
}
