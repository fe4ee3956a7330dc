//! Finding what is sealed of persons before it is known whose it is.
//!
//! # What it guarantees
//! Somebody who signs in names an address, and not always a tenant: there is no key of a tenant's to mark it with. So such values are marked by one
//! key of the platform's: the first 128 bits of HMAC-SHA-256 over a context, the kind of value and its one spelling ([`Normal`]). Two values of one
//! kind have the same mark if they are the same, whichever table and tenant they stand in; so a mark may be unique, and answers by itself
//! whether two are equal. Marks of two kinds are unrelated.
//!
//! # What it tells
//! Whoever has the database and not the key learns that two rows are of the same value, across tenants too, and nothing of the value, not even by
//! trying all there are. Whoever has the key as well, which lies sealed by the platform's [`Kek`], can try addresses they guess.
//!
//! # What it refuses
//! To be rotated: all marks would have to be made anew, and until then nobody would be found. Where keys are the tenant's, and rows are looked
//! for within it, [`BlindIndex`](crate::BlindIndex) tells less.

use aws_lc_rs::hmac;
use ids::TenantId;
use zeroize::Zeroizing;

use crate::blind_index::update;
use crate::{Kek, Normal, Place, Unreadable, random};

/// What is authenticated first, so that no other use of the key gives the same.
const CONTEXT: &str = "yunshu lookup mark v1";

/// The key that marks what is sealed of persons. There is one, made once.
#[derive(Clone)]
pub struct LookupKey(Zeroizing<[u8; 32]>);

/// What a sealed value is found by. The same for the same value of its kind; it tells nothing else without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; 16]);

impl Mark {
    /// As it is kept.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl LookupKey {
    /// A new one.
    #[must_use]
    pub fn make() -> Self {
        Self(Zeroizing::new(random()))
    }

    /// As it is kept in this row of this table, which is the platform's.
    pub fn seal(&self, kek: &Kek, place: &Place<'_>) -> Result<Vec<u8>, Unreadable> {
        kek.seal(place, &*self.0)
    }

    /// What is kept there.
    pub fn open(kek: &Kek, place: &Place<'_>, sealed: &[u8]) -> Result<Self, Unreadable> {
        let plain = kek.open_sealed(place, sealed)?;
        let key: [u8; 32] = plain.as_slice().try_into().map_err(|_| Unreadable)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// The mark of a value of this kind.
    #[must_use]
    pub fn mark(&self, kind: &str, value: &impl Normal) -> Mark {
        self.cut(kind, &[&value.normal()])
    }

    /// The mark of what belongs to a tenant: unrelated to that of the same value in another.
    #[must_use]
    pub fn mark_within(&self, tenant: TenantId, kind: &str, value: &impl Normal) -> Mark {
        self.cut(kind, &[tenant.as_uuid().as_bytes(), &value.normal()])
    }

    fn cut(&self, kind: &str, parts: &[&[u8]]) -> Mark {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut context = hmac::Context::with_key(&key);
        update(&mut context, CONTEXT.as_bytes());
        update(&mut context, kind.as_bytes());
        for part in parts {
            update(&mut context, part);
        }
        let tag = context.sign();
        let mut mark = [0; 16];
        mark.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Mark(mark)
    }
}

impl std::fmt::Debug for LookupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LookupKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(&'static str);

    impl Normal for Text {
        fn normal(&self) -> Vec<u8> {
            self.0.as_bytes().to_vec()
        }
    }

    const ROW: Place<'static> = Place {
        tenant: TenantId::from_uuid(ids::uuid::Uuid::nil()),
        table: "t",
        column: "sealed",
        row: "1",
    };

    #[test]
    fn t20_a_value_has_one_mark_and_no_other_value_kind_tenant_or_key_has_it() {
        let (key, tenant) = (LookupKey::make(), TenantId::mint());
        let mark = key.mark("email", &Text("ada@example.com"));
        assert_eq!(mark, key.mark("email", &Text("ada@example.com")));
        let within = key.mark_within(tenant, "email", &Text("ada@example.com"));
        assert_eq!(within, key.mark_within(tenant, "email", &Text("ada@example.com")));
        let others = [
            key.mark("email", &Text("ada@example.co")),
            key.mark("emai", &Text("lada@example.com")),
            key.mark("subject", &Text("ada@example.com")),
            LookupKey::make().mark("email", &Text("ada@example.com")),
            key.mark_within(TenantId::mint(), "email", &Text("ada@example.com")),
            within,
        ];
        for other in others {
            assert_ne!(other, mark);
        }
        assert_ne!(others[4], within);
    }

    #[test]
    fn t20_the_key_opens_where_it_was_sealed_and_nowhere_else() {
        let (kek, key) = (Kek::new(random()), LookupKey::make());
        let sealed = key.seal(&kek, &ROW).unwrap();
        let opened = LookupKey::open(&kek, &ROW, &sealed).unwrap();
        assert_eq!(opened.mark("k", &Text("v")), key.mark("k", &Text("v")));
        assert!(LookupKey::open(&Kek::new(random()), &ROW, &sealed).is_err());
        assert!(LookupKey::open(&kek, &Place { row: "2", ..ROW }, &sealed).is_err());
        assert!(LookupKey::open(&kek, &ROW, &sealed[1..]).is_err());
        assert_eq!(format!("{key:?}"), "LookupKey(..)");
    }
}
