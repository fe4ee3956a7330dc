use ids::TenantId;

use crate::{KeyError, Place, Purpose, TenantKeys};

/// A column that holds text, sealed for its row by the keys of its tenant.
#[derive(Debug, Clone, Copy)]
pub struct SealedText {
    purpose: Purpose,
    table: &'static str,
    column: &'static str,
}

impl SealedText {
    /// A column of this table, for data of this purpose.
    #[must_use]
    pub const fn new(purpose: Purpose, table: &'static str, column: &'static str) -> Self {
        Self { purpose, table, column }
    }

    /// As it is kept in the row with this key.
    pub fn seal(&self, keys: &TenantKeys, row: &str, text: &str) -> Result<Vec<u8>, KeyError> {
        keys.seal(self.purpose, &self.place(keys.tenant(), row), text.as_bytes())
    }

    /// What is kept in the row with this key.
    pub fn open(&self, keys: &TenantKeys, row: &str, sealed: &[u8]) -> Result<String, KeyError> {
        let plain = keys.open(&self.place(keys.tenant(), row), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| KeyError::Unreadable)?;
        Ok(text.to_owned())
    }

    /// The same of a text that may not be there.
    pub fn seal_some(&self, keys: &TenantKeys, row: &str, text: Option<&str>) -> Result<Option<Vec<u8>>, KeyError> {
        text.map(|text| self.seal(keys, row, text)).transpose()
    }

    /// What is kept of it.
    pub fn open_some(&self, keys: &TenantKeys, row: &str, sealed: Option<&[u8]>) -> Result<Option<String>, KeyError> {
        sealed.map(|sealed| self.open(keys, row, sealed)).transpose()
    }

    const fn place<'a>(&self, tenant: TenantId, row: &'a str) -> Place<'a> {
        Place {
            tenant,
            table: self.table,
            column: self.column,
            row,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t20_text_opens_in_its_own_row_and_column_alone() {
        let keys = TenantKeys::passing(TenantId::mint());
        let name = SealedText::new(Purpose::PersonalData, "t", "name");
        let sealed = name.seal(&keys, "1", "Zoë").unwrap();
        assert_eq!(name.open(&keys, "1", &sealed).as_deref(), Ok("Zoë"));
        let other = SealedText::new(Purpose::PersonalData, "t", "email");
        let others = [
            name.open(&keys, "2", &sealed),
            other.open(&keys, "1", &sealed),
            name.open(&TenantKeys::passing(TenantId::mint()), "1", &sealed),
            name.open(&keys, "1", &sealed[1..]),
        ];
        assert!(
            others.iter().all(|opened| *opened == Err(KeyError::Unreadable)),
            "{others:?}"
        );
    }
}
