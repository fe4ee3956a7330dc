//! Addresses that are told what happens in a tenant.

pub mod secret;

use std::ops::RangeInclusive;

use auth::action::{audit, webhook};
use auth::{Action, Caller, Info, Level, Place};
use chrono::{DateTime, TimeDelta, Utc};
use db::Resource;
use fault::FieldError;
use ids::{TenantId, WebhookId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wanted::Wanted;

/// As many as one tenant may have.
pub const MOST: usize = 20;
/// For so long the secret before the present one signs too.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// The type of a test.
pub const TEST: &str = "webhook.test";

/// The type that a webhook is told of only where it names it: how far the audit log has grown, which not everybody may read who
/// may make webhooks.
const CHECKPOINT: &str = "audit.checkpoint_signed";

const NAME: RangeInclusive<usize> = 1..=63;

/// Why a webhook does not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// Somebody has asked for it.
    Asked,
    /// The receiver answered 410: it is not there any more.
    Gone,
    /// Nothing has arrived for days.
    Failing,
}

impl DisabledReason {
    const ALL: [Self; 3] = [Self::Asked, Self::Gone, Self::Failing];

    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// From what is kept.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// An address that is told what happens.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub tenant: TenantId,
    pub id: WebhookId,
    /// Unique in the tenant.
    pub name: String,
    pub url: String,
    /// Of which types it is told; none: of all.
    pub types: Vec<String>,
    /// Why it does not send; none while it does.
    pub disabled: Option<DisabledReason>,
    pub secrets: Sealed,
    /// Counts its changes.
    pub generation: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What its deliveries are signed with, sealed.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub present: Vec<u8>,
    /// The one before, and until when it signs too.
    pub previous: Option<(Vec<u8>, DateTime<Utc>)>,
}

impl Sealed {
    /// When the one before ceases to sign, if there is one that does.
    pub fn overlap(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.previous
            .as_ref()
            .map(|(_, until)| *until)
            .filter(|until| *until > now)
    }
}

impl Resource for Webhook {
    const NAME: &'static str = "webhook";
    const READ: &'static Info = webhook::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// A name: a DNS label, so that paths tell it from an id.
pub fn check_name(text: &str) -> Result<String, FieldError> {
    let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    let fits = NAME.contains(&text.len()) && text.bytes().all(label) && begins && !text.ends_with('-');
    if fits && text.parse::<WebhookId>().is_err() {
        return Ok(text.to_owned());
    }
    let rule = "must be 1 to 63 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen";
    Err(FieldError::new("/name", rule))
}

/// Types and beginnings of types, each once.
pub fn check_types(types: &[String]) -> Result<Vec<String>, FieldError> {
    if types.is_empty() {
        return Ok(Vec::new());
    }
    let whole = types.iter().all(|one| !one.contains(','));
    let wanted = Wanted::check(Some(&types.join(",")));
    if whole && wanted.is_ok() {
        let mut unique = types.to_vec();
        unique.sort_unstable();
        unique.dedup();
        return Ok(unique);
    }
    let rule = "must be up to 50 types such as `vm.created` or `vm.*`; leave it empty for all types";
    Err(FieldError::new("/types", rule))
}

/// The action by which people read what events of this type tell, if webhooks are told of it: whoever may make a webhook may
/// read it anyway. So a webhook is no way around a right, and nobody has to know which person made it.
pub fn reading(kind: &str) -> Option<&'static Info> {
    let (resource, _) = kind.split_once('.')?;
    // Audit entries are for the log alone.
    if kind == db::AUDIT {
        return None;
    }
    if kind == CHECKPOINT {
        return Some(audit::Read::INFO);
    }
    let name = format!("{resource}.read");
    let read = auth::action::named(&name)?;
    let makers = auth::Role::ALL
        .into_iter()
        .filter(|role| webhook::Create::INFO.roles.contains(*role));
    let all_read = read.roles.contains(auth::Role::Anyone) || makers.into_iter().all(|role| read.roles.contains(role));
    (read.level != Level::Platform && all_read).then_some(read)
}

/// Is a webhook of these types told of this one?
pub fn is_told(types: &[String], kind: &str) -> Result<bool, fault::Error> {
    let wanted = Wanted::check(Some(types.join(",").as_str()).filter(|text| !text.is_empty()))?;
    Ok(wanted.has(kind) && (kind != CHECKPOINT || !types.is_empty()))
}

/// Whoever lets a webhook hear of something must be able to read all of it: roles that a tenant has made itself may carry the
/// one right without the other.
pub fn must_cover(caller: &Caller, types: &[String]) -> Result<(), fault::Error> {
    let wanted = |resource: &str| {
        let begins = format!("{resource}.");
        types.is_empty() || types.iter().any(|one| one.starts_with(&begins))
    };
    for action in auth::action::ALL {
        let is_reading = reading(&format!("{}.x", action.resource)).is_some_and(|read| read.name == action.name);
        if is_reading && wanted(action.resource) && !caller.may(action, Place::Tenant(caller.tenant())) {
            return Err(db::forbidden(action, "all projects, of which this webhook would tell"));
        }
    }
    if is_told(types, CHECKPOINT)? && !caller.may(audit::Read::INFO, Place::Tenant(caller.tenant())) {
        return Err(db::forbidden(
            audit::Read::INFO,
            "the audit log, of which this webhook would tell",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_told_what_their_makers_may_read() {
        for heard in [
            "vm.created",
            "vm.deleted",
            "quota.changed",
            "project.deleted",
            "webhook.disabled",
            CHECKPOINT,
        ] {
            assert!(reading(heard).is_some(), "{heard}");
        }
        for not in [
            db::AUDIT,
            "audit.read",
            "user.created",
            "tenant_key.rotated",
            "host.enrolled",
            "pool.x",
            "secret.x",
            "vm",
        ] {
            assert!(reading(not).is_none(), "{not}");
        }
    }

    #[test]
    fn of_checkpoints_is_told_who_names_them() {
        let told = |types: &[&str]| {
            let types: Vec<String> = types.iter().map(|&one| one.to_owned()).collect();
            is_told(&types, CHECKPOINT).unwrap()
        };
        assert!(told(&[CHECKPOINT]) && told(&["vm.*", "audit.*"]));
        assert!(!told(&[]) && !told(&["vm.*"]));
        assert!(is_told(&[], "vm.created").unwrap() && !is_told(&["vm.*".to_owned()], "project.deleted").unwrap());
    }

    #[test]
    fn names_and_types_are_checked() {
        assert!(check_name("siem-1").is_ok());
        for bad in ["", "1a", "A", "a_b", "a-", &"a".repeat(64)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(check_types(&words(&["vm.*", "vm.*"])).unwrap(), ["vm.*"]);
        assert!(check_types(&[]).unwrap().is_empty());
        for bad in [&["vm"][..], &["vm.created,vm.deleted"], &[""], &["*"]] {
            assert!(check_types(&words(bad)).is_err(), "{bad:?}");
        }
    }
}
