//! The command line against the real system: a session of its own, and a machine from nothing to nothing.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    place::Place,
    sh::{self, Sh},
    up,
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
    here.yunshu(&["login", "--email", &login.email])
        .read_with(&login.password)?;
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
        Sh::new(&self.program)
            .args(["--output", "json"])
            .args(args)
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
