//! Becoming a host, once.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use host_api::{Enrol, Sha256};
use ids::HostId;
use sha2::Digest as _;

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
    ///
    /// A token that was not used by this host before makes it a new host (its old control plane is gone, say); when it is
    /// refused, the host stays who it was.
    pub async fn enrol<M: Machine>(
        &self,
        client: &Client,
        machine: &M,
        token: Option<&str>,
        name: &str,
    ) -> Result<HostId, Error> {
        let known = self.known()?;
        let used = token.map(|token| Sha256::of_digest(sha2::Sha256::digest(token).into()));
        let (Some(token), Some(used)) = (token, used) else {
            return known.map(|known| known.host).ok_or(Error::NoToken);
        };
        if let Some(known) = known.as_ref().filter(|known| known.token == used) {
            return Ok(known.host);
        }

        let about = machine.about().await.map_err(|error| Error::Machine(error.detail))?;
        let host = match (client.enrol(&ask(token, name, about)).await, known) {
            (Ok(enrolled), former) => {
                if let Some(former) = former {
                    tracing::warn!(former = %former.host, "this machine is another host now; VMs of the former one are not touched");
                }
                enrolled.host_id
            }
            (Err(error @ CallError::Refused { .. }), Some(known)) => {
                tracing::warn!(%error, "the token was not taken; this host stays who it was");
                return Ok(known.host);
            }
            (Err(error), _) => return Err(error.into()),
        };
        self.note(&Known { host, token: used })?;
        Ok(host)
    }

    fn known(&self) -> Result<Option<Known>, Error> {
        let named = |error| Error::File(self.file().display().to_string(), error);
        match fs::read_to_string(self.file()) {
            Ok(text) => match Known::parse(&text) {
                Some(known) => Ok(Some(known)),
                None => Err(named(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "remove it and enrol again",
                ))),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(named(error)),
        }
    }

    fn note(&self, known: &Known) -> Result<(), Error> {
        let draft = self.0.join("host.draft");
        let written = fs::write(&draft, format!("{} {}\n", known.host, known.token));
        let done = written.and_then(|()| fs::rename(draft, self.file()));
        done.map_err(|error| Error::File(self.file().display().to_string(), error))
    }

    fn file(&self) -> PathBuf {
        self.0.join("host")
    }
}

/// Who the host is, and by which token it came to be. A digest: the token is used up, and still nobody's business.
struct Known {
    host: HostId,
    token: Sha256,
}

impl Known {
    fn parse(text: &str) -> Option<Self> {
        let (host, token) = text.trim().split_once(' ')?;
        Some(Self {
            host: host.parse().ok()?,
            token: token.parse().ok()?,
        })
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
