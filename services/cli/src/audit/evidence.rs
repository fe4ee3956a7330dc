//! Evidence for standards: shown by the platform, and verified without it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;
use tlog::PublicKey;
use tlog::bundle::Trust;
use tlog::evidence::{Pack, verify};

use crate::audit::{breach, key};
use crate::client::Client;
use crate::output::{self, Format, Output};

#[derive(Args)]
pub struct PackCommand {
    /// The file
    file: PathBuf,
    /// A key of the log, as name+id+key, that you got from elsewhere than the platform; once for each
    #[arg(long = "key", value_name = "KEY", required = true, value_parser = key)]
    keys: Vec<PublicKey>,
    /// The key of a witness who must have cosigned; once for each
    #[arg(long = "witness", value_name = "KEY", value_parser = key)]
    witnesses: Vec<PublicKey>,
    /// So many of the witnesses must have cosigned; all, if not given
    #[arg(long, value_name = "N", requires = "witnesses")]
    witnesses_needed: Option<usize>,
}

/// Shows it, or keeps it signed in a file.
pub async fn show(client: &mut Client, file: Option<&Path>, out: Output) -> Result<()> {
    let Some(file) = file else {
        return out.show(&client.get("/audit/compliance", &[]).await?);
    };
    let pack = client.get("/audit/compliance/pack", &[]).await?;
    std::fs::write(file, pack.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    output::tell(format_args!("{}: written", file.display()));
    Ok(())
}

impl PackCommand {
    pub fn run(&self, out: Output) -> Result<()> {
        let named = || format!("cannot read {}", self.file.display());
        let mut file = BufReader::new(File::open(&self.file).with_context(named)?);
        // Evidence says its format first; what is told of a breach begins as a selection of the log.
        if file.fill_buf().with_context(named)?.starts_with(b"{\"type\":\"log\"") {
            return breach::show(file, self.trust(), out);
        }
        let text = std::io::read_to_string(file).with_context(named)?;
        let pack: Pack =
            serde_json::from_str(&text).context("the file is no evidence of the format yunshu-evidence/1")?;
        let needed = self.witnesses_needed.unwrap_or(self.witnesses.len());
        let read = verify(&pack, &self.keys, &self.witnesses, needed).context("the evidence is not to be believed")?;
        match out.0 {
            Format::Table => {
                let state = format!("{} entries, root {}", read.size, read.root);
                out.show(
                    &json!({"verified": true, "log": read.origin, "checkpoint": state, "cosigned by": read.cosigned}),
                )?;
                for control in &read.controls {
                    output::tell(format_args!("{}", line(control)));
                }
                Ok(())
            }
            _ => out.show(&json!({"verified": true, "evidence": serde_json::to_value(&read)?})),
        }
    }
}

impl PackCommand {
    fn trust(&self) -> Trust {
        Trust {
            keys: self.keys.clone(),
            witnesses: self.witnesses.clone(),
            witnesses_needed: self.witnesses_needed,
            ..Trust::default()
        }
    }
}

/// A control in one line.
fn line(control: &serde_json::Value) -> String {
    let text = |name: &str| {
        control
            .get(name)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    format!("{}: {} ({})", text("status"), text("title"), text("standard"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;
    use tlog::evidence::{FORMAT, text};
    use tlog::{Checkpoint, Hash, Signer};

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        pack: PackCommand,
    }

    #[test]
    fn evidence_is_verified_without_a_platform() {
        let signer = Signer::from_seed("log", &[1; 32]).unwrap();
        let checkpoint = Checkpoint::at("log/t", 3, Hash::of(b"x"), 1);
        let said = text(
            &checkpoint,
            2,
            &[json!({"id": "a", "status": "met", "title": "A", "standard": "S"})],
        );
        let state = checkpoint.to_string();
        let pack = Pack {
            format: FORMAT.to_owned(),
            evidence: format!("{said}\n{}", signer.sign(&said)),
            checkpoint: format!("{state}\n{}", signer.sign(&state)),
        };
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pack.json");
        std::fs::write(&file, serde_json::to_string(&pack).unwrap()).unwrap();
        let ask = |key: &PublicKey| {
            let args = ["verify-pack", file.to_str().unwrap(), "--key", &key.to_string()].map(str::to_owned);
            Alone::try_parse_from(args).unwrap().pack
        };
        for format in [Format::Table, Format::Json] {
            ask(&signer.public()).run(Output(format)).unwrap();
        }
        let other = Signer::from_seed("log", &[2; 32]).unwrap();
        assert!(ask(&other.public()).run(Output(Format::Json)).is_err());
        assert!(
            Alone::try_parse_from(["verify-pack", "x"]).is_err(),
            "without a key nothing is believed"
        );
        let control: Value = json!({"status": "met", "title": "A", "standard": "S"});
        assert_eq!(line(&control), "met: A (S)");
    }
}
