//! The Apache Kafka that tests use: one node that is its own controller (`KRaft`), from Maven Central, on Debian's Java.
//! Tests find it through `YUNSHU_TEST_KAFKA`, its address, which is also written to `test.env`.

use std::{fs, net::TcpStream, path::Path, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    daemon::Daemon,
    digest,
    place::{Place, cache, make_dir},
    sh::{self, Sh},
    test::free_port,
};

/// Every file it is made of, with its SHA-256, as `sha256sum` writes them: `org.apache.kafka:kafka_2.13` and all it needs.
const JARS: &str = include_str!("../kafka.jars");
const MAVEN: &str = "https://repo1.maven.org/maven2";
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts it unless it runs, and does not wait; answers its address.
pub fn begin(place: &Place) -> Result<String> {
    let daemon = daemon(place);
    let noted = place.state("kafka").join("address");
    if daemon.pid().is_some()
        && let Ok(address) = fs::read_to_string(&noted)
    {
        return Ok(address);
    }
    if !Sh::new("java").arg("-version").succeeds() {
        bail!("java is missing: apt-get install default-jre-headless");
    }
    let jars = jars()?;
    let dir = place.state("kafka");
    if dir.exists() {
        // What tests left in it is nobody's.
        fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    make_dir(&dir, 0o755)?;
    let (port, controller) = (free_port(4)?, free_port(5)?);
    let conf = dir.join("server.properties");
    fs::write(&conf, settings(&dir, port, controller))?;
    let java = |class: &str| {
        Sh::new("java")
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-Dlog4j2.level=WARN", "-cp"])
            .arg(jars.join("*"))
            .arg(class)
            .dir(&dir)
    };
    let format = ["format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c"];
    java("kafka.tools.StorageTool").args(format).arg(&conf).run()?;
    daemon.start(java("kafka.Kafka").arg(&conf), &jars)?;
    let address = format!("127.0.0.1:{port}");
    fs::write(noted, &address)?;
    place.test_env("YUNSHU_TEST_KAFKA", &address)?;
    Ok(address)
}

/// Starts it unless it runs, and waits until it answers.
pub fn start(place: &Place) -> Result<String> {
    let address = begin(place)?;
    let daemon = daemon(place);
    sh::wait_for("Kafka to answer", PATIENCE, || {
        daemon.must_run()?;
        Ok(TcpStream::connect(&address).is_ok().then_some(()))
    })?;
    Ok(address)
}

pub fn stop(place: &Place) -> Result<()> {
    daemon(place).stop().map(drop)
}

pub fn is_up(place: &Place) -> bool {
    daemon(place).pid().is_some()
}

fn daemon(place: &Place) -> Daemon {
    Daemon::named(place, "kafka-test")
}

/// Listens on this machine alone. One node keeps everything once, and lets groups begin at once.
fn settings(dir: &Path, port: u16, controller: u16) -> String {
    let data = dir.join("data");
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         offsets.topic.num.partitions=4\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n",
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
