//! What is done once before the platform runs, and may be done again.

use std::io::Read;

use anyhow::Context;
use clock::Clock;
use crypto::Kek;
use db::{Db, Wake, migrate};
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

/// The platform operator; the password comes on standard input, so that it never stands in a process list.
pub async fn operator(config: &Config, email: &str) -> anyhow::Result<()> {
    let mut password = String::new();
    std::io::stdin()
        .read_to_string(&mut password)
        .context("no password on standard input")?;
    let password = SecretString::from(password.trim_end_matches('\n').to_owned());
    // What is recorded of it is sealed under the keys that the platform will open it with.
    let keyring = keyring(config, &Kek::open(&config.crypto.kek)?)?;
    let db = Db::connect(&config.database, "identity", Clock::system(), Wake::default())?.with_keys(keyring);
    identity::bootstrap_operator(&db, &config.identity, email, &password).await?;
    db.close().await;
    Ok(())
}
