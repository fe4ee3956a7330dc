//! How long the audit log keeps what its entries tell, and legal holds.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use crate::args::List;
use crate::client::Client;
use crate::output::Output;
use crate::resource::{self, Resource};

const RETENTION: &str = "/audit/retention";

const HOLDS: Resource = Resource {
    path: "/audit/holds",
    columns: &["name", "reason", "created_at", "created_by", "lifted_at", "id"],
};

#[derive(Subcommand)]
pub enum HoldsCommand {
    /// Those that are on and those that were lifted
    List(List),
    /// Sets one: nothing is erased from the log while it is on
    Set {
        /// What it is called
        name: String,
        /// Why it is
        #[arg(long)]
        reason: String,
    },
    /// Lifts one
    Lift { id: String },
}

/// Shows what is decided, or decides.
pub async fn retention(client: &mut Client, days: Option<u32>, out: Output) -> Result<()> {
    match days {
        Some(days) => out.show(&client.replace(RETENTION, &json!({"days": days})).await?),
        None => out.show(&client.get(RETENTION, &[]).await?),
    }
}

pub async fn holds(client: &mut Client, command: &HoldsCommand, out: Output) -> Result<()> {
    match command {
        HoldsCommand::List(list) => resource::list(client, &HOLDS, list, out).await,
        HoldsCommand::Set { name, reason } => {
            let body = json!({"name": name, "reason": reason});
            out.show(&client.post(HOLDS.path, Some(&body)).await?)
        }
        HoldsCommand::Lift { id } => {
            let path = format!("{}:lift", HOLDS.one(id)?);
            out.show(&client.post(&path, None).await?)
        }
    }
}
