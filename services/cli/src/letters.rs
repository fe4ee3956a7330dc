//! Events that could not be applied, as the platform's operators look after them.

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::args::List;
use crate::client::Client;
use crate::output::Output;
use crate::resource::{self, Resource};

const LETTERS: Resource = Resource {
    path: "/system/dead-letters",
    columns: &[
        "state",
        "consumer",
        "kind",
        "subject",
        "attempts",
        "cause",
        "died_at",
        "tenant_id",
        "id",
    ],
};

#[derive(Subcommand)]
pub enum DeadLettersCommand {
    /// All of them, newest first; `--filter consumer=…`, `kind=…` or `tenant=…` narrows
    List(List),
    /// One, by id
    Show { id: String },
    /// Has one applied again, or all that fit
    Replay(Replay),
    /// Gives one up
    Drop {
        id: String,
        /// Why; the tenant reads it
        #[arg(long)]
        reason: String,
    },
}

#[derive(Args)]
#[group(id = "which", required = true, multiple = true)]
pub struct Replay {
    /// One, by id
    #[arg(conflicts_with_all = ["consumer", "kind", "tenant"])]
    id: Option<String>,
    /// All of this consumer
    #[arg(long)]
    consumer: Option<String>,
    /// All of this kind
    #[arg(long)]
    kind: Option<String>,
    /// All of this tenant, by id
    #[arg(long)]
    tenant: Option<String>,
}

impl Replay {
    /// Where to ask and for what.
    fn ask(&self) -> Result<(String, Value)> {
        if let Some(id) = &self.id {
            return Ok((format!("{}:replay", LETTERS.one(id)?), json!({})));
        }
        let mut body = serde_json::Map::new();
        for (field, value) in [
            ("consumer", &self.consumer),
            ("kind", &self.kind),
            ("tenant_id", &self.tenant),
        ] {
            if let Some(value) = value {
                body.insert(field.to_owned(), json!(value));
            }
        }
        Ok((format!("{}:replay", LETTERS.path), Value::Object(body)))
    }
}

pub async fn run(client: &mut Client, command: DeadLettersCommand, out: Output) -> Result<()> {
    match command {
        DeadLettersCommand::List(list) => resource::list(client, &LETTERS, &list, out).await,
        DeadLettersCommand::Show { id } => out.show(&client.get(&LETTERS.one(&id)?, &[]).await?),
        DeadLettersCommand::Replay(replay) => {
            let (path, body) = replay.ask()?;
            out.show(&client.post(&path, Some(&body)).await?)
        }
        DeadLettersCommand::Drop { id, reason } => {
            let path = format!("{}:drop", LETTERS.one(&id)?);
            out.show(&client.post(&path, Some(&json!({ "reason": reason }))).await?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_all_that_fit_are_asked_for() {
        let none = Replay {
            id: None,
            consumer: None,
            kind: None,
            tenant: None,
        };
        let one = Replay {
            id: Some("0192".to_owned()),
            ..none
        };
        assert_eq!(
            one.ask().unwrap(),
            ("/system/dead-letters/0192:replay".to_owned(), json!({}))
        );
        let some = Replay {
            id: None,
            consumer: Some("audit".to_owned()),
            tenant: Some("t".to_owned()),
            kind: None,
        };
        let body = json!({"consumer": "audit", "tenant_id": "t"});
        assert_eq!(some.ask().unwrap(), ("/system/dead-letters:replay".to_owned(), body));
    }
}
