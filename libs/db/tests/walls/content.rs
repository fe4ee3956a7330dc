//! What each column holds is said in [`db::contents`], which is held against the catalogue here.

use std::collections::BTreeSet;

use db::contents::{Kind, TABLES, TAGS};
use testkit::Bench;

use crate::tables::column;

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
           and (format_type(a.atttypid, null) ~ '^(bytea|text|character|json|inet|cidr)' or a.attname ~ '_index$') order by 1",
    )
    .await;
    let there: Vec<(&str, &str)> = there.iter().map(|row| row.split_once(' ').unwrap()).collect();
    let tagged: BTreeSet<&str> = TAGS.iter().map(|(name, _)| *name).collect();
    assert_eq!(tagged.len(), TAGS.len(), "a column is tagged once");

    let mut missing = Vec::new();
    for (name, kind) in &there {
        let (table, _) = name.rsplit_once('.').unwrap();
        let words = WORDS.contains(&table) && !kind.starts_with("bytea") && !name.ends_with("_index");
        if !tagged.contains(name) && !words {
            missing.push(format!("{name} ({kind})"));
        }
    }
    assert!(
        missing.is_empty(),
        "say in TAGS of libs/db/src/contents.rs what these hold, or put their table into WORDS:\n{}",
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
        assert!(tag.why() != Some(""), "{name}");
        let bytes = there.contains(&(name, "bytea"));
        assert!(!tag.is_sealed() || bytes, "{name} is {tag:?}, and no bytes");
    }
}

#[tokio::test]
async fn every_table_with_something_secret_or_personal_says_why_how_long_for_whom_and_how_it_goes() {
    let bench = Bench::new().await;
    let mut sql = bench.superuser().await;
    let of_persons = column(
        &mut sql,
        "select n.nspname || '.' || c.relname from pg_attribute a
         join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and a.attname = 'user_id' and not a.attisdropped and n.nspname !~ '^pg_' order by 1",
    )
    .await;
    let answered = TAGS.iter().filter(|(_, tag)| tag.kind() != Kind::Operational);
    let tables = answered.filter_map(|(name, _)| Some(name.rsplit_once('.')?.0));
    let expected: BTreeSet<&str> = tables.chain(of_persons.iter().map(String::as_str)).collect();
    let said: BTreeSet<&str> = TABLES.iter().map(|table| table.name).collect();
    let missing: Vec<_> = expected.difference(&said).collect();
    assert!(
        missing.is_empty(),
        "say in TABLES of libs/db/src/contents.rs: {missing:?}"
    );
    let idle: Vec<_> = said.difference(&expected).collect();
    assert!(
        idle.is_empty() && said.len() == TABLES.len(),
        "nothing to answer for, or twice: {idle:?}"
    );
    for table in TABLES {
        let said = [table.purpose, table.kept, table.seen_by, table.erased];
        assert!(said.iter().all(|text| !text.is_empty()), "{}", table.name);
    }
}
