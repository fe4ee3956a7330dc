//! What the log has signed for: wire types and endpoints.

pub mod list;
pub mod read;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::checkpoints::Signed;
use crate::store::cosignatures::Cosigned;

/// A checkpoint's path.
#[derive(Debug, Deserialize)]
pub struct OfSize {
    /// How many entries it covers, or `latest`.
    pub size: String,
}

impl OfSize {
    /// The size; none for the latest.
    pub(super) fn parse(&self) -> Result<Option<i64>, fault::Error> {
        size(&self.size).map_err(|_| fault::Error::not_found("checkpoint"))
    }
}

/// The size of a checkpoint that is asked for; none for the latest. Or what it must be.
pub(super) fn size(text: &str) -> Result<Option<i64>, &'static str> {
    if text == "latest" {
        return Ok(None);
    }
    let size = text.parse().ok().filter(|size| *size > 0);
    size.map(Some).ok_or("must be the size of a checkpoint, or `latest`")
}

/// What a query asks for that names no size.
pub(super) fn latest() -> String {
    "latest".to_owned()
}

/// That a witness saw the log in this state, and in none that contradicts it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CosignatureView {
    /// The witness's key: its name, its id in hexadecimal digits, and the key in base64, joined by `+`.
    #[schema(example = "witness.example/w1+7a1c2b3d+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB")]
    pub witness: String,
    /// When it cosigned, by its own clock.
    pub created_at: DateTime<Utc>,
}

impl CosignatureView {
    fn of(cosigned: Cosigned) -> Self {
        Self {
            witness: cosigned.witness,
            created_at: cosigned.time,
        }
    }
}

/// A signed statement of what the log was: it covers its first entries, and none of them can change any more unseen.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CheckpointView {
    /// Its name: the size.
    #[schema(example = "1000")]
    pub id: String,
    /// How many entries it covers.
    #[schema(example = 1000)]
    pub size: i64,
    /// The root of the Merkle tree over them (RFC 9162), in base64.
    #[schema(example = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    pub root: String,
    /// The signed note (C2SP tlog-checkpoint), with the cosignatures: keep it, and no later log that contradicts it will verify.
    pub note: String,
    /// Which witnesses have cosigned it so far.
    pub cosignatures: Vec<CosignatureView>,
    /// When it was signed.
    pub created_at: DateTime<Utc>,
    /// When somebody cosigned it last; nothing else about it changes.
    pub updated_at: DateTime<Utc>,
}

impl CheckpointView {
    /// The checkpoint as it is shown.
    pub fn of(signed: Signed) -> Self {
        let times = signed.cosigned.iter().map(|cosigned| cosigned.time);
        Self {
            id: signed.size.to_string(),
            size: signed.size,
            root: signed.root.to_string(),
            note: signed.whole(),
            created_at: signed.created_at,
            updated_at: times.fold(signed.created_at, DateTime::max),
            cosignatures: signed.cosigned.into_iter().map(CosignatureView::of).collect(),
        }
    }
}

impl db::Subject for CheckpointView {
    fn object(&self) -> String {
        format!("checkpoint:{}", self.size)
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}-{}\"", self.root, self.cosignatures.len()))
    }
}
