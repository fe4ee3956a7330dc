use fault::Kind;

/// What the database said, sorted by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique or exclusion constraint, by name.
    #[error("already there: {0}")]
    Taken(String),
    /// A foreign key, by name: what it points at is gone, or is still pointed at.
    #[error("reference: {0}")]
    Reference(String),
    /// A check constraint, by name: a domain check was missed.
    #[error("check: {0}")]
    Check(String),
    /// Somebody else holds the row; trying again may help.
    #[error("busy: {0}")]
    Busy(sqlx::Error),
    /// The database cannot be reached, or no connection came free.
    #[error("away: {0}")]
    Away(sqlx::Error),
    /// What is sealed cannot be opened, or sealed.
    #[error("keys: {0}")]
    Keys(#[from] crypto::KeyError),
    /// Anything else is a bug of ours.
    #[error("unexpected: {0}")]
    Other(sqlx::Error),
}

/// What a store function returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The domain's word for a name that is taken, or this error as it stands.
    #[must_use]
    pub fn taken(self, what: &'static str) -> fault::Error {
        match self {
            Self::Taken(_) => fault::Error::already_exists(what),
            other => other.into(),
        }
    }

    /// What is told where the database cannot be reached, for this reason.
    pub(crate) fn away(why: impl std::fmt::Display) -> fault::Error {
        fault::Error::unavailable("The database is not reachable right now.", 2).private(why)
    }

    /// What is told where somebody else holds the row.
    pub(crate) fn busy(why: impl std::fmt::Display) -> fault::Error {
        let detail = "Somebody else is changing this right now; try again.";
        fault::Error::new(Kind::Conflict, detail).retry_after(1).private(why)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(inner) = &error {
            let constraint = inner.constraint().unwrap_or_default().to_owned();
            return match inner.code().as_deref() {
                Some("23505" | "23P01") => Self::Taken(constraint),
                Some("23503") => Self::Reference(constraint),
                Some("23514") => Self::Check(constraint),
                Some("55P03" | "40001" | "40P01") => Self::Busy(error),
                // Shutting down, starting up, too many connections, statement timeout, disk full.
                Some("57P01" | "57P02" | "57P03" | "53300" | "57014" | "53100") => Self::Away(error),
                _ => Self::Other(error),
            };
        }
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                Self::Away(error)
            }
            // A server that dies while it answers leaves half a message.
            sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Self::Away(error),
            _ => Self::Other(error),
        }
    }
}

impl From<Error> for fault::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Taken(_) => Self::new(Kind::AlreadyExists, "There is already one like it.").private(error),
            Error::Reference(_) => Self::conflict("Something it belongs to is gone, or something still belongs to it."),
            Error::Busy(_) => Error::busy(error),
            Error::Away(_) => Error::away(error),
            Error::Keys(error) => error.into(),
            Error::Check(_) | Error::Other(_) => Self::internal(error),
        }
    }
}
