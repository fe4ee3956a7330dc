//! Second factors: what they are, and the codes that show them.

pub mod passkey;
pub mod qr;
pub mod recovery;
pub mod totp;

use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::{FactorId, TenantId, UserId};

/// As many as one person may have.
pub const MOST: usize = 10;

/// What kind of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A passkey or hardware key, Web Authentication.
    Webauthn,
    /// An authenticator's codes, RFC 6238.
    Totp,
    /// One of the codes that were written down for the day the factor is lost.
    Recovery,
}

impl Kind {
    /// Those that are a factor by themselves, the strongest first.
    pub const FACTORS: &'static [Self] = &[Self::Webauthn, Self::Totp];

    /// From what is kept.
    pub fn named(name: &str) -> Option<Self> {
        Self::FACTORS.iter().copied().find(|kind| kind.name() == name)
    }

    /// As it is kept and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webauthn => "webauthn",
            Self::Totp => "totp",
            Self::Recovery => "recovery",
        }
    }
}

/// Something that a person proves who they are with, beside the password.
#[derive(Debug, Clone)]
pub struct Factor {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: FactorId,
    /// Whose it is.
    pub user: UserId,
    /// What it is.
    pub kind: Kind,
    /// What they call it.
    pub name: String,
    /// Its secret, or the passkey's public half, encrypted.
    pub sealed: Vec<u8>,
    /// When its holder first showed that they have it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When it was last shown.
    pub used_at: Option<DateTime<Utc>>,
    /// Grows with each change of its configuration.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What somebody calls a factor of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// 1 to 100 characters that can be shown.
    pub fn check(pointer: &str, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if !fits {
            return Err(FieldError::new(
                pointer,
                "must have 1 to 100 characters, none of them control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
