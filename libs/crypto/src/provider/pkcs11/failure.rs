//! What a PKCS#11 module's answers mean for the keys.

use cryptoki::error::{Error, RvError};

use crate::KekError;

/// Why a call did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// Session, token or module is gone, or in a state nothing can be said about: worth a new connection.
    Lost(String),
    /// The key is not there. After a token has gone and come back that may be what its old connection says.
    Missing(String),
    /// It will not.
    Refused(String),
    /// The tag does not fit.
    Unreadable,
}

impl Failure {
    pub fn told(self, provider: &str) -> KekError {
        let provider = provider.to_owned();
        match self {
            Self::Lost(cause) => KekError::Unavailable { provider, cause },
            Self::Missing(cause) | Self::Refused(cause) => KekError::Refused { provider, cause },
            Self::Unreadable => KekError::Unreadable { provider },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Error::Pkcs11(code, function) = error else {
            return Self::Lost(error.to_string());
        };
        let said = format!("{function} answers {code:?}");
        match code {
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => Self::Refused(format!(
                "{said}: put the right PIN into the file; this one is not tried again, so that the token does not lock itself"
            )),
            RvError::PinLocked | RvError::PinExpired | RvError::UserPinNotInitialized => {
                Self::Refused(format!("{said}: the token's security officer has to set a new PIN"))
            }
            RvError::KeyFunctionNotPermitted
            | RvError::KeyTypeInconsistent
            | RvError::KeySizeRange
            | RvError::ActionProhibited
            | RvError::FunctionRejected => Self::Refused(format!("{said}: the key may not be used like this")),
            RvError::MechanismInvalid | RvError::MechanismParamInvalid | RvError::FunctionNotSupported => {
                Self::Refused(format!("{said}: a token is needed that does CKM_AES_GCM"))
            }
            RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange => Self::Unreadable,
            _ => Self::Lost(said),
        }
    }
}

/// Whether this is how some tokens say that a tag does not fit, and others that they are ill.
pub(super) const fn is_doubtful(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::GeneralError
                | RvError::FunctionFailed
                | RvError::DeviceError
                | RvError::DataInvalid
                | RvError::DataLenRange
                | RvError::SignatureInvalid,
            _
        )
    )
}
