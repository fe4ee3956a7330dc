//! Wrapping by `CKM_AES_GCM`: `IV (12) | ciphertext (32) | tag (16)`.

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::failure::{Failure, is_doubtful};
use crate::random;

const IV: usize = 12;
const TAG: usize = 16;
const TAG_BITS: u64 = 128;

/// How long every wrapped key is, in bytes.
pub(super) const WRAPPED: usize = IV + 32 + TAG;

/// Wraps with an IV of ours, or of the token where it insists.
pub(super) fn wrap(session: &Session, key: ObjectHandle, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, Failure> {
    let wrapped = match seal(session, key, random(), plain, context) {
        // In FIPS mode tokens take nobody's IV: they want zeros there, and write their own.
        Err(Error::Pkcs11(RvError::MechanismParamInvalid | RvError::ArgumentsBad, _)) => {
            own_iv(seal(session, key, [0; IV], plain, context)?)?
        }
        sealed => sealed?,
    };
    if wrapped.len() != IV + plain.len() + TAG {
        return Err(Failure::Refused(
            "the token's AES-GCM does not append a tag of 128 bits".to_owned(),
        ));
    }
    Ok(wrapped)
}

/// What was sealed with zeros for an IV was sealed with the token's own, or is never used.
fn own_iv(sealed: Vec<u8>) -> Result<Vec<u8>, Failure> {
    if sealed.starts_with(&[0; IV]) {
        return Err(Failure::Refused(
            "the token takes no IV and gives none of its own".to_owned(),
        ));
    }
    Ok(sealed)
}

/// Unwraps what [`wrap`] made.
pub(super) fn unwrap(
    session: &Session,
    key: ObjectHandle,
    wrapped: &[u8],
    context: &[u8],
) -> Result<Zeroizing<[u8; 32]>, Failure> {
    if wrapped.len() != WRAPPED {
        return Err(Failure::Unreadable);
    }
    let plain = match open(session, key, wrapped, context) {
        // A token that can still do what it just refused to do refused because of the tag.
        Err(error) if is_doubtful(&error) && is_well(session, key) => return Err(Failure::Unreadable),
        opened => Zeroizing::new(opened?),
    };
    let plain = plain.as_slice().try_into().map_err(|_| Failure::Unreadable)?;
    Ok(Zeroizing::new(plain))
}

fn is_well(session: &Session, key: ObjectHandle) -> bool {
    let (plain, context) = (random::<32>(), random::<32>());
    wrap(session, key, &plain, &context)
        .is_ok_and(|wrapped| open(session, key, &wrapped, &context).is_ok_and(|opened| opened == plain))
}

fn seal(
    session: &Session,
    key: ObjectHandle,
    mut iv: [u8; IV],
    plain: &[u8],
    context: &[u8],
) -> Result<Vec<u8>, Error> {
    let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, context, TAG_BITS.into())?);
    let sealed = session.encrypt(&mechanism, key, plain)?;
    drop(mechanism);
    Ok([iv.as_slice(), &sealed].concat())
}

fn open(session: &Session, key: ObjectHandle, wrapped: &[u8], context: &[u8]) -> Result<Vec<u8>, Error> {
    let Some((iv, sealed)) = wrapped.split_first_chunk::<IV>() else {
        return Err(Error::InvalidValue);
    };
    let mut iv = *iv;
    let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, context, TAG_BITS.into())?);
    session.decrypt(&mechanism, key, sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t21_a_token_that_takes_no_iv_must_give_one() {
        let mut sealed = vec![0; WRAPPED];
        assert!(matches!(own_iv(sealed.clone()), Err(Failure::Refused(_))));
        sealed[11] = 1;
        assert!(own_iv(sealed).is_ok());
    }
}
