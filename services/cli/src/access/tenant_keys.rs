//! The keys that a tenant's data hangs on.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use crate::args::Global;
use crate::client::Client;
use crate::output::Output;

#[derive(Subcommand)]
pub enum TenantKeysCommand {
    /// Which keys there are, how old and how much used; no key is shown
    List,
    /// Gives the tenant a new key; everything stays readable
    Rotate,
}

pub async fn run(global: &Global, command: TenantKeysCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        TenantKeysCommand::List => out.show(&client.get("/tenant/keys", &[]).await?),
        TenantKeysCommand::Rotate => out.show(&client.post("/tenant/keys:rotate", Some(&json!({}))).await?),
    }
}

/// For the platform's operators: what wraps tenants' keys.
pub async fn providers(client: &mut Client, out: Output) -> Result<()> {
    out.show(&client.get("/system/keys", &[]).await?)
}
