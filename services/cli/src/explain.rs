//! Why somebody may or may not.

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::output::Output;

#[derive(Args)]
pub struct ExplainCommand {
    /// The permission, e.g. vm.create
    permission: String,
    /// Somebody else, by id; asks for `role_binding.list` there
    #[arg(long, conflicts_with = "account")]
    user: Option<String>,
    /// A service account, by id
    #[arg(long)]
    account: Option<String>,
    /// In the whole tenant, though a project is at hand
    #[arg(long)]
    tenant: bool,
}

/// The question as the API takes it.
fn question(ask: &ExplainCommand, project: Option<&str>) -> Value {
    let principal = match (&ask.user, &ask.account) {
        (Some(id), _) => Some(("user", id)),
        (None, Some(id)) => Some(("service_account", id)),
        (None, None) => None,
    };
    let mut body = json!({"permission": ask.permission});
    if let (Some((kind, id)), Some(body)) = (principal, body.as_object_mut()) {
        body.insert("principal".to_owned(), json!({"kind": kind, "id": id}));
    }
    if let (Some(project), Some(body)) = (project.filter(|_| !ask.tenant), body.as_object_mut()) {
        body.insert("project".to_owned(), json!(project));
    }
    body
}

pub async fn run(global: &Global, ask: &ExplainCommand, out: Output) -> Result<()> {
    let mut client = Client::open(global)?;
    let body = question(ask, client.project.as_deref());
    out.show(&client.post("/authorize:explain", Some(&body)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_what_was_typed() {
        let mut ask = ExplainCommand {
            permission: "vm.create".to_owned(),
            user: None,
            account: None,
            tenant: false,
        };
        assert_eq!(question(&ask, None), json!({"permission": "vm.create"}));
        ask.user = Some("u".to_owned());
        let asked = json!({"permission": "vm.create", "principal": {"kind": "user", "id": "u"}, "project": "shop"});
        assert_eq!(question(&ask, Some("shop")), asked);
        ask.tenant = true;
        assert_eq!(question(&ask, Some("shop"))["project"], json!(null));
    }
}
