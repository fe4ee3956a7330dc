//! What is sealed of people, each for its row, and what it is found by.

use crypto::{KeyError, LookupKey, Mark, Normal, Purpose, SealedText, TenantKeys};
use ids::uuid::Uuid;
use ids::{TenantId, UserId};

use crate::person::{DisplayName, EMAIL, Email};

const fn column(table: &'static str, column: &'static str) -> Column {
    Column(SealedText::new(Purpose::PersonalData, table, column))
}

/// `identity.users.email_sealed`.
pub const USER_EMAIL: Column = column("identity.users", "email_sealed");
/// `identity.users.name_sealed`.
pub const USER_NAME: Column = column("identity.users", "name_sealed");
/// `identity.invitations.email_sealed`.
pub const INVITED: Column = column("identity.invitations", "email_sealed");
/// `identity.email_changes.old_sealed`.
pub const OLD_EMAIL: Column = column("identity.email_changes", "old_sealed");
/// `identity.email_changes.new_sealed`.
pub const NEW_EMAIL: Column = column("identity.email_changes", "new_sealed");
/// `identity.external_identities.subject_sealed`.
pub const SUBJECT: Column = column("identity.external_identities", "subject_sealed");

/// A column whose texts are sealed for their row, which has an id.
#[derive(Debug, Clone, Copy)]
pub struct Column(SealedText);

impl Column {
    /// As it is kept in the row with this id.
    pub fn seal(&self, keys: &TenantKeys, row: Uuid, text: &str) -> Result<Vec<u8>, KeyError> {
        self.0.seal(keys, &row.to_string(), text)
    }

    /// What is kept in that row. What a worker has still to seal cannot be had yet.
    pub fn open(&self, keys: &TenantKeys, row: Uuid, sealed: Option<&[u8]>) -> Result<String, KeyError> {
        let sealed = sealed.ok_or_else(|| KeyError::Unavailable("the row is not sealed yet".to_owned()))?;
        self.0.open(keys, &row.to_string(), sealed)
    }
}

/// A person's address and name, as they are kept.
pub struct Kept {
    /// The address.
    pub email: Vec<u8>,
    /// What the address is found by.
    pub mark: Mark,
    /// The name.
    pub name: Vec<u8>,
}

impl Kept {
    /// Those of this person.
    pub fn of(
        keys: &TenantKeys,
        lookup: &LookupKey,
        user: UserId,
        (email, name): (&Email, &DisplayName),
    ) -> Result<Self, KeyError> {
        Ok(Self {
            email: USER_EMAIL.seal(keys, user.as_uuid(), email.as_str())?,
            mark: lookup.mark(EMAIL, email),
            name: USER_NAME.seal(keys, user.as_uuid(), name.as_str())?,
        })
    }
}

/// What a provider calls somebody, as a value to be found.
struct Subject<'a>(&'a str);

impl Normal for Subject<'_> {
    /// Providers tell `a` from `A`.
    fn normal(&self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }
}

/// What a provider's name for somebody is found by.
pub fn subject_mark(lookup: &LookupKey, tenant: TenantId, subject: &str) -> Mark {
    lookup.mark_within(tenant, "subject", &Subject(subject))
}
