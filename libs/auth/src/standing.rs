//! How the gateway asks about the credentials that are in use, many at a time: identity answers of those only whose
//! standing has become another.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::{Credential, Standing};

/// The most credentials in one question.
pub const MOST_KNOWN: usize = 1_000;

/// A credential whose standing the gateway knows, and which it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub credential: Credential,
    /// [`Standing::print`]
    pub print: String,
}

/// A credential whose standing is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub credential: Credential,
    /// None: there is no such credential any more.
    pub standing: Option<Standing>,
}

impl Standing {
    /// Tells it from any other: SHA-256 of its JSON, in base64. Two releases may write the same standing otherwise; then
    /// it is sent once more than it must be.
    #[must_use]
    pub fn print(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        STANDARD_NO_PAD.encode(digest(&SHA256, &json))
    }
}
