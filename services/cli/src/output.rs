//! Answers as a table, JSON or YAML.

use anyhow::Result;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::Value;

use crate::field::entries;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Yaml,
}

#[derive(Clone, Copy)]
pub struct Output(pub Format);

impl Output {
    /// One object.
    pub fn show(self, value: &Value) -> Result<()> {
        match (self.0, value) {
            (Format::Table, Value::Object(fields)) => {
                let mut table = plain();
                for (name, value) in fields {
                    table.add_row([name.clone(), cell(value)]);
                }
                say(&table.trim_fmt())
            }
            // What is text already needs no quotes.
            (_, Value::String(text)) => say(text.trim_end_matches('\n')),
            _ => self.whole(value),
        }
    }

    /// A list: `{items: […]}`.
    pub fn list(self, value: &Value, columns: &[&str]) -> Result<()> {
        if self.0 != Format::Table {
            return self.whole(value.get("items").unwrap_or(value));
        }
        let mut table = plain();
        table.set_header(columns.iter().map(|column| column.to_uppercase()));
        for item in entries(value, "items") {
            table.add_row(
                columns
                    .iter()
                    .map(|column| item.get(*column).map(cell).unwrap_or_default()),
            );
        }
        say(&table.trim_fmt())
    }

    fn whole(self, value: &Value) -> Result<()> {
        match self.0 {
            Format::Yaml => say(serde_norway::to_string(value)?.trim_end()),
            Format::Table | Format::Json => say(&serde_json::to_string_pretty(value)?),
        }
    }
}

/// A word to whoever watches. That nobody does any more is no reason to stop.
pub fn tell(line: impl std::fmt::Display) {
    use std::io::Write;

    writeln!(std::io::stderr(), "{line}").ok();
}

/// A reader that has seen enough, such as `head`, is no failure.
fn say(text: &str) -> Result<()> {
    use std::io::Write as _;
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// Text from the platform is shown, never obeyed: what would steer a terminal is left out.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => match fields.get("name") {
            Some(name) => cell(name),
            None => value.to_string(),
        },
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_short_and_harmless() {
        assert_eq!(cell(&json!({"id": "1", "name": "small"})), "small");
        assert_eq!(cell(&json!(["a", "b"])), "a, b");
        assert_eq!(cell(&json!("\u{1b}[2Jx\u{7}")), "[2Jx");
        assert_eq!(cell(&Value::Null), "");
    }
}
