use crypto::Kek;
use db::Db;
use tokio::sync::Notify;

use crate::guess::Limits;
use crate::keys::Keys;
use crate::mail::Mailer;
use crate::password::Hasher;
use crate::session::Lifetimes;

/// What every handler shares.
pub struct Identity {
    /// The database.
    pub db: Db,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Signs access tokens.
    pub keys: Keys,
    /// What session secrets are encrypted with.
    pub kek: Kek,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// How often passwords may be guessed.
    pub guesses: Limits,
    /// Sends letters.
    pub mailer: Mailer,
    /// Rings when there is an errand.
    pub errands: Notify,
}
