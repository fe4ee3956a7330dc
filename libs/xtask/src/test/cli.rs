//! The command line against the real system: a session of its own, and a machine from nothing to nothing.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{ChildStderr, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{
    http::{Api, text},
    place::Place,
    sh::{self, Sh},
    up::{self, Login},
};

pub fn run(place: &Place, port: u16) -> Result<()> {
    let login = up::sign_up(place, port, "cli")?;
    let home = place.state("cli");
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    let here = Here {
        program: build(place)?,
        home,
        url: format!("https://localhost:{port}"),
        ca: up::ca(place),
    };
    by_device(&here, port, &login)?;
    here.says(&["whoami"], |me| {
        me.pointer("/user/email") == Some(&login.email.as_str().into())
    })?;
    // Two at once turn in the one refresh token one after the other.
    let together = || here.yunshu(&["projects", "list"]).read().map(drop);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(together)).collect();
        all.into_iter()
            .try_for_each(|one| one.join().unwrap_or_else(|_| bail!("a command panicked")))
    })?;

    let vm = ["vms", "create", "by-hand", "--flavor", "tiny", "--image", "tiny"];
    here.says(&[&vm[..], &["--dry-run"]].concat(), |_| true)?;
    here.says(&["vms", "list"], |vms| *vms == Value::Array(Vec::new()))?;
    here.says(&[&vm[..], &["--wait"]].concat(), |vm| {
        vm.get("status") == Some(&"running".into())
    })?;
    here.yunshu(&["vms", "delete", "by-hand"]).read()?;
    let gone = || Ok((!here.yunshu(&["vms", "show", "by-hand"]).succeeds()).then_some(()));
    sh::wait_for("the machine to be gone", Duration::from_mins(1), gone)?;
    here.says(&["audit", "--filter", "action=vm.delete"], |log| {
        log.as_array().is_some_and(|log| log.len() == 1)
    })?;

    proven(&here)?;
    identity(&here)?;
    is_out(&here)?;
    here.yunshu(&["login", "--password", "--email", &login.email])
        .read_with(&login.password)?;
    here.says(&["whoami"], |_| true)?;
    is_out(&here)
}

/// The log as a file: verified without the platform, and no more once a word of it was changed.
fn proven(here: &Here) -> Result<()> {
    let place = |name: &str| here.home.join(name).to_string_lossy().into_owned();
    let (file, kept, bad) = (place("log.ndjson"), place("kept.checkpoint"), place("bad.ndjson"));
    let json = |args: &[&str]| -> Result<Value> { Ok(serde_json::from_str(&here.yunshu(args).read()?)?) };
    let number = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_u64);
    let deleted = json(&["audit", "--filter", "action=vm.delete"])?;
    let entries = number(&deleted, "/0/seq").context("nothing was deleted")?;
    // Signed for within seconds, and cosigned soon after; until then an export ends before it.
    let signed = || {
        let latest = json(&["audit", "checkpoint"]).ok();
        let cosigned = |latest: &Value| latest.pointer("/cosignatures/0").is_some();
        let covers = |latest: &Value| number(latest, "/size").is_some_and(|size| size >= entries);
        Ok(latest.filter(|latest| covers(latest) && cosigned(latest)))
    };
    sh::wait_for("a checkpoint", Duration::from_secs(30), signed)?;
    fs::write(&kept, here.bare().args(["audit", "checkpoint"]).read()?)?;
    let keys = json(&["audit", "keys"])?;
    let key = keys
        .pointer("/0/id")
        .and_then(Value::as_str)
        .context("no key signs the log")?;

    here.yunshu(&["audit", "export", &file]).read()?;
    here.says(&["audit", "verify", &file, "--trusted", &kept, "--key", key], |said| {
        let all = number(said, "/report/entries").is_some_and(|verified| verified >= entries);
        all && said.pointer("/report/warnings") == Some(&json!([]))
    })?;
    let text = fs::read_to_string(&file)?;
    fs::write(&bad, text.replacen("vm.create", "vm.delete", 1))?;
    if here.yunshu(&["audit", "verify", &bad]).succeeds() {
        bail!("a log that was changed is verified");
    }
    here.yunshu(&["audit", "export", &file, "--format", "csv"]).read()?;
    Ok(())
}

/// Signs in as a person does: the program shows a code, and they type it where they are signed in already.
fn by_device(here: &Here, port: u16, person: &Login) -> Result<()> {
    let mut login = here.yunshu(&["login"]).into_command();
    let mut login = login.stderr(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let decided = decide(here, port, person, login.stderr.take());
    if decided.is_err() {
        login.kill()?;
    }
    let status = login.wait()?;
    decided?;
    if !status.success() {
        bail!("the sign-in was allowed, and `yunshu login` ended with {status}");
    }
    Ok(())
}

fn decide(here: &Here, port: u16, person: &Login, said: Option<ChildStderr>) -> Result<()> {
    let mut line = String::new();
    BufReader::new(said.context("no standard error")?).read_line(&mut line)?;
    let code = line.split_whitespace().next_back().unwrap_or_default();
    let mut api = Api::new(port, &here.ca)?;
    let credentials = json!({"email": person.email, "password": person.password});
    let tokens = api.post("/api/v1/auth/login", &credentials)?.json()?;
    api.sign_in(text(&tokens, "access_token")?);
    let yes = json!({"user_code": code, "approve": true});
    let decided = api.post("/api/v1/oauth/device/decision", &yes)?;
    decided
        .json()
        .with_context(|| format!("`yunshu login` said {line}"))
        .map(drop)
}

/// People, machines and rights, each once.
fn identity(here: &Here) -> Result<()> {
    let has = |name: &'static str| {
        move |list: &Value| {
            list.as_array()
                .is_some_and(|all| all.iter().any(|one| one.get("name") == Some(&name.into())))
        }
    };
    here.says(&["users", "list"], |users| {
        users.as_array().is_some_and(|all| all.len() == 1)
    })?;
    let allowed = |yes: bool| move |verdict: &Value| verdict.get("allowed") == Some(&yes.into());
    here.says(&["explain", "vm.create"], allowed(true))?;
    here.says(&["explain", "flavor.create"], allowed(false))?;
    here.says(&["groups", "create", "poets"], |_| true)?;
    here.says(&["groups", "list"], has("poets"))?;
    here.says(&["roles", "create", "starter", "--permission", "vm.operate"], |_| true)?;
    here.says(&["roles", "list"], has("starter"))?;
    here.says(&["service-accounts", "create", "backup"], |_| true)?;
    let account = here.yunshu(&["service-accounts", "show", "backup"]).read()?;
    let account = text(&serde_json::from_str(&account)?, "id")?;
    let bind = ["role-bindings", "create", "starter", "--service-account", &account];
    here.says(&bind, |bound| bound.get("role") == Some(&"starter".into()))?;
    here.says(&["role-bindings", "list"], |all| {
        all.as_array().is_some_and(|all| all.len() == 2)
    })?;
    here.says(
        &["keys", "create", "nightly", "--scope", "vm.read", "--days", "1"],
        |made| made.get("key").is_some(),
    )?;
    here.says(&["keys", "list"], has("nightly"))?;
    here.says(&["sessions", "list"], |all| {
        all.as_array().is_some_and(|all| !all.is_empty())
    })?;
    let table = here.bare().args(["groups", "list"]).read()?;
    if !table.contains("NAME") || !table.contains("poets") {
        bail!("no table of groups: {table}");
    }
    for gone in [
        ["groups", "delete", "poets"],
        ["service-accounts", "delete", "backup"],
        ["roles", "delete", "starter"],
    ] {
        here.yunshu(&gone).read()?;
    }
    Ok(())
}

fn is_out(here: &Here) -> Result<()> {
    here.yunshu(&["logout"]).read()?;
    if here.yunshu(&["whoami"]).succeeds() {
        bail!("signed out, and still let in");
    }
    Ok(())
}

struct Here {
    program: PathBuf,
    home: PathBuf,
    url: String,
    ca: PathBuf,
}

impl Here {
    fn yunshu(&self, args: &[&str]) -> Sh {
        self.bare().args(["--output", "json"]).args(args)
    }

    fn bare(&self) -> Sh {
        Sh::new(&self.program)
            .env("XDG_CONFIG_HOME", &self.home)
            .env("YUNSHU_URL", &self.url)
            .env("YUNSHU_CA", &self.ca)
    }

    fn says(&self, args: &[&str], right: impl FnOnce(&Value) -> bool) -> Result<()> {
        let said = self.yunshu(args).read()?;
        let value: Value = serde_json::from_str(&said).with_context(|| format!("{args:?} said no JSON: {said}"))?;
        if !right(&value) {
            bail!("{args:?} said {said}");
        }
        Ok(())
    }
}

fn build(place: &Place) -> Result<PathBuf> {
    Sh::new("cargo")
        .args(["build", "--quiet", "-p", "yunshu"])
        .dir(&place.root)
        .run()?;
    Ok(place.root.join("target/debug/yunshu"))
}
