//! Entries of the log, and how what they tell is kept from the disk and yet bound to the log.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use crypto::{BlindIndex, KeyError, Place, Purpose, TenantKeys};
use db::{AuditEvent, AuditOutcome};
use ids::{EventId, RequestId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tlog::Hash;

const SALT: usize = 32;

/// What entries are found by from an address. 12 bits: of ten million entries a search opens 2,500 in vain, and a mark stands for
/// many addresses where a tenant has 8,192 or more; where it has few, marks tell which entries came from one place, and not from
/// which.
pub const FROM: BlindIndex = BlindIndex::new("audit.events", "ip", 12);

/// An entry as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose log it is in.
    pub tenant: TenantId,
    /// Its id.
    pub id: EventId,
    /// Its number in the tenant's log: 1, 2, 3 and so on, without gaps.
    pub seq: i64,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// With which credential.
    pub credential: Option<String>,
    /// What.
    pub action: String,
    /// On what.
    pub object: String,
    /// How it ended.
    pub outcome: String,
    /// From where, in the clear: of entries from before addresses were sealed alone, until a worker has been there.
    pub clear_ip: Option<String>,
    /// In which request.
    pub request_id: RequestId,
    /// What it tells, sealed.
    pub sealed: Vec<u8>,
    /// Is it sealed with a salt? Entries from before the log was a tree are not, and cannot prove what they tell.
    pub salted: bool,
    /// What the log says of what it tells.
    pub commitment: Hash,
}

/// What an entry tells beyond who, what and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What changed.
    pub changes: Value,
    /// From where.
    pub ip: Option<String>,
}

/// Content that was opened, with what proves it.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What it says.
    pub content: Content,
    /// The salt and the very bytes the log commits to; none of an entry from before the tree.
    pub proof: Option<([u8; SALT], String)>,
}

/// Content, sealed for its row.
#[derive(Debug)]
pub struct Sealed {
    /// The ciphertext.
    pub bytes: Vec<u8>,
    /// What the log holds of it.
    pub commitment: Hash,
    /// What it is found by from its address.
    pub ip_index: Option<i16>,
}

impl Opened {
    /// From where, if what was written there is an address.
    pub fn address(&self) -> Option<IpAddr> {
        let address: IpAddr = self.content.ip.as_deref()?.parse().ok()?;
        Some(address.to_canonical())
    }
}

impl Entry {
    /// Was what it tells erased?
    pub const fn is_erased(&self) -> bool {
        self.sealed.is_empty()
    }

    /// What it tells. None if it tells nothing any more, for its age or because the tenant's key was destroyed, or if it was
    /// tampered with. In that case the alarm is raised here, and the rest of the log can still be read. An error if the keys
    /// are away.
    pub fn open(&self, keys: Result<&TenantKeys, KeyError>) -> Result<Option<Opened>, KeyError> {
        if self.is_erased() {
            return Ok(None);
        }
        let row = self.id.to_string();
        let place = place(self.tenant, &row);
        let opened = match keys.and_then(|keys| keys.open(&place, &self.sealed)) {
            Ok(plain) => self.understand(&plain),
            Err(KeyError::Destroyed) => return Ok(None),
            Err(KeyError::Unreadable) => None,
            Err(error) => return Err(error),
        };
        if opened.is_none() {
            tracing::error!(tenant = %self.tenant, seq = self.seq, "an audit entry cannot be decrypted");
        }
        Ok(opened)
    }

    fn understand(&self, plain: &[u8]) -> Option<Opened> {
        if !self.salted {
            let changes = serde_json::from_slice(plain).ok()?;
            let ip = self.clear_ip.clone();
            let content = Content { changes, ip };
            return Some(Opened { content, proof: None });
        }
        let (salt, text) = plain.split_first_chunk::<SALT>()?;
        (tlog::commit(salt, text) == self.commitment).then_some(())?;
        let text = std::str::from_utf8(text).ok()?;
        let content = serde_json::from_str(text).ok()?;
        let proof = Some((*salt, text.to_owned()));
        Some(Opened { content, proof })
    }

    /// The entry as the tree holds it.
    pub fn logged(&self) -> tlog::Entry<'_> {
        tlog::Entry {
            tenant: self.tenant.as_uuid().into_bytes(),
            seq: self.seq.unsigned_abs(),
            id: self.id.as_uuid().into_bytes(),
            time_micros: self.time.timestamp_micros(),
            actor: &self.actor,
            credential: self.credential.as_deref(),
            action: &self.action,
            object: &self.object,
            outcome: &self.outcome,
            request_id: self.request_id.as_uuid().into_bytes(),
            commitment: self.commitment,
        }
    }
}

/// Seals what an entry tells for its row, with a salt of its own. Of a tenant whose key was destroyed, what is still told is
/// gone at once; the log says that it was told.
pub fn seal(keys: Result<TenantKeys, KeyError>, tenant: TenantId, told: &AuditEvent) -> Result<Sealed, fault::Error> {
    let content = Content {
        changes: told.changes.clone(),
        ip: told.ip.map(|ip| ip.to_string()),
    };
    let text = serde_json::to_vec(&content).map_err(fault::Error::internal)?;
    let salt = crypto::random::<SALT>();
    let commitment = tlog::commit(&salt, &text);
    let mut plain = salt.to_vec();
    plain.extend_from_slice(&text);
    let row = told.id.to_string();
    let place = place(tenant, &row);
    let sealed = keys.and_then(|keys| {
        let ip_index = told.ip.map(|ip| FROM.mark(&keys, &ip)).transpose()?;
        Ok((keys.seal(Purpose::Audit, &place, &plain)?, ip_index))
    });
    let (bytes, ip_index) = match sealed {
        Err(KeyError::Destroyed) => (Vec::new(), None),
        sealed => sealed?,
    };
    Ok(Sealed {
        bytes,
        commitment,
        ip_index,
    })
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "audit.events",
        column: "changes",
        row,
    }
}

/// The outcome's word in table and answers.
pub const fn word(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Success => "success",
        AuditOutcome::Denied => "denied",
        AuditOutcome::Failed => "failed",
    }
}
