//! Audit entries on the bus, sealed.
//!
//! # What it guarantees
//! What an entry tells (who, on what, from where, what changed) is ciphertext from the commit of the act until the audit
//! service has written it into the log: in the outbox, in its backups, and among the dead letters. The row shows the tenant,
//! the id and the time of the row's first entry and its request's id, and how large all are. A ciphertext opens for its own tenant, id and kind only.
//!
//! # Whose key
//! The tenant's own, for [`crypto::Purpose::Outbox`]. What a caller changes or reads is refused while it cannot be had.
//! The platform's ([`crypto::Kek`], from the sealed file, always at hand) where there is none or waiting for it would lose the entry:
//! - the tenant's key was destroyed, or ends with this very commit: that it did must stay readable;
//! - an attempt that was refused, and work across tenants: a door that knows the tenant from what it has just read cannot
//!   ask for keys any more, for no network is asked inside a transaction, and what happened is recorded in any case;
//! - what an operator does to a tenant, told in that tenant's log.
//!
//! # How many to a row
//! One of an act, whose commit it shares. Those that have no act to share a commit with come in rows of several of one tenant
//! (`group.rs`): sealed, read, marked as met and sent on together, each costs a part of what a row costs.
//!
//! # What it refuses
//! To write an entry in the clear. Rows from before entries were sealed (version 1), and from before they came in several (2), are
//! read as they are.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crypto::{Kek, KeyError, Keyring, Place, Purpose, TenantKeys};
use ids::{EventId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AUDIT, AuditEvent};

/// The version of rows that hold sealed entries, one or several.
pub(crate) const SEALED: u32 = 3;
/// The version of rows that hold one, sealed by itself.
const SINGLE: u32 = 2;

/// An entry that is yet to be sealed.
pub(crate) struct Plain {
    pub id: EventId,
    pub json: Vec<u8>,
}

impl Plain {
    pub fn of(entry: &AuditEvent) -> Result<Self, fault::Error> {
        let json = serde_json::to_vec(entry).map_err(fault::Error::internal)?;
        Ok(Self { id: entry.id, json })
    }
}

/// The data of such a row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sealed: String,
}

/// Seals entries of one tenant.
pub(crate) enum Sealer {
    Tenant(TenantKeys),
    Platform(Box<Kek>),
}

impl Sealer {
    /// For what a tenant's caller changes or reads: its own keys, as long as it has not lost them for good.
    pub fn strict(keys: Result<TenantKeys, KeyError>, ring: Option<&Keyring>) -> Result<Self, KeyError> {
        match keys {
            Ok(keys) => Ok(Self::Tenant(keys)),
            Err(KeyError::Destroyed) => Self::platform(ring),
            Err(error) => Err(error),
        }
    }

    /// For what is recorded in any case.
    pub fn lenient(keys: Result<TenantKeys, KeyError>, ring: Option<&Keyring>) -> Result<Self, KeyError> {
        keys.map_or_else(|_| Self::platform(ring), |keys| Ok(Self::Tenant(keys)))
    }

    pub fn platform(ring: Option<&Keyring>) -> Result<Self, KeyError> {
        let ring = ring.ok_or_else(crate::pool::no_keys)?;
        Ok(Self::Platform(Box::new(ring.platform()?.clone())))
    }

    /// The data of the row of these entries.
    pub fn seal(&self, (tenant, id): (TenantId, EventId), entries: &[&Plain]) -> Result<Value, KeyError> {
        let each: Vec<&[u8]> = entries.iter().map(|entry| entry.json.as_slice()).collect();
        let plain = [b"[".as_slice(), &each.join(&b','), b"]"].concat();
        let row = id.to_string();
        let place = place(tenant, &row);
        let sealed = match self {
            Self::Tenant(keys) => keys.seal(Purpose::Outbox, &place, &plain)?,
            Self::Platform(kek) => kek.seal(&place, &plain).map_err(|_| KeyError::Unreadable)?,
        };
        let sealed = BASE64_STANDARD.encode(sealed);
        Ok(serde_json::json!(Row { sealed }))
    }

    /// Is it the platform's key?
    pub const fn is_platform(&self) -> bool {
        matches!(self, Self::Platform(_))
    }
}

/// Opens the entries of a row of the bus: of this tenant, with this id, in this version. No error repeats anything of what is
/// in them: operators read why they could not be opened.
pub fn opened(
    ring: Option<&Keyring>,
    (tenant, id): (TenantId, EventId),
    version: u32,
    data: &Value,
) -> Result<Vec<AuditEvent>, fault::Error> {
    let odd = || fault::Error::internal("the entry is in no form that is known");
    if version < SINGLE {
        return Ok(vec![AuditEvent::deserialize(data).map_err(|_| odd())?]);
    }
    let row = Row::deserialize(data).map_err(|_| odd())?;
    let sealed = BASE64_STANDARD.decode(row.sealed).map_err(|_| odd())?;
    let ring = ring.ok_or_else(crate::pool::no_keys)?;
    let row = id.to_string();
    let place = place(tenant, &row);
    let plain = if Kek::is_of_platform(&sealed) {
        let opened = ring.platform()?.open_sealed(&place, &sealed);
        opened.map_err(|_| KeyError::Unreadable)?
    } else {
        ring.held(tenant)?.open(&place, &sealed)?
    };
    let entries = if version == SINGLE {
        serde_json::from_slice(&plain).map(|entry| vec![entry])
    } else {
        serde_json::from_slice(&plain)
    };
    entries.map_err(|_| odd())
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "bus.outbox",
        column: AUDIT,
        row,
    }
}
