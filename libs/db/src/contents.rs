//! What each column holds, as far as somebody might have to answer for it: what is sealed and under which key, what is
//! personal and lies open, what is a hash; and of each table why it is kept, how long, who sees it and how it goes. One list, for
//! the test that holds it against the catalogue, and for the register of processing that a tenant is given (GDPR, Art. 30).

mod tables;

pub use tables::{TABLES, Table, table_of};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// A secret, sealed by data keys of these purposes, under the tenant's key.
    Tenant(&'static str),
    /// Of persons, and sealed by data keys of these purposes, under the tenant's key.
    Told(&'static str),
    /// Of persons where it is an audit entry, and sealed then, within what else is there: that is of nobody, because.
    Carried(&'static str),
    /// Sealed by the platform's key: it belongs to no tenant, because.
    Platform(&'static str),
    /// A key, wrapped by another.
    Wrapped,
    /// A secret that is not kept: it verifies it, and does not tell it.
    Check,
    /// Tells nothing but that it is the same.
    Hash,
    /// What something sealed of persons is found by ([`crypto::BlindIndex`], [`crypto::LookupKey`]): tells that two may be the same, or are.
    Mark,
    /// Of a person, and in the clear, because.
    Personal(&'static str),
    /// In the clear, and nobody's secret.
    Plain(&'static str),
}

/// What somebody might have to answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It lets somebody in, or opens what is sealed.
    Secret,
    /// Of a person, in the clear.
    Personal,
    /// Of a person, and sealed.
    PersonalSealed,
    /// Neither.
    Operational,
}

impl Tag {
    /// What that is.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Tenant(_) | Self::Platform(_) | Self::Wrapped | Self::Check => Kind::Secret,
            Self::Told(_) | Self::Carried(_) | Self::Mark => Kind::PersonalSealed,
            Self::Personal(_) => Kind::Personal,
            Self::Hash | Self::Plain(_) => Kind::Operational,
        }
    }

    /// Is what stands there ciphertext, and nothing else?
    pub const fn is_sealed(self) -> bool {
        matches!(
            self,
            Self::Tenant(_) | Self::Told(_) | Self::Platform(_) | Self::Wrapped
        )
    }

    /// The purpose of its key, or why it lies open; nothing of hashes.
    pub const fn why(self) -> Option<&'static str> {
        match self {
            Self::Tenant(why)
            | Self::Told(why)
            | Self::Carried(why)
            | Self::Platform(why)
            | Self::Personal(why)
            | Self::Plain(why) => Some(why),
            Self::Wrapped | Self::Check | Self::Hash | Self::Mark => None,
        }
    }
}

use Tag::{Carried, Check, Hash, Mark, Personal, Plain, Platform, Tenant, Told, Wrapped};

const BEFORE: &str = "of a release before: sealed and cleared by a worker, and gone with the next release";
const EVENTS: &str = "events tell of machines and of the log's heads";
const LOG: &str = "who did what, by ids";

/// Every column that may hold content. A column of bytes has to be here, and a blind index; one of text too, unless its table is one whose texts are
/// words of the trade: a test of the catalogue says what is missing.
pub const TAGS: [(&str, Tag); 89] = [
    (
        "audit.blinds.blind",
        Plain("it tells how often a log was signed for, and nothing of what is in it"),
    ),
    ("audit.checkpoints.root", Hash),
    ("audit.events.changes", Told("audit")),
    ("audit.events.actor", Personal(LOG)),
    ("audit.events.commitment", Hash),
    ("audit.events.credential", Personal(LOG)),
    (
        "audit.events.ip",
        Personal("of a release before: cleared by a worker, and gone with the next release"),
    ),
    ("audit.events.ip_index", Mark),
    ("audit.events.object", Personal(LOG)),
    ("audit.holds.created_by", Personal(LOG)),
    ("audit.holds.lifted_by", Personal(LOG)),
    ("audit.holds.reason", Plain("a hold is given for others to read why")),
    ("audit.register_leaves.label", Hash),
    ("audit.register_leaves.value", Hash),
    ("audit.replies.body_sealed", Told("personal_data")),
    ("audit.replies.fingerprint", Hash),
    ("audit.tiles.hashes", Hash),
    ("bus.dead_letters.data", Carried(EVENTS)),
    ("bus.outbox.data", Carried(EVENTS)),
    ("bus.parked.data", Carried(EVENTS)),
    ("compute.consoles.content", Told("console")),
    ("compute.enrolments.token_sha256", Check),
    ("compute.replies.body_sealed", Told("personal_data")),
    ("compute.replies.fingerprint", Hash),
    ("identity.account_credentials.secret_hash", Check),
    ("identity.api_keys.secret_hash", Check),
    ("identity.api_keys.used_from_sealed", Told("personal_data")),
    ("identity.ceremonies.sealed", Platform("at the door nobody is known")),
    ("identity.ceremonies.token_hash", Check),
    ("identity.challenges.place", Hash),
    ("identity.challenges.secret_hash", Check),
    ("identity.device_grants.code_hash", Check),
    ("identity.device_grants.device_hash", Check),
    (
        "identity.device_grants.seen",
        Platform("before somebody decides nobody is known"),
    ),
    ("identity.device_grants.user_hash", Check),
    ("identity.email_changes.new_email", Personal(BEFORE)),
    ("identity.email_changes.new_sealed", Told("personal_data")),
    ("identity.email_changes.old_email", Personal(BEFORE)),
    ("identity.email_changes.old_mark", Mark),
    ("identity.email_changes.old_sealed", Told("personal_data")),
    ("identity.email_changes.token_hash", Check),
    ("identity.email_changes.undo_hash", Check),
    (
        "identity.errands.sealed",
        Platform("what is asked for may concern nobody"),
    ),
    ("identity.external_identities.subject", Personal(BEFORE)),
    ("identity.external_identities.subject_mark", Mark),
    ("identity.external_identities.subject_sealed", Told("personal_data")),
    ("identity.external_sign_ins.secret_hash", Check),
    (
        "identity.factors.credential_id",
        Plain("devices tell it to whoever asks"),
    ),
    (
        "identity.factors.name",
        Personal("of a release before: sealed by a worker, and gone with the next release"),
    ),
    ("identity.factors.name_sealed", Told("personal_data")),
    (
        "identity.factors.sealed",
        Told("credentials, and personal_data for telephone numbers"),
    ),
    ("identity.guesses.key", Mark),
    ("identity.identity_providers.sealed", Tenant("credentials")),
    ("identity.invitations.email", Personal(BEFORE)),
    ("identity.invitations.email_sealed", Told("personal_data")),
    ("identity.invitations.token_sha256", Check),
    ("identity.known_addresses.address_sealed", Told("personal_data")),
    ("identity.known_addresses.mark", Mark),
    (
        "identity.lookup_keys.sealed",
        Platform("people are found before their tenant is known"),
    ),
    ("identity.oauth_assertions.jti_hash", Check),
    ("identity.oauth_clients.secret_hash", Check),
    ("identity.oauth_codes.hash", Check),
    ("identity.password_history.hash", Check),
    ("identity.passwords.hash", Check),
    ("identity.recovery_codes.hash", Check),
    ("identity.replies.body_sealed", Told("personal_data")),
    ("identity.replies.fingerprint", Hash),
    ("identity.resets.token_hash", Check),
    ("identity.sent_codes.hash", Check),
    ("identity.sent_codes.key", Tenant("credentials")),
    ("identity.sessions.address_sealed", Told("personal_data")),
    ("identity.sessions.agent_sealed", Told("personal_data")),
    ("identity.sessions.family_key", Tenant("credentials")),
    ("identity.sessions.previous_hash", Check),
    ("identity.sessions.token_hash", Check),
    ("identity.sessions.used_from_sealed", Told("personal_data")),
    ("identity.signing_keys.sealed", Platform("the platform signs")),
    ("identity.users.display_name", Personal(BEFORE)),
    ("identity.users.email", Personal(BEFORE)),
    ("identity.users.email_mark", Mark),
    ("identity.users.email_sealed", Told("personal_data")),
    ("identity.users.name_sealed", Told("personal_data")),
    ("keys.data_keys.wrapped", Wrapped),
    (
        "keys.external_keys.token",
        Platform("it is needed to have the tenant's key at all"),
    ),
    ("keys.tenant_keys.wrapped", Wrapped),
    ("notify.replies.body_sealed", Told("personal_data")),
    ("notify.replies.fingerprint", Hash),
    ("notify.webhooks.previous_secret", Tenant("credentials")),
    ("notify.webhooks.secret", Tenant("credentials")),
];
