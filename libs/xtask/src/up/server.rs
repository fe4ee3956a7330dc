//! `yunshud` with every role in one process.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{Up, database, full, witness};
use crate::{
    daemon::Daemon,
    http::Api,
    place::{Place, make_dir},
    secrets,
    sh::{self, Sh},
};

pub const CONFIG: &str = "yunshud.toml";
pub const OPERATOR: &str = "operator@yunshu.test";

/// Somebody who can sign in.
pub struct Login {
    pub email: String,
    pub password: String,
    /// The file that keeps the password.
    pub file: PathBuf,
}

pub fn program(place: &Place) -> PathBuf {
    place.root.join("target/debug/yunshud")
}

pub fn ca(place: &Place) -> PathBuf {
    place.state("pki/ca.pem")
}

/// Where the gateway that runs listens with TLS.
pub fn port(place: &Place) -> Option<u16> {
    runs(place).then_some(())?;
    let config: toml::Table = fs::read_to_string(place.state("run/yunshud.toml")).ok()?.parse().ok()?;
    config
        .get("gateway")?
        .get("tls")?
        .as_str()?
        .rsplit_once(':')?
        .1
        .parse()
        .ok()
}

fn runs(place: &Place) -> bool {
    ["yunshud", "gateway"]
        .iter()
        .any(|name| Daemon::named(place, name).pid().is_some())
}

/// A port that somebody else has is told before anything is built.
pub fn ports(place: &Place, up: &Up) -> Result<()> {
    if runs(place) {
        return Ok(());
    }
    free(up.port, "--port")?;
    free(up.plain_port, "--plain-port")
}

pub fn migrate(place: &Place, up: &Up) -> Result<()> {
    configure(place, up)?;
    yunshud(place, "migrate").run()
}

/// Starts it, or again when it was built or configured anew, and waits until it can serve.
pub fn start(place: &Place, up: &Up) -> Result<Api> {
    let daemon = Daemon::named(place, "yunshud");
    let config = fs::read_to_string(place.state(CONFIG))?;
    let seen = place.state("run/yunshud.toml");
    // The other shape would have the ports.
    full::stop(place)?;
    let current = daemon.is_current(&program(place)) && fs::read_to_string(&seen).is_ok_and(|then| then == config);
    if !current {
        daemon.stop()?;
        free(up.port, "--port")?;
        free(up.plain_port, "--plain-port")?;
        daemon.start(yunshud(place, "serve"), &program(place))?;
        fs::write(seen, config)?;
    }
    let made = || {
        daemon.must_run()?;
        Ok(ca(place).exists().then_some(()))
    };
    sh::wait_for("the development CA", Duration::from_mins(1), made)?;
    let api = Api::new(up.port, &ca(place))?;
    let ready = || {
        daemon.must_run()?;
        Ok(api.get("/readyz").ok().filter(|answer| answer.status == 200))
    };
    sh::wait_for("yunshud to be ready", Duration::from_mins(1), ready).with_context(|| daemon.last_words())?;
    Ok(api)
}

/// Starts the witness, which is told the key of the log.
pub fn witness(place: &Place, up: &Up) -> Result<()> {
    let log = yunshud(place, "log-key").read()?;
    witness::start(place, up, log.trim())
}

/// Makes the platform operator; an existing one keeps its password.
pub fn operator(place: &Place) -> Result<Login> {
    let login = login(place, OPERATOR, "operator.password")?;
    yunshud(place, "operator")
        .args(["--email", OPERATOR])
        .read_with(&login.password)?;
    Ok(login)
}

pub fn login(place: &Place, email: &str, file: &str) -> Result<Login> {
    let password = secrets::password(place, file)?;
    Ok(Login {
        email: email.to_owned(),
        password,
        file: secrets::dir(place).join(file),
    })
}

fn yunshud(place: &Place, command: &str) -> Sh {
    yunshud_bare(place)
        .arg(command)
        .arg("--config")
        .arg(place.state(CONFIG))
}

pub fn yunshud_bare(place: &Place) -> Sh {
    Sh::new(program(place)).dir(&place.root)
}

fn configure(place: &Place, up: &Up) -> Result<()> {
    fs::write(place.state(CONFIG), config(place, up)?).context("cannot write the configuration")
}

/// What every process is told.
pub fn config(place: &Place, up: &Up) -> Result<String> {
    let kek = secrets::key(place, "kek")?;
    let log_key = secrets::key(place, "log.key")?;
    let witness = witness::key(place, up)?;
    let database = database::server(place)?;
    for dir in ["images", "log", "mail", "run"] {
        make_dir(&place.state(dir), 0o755)?;
    }
    let text = |path: &Path| toml::Value::from(path.to_string_lossy().into_owned()).to_string();
    let receiver = up.receiver.map_or_else(String::new, |port| {
        format!("[notify.webhooks]\nnetworks = [\"127.0.0.0/8\"]\nports = [{port}]\nplain_http = true\n\n")
    });
    Ok(format!(
        "# Written by ./dev up; your changes belong into the environment (YUNSHU_<SECTION>__<KEY>).\n\
         issuer = \"https://localhost:{tls}\"\n\n\
         [database]\nhost = {host}\nport = {port}\nname = \"{name}\"\nsecrets = {secrets}\n\n\
         [gateway]\ntls = \"0.0.0.0:{tls}\"\nplain = \"127.0.0.1:{plain}\"\npki = {pki}\n\
         rates.auth = {{ per_second = {rate}, burst = {burst} }}\n\n\
         [identity.mail]\nfolder = {mail}\nportal = \"https://localhost:{tls}\"\n\n\
         [crypto]\nkek = {kek}\ndestroyed = {destroyed}\n\n\
         [audit.log]\nkey = {log_key}\ncheckpoints = {checkpoints}\n\
         witnesses = [{{ url = \"http://{address}\", key = \"{witness}\", networks = [\"127.0.0.0/8\"] }}]\n\n\
         [compute]\nimages = {images}\nuploads = {uploads}\n\n\
         [portal]\nassets = {assets}\n\n\
         {receiver}[log]\nformat = \"text\"\n",
        host = text(&database.socket),
        port = database.port,
        name = database::NAME,
        secrets = text(&secrets::dir(place)),
        tls = up.port,
        plain = up.plain_port,
        pki = text(&place.state("pki")),
        rate = up.auth_rate,
        burst = up.auth_rate.saturating_mul(5),
        mail = text(&place.state("mail")),
        kek = text(&kek),
        destroyed = text(&place.state("destroyed-keys")),
        log_key = text(&log_key),
        checkpoints = text(&place.state("checkpoints")),
        address = witness::address(up),
        images = text(&place.state("images")),
        uploads = text(&place.state("guest")),
        assets = text(&place.root.join("services/portal/ui/dist")),
    ))
}

pub fn free(port: u16, flag: &str) -> Result<()> {
    if TcpListener::bind(("0.0.0.0", port)).is_err() {
        bail!("port {port} is taken (see `ss -ltnp sport = :{port}`): stop that, or choose another with {flag}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_the_mend() {
        let taken = TcpListener::bind(("0.0.0.0", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let told = free(port, "--port").unwrap_err().to_string();
        assert!(told.contains(&port.to_string()) && told.contains("--port"), "{told}");
        assert!(!told.contains('\n'));
        drop(taken);
        assert!(free(port, "--port").is_ok());
    }
}
