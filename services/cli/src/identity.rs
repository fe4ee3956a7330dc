//! People, machines, rights and what they sign in with.

use anyhow::Result;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::args::{Global, List};
use crate::client::Client;
use crate::output::Output;
use crate::resource::{self, ACCOUNTS, BINDINGS, GROUPS, KEYS, MEMBERS, ROLES, Resource, SESSIONS, USERS, segment};

#[derive(Subcommand)]
pub enum UsersCommand {
    /// Everybody
    List(List),
    /// One, by id
    Show { id: String },
    /// Lets somebody sign in again
    Enable { id: String },
    /// Signs somebody out everywhere and keeps them out
    Disable { id: String },
    /// Removes somebody and all that is held on them
    Delete { id: String },
}

#[derive(Subcommand)]
pub enum GroupsCommand {
    /// All of them
    List(List),
    /// One, by name or id
    Show { name: String },
    /// A new one
    Create {
        name: String,
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Removes one; its members stay
    Delete { name: String },
    /// Who is in it
    Members { name: String },
    /// Puts somebody into it, by id
    Add { name: String, user: String },
    /// Takes somebody out of it, by id
    Remove { name: String, user: String },
}

#[derive(Subcommand)]
pub enum RolesCommand {
    /// Built-in ones and the tenant's own
    List(List),
    /// One, by name or id
    Show { name: String },
    /// A new one of the tenant's own
    Create {
        name: String,
        #[arg(long, default_value = "")]
        description: String,
        /// What it carries, e.g. `--permission vm.read --permission vm.operate`
        #[arg(long = "permission", required = true)]
        permissions: Vec<String>,
    },
    /// Removes one that is bound to nobody
    Delete { name: String },
}

#[derive(Subcommand)]
pub enum BindingsCommand {
    /// Who carries which role
    List(List),
    /// One, by id
    Show { id: String },
    /// Binds a role to somebody
    Create(Bind),
    /// Takes a role away
    Delete { id: String },
}

#[derive(Args)]
pub struct Bind {
    /// The role, by name
    role: String,
    #[command(flatten)]
    subject: Subject,
    /// Only in this project
    #[arg(long)]
    on: Option<String>,
}

/// Whom it is bound to, by id
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Subject {
    #[arg(long)]
    user: Option<String>,
    #[arg(long)]
    group: Option<String>,
    #[arg(long)]
    service_account: Option<String>,
}

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Your own
    List(List),
    /// One, by id, without its secret
    Show { id: String },
    /// A new one; its text is shown this once
    Create(NewKey),
    /// Makes one good for nothing
    Delete { id: String },
}

#[derive(Args)]
pub struct NewKey {
    /// What you call it
    name: String,
    /// The only actions it is good for, e.g. `--scope vm.read`
    #[arg(long = "scope")]
    scopes: Vec<String>,
    /// The only project it is good for
    #[arg(long)]
    only: Option<String>,
    /// The only networks it may be used from, e.g. `--network 192.0.2.0/24`
    #[arg(long = "network")]
    networks: Vec<String>,
    /// Days until it ends
    #[arg(long)]
    days: Option<u32>,
}

#[derive(Subcommand)]
pub enum AccountsCommand {
    /// All of them
    List(List),
    /// One, by name or id
    Show { name: String },
    /// A new one, without any rights
    Create {
        name: String,
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Removes one with its keys
    Delete { name: String },
    /// Its API keys
    Keys { name: String },
    /// A new API key of its own; the text is shown this once
    CreateKey {
        account: String,
        #[command(flatten)]
        key: NewKey,
    },
    /// Makes one of its keys good for nothing
    DeleteKey { name: String, id: String },
}

#[derive(Subcommand)]
pub enum SessionsCommand {
    /// Where you are signed in
    List(List),
    /// Ends one, by id
    Delete { id: String },
    /// Ends all but this one
    DeleteOthers,
}

pub async fn users(global: &Global, command: UsersCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    let enabled = matches!(command, UsersCommand::Enable { .. });
    match command {
        UsersCommand::List(list) => resource::list(client, &USERS, &list, out).await,
        UsersCommand::Show { id } => show(client, &USERS, &id, out).await,
        UsersCommand::Enable { id } | UsersCommand::Disable { id } => {
            let body = json!({ "enabled": enabled });
            out.show(&client.change(&USERS.one(&id)?, &body).await?)
        }
        UsersCommand::Delete { id } => client.delete(&USERS.one(&id)?).await.map(drop),
    }
}

pub async fn groups(global: &Global, command: GroupsCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    let member =
        |name: &str, user: &str| -> Result<String> { Ok(format!("{}/members/{}", GROUPS.one(name)?, segment(user)?)) };
    match command {
        GroupsCommand::List(list) => resource::list(client, &GROUPS, &list, out).await,
        GroupsCommand::Show { name } => show(client, &GROUPS, &name, out).await,
        GroupsCommand::Create { name, description } => {
            let body = json!({"name": name, "description": description});
            out.show(&client.post(GROUPS.path, Some(&body)).await?)
        }
        GroupsCommand::Delete { name } => client.delete(&GROUPS.one(&name)?).await.map(drop),
        GroupsCommand::Members { name } => {
            below(client, &format!("{}/members", GROUPS.one(&name)?), &MEMBERS, out).await
        }
        GroupsCommand::Add { name, user } => {
            out.show(&client.call(Method::PUT, &member(&name, &user)?, &[], None).await?.body)
        }
        GroupsCommand::Remove { name, user } => client
            .call(Method::DELETE, &member(&name, &user)?, &[], None)
            .await
            .map(drop),
    }
}

pub async fn roles(global: &Global, command: RolesCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        RolesCommand::List(list) => resource::list(client, &ROLES, &list, out).await,
        RolesCommand::Show { name } => show(client, &ROLES, &name, out).await,
        RolesCommand::Create {
            name,
            description,
            permissions,
        } => {
            let body = json!({"name": name, "description": description, "permissions": permissions});
            out.show(&client.post(ROLES.path, Some(&body)).await?)
        }
        RolesCommand::Delete { name } => client.delete(&ROLES.one(&name)?).await.map(drop),
    }
}

pub async fn bindings(global: &Global, command: BindingsCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        BindingsCommand::List(list) => resource::list(client, &BINDINGS, &list, out).await,
        BindingsCommand::Show { id } => show(client, &BINDINGS, &id, out).await,
        BindingsCommand::Create(bind) => {
            let body = json!({"subject": bind.subject.reference(), "role": bind.role, "project": bind.on});
            out.show(&client.post(BINDINGS.path, Some(&body)).await?)
        }
        BindingsCommand::Delete { id } => client.delete(&BINDINGS.one(&id)?).await.map(drop),
    }
}

impl Subject {
    fn reference(self) -> Value {
        match (self.user, self.group, self.service_account) {
            (Some(id), _, _) => json!({"kind": "user", "id": id}),
            (None, Some(id), _) => json!({"kind": "group", "id": id}),
            (None, None, id) => json!({"kind": "service_account", "id": id}),
        }
    }
}

pub async fn keys(global: &Global, command: KeysCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        KeysCommand::List(list) => resource::list(client, &KEYS, &list, out).await,
        KeysCommand::Show { id } => show(client, &KEYS, &id, out).await,
        KeysCommand::Create(key) => out.show(&client.post(KEYS.path, Some(&key.body())).await?),
        KeysCommand::Delete { id } => client.delete(&KEYS.one(&id)?).await.map(drop),
    }
}

impl NewKey {
    fn body(self) -> Value {
        json!({
            "name": self.name,
            "scopes": (!self.scopes.is_empty()).then_some(self.scopes),
            "project": self.only,
            "networks": self.networks,
            "expires_in": self.days.map(|days| u64::from(days) * 86_400),
        })
    }
}

pub async fn accounts(global: &Global, command: AccountsCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    let keys = |name: &str| -> Result<String> { Ok(format!("{}/api-keys", ACCOUNTS.one(name)?)) };
    match command {
        AccountsCommand::List(list) => resource::list(client, &ACCOUNTS, &list, out).await,
        AccountsCommand::Show { name } => show(client, &ACCOUNTS, &name, out).await,
        AccountsCommand::Create { name, description } => {
            let body = json!({"name": name, "description": description});
            out.show(&client.post(ACCOUNTS.path, Some(&body)).await?)
        }
        AccountsCommand::Delete { name } => client.delete(&ACCOUNTS.one(&name)?).await.map(drop),
        AccountsCommand::Keys { name } => below(client, &keys(&name)?, &KEYS, out).await,
        AccountsCommand::CreateKey { account, key } => {
            out.show(&client.post(&keys(&account)?, Some(&key.body())).await?)
        }
        AccountsCommand::DeleteKey { name, id } => {
            let path = format!("{}/{}", keys(&name)?, segment(&id)?);
            client.delete(&path).await.map(drop)
        }
    }
}

pub async fn sessions(global: &Global, command: SessionsCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        SessionsCommand::List(list) => resource::list(client, &SESSIONS, &list, out).await,
        // There is no reading one alone, and nothing in it that could have changed.
        SessionsCommand::Delete { id } => client
            .call(Method::DELETE, &SESSIONS.one(&id)?, &[], None)
            .await
            .map(drop),
        SessionsCommand::DeleteOthers => out.show(&client.call(Method::DELETE, SESSIONS.path, &[], None).await?.body),
    }
}

async fn show(client: &mut Client, of: &Resource, name: &str, out: Output) -> Result<()> {
    out.show(&client.get(&of.one(name)?, &[]).await?)
}

/// A list that stands below one object.
async fn below(client: &mut Client, path: &str, of: &Resource, out: Output) -> Result<()> {
    let how = List {
        limit: 1_000,
        q: None,
        filters: Vec::new(),
    };
    let items = resource::all(client, path, &how).await?;
    out.list(&json!({ "items": items }), of.columns)
}
