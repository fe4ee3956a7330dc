//! Apache Kafka: one node that is its own controller (`KRaft`), from Maven Central, on Debian's Java.

mod papers;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    daemon::Daemon,
    digest,
    place::{cache, make_dir},
    sh::Sh,
};

/// Every file it is made of, with its SHA-256, as `sha256sum` writes them: `org.apache.kafka:kafka_2.13` and all it needs.
const JARS: &str = include_str!("../kafka.jars");
const MAVEN: &str = "https://repo1.maven.org/maven2";

/// Who may sign in where somebody has to, which is in tests alone.
const LOGIN: &str = "SCRAM-SHA-512=[name=yunshu,password=test]";

/// A node with a folder of its own.
pub struct Node {
    dir: PathBuf,
    jars: PathBuf,
}

impl Node {
    /// Finds or fetches the program, and makes the node's folder ready for these ports; what is in it stays.
    pub fn at(dir: PathBuf, port: u16, controller: u16) -> Result<Self> {
        Self::made(dir, &[], |dir| Ok(settings(dir, port, controller, None)))
    }

    /// The same with two doors that speak TLS: for whoever shows a certificate, and for whoever signs in. The certificates are
    /// in its folder.
    pub fn secured(dir: PathBuf, [port, controller, tls, login]: [u16; 4]) -> Result<Self> {
        Self::made(dir, &["--add-scram", LOGIN], |dir| {
            papers::write(dir)?;
            Ok(settings(dir, port, controller, Some((tls, login))))
        })
    }

    fn made(dir: PathBuf, users: &[&str], settings: impl FnOnce(&Path) -> Result<String>) -> Result<Self> {
        if !Sh::new("java").arg("-version").succeeds() {
            bail!("java is missing: apt-get install default-jre-headless");
        }
        let jars = jars()?;
        make_dir(&dir, 0o755)?;
        let node = Self { dir, jars };
        fs::write(node.conf(), settings(&node.dir)?)?;
        if !node.dir.join("data/meta.properties").exists() {
            let format = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ"];
            let tool = node.java("kafka.tools.StorageTool").args(format).args(users);
            tool.arg("-c").arg(node.conf()).run()?;
        }
        Ok(node)
    }

    /// Starts it and does not wait.
    pub fn start(&self, daemon: &Daemon) -> Result<()> {
        daemon.start(self.command(), &self.jars)
    }

    /// What runs it.
    pub fn command(&self) -> Sh {
        self.java("kafka.Kafka").arg(self.conf())
    }

    fn conf(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    fn java(&self, class: &str) -> Sh {
        Sh::new("java")
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-Dlog4j2.level=WARN", "-cp"])
            .arg(self.jars.join("*"))
            .arg(class)
            .dir(&self.dir)
    }
}

/// Listens on this machine alone. One node keeps everything once, and lets groups begin at once.
fn settings(dir: &Path, port: u16, controller: u16, secured: Option<(u16, u16)>) -> String {
    let data = dir.join("data");
    let doors = secured.map_or(String::new(), |(tls, login)| {
        format!(",SSL://127.0.0.1:{tls},SASL_SSL://127.0.0.1:{login}")
    });
    let papers = secured.map_or(String::new(), |_| {
        let dir = dir.display();
        format!(
            "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL\n\
             ssl.keystore.type=PEM\n\
             ssl.keystore.location={dir}/broker.pem\n\
             ssl.truststore.type=PEM\n\
             ssl.truststore.location={dir}/ca.pem\n\
             listener.name.ssl.ssl.client.auth=required\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        )
    });
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{doors}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}{doors}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         offsets.topic.num.partitions=4\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         {papers}",
        data.display()
    )
}

/// The folder of the jars, kept for the next run of any checkout.
fn jars() -> Result<PathBuf> {
    let dir = cache()?.join("kafka");
    make_dir(&dir, 0o755)?;
    let wanted: Vec<(&str, &str)> = JARS.lines().filter_map(|line| line.split_once("  ")).collect();
    let mut fetch = Sh::new("curl")
        .args(["-sSfL", "--retry", "3", "--max-time", "300", "--parallel"])
        .args(["--parallel-max", "8", "--fail-early"]);
    let (mut missing, process) = (Vec::new(), std::process::id());
    for (sum, path) in wanted {
        let kept = dir.join(path.rsplit('/').next().unwrap_or(path));
        if kept.exists() && digest::of_file(&kept)? == sum {
            continue;
        }
        let coming = dir.join(format!("{sum}.{process}.part"));
        fetch = fetch.arg("-o").arg(&coming).arg(format!("{MAVEN}/{path}"));
        missing.push((sum, coming, kept));
    }
    if missing.is_empty() {
        return Ok(dir);
    }
    fetch
        .run()
        .with_context(|| format!("no Kafka: {} files of it cannot be fetched from {MAVEN}", missing.len()))?;
    for (sum, coming, kept) in missing {
        let found = digest::of_file(&coming)?;
        if found != sum {
            fs::remove_file(&coming)?;
            bail!("{} has SHA-256 {found} and should have {sum}", kept.display());
        }
        fs::rename(&coming, &kept)?;
    }
    Ok(dir)
}
