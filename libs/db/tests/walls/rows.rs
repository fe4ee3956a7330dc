//! A developer forgets the tenant in a statement, or sets a wrong one: the wall behind it holds, for every tenant table
//! and every role that may touch it.

use ids::TenantId;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::Bench;

use crate::tables::{APPS, Table, all, column};

/// Rows can be made of defaults once nothing but row security judges them.
async fn loosen(sql: &mut PgConnection) {
    let commands = column(
        sql,
        "select format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname)
         from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
         where k.contype in ('f', 'c') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'",
    )
    .await;
    for command in commands {
        run(sql, &command).await.unwrap();
    }
}

async fn run(sql: &mut PgConnection, command: &str) -> Result<u64, sqlx::Error> {
    sqlx::query(AssertSqlSafe(command.to_owned()))
        .execute(sql)
        .await
        .map(|done| done.rows_affected())
}

/// An insert of a row of this tenant, with something in every column that needs it.
async fn insert(sql: &mut PgConnection, table: &Table, tenant: TenantId) -> String {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select a.attname::text, format_type(a.atttypid, null) from pg_attribute a
         where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef
           and a.attidentity = '' order by a.attnum",
    )
    .bind(table.oid)
    .fetch_all(sql)
    .await
    .unwrap();
    let value = |(name, kind): &(String, String)| match (name.as_str(), kind.as_str()) {
        ("tenant_id", _) => format!("'{tenant}'"),
        (_, "uuid") => "gen_random_uuid()".to_owned(),
        (_, "text") => "md5(random()::text)".to_owned(),
        (_, "bytea") => "'\\x00'".to_owned(),
        (_, "text[]") => "'{x}'".to_owned(),
        (_, "cidr[]") => "'{10.0.0.0/8}'".to_owned(),
        (_, "jsonb") => "'{}'".to_owned(),
        (_, "timestamp with time zone") => "now()".to_owned(),
        (_, "smallint" | "integer" | "bigint" | "numeric" | "double precision") => "1".to_owned(),
        (_, "xid8") => "'1'".to_owned(),
        (_, "boolean") => "true".to_owned(),
        (name, kind) => panic!("{}.{name}: no value of type {kind} is known here", table.name),
    };
    let values: Vec<_> = columns.iter().map(value).collect();
    let names: Vec<_> = columns.into_iter().map(|(name, _)| name).collect();
    format!(
        "insert into {} ({}) values ({})",
        table.name,
        names.join(", "),
        values.join(", ")
    )
}

async fn contents(sql: &mut PgConnection, table: &Table) -> Vec<String> {
    column(sql, &format!("select t::text from {} t order by 1", table.name)).await
}

/// Begins as this role with `app.tenant` as given; none leaves it unset.
async fn begin(sql: &mut PgConnection, app_tenant: Option<&str>) {
    run(sql, "begin").await.unwrap();
    if let Some(tenant) = app_tenant {
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant)
            .execute(sql)
            .await
            .unwrap();
    }
}

/// What came of a statement, in a transaction of its own that is then rolled back: rows, or the refusal.
async fn attempt(sql: &mut PgConnection, app_tenant: Option<&str>, command: &str) -> Result<u64, String> {
    begin(sql, app_tenant).await;
    let done = run(sql, command).await;
    run(sql, "rollback").await.unwrap();
    done.map_err(|error| error.to_string())
}

async fn may(sql: &mut PgConnection, table: &Table, what: &str) -> bool {
    sqlx::query_scalar("select has_table_privilege(current_user, $1, $2)")
        .bind(table.oid)
        .bind(what)
        .fetch_one(sql)
        .await
        .unwrap()
}

#[tokio::test]
async fn t03_with_a_wrong_tenant_or_none_nothing_is_seen_or_changed() {
    let bench = Bench::new().await;
    let mut root = bench.superuser().await;
    let tables: Vec<_> = all(&mut root)
        .await
        .into_iter()
        .filter(|table| table.of_tenant)
        .collect();
    let (mine, theirs) = (TenantId::mint(), TenantId::mint());
    loosen(&mut root).await;
    for table in &tables {
        for tenant in [mine, theirs] {
            let insert = insert(&mut root, table, tenant).await;
            run(&mut root, &insert).await.unwrap();
        }
    }
    let mut tried = 0;
    for app in APPS {
        let options = bench.connect().options(app).unwrap();
        let mut sql = PgConnection::connect_with(&options).await.unwrap();
        for table in &tables {
            let before = contents(&mut root, table).await;
            tried += probe(&mut root, &mut sql, table, mine, theirs).await;
            assert_eq!(contents(&mut root, table).await, before, "{app} changed {}", table.name);
        }
    }
    assert!(tried > 200, "only {tried} statements were tried");
}

/// Tries everything the role may do to the table, with every wrong tenant. How many statements that were.
async fn probe(
    root: &mut PgConnection,
    sql: &mut PgConnection,
    table: &Table,
    mine: TenantId,
    theirs: TenantId,
) -> u32 {
    let mut tried = 0;
    let name = &table.name;
    let own = mine.to_string();
    let theirs_insert = insert(root, table, theirs).await;
    for app_tenant in [
        Some(own.as_str()),
        None,
        Some(""),
        Some("garbage"),
        Some("' or true --"),
    ] {
        let expect_nothing = |what: &str, got: Result<u64, String>| match got {
            Ok(rows) => assert_eq!(rows, 0, "{what} on {name} with app.tenant {app_tenant:?}"),
            // A tenant that is no id at all ends the statement.
            Err(error) => assert!(error.contains("invalid input syntax"), "{what} on {name}: {error}"),
        };
        if may(sql, table, "select").await {
            let seen = attempt(
                sql,
                app_tenant,
                &format!("select 1 from {name} where tenant_id = '{theirs}'"),
            )
            .await;
            expect_nothing("select", seen);
            let all = attempt(sql, app_tenant, &format!("select 1 from {name}")).await;
            if app_tenant == Some(&own) {
                assert_eq!(
                    all,
                    Ok(1),
                    "one's own row in {name} is seen: the probe would notice the other"
                );
            } else {
                expect_nothing("select without a condition", all);
            }
            tried += 2;
        }
        if may(sql, table, "insert").await {
            let refused = attempt(sql, app_tenant, &theirs_insert).await.unwrap_err();
            let why = ["row-level security policy", "invalid input syntax"];
            assert!(
                why.iter().any(|why| refused.contains(why)),
                "insert into {name}: {refused}"
            );
            tried += 1;
        }
        if may(sql, table, "update").await {
            let touch = format!("update {name} set tenant_id = tenant_id where tenant_id = '{theirs}'");
            expect_nothing("update", attempt(sql, app_tenant, &touch).await);
            let give_away = attempt(sql, app_tenant, &format!("update {name} set tenant_id = '{theirs}'")).await;
            match give_away {
                Err(refused) if app_tenant == Some(&own) => {
                    assert!(refused.contains("row-level security policy"), "{name}: {refused}");
                }
                other => expect_nothing("giving a row away", other),
            }
            tried += 2;
        }
        if may(sql, table, "delete").await {
            let delete = format!("delete from {name} where tenant_id = '{theirs}'");
            expect_nothing("delete", attempt(sql, app_tenant, &delete).await);
            tried += 1;
        }
        let refused = attempt(sql, app_tenant, &format!("truncate {name}")).await.unwrap_err();
        assert!(refused.contains("permission denied"), "truncate {name}: {refused}");
        tried += 1;
    }
    tried
}
