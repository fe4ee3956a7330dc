//! Platform operators in a tenant's content: what the tenant decides, and what operators ask.

pub mod tenant_keys;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::args::{Global, List};
use crate::client::Client;
use crate::letters::{self, DeadLettersCommand};
use crate::output::Output;
use crate::resource::{self, Resource};

const OURS: Resource = Resource {
    path: "/operator-access",
    columns: &[
        "state", "kind", "role", "reason", "minutes", "ends_at", "operator", "id",
    ],
};
const ALL: Resource = Resource {
    path: "/system/operator-access",
    columns: &[
        "state",
        "kind",
        "role",
        "reason",
        "tenant_id",
        "ends_at",
        "operator",
        "id",
    ],
};
const EMERGENCIES: Resource = Resource {
    path: "/system/break-glass",
    columns: ALL.columns,
};

#[derive(Subcommand)]
pub enum OperatorAccessCommand {
    /// What operators have asked of your tenant
    List(List),
    /// One, by id
    Show { id: String },
    /// Lets the operator in, for as long as they asked
    Approve { id: String },
    /// Does not let the operator in
    Refuse { id: String },
    /// Shuts the operator out
    End { id: String },
}

/// For the platform's operators
#[derive(Subcommand)]
pub enum SystemCommand {
    /// Access to tenants' content
    #[command(subcommand)]
    OperatorAccess(TenantAccessCommand),
    /// Access in an emergency
    #[command(subcommand)]
    BreakGlass(BreakGlassCommand),
    /// What wraps tenants' keys, and how far a change of it has come
    Keys,
    /// Events that could not be applied
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
}

#[derive(Subcommand)]
pub enum TenantAccessCommand {
    /// What operators have asked of tenants
    List(List),
    /// Asks a tenant to be let in
    Request(Request),
    /// Gives your own back
    End { id: String },
}

#[derive(Subcommand)]
pub enum BreakGlassCommand {
    /// Asks for an hour without the tenant's consent
    Open {
        #[command(flatten)]
        why: Why,
    },
    /// Confirms another operator's
    Confirm { id: String },
}

#[derive(Args)]
pub struct Request {
    #[command(flatten)]
    why: Why,
    /// For how many minutes from the consent on
    #[arg(long, default_value_t = 60)]
    minutes: u16,
}

#[derive(Args)]
pub struct Why {
    /// The tenant, by id
    tenant: String,
    /// Why; the tenant reads it
    #[arg(long)]
    reason: String,
    /// As what: viewer, auditor or operator
    #[arg(long, default_value = "viewer")]
    role: String,
}

impl Why {
    fn body(&self) -> Value {
        json!({"tenant_id": self.tenant, "reason": self.reason, "role": self.role})
    }
}

impl Request {
    fn body(&self) -> Value {
        let mut body = self.why.body();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("minutes".to_owned(), json!(self.minutes));
        }
        body
    }
}

pub async fn ours(global: &Global, command: OperatorAccessCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        OperatorAccessCommand::List(list) => resource::list(client, &OURS, &list, out).await,
        OperatorAccessCommand::Show { id } => out.show(&client.get(&OURS.one(&id)?, &[]).await?),
        OperatorAccessCommand::Approve { id } => act(client, &OURS, &id, "approve", out).await,
        OperatorAccessCommand::Refuse { id } => act(client, &OURS, &id, "refuse", out).await,
        OperatorAccessCommand::End { id } => act(client, &OURS, &id, "end", out).await,
    }
}

pub async fn system(global: &Global, command: SystemCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        SystemCommand::OperatorAccess(TenantAccessCommand::List(list)) => {
            resource::list(client, &ALL, &list, out).await
        }
        SystemCommand::OperatorAccess(TenantAccessCommand::Request(ask)) => {
            out.show(&client.post(ALL.path, Some(&ask.body())).await?)
        }
        SystemCommand::OperatorAccess(TenantAccessCommand::End { id }) => act(client, &ALL, &id, "end", out).await,
        SystemCommand::BreakGlass(BreakGlassCommand::Open { why }) => {
            out.show(&client.post(EMERGENCIES.path, Some(&why.body())).await?)
        }
        SystemCommand::BreakGlass(BreakGlassCommand::Confirm { id }) => {
            act(client, &EMERGENCIES, &id, "confirm", out).await
        }
        SystemCommand::Keys => tenant_keys::providers(client, out).await,
        SystemCommand::DeadLetters(command) => letters::run(client, command, out).await,
    }
}

async fn act(client: &mut Client, of: &Resource, id: &str, verb: &str, out: Output) -> Result<()> {
    let path = format!("{}:{verb}", of.one(id)?);
    out.show(&client.post(&path, Some(&json!({}))).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_was_typed() {
        let ask = Request {
            why: Why {
                tenant: "t".to_owned(),
                reason: "a broken disk".to_owned(),
                role: "viewer".to_owned(),
            },
            minutes: 15,
        };
        let body = json!({"tenant_id": "t", "reason": "a broken disk", "role": "viewer", "minutes": 15});
        assert_eq!(ask.body(), body);
    }
}
