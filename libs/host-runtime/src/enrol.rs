//! Becoming a host, once.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use host_api::Enrol;
use ids::HostId;

use crate::{CallError, Client, Identity, Machine, machine::About};

/// A folder that holds who the host is: `identity.pem` and, once enrolled, `host`.
#[derive(Debug, Clone)]
pub struct StateDir(PathBuf);

/// Why the host is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither enrolled nor told how to.
    #[error("this host is not enrolled: ask an operator for a token and start once with --enrol <token>")]
    NoToken,
    /// The folder could not be read or written.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// The identity is broken.
    #[error(transparent)]
    Identity(#[from] crate::identity::Error),
    /// The machine does not say what it is.
    #[error("{0}")]
    Machine(String),
    /// The control plane did not take it.
    #[error("enrolment {0}")]
    Call(#[from] CallError),
}

impl StateDir {
    /// Makes the folder when there is none.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt as _;
        let made = fs::DirBuilder::new().recursive(true).mode(0o711).create(dir);
        made.map_err(|error| Error::File(dir.display().to_string(), error))?;
        Ok(Self(dir.to_owned()))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The host's credential; made when there is none.
    pub fn identity(&self) -> Result<Identity, Error> {
        Ok(Identity::keep(&self.0.join("identity.pem"))?)
    }

    /// Enrols unless that was done before. A crash between the answer and the note is mended by the same token again: the
    /// certificate is the same, so the answer is.
    pub async fn enrol<M: Machine>(
        &self,
        client: &Client,
        machine: &M,
        token: Option<&str>,
        name: &str,
    ) -> Result<HostId, Error> {
        let file = self.0.join("host");
        let named = |error| Error::File(file.display().to_string(), error);
        match fs::read_to_string(&file) {
            Ok(text) => {
                let broken = |error: ids::NotAnId| named(io::Error::new(io::ErrorKind::InvalidData, error));
                return text.trim().parse().map_err(broken);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(named(error)),
        }

        let token = token.ok_or(Error::NoToken)?;
        let about = machine.about().await.map_err(|error| Error::Machine(error.detail))?;
        let enrolled = client.enrol(&ask(token, name, about)).await?;
        fs::write(&file, enrolled.host_id.to_string()).map_err(named)?;
        Ok(enrolled.host_id)
    }
}

/// The request for a machine.
#[must_use]
pub fn ask(token: &str, name: &str, about: About) -> Enrol {
    Enrol {
        token: token.to_owned(),
        name: name.to_owned(),
        capacity: about.capacity,
        domain_type: about.domain_type,
        libvirt_version: about.libvirt_version,
        simulated: about.simulated,
    }
}
