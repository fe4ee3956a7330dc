//! What a transit server's answers mean for the keys. Nothing of what it writes is repeated: it may quote what it was sent.

use egress::Error;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::KekError;

/// Why a call did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// Worth a second try, and if that fails as well it cannot be reached.
    Again(String),
    Unavailable(String),
    Refused(String),
    Unreadable,
}

impl Failure {
    pub fn told(self, provider: &str) -> KekError {
        let provider = provider.to_owned();
        match self {
            Self::Again(cause) | Self::Unavailable(cause) => KekError::Unavailable { provider, cause },
            Self::Refused(cause) => KekError::Refused { provider, cause },
            Self::Unreadable => KekError::Unreadable { provider },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreachable | Error::Broken => Self::Again(error.to_string()),
            Error::Target(_) => Self::Refused(error.to_string()),
            Error::Status(_) | Error::Redirects | Error::TooLarge | Error::TooSlow => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

/// Something answered, but it does not speak this API.
pub(super) fn foreign() -> Failure {
    Failure::Unavailable(
        "its answer is not one of the transit API: correct `url` or `mount` in the settings".to_owned(),
    )
}

#[derive(Deserialize)]
pub(super) struct Answer {
    pub ciphertext: Option<String>,
    pub plaintext: Option<String>,
}

#[derive(Deserialize)]
struct Data {
    data: Answer,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

impl Answer {
    pub fn judge(status: u16, body: Zeroizing<Vec<u8>>) -> Result<Self, Failure> {
        if status == 200 {
            let data: Result<Data, _> = serde_json::from_slice(&body);
            return data.map(|data| data.data).map_err(|_| foreign());
        }
        let errors = serde_json::from_slice(&body).map_or_else(|_| Vec::new(), |it: Errors| it.errors);
        let says = |phrase: &str| errors.iter().any(|error| error.contains(phrase));
        // Some releases answer this by 500.
        if matches!(status, 400 | 500) && says("message authentication failed") {
            return Err(Failure::Unreadable);
        }
        Err(match status {
            400 if says("version is disallowed by policy") => Failure::Refused(
                "the key's version is too old for its `min_decryption_version`: lower that until all keys are wrapped anew"
                    .to_owned(),
            ),
            400 if says("invalid ciphertext") => Failure::Unreadable,
            400 if says("encryption key not found") => {
                Failure::Refused("there is no such key: make it, or correct `key` in the settings".to_owned())
            }
            400 if says("deleted") => Failure::Refused("the key is deleted: restore it".to_owned()),
            401 | 403 => Failure::Refused(format!(
                "it answers {status}: its policy must allow the token `update` on encrypt and decrypt of the key, and the token must live"
            )),
            404 => Failure::Refused(
                "it answers 404: correct `mount`, `key` or `namespace` in the settings, or enable the engine".to_owned(),
            ),
            503 => Failure::Again("it is sealed, or starting: unseal it".to_owned()),
            429 | 500.. => Failure::Again(format!("it answers {status}")),
            300..=399 | 412 | 472 | 473 => {
                Failure::Unavailable(format!("it answers {status}, as a standby does: name the active server in `url`"))
            }
            _ => Failure::Refused(format!("it answers {status}: the key must be one for aes256-gcm96")),
        })
    }
}
