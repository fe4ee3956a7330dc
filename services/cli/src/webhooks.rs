//! Addresses that are told what happens in the tenant.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::args::{Global, List};
use crate::client::Client;
use crate::output::Output;
use crate::resource::{self, Resource, segment};

const WEBHOOKS: Resource = Resource {
    path: "/webhooks",
    columns: &["name", "url", "types", "enabled", "disabled_reason", "id"],
};
const DELIVERIES: &[&str] = &[
    "state",
    "type",
    "attempts",
    "status",
    "error",
    "next_at",
    "created_at",
    "id",
];

#[derive(Subcommand)]
pub enum WebhooksCommand {
    /// All of them
    List(List),
    /// One, by name or id
    Show { name: String },
    /// A new one; its secret is shown this once
    Create(Create),
    /// Sends to it again
    Enable { name: String },
    /// Sends to it no more; what waits is dropped
    Disable { name: String },
    /// Removes one with its deliveries
    Delete { name: String },
    /// A new secret, shown this once; the one before signs too for a day
    Rotate { name: String },
    /// Sends it an event of the type `webhook.test`
    Test { name: String },
    /// What became of its events, newest first; `--filter state=failed` narrows
    Deliveries {
        name: String,
        #[command(flatten)]
        list: List,
    },
    /// Sends one delivery again, by id
    Redeliver { name: String, delivery: String },
}

#[derive(Args)]
pub struct Create {
    name: String,
    /// Where events are posted to, such as `https://hooks.example.com/yunshu`
    url: String,
    /// Only of this type, such as `vm.created` or `vm.*`; may be repeated
    #[arg(long = "type")]
    types: Vec<String>,
}

pub async fn run(global: &Global, command: WebhooksCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        WebhooksCommand::List(list) => resource::list(client, &WEBHOOKS, &list, out).await,
        WebhooksCommand::Show { name } => out.show(&client.get(&WEBHOOKS.one(&name)?, &[]).await?),
        WebhooksCommand::Create(Create { name, url, types }) => {
            let body = json!({"name": name, "url": url, "types": types});
            out.show(&client.post(WEBHOOKS.path, Some(&body)).await?)
        }
        WebhooksCommand::Enable { name } => out.show(&enabled(client, &name, true).await?),
        WebhooksCommand::Disable { name } => out.show(&enabled(client, &name, false).await?),
        WebhooksCommand::Delete { name } => client.delete(&WEBHOOKS.one(&name)?).await.map(drop),
        WebhooksCommand::Rotate { name } => out.show(&act(client, &name, "rotate").await?),
        WebhooksCommand::Test { name } => out.show(&act(client, &name, "test").await?),
        WebhooksCommand::Deliveries { name, list } => {
            let path = format!("{}/deliveries", WEBHOOKS.one(&name)?);
            let items = resource::all(client, &path, &list).await?;
            out.list(&json!({ "items": items }), DELIVERIES)
        }
        WebhooksCommand::Redeliver { name, delivery } => {
            let path = redelivery(&name, &delivery)?;
            out.show(&client.post(&path, Some(&json!({}))).await?)
        }
    }
}

async fn enabled(client: &mut Client, name: &str, enabled: bool) -> Result<Value> {
    client
        .change(&WEBHOOKS.one(name)?, &json!({ "enabled": enabled }))
        .await
}

async fn act(client: &mut Client, name: &str, what: &str) -> Result<Value> {
    client
        .post(&format!("{}:{what}", WEBHOOKS.one(name)?), Some(&json!({})))
        .await
}

fn redelivery(name: &str, delivery: &str) -> Result<String> {
    Ok(format!(
        "{}/deliveries/{}:redeliver",
        WEBHOOKS.one(name)?,
        segment(delivery)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_named_below_its_webhook_and_leads_nowhere_else() {
        assert_eq!(
            redelivery("siem", "0192").unwrap(),
            "/webhooks/siem/deliveries/0192:redeliver"
        );
        assert!(redelivery("siem", "../x").is_err() && redelivery("a/b", "0192").is_err());
    }
}
