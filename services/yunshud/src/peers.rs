//! What the processes of the platform know each other by.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use clock::Clock;
use mesh::{Authority, Mesh};
use web::Tls;

use crate::config::{Config, Role};

/// Who may ask a service. Services do not ask each other.
const CALLERS: [&str; 1] = ["gateway"];

/// `yunshud mesh issue`
#[derive(Debug, Args)]
pub struct Issue {
    /// The roles that one process is: one certificate, named after them.
    #[arg(long, value_delimiter = ',', required = true)]
    roles: Vec<Role>,
    /// Where the authority is, or is made.
    #[arg(long, default_value = ".local/mesh")]
    folder: PathBuf,
    /// How long the certificate is good.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=825))]
    days: u32,
}

impl Issue {
    /// Writes a certificate and says what to put into the configuration.
    pub fn run(&self) -> anyhow::Result<()> {
        let now = Clock::system().now();
        let roles: Vec<&str> = self.roles.iter().map(|role| role.name()).collect();
        let made = Authority::open(&self.folder, now)?.write(&roles, now, self.days)?;
        println!("[mesh]");
        for (name, path) in [("ca", made.ca), ("certificate", made.certificate), ("key", made.key)] {
            println!("{name} = {:?}", path.to_string_lossy());
        }
        Ok(())
    }
}

/// This process's part in the mesh, if it has one; it needs one where roles are in other processes.
pub fn join(config: &Config, roles: &[Role]) -> anyhow::Result<Option<Mesh>> {
    let Some(settings) = &config.mesh else {
        let alone = !roles.is_empty() && !roles.contains(&Role::Gateway);
        if alone || config.upstreams.are_named() {
            bail!(
                "roles in processes of their own speak TLS with each other: set ca, certificate and key in [mesh] \
                 (`yunshud mesh issue --roles ...` makes them), or run all roles in one process"
            );
        }
        return Ok(None);
    };
    let mesh = Mesh::open(settings)?;
    for role in Role::ALL {
        if roles.is_empty() || roles.contains(&role) {
            mesh.must_be(role.name())?;
        }
    }
    Ok(Some(mesh))
}

/// How a service listens.
pub fn tls(mesh: Option<&Mesh>) -> anyhow::Result<Option<Arc<Tls>>> {
    Ok(mesh.map(|mesh| mesh.server(&CALLERS)).transpose()?)
}
