use crate::tiles::TileId;

/// What is wrong with something that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An index or size that no such log has.
    #[error("the log has no such entry or size")]
    Range,
    /// A tile that is needed was not given, or is too short.
    #[error("the tile {} of level {} is needed", .0.index, .0.level)]
    Missing(TileId),
    /// Not as many hashes as a frontier of this size has.
    #[error("the hashes are not those of a log of this size")]
    Frontier,
    /// The proof does not lead to the root.
    #[error("the proof does not hold")]
    Proof,
    /// No SHA-256 hash.
    #[error("not 32 bytes in base64")]
    Hash,
    /// No key as `name+id+key`.
    #[error("not a public key as name+id+key: {0}")]
    Key(&'static str),
    /// No signed note.
    #[error("not a signed note: {0}")]
    Note(&'static str),
    /// No checkpoint.
    #[error("not a checkpoint: {0}")]
    Checkpoint(&'static str),
    /// Nobody who is known signed.
    #[error("not signed by this key")]
    Unsigned,
    /// A signature in the name of a known key that is not its.
    #[error("the signature is not by the key that it names")]
    Signature,
    /// A line that is longer than any may be.
    #[error("the line is longer than any may be")]
    TooLong,
    /// A time that RFC 3339 cannot write.
    #[error("no time between the years 1970 and 9999")]
    Time,
}
