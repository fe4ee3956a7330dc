//! Lists every table, view, function, policy, index, key and grant, and fails on any hole. What is allowed to differ is
//! named here with its reason; a name that no longer exists fails too.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use testkit::Bench;

use crate::tables::{APPS, all, column};

const SCHEMAS: [&str; 6] = ["audit", "bus", "compute", "identity", "keys", "notify"];

/// Tables that belong to no tenant.
const PLATFORM: [(&str, &str); 17] = [
    ("audit.log_keys", "the platform signs for every tenant"),
    ("audit.register_leaves", "says of no leaf whose it is"),
    ("audit.witnesses", "witnesses cosign for every tenant"),
    ("bus.cursors", "how far each consumer has read"),
    ("bus.inbox", "what each consumer has done"),
    ("compute.enrolments", "permissions to enrol a host"),
    ("compute.flavors", "the catalogue all tenants order from"),
    ("compute.hosts", "the platform's machines"),
    ("compute.images", "the catalogue all tenants order from"),
    ("compute.leases", "work that one process does at a time"),
    ("compute.pools", "the platform's machines"),
    ("identity.ceremonies", "at the door nobody is known"),
    (
        "identity.device_grants",
        "until somebody decides, nobody knows whose it is",
    ),
    ("identity.errands", "what is asked for may concern nobody"),
    ("identity.guesses", "most guesses name nobody"),
    ("identity.lookup_keys", "people are found before their tenant is known"),
    ("identity.signing_keys", "the platform signs"),
];

/// Indexes of tenant tables that do not begin with the tenant.
const INDEXES: [(&str, &str); 40] = [
    ("bus.dead_letters_asked", "a consumer looks across tenants"),
    ("bus.dead_letters_by_id", "operators look across tenants"),
    ("bus.outbox_entries", "housekeeping looks across tenants"),
    ("bus.outbox_order", "the feed is read across tenants, in commit order"),
    ("bus.parked_tenants", "a consumer looks across tenants"),
    ("compute.allocations_host", "a host knows no tenants"),
    ("compute.tombstones_by_id", "a host knows no tenants"),
    ("compute.vms_by_id", "a host knows no tenants"),
    ("compute.vms_due", "reconcilers look across tenants"),
    ("compute.vms_leaving", "reconcilers look across tenants"),
    ("compute.vms_on_host", "a host knows no tenants"),
    ("compute.vms_waiting", "reconcilers look across tenants"),
    (
        "identity.account_credentials_by_account",
        "a machine names its account before its tenant is known",
    ),
    (
        "identity.account_sessions_by_expiry",
        "housekeeping looks across tenants",
    ),
    ("identity.account_sessions_by_id", "the gateway asks by session alone"),
    ("identity.api_keys_by_id", "the gateway asks by key alone"),
    ("identity.challenges_by_expiry", "housekeeping looks across tenants"),
    ("identity.email_changes_by_age", "housekeeping looks across tenants"),
    (
        "identity.email_changes_by_token",
        "whoever comes with a token is nobody yet",
    ),
    (
        "identity.email_changes_by_undo",
        "whoever comes with a token is nobody yet",
    ),
    (
        "identity.external_sign_ins_by_expiry",
        "housekeeping looks across tenants",
    ),
    (
        "identity.factors_by_passkey",
        "a device names person and key before their tenant is known",
    ),
    ("identity.invitations_by_expiry", "housekeeping looks across tenants"),
    ("identity.invitations_by_token", "whoever accepts shows the token alone"),
    ("identity.known_addresses_by_use", "housekeeping looks across tenants"),
    (
        "identity.oauth_assertions_by_expiry",
        "housekeeping looks across tenants",
    ),
    (
        "identity.oauth_clients_by_id",
        "a client names itself before its tenant is known",
    ),
    ("identity.oauth_codes_by_expiry", "housekeeping looks across tenants"),
    ("identity.oauth_codes_by_hash", "a client brings the code alone"),
    (
        "identity.operator_access_by_id",
        "the gateway asks by access alone, and operators look across tenants",
    ),
    ("identity.resets_by_expiry", "housekeeping looks across tenants"),
    ("identity.resets_by_token", "whoever comes with a token is nobody yet"),
    ("identity.sent_codes_by_expiry", "housekeeping looks across tenants"),
    ("identity.sessions_by_expiry", "housekeeping looks across tenants"),
    ("identity.sessions_by_id", "the gateway asks by session alone"),
    ("identity.tenants_name", "people sign in with the tenant's name"),
    ("identity.users_by_email", "people sign in before their tenant is known"),
    ("keys.tenant_keys_by_provider", "keys are wrapped anew across tenants"),
    ("notify.deliveries_by_age", "housekeeping looks across tenants"),
    ("notify.webhooks_due", "senders look across tenants"),
];

/// The one index among them that is unique, and so could tell of others' rows.
const UNIQUE_ACROSS_TENANTS: [&str; 1] = ["identity.tenants_name"];

/// What one service reads in another's schema, to find its way.
const READ_ACROSS: [(&str, &str); 8] = [
    ("bus.cursors", "notify"),
    ("bus.dead_letters", "notify"),
    ("bus.outbox", "notify"),
    ("identity.projects", "audit compute notify"),
    ("identity.tenants", "audit compute notify"),
    ("keys.data_keys", "audit compute identity notify"),
    ("keys.external_keys", "audit compute identity notify"),
    ("keys.tenant_keys", "audit compute identity notify"),
];

/// What one service changes outside its own schema.
const WRITTEN_ACROSS: [(&str, &str); 2] = [("bus.dead_letters", "notify"), ("keys.external_keys", "identity")];

/// What everybody makes as the first to need it. Only one service may change what it says.
const MADE_BY_ALL: [(&str, &str); 2] = [("keys.data_keys", "identity"), ("keys.tenant_keys", "identity")];

/// Name, permissive or not, command, roles, `using` and `with check`.
type Policy = (String, bool, String, String, Option<String>, Option<String>);

fn names(list: &[(&str, &str)]) -> BTreeSet<String> {
    list.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[tokio::test]
async fn t03_every_table_is_a_tenants_or_named_as_the_platforms() {
    let bench = Bench::new().await;
    let mut sql = bench.superuser().await;
    let schemas = column(
        &mut sql,
        "select nspname::text from pg_namespace
         where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') order by 1",
    )
    .await;
    assert_eq!(
        schemas, SCHEMAS,
        "a new schema is a new wall: add it here and look at what is in it"
    );
    let tables = all(&mut sql).await;
    let without: BTreeSet<_> = tables
        .iter()
        .filter(|table| !table.of_tenant)
        .map(|table| table.name.clone())
        .collect();
    assert_eq!(without, names(&PLATFORM), "tables without tenant_id");
}

#[tokio::test]
async fn t03_row_security_stands_on_every_tenant_table() {
    let bench = Bench::new().await;
    let mut sql = bench.superuser().await;
    let tenant =
        "(tenant_id = (( SELECT NULLIF(current_setting('app.tenant'::text, true), ''::text) AS \"nullif\"))::uuid)";
    let mut holes = Vec::new();
    for table in all(&mut sql).await.iter().filter(|table| table.of_tenant) {
        let (on, forced): (bool, bool) =
            sqlx::query_as("select relrowsecurity, relforcerowsecurity from pg_class where oid = $1")
                .bind(table.oid)
                .fetch_one(&mut sql)
                .await
                .unwrap();
        let policies: Vec<Policy> = sqlx::query_as(
            "select polname::text, polpermissive, polcmd::text,
                    (select coalesce(string_agg(rolname, ' '), 'public') from pg_roles where oid = any(polroles)),
                    pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
             from pg_policy where polrelid = $1 order by 1",
        )
        .bind(table.oid)
        .fetch_all(&mut sql)
        .await
        .unwrap();
        let policy = |name: &str, roles: &str, rule: &str| {
            let rule = Some(rule.to_owned());
            (
                name.to_owned(),
                true,
                "*".to_owned(),
                roles.to_owned(),
                rule.clone(),
                rule,
            )
        };
        let expected = [
            policy("system", "yunshu_system", "true"),
            policy("tenant", "public", tenant),
        ];
        if !on || !forced || policies != expected {
            holes.push(format!("{}: enabled {on}, forced {forced}, {policies:#?}", table.name));
        }
    }
    assert!(holes.is_empty(), "{}", holes.join("\n"));
}

#[tokio::test]
async fn t03_every_key_and_index_begins_with_the_tenant() {
    let bench = Bench::new().await;
    let mut sql = bench.superuser().await;
    let tenants: BTreeSet<_> = all(&mut sql)
        .await
        .into_iter()
        .filter(|table| table.of_tenant)
        .collect_names();
    let listed: Vec<(String, String, bool, bool)> = sqlx::query_as(
        "select n.nspname || '.' || c.relname, n.nspname || '.' || i.relname, x.indisunique,
                coalesce((select a.attname = 'tenant_id' from pg_attribute a
                          where a.attrelid = c.oid and a.attnum = x.indkey[0]), false)
         from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
         join pg_namespace n on n.oid = c.relnamespace",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    let astray: Vec<_> = listed
        .into_iter()
        .filter(|(table, _, _, first)| tenants.contains(table) && !first)
        .collect();
    let found: BTreeSet<_> = astray.iter().map(|(_, index, _, _)| index.clone()).collect();
    assert_eq!(found, names(&INDEXES), "indexes that do not begin with tenant_id");
    let unique: Vec<_> = astray.iter().filter(|row| row.2).map(|row| row.1.as_str()).collect();
    assert_eq!(
        unique, UNIQUE_ACROSS_TENANTS,
        "t05: a unique index across tenants tells of others' rows"
    );

    let references: Vec<(String, String, bool)> = sqlx::query_as(
        "select k.conname::text, n.nspname || '.' || c.relname,
                coalesce((select a.attname = 'tenant_id' from pg_attribute a
                          where a.attrelid = k.conrelid and a.attnum = k.conkey[1]), false)
                and coalesce((select a.attname = 'tenant_id' from pg_attribute a
                          where a.attrelid = k.confrelid and a.attnum = k.confkey[1]), false)
         from pg_constraint k join pg_class c on c.oid = k.confrelid join pg_namespace n on n.oid = c.relnamespace
         where k.contype = 'f'",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    let loose: Vec<_> = references
        .iter()
        .filter(|(_, to, whole)| tenants.contains(to) && !whole)
        .collect();
    assert!(
        loose.is_empty(),
        "foreign keys to tenants' rows that do not carry the tenant: {loose:?}"
    );
}

trait Names {
    fn collect_names(self) -> BTreeSet<String>;
}

impl<I: Iterator<Item = crate::tables::Table>> Names for I {
    fn collect_names(self) -> BTreeSet<String> {
        self.map(|table| table.name).collect()
    }
}

/// What must not be there at all, each with the query that finds it.
const NOTHING: [(&str, &str); 9] = [
    (
        "a view or foreign table, which sees past row security",
        "select c.relkind::text || ' ' || c.oid::regclass::text from pg_class c
         where c.relnamespace in (select oid from ours) and c.relkind not in ('r', 'i', 'S', 't')",
    ),
    (
        "a function, which may run as its owner",
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.oid in (select oid from ours) or p.prosecdef and n.nspname !~ '^pg_'",
    ),
    (
        "a trigger or rule, which runs unseen",
        "select t.tgname::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where c.relnamespace in (select oid from ours) and not t.tgisinternal
         union all
         select r.rulename::text from pg_rewrite r join pg_class c on c.oid = r.ev_class
         where c.relnamespace in (select oid from ours) and c.relkind = 'r'",
    ),
    (
        "a role that can do more than serve",
        "select rolname::text from logins where rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication",
    ),
    (
        "a role that is a member of another",
        "select m.rolname || ' in ' || r.rolname from pg_auth_members x join logins m on m.oid = x.member
         join pg_roles r on r.oid = x.roleid",
    ),
    (
        "a role that owns something, and so passes row security",
        "select r.rolname || ' owns ' || o.what from (
             select relowner as owner, relname::text as what from pg_class
             union all select nspowner, nspname from pg_namespace
             union all select proowner, proname from pg_proc
             union all select typowner, typname from pg_type
             union all select datdba, datname from pg_database where datname = current_database()
         ) o join logins r on r.oid = o.owner",
    ),
    (
        "a role that may make something, and so would own it",
        "select r.rolname || ' in ' || n.nspname from logins r cross join pg_namespace n
         where n.nspname !~ '^pg_(temp|toast_temp)' and has_schema_privilege(r.oid, n.oid, 'create')
         union all
         select rolname || ' in the database' from logins where has_database_privilege(oid, current_database(), 'create')",
    ),
    (
        "a right that knows no row security",
        "select r.rolname || ' on ' || c.oid::regclass from logins r cross join pg_class c
         where c.relnamespace in (select oid from ours) and c.relkind in ('r', 'p')
           and has_table_privilege(r.oid, c.oid, 'truncate, trigger, references')",
    ),
    (
        "a right of everybody",
        "select a.privilege_type || ' on ' || c.oid::regclass from pg_class c, aclexplode(c.relacl) a
         where a.grantee = 0 and c.relnamespace in (select oid from ours)
         union all select 'by default' from pg_default_acl",
    ),
];

async fn holes(sql: &mut PgConnection) -> Vec<String> {
    let mut found = Vec::new();
    for (what, query) in NOTHING {
        let with = "with ours as (
                select oid from pg_namespace where nspname in ('audit', 'bus', 'compute', 'identity', 'keys', 'notify')
            ), logins as (
                select * from pg_roles where rolname in
                    ('yunshu_identity', 'yunshu_compute', 'yunshu_audit', 'yunshu_notify', 'yunshu_system')
            )";
        let rows = column(sql, &format!("{with} {query}")).await;
        found.extend(rows.into_iter().map(|row| format!("{what}: {row}")));
    }
    found
}

#[tokio::test]
async fn t03_nothing_sees_past_row_security() {
    let bench = Bench::new().await;
    let mut sql = bench.superuser().await;
    assert_eq!(holes(&mut sql).await, [""; 0]);
    // The proof that each query would find what it looks for. Roles belong to the server, not to this database, so
    // their own two kinds are left out.
    let made = [
        "create view identity.leak as select * from identity.projects",
        "create materialized view identity.old as select * from identity.projects",
        "create function public.peek() returns bigint language sql security definer as 'select 1::bigint'",
        "create function identity.act() returns trigger language plpgsql as 'begin return new; end'",
        "create trigger unseen before insert on identity.projects for each row execute function identity.act()",
        "create rule quiet as on delete to identity.projects do also nothing",
        "alter table compute.pools owner to yunshu_compute",
        "grant create on schema notify to yunshu_notify",
        "grant truncate on identity.projects to yunshu_identity",
        "grant select on identity.users to public",
    ];
    let mut known = 0;
    for command in made {
        sqlx::raw_sql(sqlx::AssertSqlSafe(command.to_owned()))
            .execute(&mut sql)
            .await
            .unwrap();
        let found = holes(&mut sql).await.len();
        assert!(found > known, "nobody noticed: {command}");
        known = found;
    }
}

#[tokio::test]
async fn every_table_is_written_by_one_service_and_read_by_few() {
    let bench = Bench::new().await;
    let mut sql = bench.superuser().await;
    let mut read_across = Vec::new();
    for table in all(&mut sql).await {
        let (schema, _) = table.name.split_once('.').unwrap();
        let may = async |sql: &mut PgConnection, app: &str, what: &str| -> bool {
            sqlx::query_scalar("select has_table_privilege('yunshu_' || $1, $2, $3) or has_any_column_privilege('yunshu_' || $1, $2, $3)")
                .bind(app)
                .bind(table.oid)
                .bind(what)
                .fetch_one(sql)
                .await
                .unwrap()
        };
        let mut readers = Vec::new();
        for app in APPS {
            let writes = may(&mut sql, app, "insert, update").await
                || sqlx::query_scalar("select has_table_privilege('yunshu_' || $1, $2, 'delete')")
                    .bind(app)
                    .bind(table.oid)
                    .fetch_one(&mut sql)
                    .await
                    .unwrap();
            // Everybody appends to the outbox; nobody changes what is in it.
            let appends = table.name == "bus.outbox" && !may(&mut sql, app, "update").await;
            let changes = async |sql: &mut PgConnection| -> bool {
                sqlx::query_scalar(
                    "select has_any_column_privilege('yunshu_' || $1, $2, 'update') and exists (
                         select from pg_attribute a where a.attrelid = $2 and a.attname in ('wrapped', 'provider')
                         and has_column_privilege('yunshu_' || $1, $2, a.attnum, 'update'))",
                )
                .bind(app)
                .bind(table.oid)
                .fetch_one(sql)
                .await
                .unwrap()
            };
            let made = MADE_BY_ALL.iter().find(|(name, _)| *name == table.name);
            let appends =
                appends || made.is_some_and(|(_, owner)| *owner == app) || made.is_some() && !changes(&mut sql).await;
            let named = WRITTEN_ACROSS.contains(&(table.name.as_str(), app));
            assert!(
                !writes || app == schema || appends || named,
                "{app} writes {}",
                table.name
            );
            if app != schema && may(&mut sql, app, "select").await {
                readers.push(app);
            }
        }
        readers.sort_unstable();
        if !readers.is_empty() {
            read_across.push((table.name, readers.join(" ")));
        }
    }
    let expected: Vec<_> = READ_ACROSS
        .iter()
        .map(|(table, apps)| ((*table).to_owned(), (*apps).to_owned()))
        .collect();
    assert_eq!(read_across, expected, "what services read in others' schemas");
}
