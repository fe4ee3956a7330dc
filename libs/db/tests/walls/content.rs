//! What each column holds, as far as somebody might have to answer for it: what is sealed and under which key, what is
//! personal and lies open, what is a hash. A column of bytes has to be in the list; one of text has to be as well, unless its
//! table is one whose texts are words of the trade.

use std::collections::BTreeSet;

use testkit::Bench;

use crate::tables::column;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// Sealed by data keys of these purposes, under the tenant's key.
    Tenant(&'static str),
    /// Sealed by the platform's key: it belongs to no tenant.
    Platform(&'static str),
    /// A key, wrapped by another.
    Wrapped,
    /// Tells nothing but that it is the same.
    Hash,
    /// Of a person, and in the clear, because.
    Personal(&'static str),
    /// In the clear, and nobody's secret.
    Plain(&'static str),
}

use Tag::{Hash, Personal, Plain, Platform, Tenant, Wrapped};

const SIGN_IN: &str = "people are looked up by it before their tenant is known";
const SHOWN: &str = "its person and those who look after them see it; removed with its person";
const REPEAT: &str = "the answer to a repeated request, for a day";

const TAGS: [(&str, Tag); 71] = [
    ("audit.checkpoints.root", Hash),
    ("audit.events.changes", Tenant("audit")),
    ("audit.events.commitment", Hash),
    ("audit.events.ip", Personal("the log is searched by it")),
    ("audit.holds.reason", Plain("a hold is given for others to read why")),
    ("audit.replies.body", Personal(REPEAT)),
    ("audit.replies.fingerprint", Hash),
    ("audit.tiles.hashes", Hash),
    (
        "bus.dead_letters.data",
        Personal("what could not be applied, until it is; of audit entries, sealed"),
    ),
    (
        "bus.outbox.data",
        Personal("objects as their readers see them, for a week; of audit entries, sealed"),
    ),
    (
        "bus.parked.data",
        Personal("what waits for its tenant's keys; of audit entries, sealed"),
    ),
    ("compute.consoles.content", Tenant("console")),
    ("compute.enrolments.token_sha256", Hash),
    ("compute.replies.body", Personal(REPEAT)),
    ("compute.replies.fingerprint", Hash),
    ("identity.account_credentials.secret_hash", Hash),
    ("identity.api_keys.secret_hash", Hash),
    ("identity.api_keys.used_from", Personal(SHOWN)),
    ("identity.ceremonies.sealed", Platform("at the door nobody is known")),
    ("identity.ceremonies.token_hash", Hash),
    (
        "identity.challenges.network",
        Personal("compared in the second half of a sign-in, for minutes"),
    ),
    ("identity.challenges.secret_hash", Hash),
    (
        "identity.device_grants.address",
        Personal("shown to whoever decides, for minutes"),
    ),
    (
        "identity.device_grants.agent",
        Personal("shown to whoever decides, for minutes"),
    ),
    ("identity.device_grants.code_hash", Hash),
    ("identity.device_grants.device_hash", Hash),
    ("identity.device_grants.user_hash", Hash),
    ("identity.email_changes.new_email", Personal(SIGN_IN)),
    ("identity.email_changes.old_email", Personal(SIGN_IN)),
    ("identity.email_changes.token_hash", Hash),
    ("identity.email_changes.undo_hash", Hash),
    (
        "identity.errands.sealed",
        Platform("what is asked for may concern nobody"),
    ),
    ("identity.external_identities.subject", Personal(SIGN_IN)),
    ("identity.external_sign_ins.secret_hash", Hash),
    (
        "identity.factors.credential_id",
        Plain("devices tell it to whoever asks"),
    ),
    ("identity.factors.name", Personal(SHOWN)),
    (
        "identity.factors.sealed",
        Tenant("credentials, and personal_data for telephone numbers"),
    ),
    ("identity.guesses.key", Hash),
    ("identity.identity_providers.sealed", Tenant("credentials")),
    ("identity.invitations.email", Personal(SIGN_IN)),
    ("identity.invitations.token_sha256", Hash),
    ("identity.known_addresses.address", Personal(SHOWN)),
    ("identity.oauth_assertions.jti_hash", Hash),
    ("identity.oauth_clients.secret_hash", Hash),
    ("identity.oauth_codes.hash", Hash),
    ("identity.password_history.hash", Hash),
    ("identity.passwords.hash", Hash),
    ("identity.recovery_codes.hash", Hash),
    ("identity.replies.body", Personal(REPEAT)),
    ("identity.replies.fingerprint", Hash),
    ("identity.resets.token_hash", Hash),
    ("identity.sent_codes.hash", Hash),
    ("identity.sent_codes.key", Tenant("credentials")),
    ("identity.sessions.address", Personal(SHOWN)),
    ("identity.sessions.agent", Personal(SHOWN)),
    ("identity.sessions.family_key", Tenant("credentials")),
    ("identity.sessions.previous_hash", Hash),
    ("identity.sessions.rotated_from", Personal(SHOWN)),
    ("identity.sessions.token_hash", Hash),
    ("identity.sessions.used_from", Personal(SHOWN)),
    ("identity.signing_keys.sealed", Platform("the platform signs")),
    ("identity.users.display_name", Personal(SHOWN)),
    ("identity.users.email", Personal(SIGN_IN)),
    ("identity.users.name_key", Personal(SHOWN)),
    ("keys.data_keys.wrapped", Wrapped),
    (
        "keys.external_keys.token",
        Platform("it is needed to have the tenant's key at all"),
    ),
    ("keys.tenant_keys.wrapped", Wrapped),
    ("notify.replies.body", Personal(REPEAT)),
    ("notify.replies.fingerprint", Hash),
    ("notify.webhooks.previous_secret", Tenant("credentials")),
    ("notify.webhooks.secret", Tenant("credentials")),
];

/// Tables whose other texts are names, kinds and settings: nobody's secret, and of no person.
const WORDS: [&str; 50] = [
    "audit.checkpoints",
    "audit.cosignatures",
    "audit.events",
    "audit.holds",
    "audit.log_keys",
    "audit.replies",
    "audit.witnesses",
    "bus.cursors",
    "bus.dead_letters",
    "bus.inbox",
    "bus.outbox",
    "bus.parked",
    "compute.consoles",
    "compute.enrolments",
    "compute.flavors",
    "compute.hosts",
    "compute.images",
    "compute.leases",
    "compute.operations",
    "compute.placements",
    "compute.pools",
    "compute.replies",
    "compute.vms",
    "identity.account_credentials",
    "identity.account_sessions",
    "identity.api_keys",
    "identity.device_grants",
    "identity.factors",
    "identity.groups",
    "identity.identity_provider_groups",
    "identity.identity_providers",
    "identity.invitations",
    "identity.oauth_clients",
    "identity.oauth_codes",
    "identity.operator_access",
    "identity.policies",
    "identity.projects",
    "identity.replies",
    "identity.role_bindings",
    "identity.roles",
    "identity.sent_codes",
    "identity.service_accounts",
    "identity.sessions",
    "identity.signing_keys",
    "identity.tenants",
    "keys.external_keys",
    "keys.tenant_keys",
    "notify.deliveries",
    "notify.replies",
    "notify.webhooks",
];

#[tokio::test]
async fn every_column_that_may_hold_content_says_what_it_holds() {
    let bench = Bench::new().await;
    let mut sql = bench.superuser().await;
    let there = column(
        &mut sql,
        "select n.nspname || '.' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, null)
         from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
           and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
           and format_type(a.atttypid, null) ~ '^(bytea|text|character|json|inet|cidr)' order by 1",
    )
    .await;
    let there: Vec<(&str, &str)> = there.iter().map(|row| row.split_once(' ').unwrap()).collect();
    let tagged: BTreeSet<&str> = TAGS.iter().map(|(name, _)| *name).collect();
    assert_eq!(tagged.len(), TAGS.len(), "a column is tagged once");

    let mut missing = Vec::new();
    for (name, kind) in &there {
        let (table, _) = name.rsplit_once('.').unwrap();
        if !tagged.contains(name) && (kind.starts_with("bytea") || !WORDS.contains(&table)) {
            missing.push(format!("{name} ({kind})"));
        }
    }
    assert!(
        missing.is_empty(),
        "say in TAGS of libs/db/tests/walls/content.rs what these hold, or put their table into WORDS:\n{}",
        missing.join("\n")
    );
    let names: BTreeSet<&str> = there.iter().map(|(name, _)| *name).collect();
    let gone: Vec<_> = tagged.difference(&names).collect();
    assert!(gone.is_empty(), "tagged and not there: {gone:?}");
    let tables: BTreeSet<&str> = names.iter().filter_map(|name| Some(name.rsplit_once('.')?.0)).collect();
    let gone: Vec<_> = WORDS.iter().filter(|table| !tables.contains(*table)).collect();
    assert!(gone.is_empty(), "without a text, or not there: {gone:?}");
    // What is sealed or wrapped is bytes: a text would be the plain one.
    for (name, tag) in TAGS {
        let sealed = matches!(tag, Tenant(_) | Platform(_) | Wrapped);
        if let Tenant(why) | Platform(why) | Personal(why) | Plain(why) = tag {
            assert!(!why.is_empty(), "{name}");
        }
        let bytes = there.contains(&(name, "bytea"));
        assert!(!sealed || bytes, "{name} is {tag:?}, and no bytes");
    }
}
