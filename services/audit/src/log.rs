//! The log as those see it who verify it: its name, its key, its checkpoints.

use chrono::{DateTime, Utc};
use ids::TenantId;
use tlog::{Checkpoint, Frontier, PublicKey, Signer};

use crate::settings::LogSettings;

/// Whose log the register of all logs is kept as: a tenant that there is not.
pub const REGISTER: TenantId = TenantId::from_uuid(ids::uuid::Uuid::nil());

/// What signs the checkpoints of every tenant's log.
pub struct Log {
    name: String,
    signer: Signer,
}

/// Why a log cannot be signed for.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its key file.
    #[error(transparent)]
    File(#[from] crypto::OpenError),
    /// There is none.
    #[error("audit.log.key names no file: make 32 random bytes, in base64, the key that signs the log")]
    NoFile,
    /// Its name.
    #[error("audit.log.name: {0}")]
    Name(tlog::Error),
}

impl Log {
    /// The log that the settings name, with the key of their file.
    pub fn open(settings: &LogSettings) -> Result<Self, OpenError> {
        let file = settings.key.as_deref().ok_or(OpenError::NoFile)?;
        let seed = crypto::read_key(file)?;
        Self::new(&settings.name, &seed).map_err(OpenError::Name)
    }

    /// A log of this name, whose key grows from this seed.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, tlog::Error> {
        let signer = Signer::from_seed(name, seed)?;
        let name = name.to_owned();
        Ok(Self { name, signer })
    }

    /// What its signatures are verified with.
    pub fn public(&self) -> PublicKey {
        self.signer.public()
    }

    /// What a tenant's log is called in its checkpoints; the register, if it is [`REGISTER`].
    pub fn origin(&self, tenant: TenantId) -> String {
        if tenant == REGISTER {
            return format!("{}/{}", self.name, tlog::register::PART);
        }
        format!("{}/{tenant}", self.name)
    }

    /// The note that says this text in the log's name. It must be none that could be a checkpoint.
    pub fn attest(&self, text: &str) -> String {
        format!("{text}\n{}", self.signer.sign(text))
    }

    /// The note that signs for a tenant's log as it is at this time.
    pub fn sign(&self, tenant: TenantId, frontier: &Frontier, now: DateTime<Utc>) -> String {
        let time = now.timestamp().unsigned_abs();
        let checkpoint = Checkpoint::at(&self.origin(tenant), frontier.size(), frontier.root(), time);
        let text = checkpoint.to_string();
        format!("{text}\n{}", self.signer.sign(&text))
    }
}
