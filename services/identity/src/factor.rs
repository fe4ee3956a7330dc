//! Second factors: what they are, and the codes that show them.

pub mod passkey;
pub mod qr;
pub mod recovery;
pub mod sent;
pub mod totp;

use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::{FactorId, TenantId, UserId};

/// As many as one person may have.
pub const MOST: usize = 10;

/// What kind of second factor, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A passkey or hardware key, Web Authentication.
    Webauthn,
    /// An authenticator's codes, RFC 6238.
    Totp,
    /// One of the codes that were written down for the day the factor is lost.
    Recovery,
    /// A code by SMS: weaker.
    Sms,
    /// A code by mail: weaker still.
    Email,
}

impl Kind {
    /// Those that are a factor by themselves, the strongest first.
    pub const FACTORS: &'static [Self] = &[Self::Webauthn, Self::Totp];

    /// Those that a tenant has to allow, and that never count where it asks for a factor. NIST SP 800-63B makes the telephone
    /// network a restricted authenticator ("Restricted Authenticators"), and mail none at all: it proves possession of no
    /// device ("Out-of-Band Authenticators").
    pub const WEAKER: &'static [Self] = &[Self::Sms, Self::Email];

    /// A kind that counts, by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::FACTORS.iter().copied().find(|kind| kind.name() == name)
    }

    /// A weaker kind, by its name.
    pub fn weaker(name: &str) -> Option<Self> {
        Self::WEAKER.iter().copied().find(|kind| kind.name() == name)
    }

    /// Is it one of the weaker ones, whose codes are sent?
    pub fn is_weaker(self) -> bool {
        Self::WEAKER.contains(&self)
    }

    /// How strong it is, in a word.
    pub fn strength(self) -> &'static str {
        if self.is_weaker() { "weaker" } else { "strong" }
    }

    /// As it is kept and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webauthn => "webauthn",
            Self::Totp => "totp",
            Self::Recovery => "recovery",
            Self::Sms => "sms",
            Self::Email => "email",
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
    /// What they call it. At sign-in it is not asked for.
    pub name: String,
    /// Its secret, the passkey's public half or the number that codes go to, encrypted.
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
