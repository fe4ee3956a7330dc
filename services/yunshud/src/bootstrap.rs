//! What is done once before the platform runs, and may be done again.

use std::io::Read;

use anyhow::Context;
use clock::Clock;
use crypto::Kek;
use db::{Db, Wake, migrate};
use ids::TenantId;
use secrecy::SecretString;

use crate::config::Config;
use crate::platform::keyring;

/// Roles and schema, as the owner.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    migrate::run(&config.database)
        .await
        // Whoever migrates is an operator: they get the private part too.
        .map_err(|error| anyhow::anyhow!("{error:?}"))
        .context("database roles and schema, as yunshu_owner")?;
    tracing::info!("database is up to date");
    Ok(())
}

/// Another token for the key that a tenant keeps itself; it comes on standard input too.
pub async fn key_token(config: &Config, tenant: TenantId) -> anyhow::Result<()> {
    let token = secret("token")?;
    let keyring = keyring(config, &Kek::open(&config.crypto.kek)?)?;
    let db = Db::connect(&config.database, "identity", Clock::system(), Wake::default())?.with_keys(keyring);
    let done = identity::renew_key_token(&db, tenant, &token).await;
    db.close().await;
    Ok(done?)
}

fn secret(what: &str) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .with_context(|| format!("no {what} on standard input"))?;
    Ok(SecretString::from(text.trim_end_matches('\n').to_owned()))
}

/// The platform operator; the password comes on standard input, so that it never stands in a process list.
pub async fn operator(config: &Config, email: &str) -> anyhow::Result<()> {
    let password = secret("password")?;
    // What is recorded of it is sealed under the keys that the platform will open it with.
    let keyring = keyring(config, &Kek::open(&config.crypto.kek)?)?;
    let db = Db::connect(&config.database, "identity", Clock::system(), Wake::default())?.with_keys(keyring);
    identity::bootstrap_operator(&db, &config.identity, email, &password).await?;
    db.close().await;
    Ok(())
}
