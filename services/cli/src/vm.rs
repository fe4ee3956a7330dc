//! Virtual machines.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::args::{Global, List};
use crate::client::Client;
use crate::field::text;
use crate::output::Output;
use crate::resource::{self, segment};

const COLUMNS: [&str; 6] = ["name", "status", "flavor", "image", "host_alias", "id"];

#[derive(Subcommand)]
pub enum VmsCommand {
    /// All of the project
    List(List),
    /// One, by name or id
    Show { name: String },
    /// A new one
    Create {
        name: String,
        #[arg(long)]
        flavor: String,
        #[arg(long)]
        image: String,
        /// Wait until it runs
        #[arg(long)]
        wait: bool,
    },
    /// Starts it
    Start { name: String },
    /// Shuts it down
    Stop { name: String },
    /// Restarts it
    Reboot { name: String },
    /// Removes it
    Delete { name: String },
    /// What its serial port printed
    Console {
        name: String,
        #[arg(long, default_value_t = 200)]
        tail: u32,
    },
    /// Why it is where it is
    Placement { name: String },
}

pub async fn run(global: &Global, command: VmsCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    let all = format!("{}/vms", client.in_project()?);
    let one = |name: &str| Ok::<_, anyhow::Error>(format!("{all}/{}", segment(name)?));
    match command {
        VmsCommand::List(list) => {
            let items = resource::all(client, &all, &list).await?;
            out.list(&json!({ "items": items }), &COLUMNS)
        }
        VmsCommand::Show { name } => out.show(&client.get(&one(&name)?, &[]).await?),
        VmsCommand::Create {
            name,
            flavor,
            image,
            wait,
        } => {
            let body = json!({"name": name, "flavor": flavor, "image": image});
            let answer = client.call(reqwest::Method::POST, &all, &[], Some(&body)).await?;
            let operation = answer
                .headers
                .get("operation-location")
                .and_then(|value| value.to_str().ok());
            match operation.filter(|_| wait && !global.dry_run) {
                Some(operation) => {
                    settle(client, operation).await?;
                    out.show(&client.get(&one(&name)?, &[]).await?)
                }
                None => out.show(&answer.body),
            }
        }
        VmsCommand::Start { name } => act(client, &one(&name)?, "start", out).await,
        VmsCommand::Stop { name } => act(client, &one(&name)?, "stop", out).await,
        VmsCommand::Reboot { name } => act(client, &one(&name)?, "reboot", out).await,
        VmsCommand::Delete { name } => out.show(&client.delete(&one(&name)?).await?),
        VmsCommand::Console { name, tail } => {
            let query = [("tail".to_owned(), tail.to_string())];
            out.show(&client.get(&format!("{}/console", one(&name)?), &query).await?)
        }
        VmsCommand::Placement { name } => out.show(&client.get(&format!("{}/placement", one(&name)?), &[]).await?),
    }
}

async fn act(client: &mut Client, vm: &str, action: &str, out: Output) -> Result<()> {
    out.show(&client.post(&format!("{vm}:{action}"), None).await?)
}

/// Waits for the end of an operation. The access token outlives neither the longest of them nor this deadline.
async fn settle(client: &mut Client, operation: &str) -> Result<()> {
    let path = operation.strip_prefix("/api/v1").unwrap_or(operation).to_owned();
    let wait = [("wait".to_owned(), "30s".to_owned())];
    let work = async {
        loop {
            let now = client.get(&path, &wait).await?;
            match text(&now, "status").unwrap_or_default() {
                "succeeded" => return Ok(()),
                "failed" | "cancelled" => bail!("{}", why(&now)),
                _ => crate::output::tell(format_args!("{} …", text(&now, "status").unwrap_or("waiting"))),
            }
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(270), work).await;
    done.context("it is still under way: see `yunshu vms show`")?
}

fn why(operation: &Value) -> String {
    let error = operation.get("error");
    let text = error.and_then(|error| text(error, "detail").or_else(|| error.as_str()));
    format!("it did not work: {}", text.unwrap_or("no reason was given"))
}
