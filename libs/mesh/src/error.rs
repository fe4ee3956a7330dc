use std::path::PathBuf;

/// Why certificates cannot be used, with the mend.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file.
    #[error("{path}: {source}; give this user the file, or name another in [mesh]")]
    File { path: PathBuf, source: std::io::Error },
    /// What is in it.
    #[error("{path}: {why}; `yunshud mesh issue` makes good ones")]
    Content { path: PathBuf, why: String },
    /// A key that others can read.
    #[error("{0} can be read by others: chmod 0600")]
    Open(PathBuf),
    /// A certificate for somebody else.
    #[error("{path} is not for {name}: `yunshud mesh issue --roles` makes one that is")]
    NotFor { path: PathBuf, name: String },
    /// Not a word that can be part of a name.
    #[error("{0:?} cannot be the name of a role")]
    Name(String),
    /// One half is missing.
    #[error(
        "{0} has not both ca.pem and ca.key; remove them to begin a new authority, and issue all certificates anew"
    )]
    Half(PathBuf),
    /// `rcgen` refuses.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    /// `rustls` refuses.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}
