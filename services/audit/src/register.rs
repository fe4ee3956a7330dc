//! The register of processing (GDPR, Art. 30): what the platform holds, made of the list that a test holds against the database's
//! catalogue ([`db::contents`]). What is done with it elsewhere, and for whom, is the controller's to add.

use db::contents::{self, Kind, TABLES, TAGS, Table, Tag};

/// A column, and what is to be said of it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The table, with its schema.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What it holds.
    pub kind: &'static str,
    /// How it stands there.
    pub form: &'static str,
    /// By which key it is sealed, or why it is not.
    pub why: Option<&'static str>,
    /// Of its table; nothing where there is nothing to answer for.
    pub about: Option<&'static Table>,
}

/// What tables are linked to their person by.
const PERSON: (&str, Tag) = ("user_id", Tag::Personal("whose it is"));

/// Every column that may hold content, and every table that belongs to a person.
pub fn rows() -> Vec<Row> {
    let tagged = TAGS.iter().filter_map(|(name, tag)| {
        let (table, column) = name.rsplit_once('.')?;
        Some(row(table, column, *tag))
    });
    let mut rows: Vec<Row> = tagged.collect();
    let answered = |rows: &[Row], table: &Table| rows.iter().any(|row| row.table == table.name);
    let linked = TABLES.iter().filter(|table| !answered(&rows, table));
    let linked: Vec<Row> = linked.map(|table| row(table.name, PERSON.0, PERSON.1)).collect();
    rows.extend(linked);
    rows.sort_by_key(|row| (row.table, row.column));
    rows
}

fn row(table: &'static str, column: &'static str, tag: Tag) -> Row {
    Row {
        table,
        column,
        kind: match tag.kind() {
            Kind::Secret => "secret",
            Kind::Personal => "personal",
            Kind::PersonalSealed => "personal_sealed",
            Kind::Operational => "operational",
        },
        form: match tag {
            Tag::Tenant(_) | Tag::Told(_) | Tag::Carried(_) => "sealed_by_tenant",
            Tag::Platform(_) => "sealed_by_platform",
            Tag::Wrapped => "wrapped",
            Tag::Check | Tag::Hash => "hash",
            Tag::Mark => "blind_index",
            Tag::Personal(_) | Tag::Plain(_) => "clear",
        },
        why: tag.why(),
        about: contents::table_of(table),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_register_has_every_column_that_is_tagged_and_every_table_that_is_a_persons() {
        let rows = rows();
        let named: BTreeSet<String> = rows.iter().map(|row| format!("{}.{}", row.table, row.column)).collect();
        assert_eq!(named.len(), rows.len(), "each once");
        for (name, tag) in TAGS {
            let row = rows
                .iter()
                .find(|row| format!("{}.{}", row.table, row.column) == name)
                .unwrap();
            let answers = tag.kind() != Kind::Operational;
            assert!(!answers || row.about.is_some(), "{name}: for what, how long, for whom");
        }
        for table in TABLES {
            assert!(rows.iter().any(|row| row.table == table.name), "{}", table.name);
        }
    }
}
