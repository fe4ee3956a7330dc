//! Roles and schema. Run by the owner; the application's roles own nothing and bypass nothing.

use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::{Connect, Result};

/// The login roles, without the prefix `yunshu_`.
pub const ROLES: [&str; 5] = ["identity", "compute", "audit", "notify", "system"];

/// Brings roles and schema up to date, connecting as the owner.
pub async fn run(to: &Connect) -> Result<(), fault::Error> {
    // The owner has no schema of its own; the list of migrations is in `public`.
    let options = to.options("owner")?.options([("search_path", "public")]);
    let mut sql = options.connect().await.map_err(crate::Error::from)?;
    roles(&mut sql, to).await?;
    schema(&mut sql).await
}

/// Makes the login roles that are missing and sets their passwords.
pub async fn roles(sql: &mut PgConnection, to: &Connect) -> Result<(), fault::Error> {
    for role in ROLES {
        let known: bool = sqlx::query_scalar("select exists (select from pg_roles where rolname = 'yunshu_' || $1)")
            .bind(role)
            .fetch_one(&mut *sql)
            .await
            .map_err(crate::Error::from)?;
        let password = to.password(role)?;
        // Role commands take no parameters; the server itself quotes the values.
        let command: String =
            sqlx::query_scalar("select format('%s role %I with login %s password %L', $1, 'yunshu_' || $2, $3, $4)")
                .bind(if known { "alter" } else { "create" })
                .bind(role)
                // Only a superuser may speak of these attributes again; the owner is none.
                .bind(if known {
                    ""
                } else {
                    "nosuperuser nocreatedb nocreaterole nobypassrls"
                })
                .bind(password.as_ref().map(ExposeSecret::expose_secret))
                .fetch_one(&mut *sql)
                .await
                .map_err(crate::Error::from)?;
        sqlx::query(AssertSqlSafe(command))
            .execute(&mut *sql)
            .await
            .map_err(crate::Error::from)?;
    }
    Ok(())
}

/// Brings the schema up to date.
pub async fn schema(sql: &mut PgConnection) -> Result<(), fault::Error> {
    sqlx::migrate!("../../migrations")
        .run(sql)
        .await
        .map_err(fault::Error::internal)
}

/// Names the schema these migrations make: another set has another name.
pub fn fingerprint() -> String {
    let migrator = sqlx::migrate!("../../migrations");
    let mut mixed = 0xcbf2_9ce4_8422_2325_u64;
    for byte in migrator.iter().flat_map(|migration| migration.checksum.iter().copied()) {
        // FNV-1a: told apart is all they need to be.
        mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{mixed:016x}")
}
