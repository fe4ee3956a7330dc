//! What is told of a breach: asked of the platform, and verified without it.

use std::io::BufRead;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use tlog::breach::verify;
use tlog::bundle::Trust;

use super::keep;
use crate::args::Global;
use crate::output::{self, Format, Output};

const BREACH: &str = "/audit/compliance/breach";

#[derive(Args)]
pub struct BreachCommand {
    /// Where to; `-` writes to standard output
    file: PathBuf,
    /// Not before this time, e.g. 2026-11-01T00:00:00Z
    #[arg(long)]
    since: String,
    /// Before this time; now, if not given
    #[arg(long)]
    until: Option<String>,
    /// An actor as the log names it, e.g. `user:<id>`; once for each
    #[arg(long, value_name = "ACTOR")]
    actor: Vec<String>,
    /// A credential as the log names it, e.g. `api_key:<id>`; once for each
    #[arg(long, value_name = "CREDENTIAL")]
    credential: Vec<String>,
    /// The id of a session; once for each
    #[arg(long, value_name = "ID")]
    session: Vec<String>,
    /// An address; once for each
    #[arg(long, value_name = "ADDRESS")]
    ip: Vec<String>,
}

impl BreachCommand {
    pub async fn run(&self, global: &Global) -> Result<()> {
        keep(global, (BREACH, &self.query()), &self.file).await
    }

    fn query(&self) -> Vec<(String, String)> {
        let mut query = vec![("since".to_owned(), self.since.clone())];
        query.extend(self.until.as_ref().map(|until| ("until".to_owned(), until.clone())));
        let suspects = [
            ("actor", &self.actor),
            ("credential", &self.credential),
            ("session", &self.session),
            ("ip", &self.ip),
        ];
        for (name, list) in suspects.into_iter().filter(|(_, list)| !list.is_empty()) {
            query.push((name.to_owned(), list.join(",")));
        }
        query
    }
}

/// Verifies a file, and shows what it comes to.
pub fn show(file: impl BufRead, trust: Trust, out: Output) -> Result<()> {
    let breach = verify(file, &trust).context("what is told of the breach is not to be believed")?;
    if out.0 != Format::Table {
        return out.show(&json!({"verified": true, "breach": serde_json::to_value(&breach)?}));
    }
    let report = &breach.report;
    let asked = breach.lines.first();
    let of = |name: &str| asked.and_then(|asked| asked.get(name)).cloned().unwrap_or_default();
    out.show(&json!({
        "verified": true,
        "log": report.origin,
        "since": of("since"),
        "until": of("until"),
        "suspects": of("suspects"),
        "entries": report.entries,
        "without content": report.withheld,
        "last checkpoint": format!("{} entries, root {}", report.size, report.root),
    }))?;
    for line in breach.lines.iter().skip(1) {
        output::tell(format_args!("{}", told(line)));
    }
    Ok(())
}

/// A line of what it comes to.
fn told(line: &Value) -> String {
    let field = |name: &str| match line.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let (kind, id, entries) = (field("type"), field("id"), field("entries"));
    if id.is_empty() {
        return format!("{kind}: {line}");
    }
    format!("{kind} {id}: {entries} from {} to {}", field("first"), field("last"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        pack: BreachCommand,
    }

    #[test]
    fn suspects_of_one_kind_are_one_list() {
        let args = [
            "x",
            "f",
            "--since",
            "2026-11-01T00:00:00Z",
            "--actor",
            "user:a",
            "--actor",
            "user:b",
            "--ip",
            "192.0.2.1",
        ];
        let query = Alone::try_parse_from(args).unwrap().pack.query();
        let query: Vec<(&str, &str)> = query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            query,
            [
                ("since", "2026-11-01T00:00:00Z"),
                ("actor", "user:a,user:b"),
                ("ip", "192.0.2.1")
            ]
        );
        assert!(Alone::try_parse_from(["x", "f"]).is_err(), "a breach begins somewhere");
    }

    #[test]
    fn what_is_no_such_file_is_not_believed() {
        let shown = show(
            b"{\"type\":\"log\"}\n".as_slice(),
            Trust::default(),
            Output(Format::Json),
        );
        assert!(shown.unwrap_err().to_string().contains("not to be believed"));
        let line = json!({"type": "subject", "id": "user:a", "entries": 2, "first": "x", "last": "y"});
        assert_eq!(told(&line), "subject user:a: 2 from x to y");
    }
}
