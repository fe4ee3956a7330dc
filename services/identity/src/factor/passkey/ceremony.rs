//! A question to a device that waits for its answer: kept here, good once and for five minutes, for one purpose.

use std::time::Duration;

use crypto::{Kek, Place, Unreadable};
use ids::{ChallengeId, SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::DiscoverableAuthentication;

use super::Registration;
use crate::once::{Token, TokenDigest};

/// How long a device may take; the longest that the standard recommends is ten minutes.
pub const PATIENCE: Duration = Duration::from_mins(5);
const PREFIX: &str = "ywc_";

/// What was asked, of whom and for what. An answer to one purpose is none to another.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ceremony {
    /// To make a key for somebody who is signed in.
    Enrol {
        tenant: TenantId,
        user: UserId,
        registration: Registration,
    },
    /// To show a key for a sign-in whose password was right.
    Second {
        challenge: ChallengeId,
        asked: DiscoverableAuthentication,
    },
    /// To show a key again in a session.
    StepUp {
        session: SessionId,
        asked: DiscoverableAuthentication,
    },
    /// To show any key, from there: nobody is known yet.
    SignIn {
        network: String,
        asked: DiscoverableAuthentication,
    },
}

/// A new token for a ceremony.
pub fn token() -> Token {
    Token::make(PREFIX)
}

impl Ceremony {
    /// As it is kept.
    pub fn seal(&self, kek: &Kek, token: TokenDigest) -> Result<Vec<u8>, Unreadable> {
        let plain = serde_json::to_vec(self).map_err(|_| Unreadable)?;
        kek.seal(&place(&auth::api_key::hex(&token)), &plain)
    }

    /// From what is kept.
    pub fn open(kek: &Kek, token: TokenDigest, sealed: &[u8]) -> Result<Self, Unreadable> {
        let plain = kek.open_sealed(&place(&auth::api_key::hex(&token)), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Unreadable)
    }
}

fn place(row: &str) -> Place<'_> {
    Place {
        tenant: auth::PLATFORM,
        table: "identity.ceremonies",
        column: "sealed",
        row,
    }
}
