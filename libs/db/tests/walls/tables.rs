//! What the catalogue says of our tables.

use sqlx::{AssertSqlSafe, PgConnection};

/// Roles that serve tenants, each with the schema it writes.
pub const APPS: [&str; 4] = ["identity", "compute", "audit", "notify"];

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Table {
    pub oid: sqlx::postgres::types::Oid,
    /// With its schema.
    pub name: String,
    pub of_tenant: bool,
}

/// Every table of ours.
pub async fn all(sql: &mut PgConnection) -> Vec<Table> {
    sqlx::query_as(
        "select c.oid, n.nspname || '.' || c.relname as name,
                exists (select from pg_attribute a
                        where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as of_tenant
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public')
         order by 2",
    )
    .fetch_all(sql)
    .await
    .unwrap()
}

/// Rows of one column of text.
pub async fn column(sql: &mut PgConnection, query: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
        .fetch_all(sql)
        .await
        .unwrap()
}
