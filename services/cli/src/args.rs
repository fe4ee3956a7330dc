//! Every command on one screen.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args as Group, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use serde_json::{Value, json};

use crate::client::Client;
use crate::output::{Format, Output};
use crate::profile::{self, Profile, Profiles};
use crate::resource::{self, FLAVORS, IMAGES, Resource};
use crate::{access, audit, explain, identity, session, vm, webhooks};

/// Yunshu from the command line
#[derive(Parser)]
#[command(name = "yunshu", version, propagate_version = true)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Group)]
pub struct Global {
    /// The profile to use instead of the current one
    #[arg(long, global = true, env = "YUNSHU_PROFILE")]
    pub profile: Option<String>,
    /// Where the platform is, such as `https://cloud.example.com`
    #[arg(long, global = true, env = "YUNSHU_URL")]
    pub url: Option<String>,
    /// The certificate authority to trust beside the system's, as PEM
    #[arg(long, global = true, env = "YUNSHU_CA")]
    pub ca: Option<PathBuf>,
    /// The project that commands work in, by name or id
    #[arg(long, global = true, env = "YUNSHU_PROJECT")]
    pub project: Option<String>,
    /// Platform operators: the access, by id, to a tenant's content; for sessions of `login --password`
    #[arg(long, global = true, env = "YUNSHU_OPERATOR_ACCESS", value_name = "ID")]
    pub operator_access: Option<String>,
    /// How answers are written
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// Show what would happen, and change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Sign in, in a browser of any machine, and keep the session in the profile
    Login(session::Login),
    /// End the session and forget it
    Logout,
    /// Who am I, and what may I do?
    Whoami,
    /// The places one can sign in to
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Projects
    #[command(subcommand)]
    Projects(ProjectsCommand),
    /// Virtual machines
    #[command(subcommand)]
    Vms(vm::VmsCommand),
    /// Sizes of machines
    #[command(subcommand)]
    Flavors(ReadCommand),
    /// Bootable images
    #[command(subcommand)]
    Images(ReadCommand),
    /// What the tenant may use and uses
    Quotas,
    /// The people of the tenant
    #[command(subcommand)]
    Users(identity::UsersCommand),
    /// Groups of people
    #[command(subcommand)]
    Groups(identity::GroupsCommand),
    /// What may be bound to people, groups and service accounts
    #[command(subcommand)]
    Roles(identity::RolesCommand),
    /// Who carries which role
    #[command(subcommand)]
    RoleBindings(identity::BindingsCommand),
    /// Your API keys
    #[command(subcommand)]
    Keys(identity::KeysCommand),
    /// Machines with rights and keys of their own
    #[command(subcommand)]
    ServiceAccounts(identity::AccountsCommand),
    /// Where you are signed in
    #[command(subcommand)]
    Sessions(identity::SessionsCommand),
    /// Platform operators in your tenant's content
    #[command(subcommand)]
    OperatorAccess(access::OperatorAccessCommand),
    /// The keys that the tenant's data hangs on
    #[command(subcommand)]
    TenantKeys(access::tenant_keys::TenantKeysCommand),
    /// Addresses that are told what happens in the tenant
    #[command(subcommand)]
    Webhooks(webhooks::WebhooksCommand),
    /// For the platform's operators
    #[command(subcommand)]
    System(access::SystemCommand),
    /// The audit log, newest first, and what verifies a file of it
    Audit(audit::AuditCommand),
    /// Whether you or somebody may do something, and why
    Explain(explain::ExplainCommand),
    /// Any call of the API: `yunshu api GET /me`
    Api(ApiCommand),
    /// Completions for a shell: `source <(yunshu completions bash)`
    Completions { shell: Shell },
}

#[derive(Subcommand)]
pub enum ReadCommand {
    /// All of them
    List(List),
    /// One, by name or id
    Show { name: String },
}

/// How a list is cut.
#[derive(Group)]
pub struct List {
    /// At most so many
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
    /// Only those whose name begins so
    #[arg(long, short)]
    pub q: Option<String>,
    /// Any other filter of the API, e.g. `--filter status=running`
    #[arg(long = "filter", value_parser = pair)]
    pub filters: Vec<(String, String)>,
}

#[derive(Subcommand)]
enum ProfilesCommand {
    /// All of them; the current one is marked
    List,
    /// Makes one the current one
    Use { name: String },
    /// Forgets one, without ending its session
    Forget { name: String },
}

#[derive(Subcommand)]
enum ProjectsCommand {
    /// All that you may read
    List(List),
    /// One, by name or id
    Show { name: String },
    /// A new one
    Create {
        name: String,
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Removes an empty one
    Delete { name: String },
}

#[derive(Group)]
struct ApiCommand {
    /// GET, POST, PUT, PATCH or DELETE
    method: String,
    /// Below /api/v1, e.g. /projects
    path: String,
    /// The JSON body; `-` reads it from standard input
    #[arg(long, short)]
    data: Option<String>,
}

pub fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Args {
    pub async fn run(self) -> Result<()> {
        let out = Output(self.global.output);
        let global = &self.global;
        match self.command {
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "yunshu", &mut script);
                out.show(&Value::String(String::from_utf8(script)?))
            }
            Command::Login(login) => session::login(global, &login).await,
            Command::Logout => session::logout(&mut Client::open(global)?).await,
            Command::Profiles(command) => profiles(&command, out),
            Command::Whoami => out.show(&Client::open(global)?.get("/me", &[]).await?),
            Command::Projects(command) => projects(global, command, out).await,
            Command::Vms(command) => vm::run(global, command, out).await,
            Command::Flavors(command) => read(global, &FLAVORS, command, out).await,
            Command::Images(command) => read(global, &IMAGES, command, out).await,
            Command::Quotas => {
                let quotas = Client::open(global)?.get("/quotas", &[]).await?;
                out.list(&quotas, &["resource", "used", "limit", "unit"])
            }
            Command::Users(command) => identity::users(global, command, out).await,
            Command::Groups(command) => identity::groups(global, command, out).await,
            Command::Roles(command) => identity::roles(global, command, out).await,
            Command::RoleBindings(command) => identity::bindings(global, command, out).await,
            Command::Keys(command) => identity::keys(global, command, out).await,
            Command::ServiceAccounts(command) => identity::accounts(global, command, out).await,
            Command::Sessions(command) => identity::sessions(global, command, out).await,
            Command::TenantKeys(command) => access::tenant_keys::run(global, command, out).await,
            Command::OperatorAccess(command) => access::ours(global, command, out).await,
            Command::Webhooks(command) => webhooks::run(global, command, out).await,
            Command::System(command) => access::system(global, command, out).await,
            Command::Audit(command) => audit::run(global, &command, out).await,
            Command::Explain(ask) => explain::run(global, &ask, out).await,
            Command::Api(call) => api(global, call, out).await,
        }
    }
}

fn profiles(command: &ProfilesCommand, out: Output) -> Result<()> {
    let file = profile::file()?;
    match command {
        ProfilesCommand::List => {
            let all = Profiles::read(&file)?;
            let row = |(name, one): (&String, &Profile)| json!({"name": name, "current": all.current.as_ref() == Some(name), "url": one.url, "email": one.email});
            let items: Vec<Value> = all.profiles.iter().map(row).collect();
            out.list(&json!({ "items": items }), &["name", "current", "url", "email"])
        }
        ProfilesCommand::Use { name } => profile::change(&file, |all| all.make_current(name)),
        ProfilesCommand::Forget { name } => profile::change(&file, |all| all.forget(name)),
    }
}

async fn read(global: &Global, of: &Resource, command: ReadCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    match command {
        ReadCommand::List(list) => resource::list(client, of, &list, out).await,
        ReadCommand::Show { name } => out.show(&client.get(&of.one(&name)?, &[]).await?),
    }
}

async fn projects(global: &Global, command: ProjectsCommand, out: Output) -> Result<()> {
    let client = &mut Client::open(global)?;
    let of = &resource::PROJECTS;
    match command {
        ProjectsCommand::List(list) => resource::list(client, of, &list, out).await,
        ProjectsCommand::Show { name } => out.show(&client.get(&of.one(&name)?, &[]).await?),
        ProjectsCommand::Create { name, description } => {
            let body = json!({"name": name, "description": description});
            out.show(&client.post(of.path, Some(&body)).await?)
        }
        ProjectsCommand::Delete { name } => client.delete(&of.one(&name)?).await.map(drop),
    }
}

async fn api(global: &Global, call: ApiCommand, out: Output) -> Result<()> {
    let body = match call.data.as_deref() {
        Some("-") => Some(serde_json::from_reader(std::io::stdin())?),
        Some(text) => Some(serde_json::from_str(text)?),
        None => None,
    };
    let method = call.method.to_uppercase().parse()?;
    let answer = Client::open(global)?
        .call(method, &call.path, &[], body.as_ref())
        .await?;
    out.show(&answer.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
