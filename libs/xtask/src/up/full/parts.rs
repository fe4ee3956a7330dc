//! The programs of this shape, and what each is told.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{
    kafka::Node,
    place::{Place, make_dir},
    redis, secrets,
    sh::Sh,
    up::server,
};

/// A process each; the gateway last, for its readiness is that of all.
pub const ROLES: [&str; 6] = ["identity", "compute", "audit", "notify", "portal", "gateway"];

/// The file of what a role's process is told.
pub fn config_of(role: &str) -> String {
    format!("run/{role}.toml")
}

/// What is common to all, and what one process shows.
pub fn config(
    place: &Place,
    common: &str,
    shown: &str,
    ports: &BTreeMap<String, u16>,
    passport: &Path,
) -> Result<String> {
    let port = |name: &str| ports.get(name).with_context(|| format!("no port for {name}"));
    let mut listens = BTreeMap::new();
    let mut upstreams = format!("\n[upstreams]\npassport_key = {:?}\n", passport.to_string_lossy());
    for role in ROLES.into_iter().filter(|role| *role != "gateway") {
        let address = format!("127.0.0.1:{}", port(role)?);
        writeln!(upstreams, "{role} = [\"https://{address}\"]")?;
        listens.insert(role, address);
    }
    let mut config: toml::Table = common.parse()?;
    for (role, address) in listens {
        let section = config
            .entry(role)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let section = section.as_table_mut().context("a section is a table")?;
        section.insert("listen".to_owned(), address.into());
    }
    let password = secrets::dir(place).join("redis.password");
    Ok(format!(
        "{config}\n{shown}{upstreams}\n\
         [bus]\nkafka_brokers = \"127.0.0.1:{kafka}\"\n\n\
         [cache]\nredis = \"redis://{user}@127.0.0.1:{redis}\"\npassword = {password:?}\n",
        kafka = port("kafka")?,
        user = redis::USER,
        redis = port("redis")?,
        password = password.to_string_lossy(),
    ))
}

/// What a supervisor keeps running.
pub struct Parts {
    kafka: Node,
    redis: PathBuf,
    redis_port: u16,
    redis_password: String,
    roles: Vec<(&'static str, Role)>,
    program: PathBuf,
}

struct Role {
    config: PathBuf,
    root: PathBuf,
}

impl Parts {
    pub fn of(place: &Place, ports: &BTreeMap<String, u16>) -> Result<Self> {
        let port = |name: &str| ports.get(name).copied().with_context(|| format!("no port for {name}"));
        let redis = place.state("redis");
        make_dir(&redis, 0o700)?;
        let role = |role| {
            let config = place.state(&config_of(role));
            let root = place.root.clone();
            (role, Role { config, root })
        };
        Ok(Self {
            kafka: Node::at(place.state("kafka"), port("kafka")?, port("kafka-controller")?)?,
            redis,
            redis_port: port("redis")?,
            redis_password: secrets::password(place, "redis.password")?,
            roles: ROLES.into_iter().map(role).collect(),
            program: server::program(place),
        })
    }

    /// What must be there before the first start.
    pub fn prepare(&self) -> Result<()> {
        redis::prepare(&self.redis, &self.redis_password)
    }

    /// Each program with what runs it.
    pub fn commands(&self) -> Vec<(&'static str, Sh)> {
        let mut all = vec![
            ("kafka", self.kafka.command()),
            ("redis", redis::command(&self.redis, self.redis_port)),
        ];
        for (name, role) in &self.roles {
            let command = Sh::new(&self.program)
                .args(["serve", "--roles", name, "--config"])
                .arg(&role.config)
                .dir(&role.root);
            all.push((name, command));
        }
        all
    }

    /// What a daemon notes as its program.
    pub fn program(&self) -> &Path {
        &self.program
    }
}
