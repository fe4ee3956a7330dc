//! What a new cloud needs before its first virtual machine, all through the public API.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::{
    Up,
    server::{Login, login},
};
use crate::{
    guest::Guest,
    http::{Answer, Api, text},
    libvirt,
    place::Place,
    sh,
};

pub const POOL: &str = "default";
const IMAGE: &str = "tiny";
const VM: &str = "first";
const GREETING: &str = "yunshu guest: ready";

/// Signs in as the platform operator.
pub fn operate(api: &mut Api, operator: &Login) -> Result<()> {
    sign_in(api, &json!({"email": operator.email, "password": operator.password}))
}

/// Makes what is not there yet.
pub fn register(api: &mut Api, operator: &Login, guest: &Guest) -> Result<()> {
    operate(api, operator)?;
    let pool = json!({"name": POOL, "overcommit": {"cpu": 8.0, "memory": 1.0}, "policy": "spread"});
    once(api.post("/api/v1/system/pools", &pool)?)?;
    for (name, vcpus, memory_mib) in [("tiny", 1, 128), ("small", 1, 512), ("medium", 2, 1024)] {
        let flavor = json!({"name": name, "vcpus": vcpus, "memory_mib": memory_mib, "disk_gib": 0});
        once(api.post("/api/v1/system/flavors", &flavor)?)?;
    }
    let image = json!({
        "name": IMAGE,
        "kind": "kernel",
        "source": {"path": "vmlinuz", "sha256": guest.kernel_sha256},
        "initrd": {"path": "initrd", "sha256": guest.initrd_sha256},
        "cmdline": "console=ttyS0 quiet",
    });
    once(api.post("/api/v1/system/images", &image)?)
}

/// A tenant's owner, signed up at the first start.
pub fn tenant(place: &Place, api: &mut Api, name: &str) -> Result<Login> {
    let owner = login(place, &format!("{name}@yunshu.test"), &format!("{name}.password"))?;
    let new = json!({
        "tenant": {"name": name, "display_name": name},
        "user": {"email": owner.email, "password": owner.password},
    });
    let credentials = json!({"tenant": name, "email": owner.email, "password": owner.password});
    if sign_in(api, &credentials).is_err() {
        api.post("/api/v1/auth/signup", &new)?.json()?;
        sign_in(api, &credentials)?;
    }
    Ok(owner)
}

/// Boots one, or finds the one of an earlier start, and waits until its guest has spoken. Answers how it looks.
pub fn vm(api: &mut Api, simulated: bool) -> Result<Value> {
    let vms = "/api/v1/projects/default/vms";
    once(api.post(vms, &json!({"name": VM, "flavor": "tiny", "image": IMAGE}))?)?;
    let vm = format!("{vms}/{VM}");
    let mut trouble = String::new();
    let running = || {
        let view = api.get(&vm)?.json()?;
        trouble = view
            .pointer("/last_error/detail")
            .and_then(Value::as_str)
            .map(|told| format!("; the last trouble: {told}"))
            .unwrap_or_default();
        match text(&view, "status")?.as_str() {
            // What the platform says may be older than this machine's last stop: look for ourselves.
            "running" => Ok((simulated || libvirt::is_running(&text(&view, "id")?)).then_some(view)),
            "failed" => bail!(
                "the virtual machine failed: {}",
                view.get("last_error").unwrap_or(&Value::Null)
            ),
            _ => Ok(None),
        }
    };
    let waited = sh::wait_for("the virtual machine to run", Duration::from_mins(2), running);
    let view = waited.map_err(|error| anyhow!("{error}{trouble} (./dev logs hypervisor tells more)"))?;
    let console = format!("{vm}/console?tail=200");
    let spoken = || Ok((api.get(&console)?.text.contains(GREETING) || simulated).then_some(()));
    sh::wait_for("the guest's first words", Duration::from_mins(2), spoken)?;
    Ok(view)
}

/// What a person needs to go on. The passwords stay in their files; this is the one place that prints them.
pub fn tell(up: &Up, operator: &Login, tenant: &Login, vm: &Value) {
    let field = |name: &str| vm.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    println!();
    println!("  Portal      https://localhost:{}", up.port);
    println!(
        "  Tenant      {}  {}   ({})",
        tenant.email,
        tenant.password,
        tenant.file.display()
    );
    println!(
        "  Operator    {}  {}   ({})",
        operator.email,
        operator.password,
        operator.file.display()
    );
    println!(
        "  Machine     {} is {} on {}{}",
        field("name"),
        field("status"),
        field("host_alias"),
        simulated(up)
    );
    println!();
}

fn simulated(up: &Up) -> &'static str {
    if up.simulated_host {
        ", a SIMULATED host: no guest runs"
    } else {
        ""
    }
}

/// Whether an item bears this name, whatever its kind calls it.
pub fn is(item: &Value, name: &str) -> bool {
    ["name", "alias"]
        .iter()
        .any(|field| item.get(field).and_then(Value::as_str) == Some(name))
}

fn sign_in(api: &mut Api, credentials: &Value) -> Result<()> {
    let answer = api.post("/api/v1/auth/login", credentials)?.json().context("sign in")?;
    api.sign_in(text(&answer, "access_token")?);
    Ok(())
}

/// An answer to a creation of which an equal one may be there already.
fn once(answer: Answer) -> Result<()> {
    if answer.status == 409 {
        return Ok(());
    }
    answer.json().map(drop)
}
