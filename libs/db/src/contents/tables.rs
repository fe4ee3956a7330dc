/// Why a table is kept, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// With its schema.
    pub name: &'static str,
    /// What for.
    pub purpose: &'static str,
    /// How long.
    pub kept: &'static str,
    /// Who sees what of it is not secret.
    pub seen_by: &'static str,
    /// How it goes.
    pub erased: &'static str,
}

const fn table(
    name: &'static str,
    purpose: &'static str,
    (kept, seen_by, erased): (&'static str, &'static str, &'static str),
) -> Table {
    Table {
        name,
        purpose,
        kept,
        seen_by,
        erased,
    }
}

const ITS_PERSON: &str = "the person; who manages people";
const NOBODY: &str = "nobody";
const WITH_PERSON: &str = "with its person, or with the tenant";
const WITH_TENANT: &str = "with the tenant";
const BY_AGE: &str = "by age";
const MINUTES: &str = "minutes";
const WHO_ASKED: &str = "whoever made the request";
const OF_LOG: &str = "owners and auditors of the tenant";

/// Each table with something secret or personal, by name.
pub const TABLES: [Table; 43] = [
    table(
        "audit.events",
        "proving who did, tried or read what",
        (
            "what entries tell: as many days as the tenant decided, at least 180; entries themselves for good",
            OF_LOG,
            "a worker erases what entries tell; the tenant's key, when it is destroyed, takes what is sealed; ids stay",
        ),
    ),
    table(
        "audit.holds",
        "keeping what a court may ask for",
        ("for good, as part of the log", OF_LOG, "never"),
    ),
    table(
        "audit.replies",
        "answering a repeated request as the first",
        ("a day", WHO_ASKED, BY_AGE),
    ),
    table(
        "bus.dead_letters",
        "mending what could not be applied",
        (
            "until it is applied or dismissed",
            "operators of the platform, without what audit entries tell",
            "by hand",
        ),
    ),
    table(
        "bus.outbox",
        "telling services and streams what happened",
        (
            "an hour of audit entries, a week of others",
            "readers of the object",
            BY_AGE,
        ),
    ),
    table(
        "bus.parked",
        "telling what waits for its tenant's keys",
        (
            "until the tenant's keys are back, or destroyed",
            NOBODY,
            "once it is applied",
        ),
    ),
    table(
        "compute.consoles",
        "showing what a machine prints",
        ("until the machine goes", "operators of the project", "with its machine"),
    ),
    table(
        "compute.enrolments",
        "letting hosts in",
        ("until it is used or withdrawn", NOBODY, "by hand"),
    ),
    table(
        "compute.replies",
        "answering a repeated request as the first",
        ("a day", WHO_ASKED, BY_AGE),
    ),
    table(
        "identity.account_credentials",
        "letting programs in",
        ("until they are revoked", NOBODY, "with its account"),
    ),
    table(
        "identity.api_keys",
        "letting people's programs in",
        ("until they are revoked", ITS_PERSON, WITH_PERSON),
    ),
    table("identity.ceremonies", "passkeys at the door", (MINUTES, NOBODY, BY_AGE)),
    table(
        "identity.challenges",
        "the second half of a sign-in",
        (MINUTES, NOBODY, BY_AGE),
    ),
    table(
        "identity.device_grants",
        "signing in on another device",
        (MINUTES, "the person who decides", BY_AGE),
    ),
    table(
        "identity.email_changes",
        "changing an address, and taking it back",
        ("until it can no longer be taken back", ITS_PERSON, WITH_PERSON),
    ),
    table(
        "identity.errands",
        "mail and messages on their way",
        ("until they are sent", NOBODY, "when they are sent, or given up"),
    ),
    table(
        "identity.external_identities",
        "signing in at a provider",
        ("until it is unlinked", ITS_PERSON, WITH_PERSON),
    ),
    table(
        "identity.external_sign_ins",
        "signing in at a provider",
        (MINUTES, NOBODY, BY_AGE),
    ),
    table(
        "identity.factors",
        "a second factor",
        ("until it is removed", "the person, without the secret", WITH_PERSON),
    ),
    table(
        "identity.group_members",
        "rights by groups",
        ("until they leave the group", "readers of people", WITH_PERSON),
    ),
    table(
        "identity.guesses",
        "slowing down whoever guesses",
        ("until it is whole again, a day at most", NOBODY, BY_AGE),
    ),
    table(
        "identity.identity_providers",
        "signing in at a provider",
        ("until it is removed", NOBODY, WITH_TENANT),
    ),
    table(
        "identity.invitations",
        "letting people in",
        (
            "a month after it ended",
            "who manages people",
            "by age, or with its person",
        ),
    ),
    table(
        "identity.known_addresses",
        "telling a strange place from a known one",
        (
            "90 days after it was last seen",
            ITS_PERSON,
            "by age, or with its person",
        ),
    ),
    table(
        "identity.lookup_keys",
        "finding people whose addresses are sealed",
        ("for good: every mark hangs on it", NOBODY, "never"),
    ),
    table(
        "identity.oauth_assertions",
        "using an assertion once",
        ("until it expires", NOBODY, BY_AGE),
    ),
    table(
        "identity.oauth_clients",
        "letting applications in",
        ("until they are removed", NOBODY, WITH_TENANT),
    ),
    table(
        "identity.oauth_codes",
        "signing in to applications",
        ("a minute", NOBODY, BY_AGE),
    ),
    table(
        "identity.password_history",
        "not choosing a former password",
        ("as many as the tenant's policy counts", NOBODY, WITH_PERSON),
    ),
    table(
        "identity.passwords",
        "signing in",
        ("until it is changed", NOBODY, WITH_PERSON),
    ),
    table(
        "identity.recovery_codes",
        "signing in without the factor",
        ("until it is used", NOBODY, WITH_PERSON),
    ),
    table(
        "identity.replies",
        "answering a repeated request as the first",
        ("a day", WHO_ASKED, BY_AGE),
    ),
    table("identity.resets", "choosing a new password", (MINUTES, NOBODY, BY_AGE)),
    table(
        "identity.role_bindings",
        "rights",
        ("until they are taken", "readers of roles", WITH_PERSON),
    ),
    table(
        "identity.sent_codes",
        "codes by mail and message",
        (MINUTES, NOBODY, BY_AGE),
    ),
    table(
        "identity.sessions",
        "being signed in",
        ("until it ends", ITS_PERSON, "by age, or with its person"),
    ),
    table(
        "identity.signing_keys",
        "signing tokens",
        ("until the last token expires", NOBODY, BY_AGE),
    ),
    table(
        "identity.users",
        "who somebody is",
        ("as long as they belong to the tenant", "readers of people", WITH_PERSON),
    ),
    table(
        "keys.data_keys",
        "sealing",
        (
            "for good: they open what they sealed",
            NOBODY,
            "unreadable with the tenant's key",
        ),
    ),
    table(
        "keys.external_keys",
        "asking the tenant's own keeper for its key",
        (
            "until the tenant takes its key back, or ends",
            "owners and those who keep its keys, without the token",
            WITH_TENANT,
        ),
    ),
    table(
        "keys.tenant_keys",
        "sealing",
        ("until the tenant ends", NOBODY, "destroyed with the tenant"),
    ),
    table(
        "notify.replies",
        "answering a repeated request as the first",
        ("a day", WHO_ASKED, BY_AGE),
    ),
    table(
        "notify.webhooks",
        "signing what is sent",
        ("until it is removed", NOBODY, WITH_TENANT),
    ),
];

/// What is known of a table.
pub fn table_of(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}
