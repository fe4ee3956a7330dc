//! A session that is signed in and has found its key.

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::Pkcs11Settings;
use crate::key_file::read_secret;

/// What is kept between calls.
pub(super) struct Connection {
    pub session: Session,
    pub key: ObjectHandle,
    /// Of the module, when the session was opened.
    pub generation: u64,
}

/// The PIN that the token did not take. A token locks itself after a few wrong ones: none is offered to it twice.
pub(super) type WrongPin = Option<Zeroizing<String>>;

impl Connection {
    pub fn open(
        (context, generation): (&Pkcs11, u64),
        settings: &Pkcs11Settings,
        wrong: &mut WrongPin,
    ) -> Result<Self, Failure> {
        // Not closed when it is dropped: by then its number may be another session's, of a module that was renewed.
        let session = context.open_ro_session_no_drop(slot(context, settings)?)?;
        let key = sign_in(&session, settings, wrong).and_then(|()| the_key(&session, settings));
        match key {
            Ok(key) => Ok(Self {
                session,
                key,
                generation,
            }),
            Err(failure) => {
                drop(session.close());
                Err(failure)
            }
        }
    }
}

/// Where the token is now.
pub(super) fn slot(context: &Pkcs11, settings: &Pkcs11Settings) -> Result<Slot, Failure> {
    let wanted = settings.token.as_str();
    let mut found = Vec::new();
    for slot in context.get_slots_with_token()? {
        // A token may go between the two questions; the others are still there.
        let Ok(token) = context.get_token_info(slot) else {
            continue;
        };
        if token.token_initialized() && [token.label().trim_end(), token.serial_number().trim_end()].contains(&wanted) {
            found.push(slot);
        }
    }
    match found.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(Failure::Lost(format!(
            "there is no token `{wanted}`: plug it in, or correct `token` in the settings"
        ))),
        _ => Err(Failure::Refused(format!(
            "several tokens are called `{wanted}`: put a serial number into `token` in the settings"
        ))),
    }
}

pub(super) fn sign_in(session: &Session, settings: &Pkcs11Settings, wrong: &mut WrongPin) -> Result<(), Failure> {
    let pin = read_secret(&settings.pin_file).map_err(|error| Failure::Refused(error.to_string()))?;
    if wrong.as_ref() == Some(&pin) {
        return Err(Error::Pkcs11(RvError::PinIncorrect, cryptoki::context::Function::Login).into());
    }
    let said = session.login(UserType::User, Some(&AuthPin::from(pin.as_str())));
    match said {
        // Signing in is of the whole process, and the first session did it.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
            *wrong = None;
            Ok(())
        }
        Err(error) => {
            if matches!(error, Error::Pkcs11(RvError::PinIncorrect, _)) {
                *wrong = Some(pin);
            }
            Err(error.into())
        }
    }
}

/// Every key of this label.
pub(super) fn keys(session: &Session, settings: &Pkcs11Settings) -> Result<Vec<ObjectHandle>, Failure> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Label(settings.key.as_bytes().to_vec()),
    ];
    Ok(session.find_objects(&template)?)
}

fn the_key(session: &Session, settings: &Pkcs11Settings) -> Result<ObjectHandle, Failure> {
    let label = &settings.key;
    let key = match keys(session, settings)?.as_slice() {
        [key] => *key,
        [] => {
            return Err(Failure::Missing(format!(
                "the token has no key `{label}`: make it by `yunshud keys make`, or correct `key` in the settings"
            )));
        }
        _ => {
            return Err(Failure::Refused(format!(
                "the token has several keys `{label}`: give all but one another label"
            )));
        }
    };
    let told = session.get_attributes(
        key,
        &[
            AttributeType::KeyType,
            AttributeType::ValueLen,
            AttributeType::Sensitive,
            AttributeType::Extractable,
        ],
    )?;
    let [mut kind, mut sensitive, mut stays] = [false; 3];
    let mut length = None;
    for attribute in told {
        match attribute {
            Attribute::KeyType(is) => kind = is == KeyType::AES,
            Attribute::ValueLen(is) => length = Some(usize::from(is)),
            Attribute::Sensitive(is) => sensitive = is,
            Attribute::Extractable(is) => stays = !is,
            _ => {}
        }
    }
    if !kind || length != Some(32) {
        return Err(Failure::Refused(format!(
            "the key `{label}` is no AES-256 key: make another"
        )));
    }
    if !sensitive || !stays {
        return Err(Failure::Refused(format!(
            "the key `{label}` may leave the token: make one that is sensitive and not extractable"
        )));
    }
    Ok(key)
}
