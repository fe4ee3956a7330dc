use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use ids::TenantId;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Kek, Unreadable, random};

const VERSION: u8 = 1;
pub(crate) const AES_256_GCM: u8 = 1;
const HEAD: usize = 2 + 8;
const WRAPPED: usize = 12 + 32 + 16;

/// Where a value is kept. It is authenticated with the value.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Whose it is.
    pub tenant: TenantId,
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row's key.
    pub row: &'a str,
}

impl Place<'_> {
    fn aad(&self, kek: [u8; 8]) -> Vec<u8> {
        self.authenticated(&[&[VERSION, AES_256_GCM], kek.as_slice()].concat())
    }

    /// What is authenticated with a value: the head of its format, then the place.
    pub(crate) fn authenticated(&self, head: &[u8]) -> Vec<u8> {
        let mut aad = head.to_vec();
        for part in [&self.tenant.to_string(), self.table, self.column, self.row] {
            // Lengths keep ("ab", "c") apart from ("a", "bc").
            aad.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            aad.extend(part.as_bytes());
        }
        aad
    }
}

impl Kek {
    /// Is this sealed by a platform's key, and not by a tenant's?
    #[must_use]
    pub fn is_of_platform(sealed: &[u8]) -> bool {
        sealed.first() == Some(&VERSION)
    }

    /// Encrypts a value for its place.
    pub fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let aad = place.aad(self.id());
        let key = Zeroizing::new(random::<32>());
        let nonce = random::<12>();
        let sealed = Aes256Gcm::new(&(*key).into())
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| Unreadable)?;
        let mut out = vec![VERSION, AES_256_GCM];
        out.extend(self.id());
        out.extend(self.wrap(&key, &aad)?);
        out.extend(commitment(&key, &nonce)?);
        out.extend(nonce);
        out.extend(sealed);
        Ok(out)
    }

    /// Decrypts a value, if it was sealed for this place under this key.
    pub fn open_sealed(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let aad = place.aad(self.id());
        let (head, rest) = sealed.split_at_checked(HEAD).ok_or(Unreadable)?;
        if head != aad.get(..HEAD).unwrap_or_default() {
            return Err(Unreadable);
        }
        let (wrapped, rest) = rest.split_at_checked(WRAPPED).ok_or(Unreadable)?;
        let (promised, rest) = rest.split_first_chunk::<32>().ok_or(Unreadable)?;
        let (nonce, body) = rest.split_first_chunk::<12>().ok_or(Unreadable)?;
        let key = self.unwrap(wrapped, &aad)?;
        if !bool::from(promised.ct_eq(&commitment(&key, nonce)?)) {
            return Err(Unreadable);
        }
        Aes256Gcm::new(&(*key).into())
            .decrypt(&Nonce::from(*nonce), Payload { msg: body, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| Unreadable)
    }
}

pub(crate) fn commitment(key: &[u8; 32], nonce: &[u8; 12]) -> Result<[u8; 32], Unreadable> {
    let salt = aws_lc_rs::hkdf::Salt::new(aws_lc_rs::hkdf::HKDF_SHA256, nonce);
    let prk = salt.extract(key);
    let okm = prk
        .expand(&[b"yunshu key commitment"], aws_lc_rs::hkdf::HKDF_SHA256)
        .map_err(|_| Unreadable)?;
    let mut out = [0; 32];
    okm.fill(&mut out).map_err(|_| Unreadable)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(tenant: TenantId) -> Place<'static> {
        Place {
            tenant,
            table: "consoles",
            column: "content",
            row: "r1",
        }
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let kek = Kek::new(random());
        let tenant = TenantId::mint();
        let sealed = kek.seal(&place(tenant), b"hello").unwrap();
        assert_eq!(kek.open_sealed(&place(tenant), &sealed).unwrap().as_slice(), b"hello");

        let moved = [
            Place {
                tenant: TenantId::mint(),
                ..place(tenant)
            },
            Place {
                table: "others",
                ..place(tenant)
            },
            Place {
                column: "other",
                ..place(tenant)
            },
            Place {
                row: "r2",
                ..place(tenant)
            },
        ];
        for elsewhere in moved {
            assert_eq!(
                kek.open_sealed(&elsewhere, &sealed),
                Err(Unreadable),
                "t20 {elsewhere:?}"
            );
        }
        assert_eq!(Kek::new(random()).open_sealed(&place(tenant), &sealed), Err(Unreadable));
    }

    #[test]
    fn t20_every_flipped_bit_and_every_cut_is_noticed() {
        let kek = Kek::new(random());
        let place = place(TenantId::mint());
        let sealed = kek.seal(&place, b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert_eq!(kek.open_sealed(&place, &bad), Err(Unreadable), "byte {at}");
            assert_eq!(kek.open_sealed(&place, &sealed[..at]), Err(Unreadable), "cut at {at}");
        }
    }

    #[test]
    fn t24_the_key_file_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = std::env::temp_dir().join(format!("kek-{}", TenantId::mint()));
        std::fs::create_dir(&directory).unwrap();
        let file = directory.join("kek");
        let first = Kek::open_or_make(&file).unwrap();
        assert_eq!(first.id(), Kek::open_or_make(&file).unwrap().id(), "made once");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Kek::open(&file), Err(crate::OpenError::Exposed(_))));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
