use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnetwork::IpNetwork;
use serde::Deserialize;

/// So many signatures leave room in the note for those of witnesses from before.
const MOST_WITNESSES: usize = 16;

/// The section `[audit]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the service listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Worker threads of the HTTP side.
    pub workers: usize,
    /// How the log is signed.
    pub log: LogSettings,
}

/// `[audit.log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// What the log is called in its checkpoints; by convention a host name and path of the platform's own. Chosen once: under
    /// another name it is another log, and what was signed before does not verify with what follows.
    pub name: String,
    /// The file of the key that checkpoints are signed with: mode 0600, 32 bytes in base64. Another key signs from the
    /// next start on; the old one stays known for what it has signed.
    pub key: Option<PathBuf>,
    /// A folder for copies of all checkpoints, best on another machine. None are made without it.
    pub checkpoints: Option<PathBuf>,
    /// How often.
    pub pace: Pace,
    /// A tenant's webhooks and streams are told of its newest checkpoint once in so many seconds at most, 10 to 604,800.
    pub tell_s: u32,
    /// Who is asked to cosign each checkpoint.
    pub witnesses: Vec<WitnessSettings>,
}

/// `[[audit.log.witnesses]]`: somebody else, who cosigns only what continues what they cosigned before (c2sp.org/tlog-witness).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSettings {
    /// Where it takes checkpoints: what `/add-checkpoint` is put behind. Plain HTTP will do: what is asked is secret to nobody who
    /// reads the log, and what is answered is signed.
    pub url: String,
    /// Its key, as `name+id+key`.
    pub key: String,
    /// Is it asked about the register alone, which stands for all logs?
    #[serde(default)]
    pub register_only: bool,
    /// Networks that are not public and hold it.
    #[serde(default)]
    pub networks: Vec<IpNetwork>,
}

/// How often a log is signed for: whichever comes first.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// Every so many entries, 1 to 20,000.
    pub entries: i64,
    /// Every so many seconds in which there was one, 0 to 3,600.
    pub seconds: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            entries: 1_000,
            seconds: 10,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
            log: LogSettings::default(),
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            name: "yunshu/audit".to_owned(),
            key: None,
            checkpoints: None,
            pace: Pace::default(),
            tell_s: 3_600,
            witnesses: Vec::new(),
        }
    }
}

impl Settings {
    /// Says in one line what cannot work.
    pub fn validate(&self) -> Result<(), String> {
        if self.workers == 0 {
            return Err("audit.workers must be at least 1".to_owned());
        }
        if !(1..=20_000).contains(&self.log.pace.entries) || self.log.pace.seconds > 3_600 {
            return Err("audit.log.pace: entries must be 1 to 20,000, seconds at most 3,600".to_owned());
        }
        if !(10..=604_800).contains(&self.log.tell_s) {
            return Err("audit.log.tell_s must be 10 to 604,800".to_owned());
        }
        let keys: BTreeSet<&str> = self.log.witnesses.iter().map(|witness| witness.key.as_str()).collect();
        if keys.len() < self.log.witnesses.len() || keys.len() > MOST_WITNESSES {
            return Err(format!("audit.log.witnesses: at most {MOST_WITNESSES}, each once"));
        }
        Ok(())
    }
}
