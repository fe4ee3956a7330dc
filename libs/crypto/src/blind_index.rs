//! Finding sealed values by what they are.
//!
//! # What it guarantees
//! Beside the ciphertext stands a mark of a few bits: HMAC-SHA-256 over the column and the value by a key of the tenant's own,
//! cut short. Whoever looks for a value computes its mark, reads the rows that have it, opens them and keeps those that are
//! meant: a mark only narrows, and never answers by itself. The key ([`Purpose::Index`](crate::Purpose::Index)) is made with the tenant's
//! first keys and wrapped anew with them; it is never followed by another, so marks outlast every rotation; it is destroyed with the tenant's.
//! The same value has unrelated marks in two columns and of two tenants.
//!
//! # What it tells
//! Rows with different marks hold different values; rows with the same mark probably the same, if the tenant has far fewer values
//! than there are marks. What the value is, nobody learns without the key, not even by trying all there are. A column
//! should have at most half as many marks as it has distinct values, so that a mark alone never stands for one.
//!
//! # What it refuses
//! To be used for truths and short lists: whoever sees how often each mark comes sees through them. More than 15 bits.

use std::net::IpAddr;

use aws_lc_rs::hmac;

use crate::{KeyError, TenantKeys};

/// What is authenticated first, so that no other use of the key gives the same.
const CONTEXT: &str = "yunshu blind index v1";

/// A column whose sealed values are found by their marks.
#[derive(Debug, Clone, Copy)]
pub struct BlindIndex {
    table: &'static str,
    column: &'static str,
    bits: u8,
}

/// A value that has one spelling, whoever writes it down.
pub trait Normal {
    /// That spelling.
    fn normal(&self) -> Vec<u8>;
}

impl Normal for IpAddr {
    /// The octets; an IPv4 address is the same where IPv6 carries it (RFC 4291, 2.5.5.2).
    fn normal(&self) -> Vec<u8> {
        match self.to_canonical() {
            Self::V4(address) => address.octets().to_vec(),
            Self::V6(address) => address.octets().to_vec(),
        }
    }
}

impl BlindIndex {
    /// The index of this column, with marks of so many bits: 1 to 15, so that one fits into two bytes and is never negative.
    ///
    /// # Panics
    /// With other bits: at compile time, where it is a constant.
    #[must_use]
    pub const fn new(table: &'static str, column: &'static str, bits: u8) -> Self {
        assert!(bits >= 1 && bits <= 15, "a mark has 1 to 15 bits");
        Self { table, column, bits }
    }

    /// The mark of a value: 0 to 2^bits - 1.
    pub fn mark(&self, keys: &TenantKeys, value: &impl Normal) -> Result<i16, KeyError> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, keys.index()?.as_slice());
        let mut context = hmac::Context::with_key(&key);
        let tenant = keys.tenant().to_string();
        for part in [CONTEXT, &tenant, self.table, self.column] {
            update(&mut context, part.as_bytes());
        }
        context.update(&[self.bits]);
        update(&mut context, &value.normal());
        let tag = context.sign();
        let (first, second) = match tag.as_ref() {
            [first, second, ..] => (*first, *second),
            _ => return Err(KeyError::Unreadable),
        };
        let all = u16::from_be_bytes([first, second]) >> (16 - self.bits);
        i16::try_from(all).map_err(|_| KeyError::Unreadable)
    }
}

/// Lengths keep ("ab", "c") apart from ("a", "bc").
pub(crate) fn update(context: &mut hmac::Context, part: &[u8]) {
    context.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    context.update(part);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{Ipv4Addr, Ipv6Addr};

    use ids::TenantId;
    use proptest::prelude::*;

    use super::*;

    const FROM: BlindIndex = BlindIndex::new("t", "c", 15);

    struct Text(&'static str);

    impl Normal for Text {
        fn normal(&self) -> Vec<u8> {
            self.0.as_bytes().to_vec()
        }
    }

    fn marks(index: BlindIndex, keys: &TenantKeys) -> Vec<i16> {
        let address = |number: u32| IpAddr::from(Ipv4Addr::from_bits(number));
        (0..64)
            .map(|number| index.mark(keys, &address(number)).unwrap())
            .collect()
    }

    #[test]
    fn t20_another_tenant_table_column_or_length_has_unrelated_marks() {
        let keys = TenantKeys::passing(TenantId::mint());
        let own = marks(FROM, &keys);
        assert_eq!(own, marks(FROM, &keys), "a value has one mark");
        let others = [
            marks(FROM, &TenantKeys::passing(keys.tenant())),
            marks(FROM, &TenantKeys::passing(TenantId::mint())),
            marks(BlindIndex::new("t", "d", 15), &keys),
            marks(BlindIndex::new("u", "c", 15), &keys),
            marks(BlindIndex::new("tc", "", 15), &keys),
            marks(BlindIndex::new("t", "c", 14), &keys),
        ];
        for (at, other) in others.iter().enumerate() {
            let same = own.iter().zip(other).filter(|(one, two)| one == two).count();
            // By chance one in 500 such lists has one.
            assert!(same <= 3, "{at}: {same} of {}", own.len());
        }
    }

    #[test]
    fn marks_are_spread_over_all_there_are() {
        let keys = TenantKeys::passing(TenantId::mint());
        let index = BlindIndex::new("t", "c", 4);
        let mut counts = [0_u32; 16];
        for number in 0..16_000_u32 {
            let mark = index.mark(&keys, &IpAddr::from(Ipv4Addr::from_bits(number))).unwrap();
            counts[usize::try_from(mark).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
        let distinct: BTreeSet<i16> = marks(FROM, &keys).into_iter().collect();
        assert!(distinct.len() > 60, "values that differ have marks that differ");
        assert_ne!(FROM.mark(&keys, &Text("a")), FROM.mark(&keys, &Text("b")));
    }

    #[test]
    fn the_key_that_marks_seals_nothing() {
        let keys = TenantKeys::passing(TenantId::mint());
        let place = crate::Place {
            tenant: keys.tenant(),
            table: "t",
            column: "c",
            row: "r",
        };
        let sealed = keys.seal(crate::Purpose::Index, &place, b"x");
        assert_eq!(sealed, Err(KeyError::Exhausted));
    }

    proptest! {
        #[test]
        fn an_address_has_one_mark_however_it_is_carried(bits: u32, bits6: u128, width in 1_u8..=15) {
            let keys = TenantKeys::passing(TenantId::mint());
            let index = BlindIndex::new("t", "c", width);
            let address = Ipv4Addr::from_bits(bits);
            let mark = index.mark(&keys, &IpAddr::V4(address)).unwrap();
            prop_assert!((0..1_i32 << width).contains(&i32::from(mark)));
            prop_assert_eq!(index.mark(&keys, &IpAddr::V6(address.to_ipv6_mapped())).unwrap(), mark);
            let spelt: IpAddr = format!("::ffff:{address}").parse().unwrap();
            prop_assert_eq!(index.mark(&keys, &spelt).unwrap(), mark);
            let long = IpAddr::V6(Ipv6Addr::from_bits(bits6));
            let again: IpAddr = long.to_string().parse().unwrap();
            prop_assert_eq!(index.mark(&keys, &long).unwrap(), index.mark(&keys, &again).unwrap());
        }
    }
}
