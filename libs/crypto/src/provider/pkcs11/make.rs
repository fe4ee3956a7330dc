//! Making the key: once, in the token itself.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::Session;

use super::Token;
use super::connection::{keys, sign_in, slot};
use super::failure::Failure;
use crate::{Pkcs11Settings, random};

impl Token {
    pub(super) fn make_key(&self) -> Result<(), Failure> {
        self.module.connect(|context, _| {
            let session = context.open_rw_session(slot(context, &self.settings)?)?;
            sign_in(&session, &self.settings, &mut None)?;
            make(&session, &self.settings)
        })
    }
}

fn make(session: &Session, settings: &Pkcs11Settings) -> Result<(), Failure> {
    let taken = || {
        let label = &settings.key;
        Failure::Refused(format!(
            "the token has a key `{label}` already, and it stays as it is: choose another label, or use that key"
        ))
    };
    if !keys(session, settings)?.is_empty() {
        return Err(taken());
    }
    let made = session.generate_key(
        &Mechanism::AesKeyGen,
        &[
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::ValueLen(32.into()),
            Attribute::Label(settings.key.as_bytes().to_vec()),
            Attribute::Id(random::<16>().to_vec()),
        ],
    )?;
    // Labels need not be unique to a token: somebody may have made the same at the same moment.
    if keys(session, settings)?.len() > 1 {
        session.destroy_object(made)?;
        return Err(taken());
    }
    Ok(())
}
