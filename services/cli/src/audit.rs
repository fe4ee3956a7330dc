//! The audit log: shown by the platform, or verified from a file without it.

mod breach;
mod evidence;
mod retention;
mod watch;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tlog::PublicKey;
use tlog::bundle::{Finding, Report, Signed, Trust, verify};

use self::breach::BreachCommand;
use self::evidence::PackCommand;
use self::retention::HoldsCommand;
use self::watch::WatchCommand;
use crate::args::{Global, List, pair};
use crate::client::Client;
use crate::field::text;
use crate::output::{self, Format, Output};
use crate::resource;

const EXPORTS: &str = "/audit/exports";

/// The audit log, newest first; `yunshu audit verify` checks a file of it without the platform
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditCommand {
    #[command(subcommand)]
    command: Option<AuditVerb>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum AuditVerb {
    /// Writes the log into a file; without a filter, and with `--format verifiable`, all that is signed for
    Export(ExportCommand),
    /// What is signed for: the latest checkpoint, to be kept where nobody of the platform can change it
    Checkpoint {
        /// The one over so many entries instead
        #[arg(long, default_value = "latest")]
        size: String,
    },
    /// What can be shown of standards; with a file, as evidence that is signed with the key of the log
    Compliance {
        /// Write the signed evidence there instead of showing it
        file: Option<PathBuf>,
    },
    /// What the platform holds, why, how long and for whom: the register of processing (GDPR, Art. 30)
    Register {
        /// Write it there as CSV instead of showing it; `-` writes to standard output
        file: Option<PathBuf>,
    },
    /// Writes into a file what somebody suspected did and read, with its proofs (GDPR, Art. 33)
    BreachPack(BreachCommand),
    /// Verifies such evidence, or what is told of a breach: no network, no sign-in, nobody to believe but the keys named
    VerifyPack(PackCommand),
    /// How long the log keeps what its entries tell; half a year at least
    Retention {
        /// Decide on so many days
        #[arg(long)]
        days: Option<u32>,
    },
    /// Legal holds, while which nothing is erased
    #[command(subcommand)]
    Holds(HoldsCommand),
    /// The public keys that sign the log
    Keys(List),
    /// Looks through the register of all logs for a history of this one that somebody else was shown
    Watch(WatchCommand),
    /// Verifies an export in the format yunshu-audit/1 or /2: no network, no sign-in, nobody to believe but the keys named
    Verify(VerifyCommand),
}

#[derive(Args)]
struct ExportCommand {
    /// Where to; `-` writes to standard output
    file: PathBuf,
    /// As what: verifiable, ndjson, json, csv or ocsf
    #[arg(long, default_value = "verifiable")]
    format: String,
    /// Continue the checkpoint over so many entries
    #[arg(long)]
    after: Option<u64>,
    /// End with the newest checkpoint that is in the register of all logs, and prove that (yunshu-audit/2)
    #[arg(long)]
    register: bool,
    /// A filter of the API, e.g. `--filter action=vm.*`
    #[arg(long = "filter", value_parser = pair)]
    filters: Vec<(String, String)>,
}

#[derive(Args)]
struct VerifyCommand {
    /// The file; `-` reads it from standard input
    file: PathBuf,
    /// A key of the log, as name+id+key, that you got from elsewhere than the file; once for each
    #[arg(long = "key", value_name = "KEY", value_parser = key)]
    keys: Vec<PublicKey>,
    /// A file with a checkpoint from before, as the log signed it
    #[arg(long, value_name = "FILE")]
    trusted: Option<PathBuf>,
    /// The key of a witness who must have cosigned; once for each
    #[arg(long = "witness", value_name = "KEY", value_parser = key)]
    witnesses: Vec<PublicKey>,
    /// So many of the witnesses must have cosigned; all, if not given
    #[arg(long, value_name = "N", requires = "witnesses")]
    witnesses_needed: Option<usize>,
}

pub fn key(text: &str) -> Result<PublicKey, tlog::Error> {
    text.parse()
}

pub async fn run(global: &Global, command: &AuditCommand, out: Output) -> Result<()> {
    match &command.command {
        Some(AuditVerb::Verify(verify)) => verify.run(out),
        Some(AuditVerb::Watch(watch)) => watch.run(&mut Client::open(global)?, out).await,
        Some(AuditVerb::Export(export)) => export.run(global).await,
        Some(AuditVerb::Checkpoint { size }) => checkpoint(global, size, out).await,
        Some(AuditVerb::VerifyPack(pack)) => pack.run(out),
        Some(AuditVerb::BreachPack(pack)) => pack.run(global).await,
        Some(AuditVerb::Register { file }) => register(global, file.as_deref(), out).await,
        Some(AuditVerb::Compliance { file }) => evidence::show(&mut Client::open(global)?, file.as_deref(), out).await,
        Some(AuditVerb::Retention { days }) => retention::retention(&mut Client::open(global)?, *days, out).await,
        Some(AuditVerb::Holds(command)) => retention::holds(&mut Client::open(global)?, command, out).await,
        Some(AuditVerb::Keys(list)) => {
            resource::list(&mut Client::open(global)?, &resource::AUDIT_KEYS, list, out).await
        }
        None => resource::list(&mut Client::open(global)?, &resource::AUDIT, &command.list, out).await,
    }
}

/// As a table, the signed note alone: what `--trusted` reads.
async fn checkpoint(global: &Global, size: &str, out: Output) -> Result<()> {
    let path = format!("/audit/checkpoints/{}", resource::segment(size)?);
    let found = Client::open(global)?.get(&path, &[]).await?;
    match (out.0, text(&found, "note")) {
        (Format::Table, Some(note)) => Ok(io::stdout().write_all(note.as_bytes())?),
        _ => out.show(&found),
    }
}

impl ExportCommand {
    async fn run(&self, global: &Global) -> Result<()> {
        let mut query = self.filters.clone();
        query.push(("format".to_owned(), self.format.clone()));
        if self.register {
            query.push(("register".to_owned(), "true".to_owned()));
        }
        query.extend(self.after.map(|after| ("after".to_owned(), after.to_string())));
        keep(global, (EXPORTS, &query), &self.file).await
    }
}

/// What is at a path, in a file; `-` is standard output.
async fn keep(global: &Global, (path, query): (&str, &[(String, String)]), file: &Path) -> Result<()> {
    let mut client = Client::open(global)?;
    if file.as_os_str() == "-" {
        client.download(path, query, &mut io::stdout().lock()).await?;
        return Ok(());
    }
    // Beside it until it is whole: half a file is never taken for one.
    let mut name = file.to_owned().into_os_string();
    name.push(".part");
    let named = || format!("cannot write {}", file.display());
    let mut part = File::create(&name).with_context(named)?;
    let done = client.download(path, query, &mut part).await;
    if done.is_err() {
        drop(std::fs::remove_file(&name));
    }
    let bytes = done?;
    part.sync_all().with_context(named)?;
    std::fs::rename(&name, file).with_context(named)?;
    output::tell(format_args!("{}: {bytes} bytes", file.display()));
    Ok(())
}

/// The register of processing: shown, or in a file as CSV.
async fn register(global: &Global, file: Option<&Path>, out: Output) -> Result<()> {
    const REGISTER: &str = "/audit/compliance/register";
    match file {
        Some(file) => keep(global, (REGISTER, &[("format".to_owned(), "csv".to_owned())]), file).await,
        None => out.show(&Client::open(global)?.get(REGISTER, &[]).await?),
    }
}

impl VerifyCommand {
    fn run(&self, out: Output) -> Result<()> {
        let report = match self.verify()? {
            Ok(report) => report,
            Err(found) => {
                // Programs read what was found where they would have read what was verified.
                if out.0 != Format::Table {
                    out.show(&json!({"verified": false, "finding": serde_json::to_value(&found)?}))?;
                }
                return Err(found.into());
            }
        };
        for warning in &report.warnings {
            output::tell(format_args!("yunshu: warning: {}", warning.text));
        }
        match out.0 {
            Format::Table => out.show(&table(&report)),
            _ => out.show(&json!({"verified": true, "report": serde_json::to_value(&report)?})),
        }
    }

    fn verify(&self) -> Result<Result<Report, Finding>> {
        let named = |path: &PathBuf| format!("cannot read {}", path.display());
        let trusted = self
            .trusted
            .as_ref()
            .map(|path| std::fs::read_to_string(path).with_context(|| named(path)));
        let trust = Trust {
            keys: self.keys.clone(),
            witnesses: self.witnesses.clone(),
            witnesses_needed: self.witnesses_needed,
            checkpoint: trusted.transpose()?,
            ..Trust::default()
        };
        let reader: Box<dyn BufRead> = if self.file.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(&self.file).with_context(|| named(&self.file))?;
            Box::new(BufReader::with_capacity(1 << 20, file))
        };
        Ok(verify(reader, &trust))
    }
}

/// What people want to know of it.
fn table(report: &Report) -> Value {
    let who = |all: &[Signed]| -> Vec<String> { all.iter().map(|one| one.key.clone()).collect() };
    json!({
        "verified": true,
        "log": report.origin,
        "tenant": report.tenant,
        "kind": if report.complete { "complete stretch" } else { "selection" },
        "entries": report.entries,
        "without content": report.withheld,
        "first entry": report.first_seq,
        "last entry": report.last_seq,
        "checkpoints": report.checkpoints,
        "last checkpoint": format!("{} entries, root {}", report.size, report.root),
        "signed by": who(&report.signed),
        "cosigned by": who(&report.cosigned),
        "registered": report.register.as_ref().map(|register| format!("in a register of {} leaves", register.size)),
        "register cosigned by": report.register.as_ref().map(|register| who(&register.cosigned)),
        "agrees with": report.agrees_with.map(|size| format!("the trusted checkpoint over {size} entries")),
    })
}

#[cfg(test)]
pub mod tests {
    use clap::Parser;
    use tlog::bundle::{EntryLine, KnownKey, LogLine, Shown, What, write_checkpoint};
    use tlog::{Checkpoint, Entry, Frontier, Signer, commit};

    use super::*;
    use crate::args;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        audit: AuditCommand,
    }

    pub const ORIGIN: &str = "cloud.example/audit/01010101-0101-0101-0101-010101010101";

    pub fn signer() -> Signer {
        Signer::from_seed(ORIGIN, &[1; 32]).unwrap()
    }

    /// A log of three entries, and its last checkpoint.
    pub fn file() -> (Vec<u8>, String) {
        let (mut out, mut frontier) = (Vec::new(), Frontier::new());
        let known = KnownKey {
            key: signer().public(),
            from: 0,
            until: None,
        };
        let log = LogLine {
            tenant: [1; 16],
            origin: ORIGIN.to_owned(),
            complete: true,
            first_seq: 1,
            keys: vec![known],
            witnesses: Vec::new(),
        };
        log.write(&mut out).unwrap();
        for seq in 1..=3 {
            let entry = Entry {
                tenant: [1; 16],
                seq,
                id: [2; 16],
                time_micros: 1,
                actor: "user:ann",
                credential: None,
                action: "vm.create",
                object: "vm:web",
                outcome: "success",
                request_id: [3; 16],
                commitment: commit(&[4; 32], b"{}"),
            };
            frontier.push(entry.leaf());
            let line = EntryLine {
                leaf: entry.leaf(),
                entry,
                shown: Some(Shown {
                    salt: [4; 32],
                    content: "{}",
                }),
                proof: None,
            };
            line.write(&mut out).unwrap();
        }
        let text = Checkpoint::at(ORIGIN, 3, frontier.root(), 1).to_string();
        let note = format!("{text}\n{}", signer().sign(&text));
        write_checkpoint(&note, &mut out).unwrap();
        (out, note)
    }

    fn asked(args: &[&str]) -> VerifyCommand {
        let whole = ["audit", "verify"].iter().chain(args);
        match Alone::try_parse_from(whole).unwrap().audit.command {
            Some(AuditVerb::Verify(verify)) => verify,
            _ => unreachable!("verify was typed"),
        }
    }

    #[test]
    fn a_file_is_verified_without_a_platform() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        let (good, note) = file();
        std::fs::write(path("good"), &good).unwrap();
        std::fs::write(path("note"), note).unwrap();
        let key = signer().public().to_string();
        let ask = asked(&[&path("good"), "--key", &key, "--trusted", &path("note")]);
        let report = ask.verify().unwrap().unwrap();
        assert_eq!(
            (report.entries, report.agrees_with, report.warnings.len()),
            (3, Some(3), 0)
        );
        for format in [Format::Table, Format::Json, Format::Yaml] {
            ask.run(Output(format)).unwrap();
        }
        assert_eq!(table(&report)["last entry"], json!(3));
        let believing = asked(&[&path("good")]).verify().unwrap().unwrap();
        assert_eq!(believing.warnings[0].code, "keys_from_file");

        let bad = String::from_utf8(good)
            .unwrap()
            .replacen("user:ann", "user:bob", 2)
            .replacen("user:bob", "user:ann", 1);
        std::fs::write(path("bad"), bad).unwrap();
        let error = asked(&[&path("bad")]).run(Output(Format::Json)).unwrap_err();
        assert!(error.to_string().contains("from entry 2 on"), "{error}");
        assert_eq!(error.downcast::<Finding>().unwrap().what, What::Leaf);
        let error = asked(&[&path("none")]).run(Output(Format::Table)).unwrap_err();
        assert!(error.to_string().starts_with("cannot read"), "{error}");
    }

    #[test]
    fn the_log_is_listed_when_nothing_is_to_be_verified() {
        let listed = Alone::try_parse_from(["audit", "--filter", "action=vm.delete"]).unwrap();
        assert!(listed.audit.command.is_none() && listed.audit.list.filters.len() == 1);
        assert!(Alone::try_parse_from(["audit", "verify"]).is_err());
        assert!(Alone::try_parse_from(["audit", "verify", "f", "--key", "no key"]).is_err());
        let help = args::Args::try_parse_from(["yunshu", "audit", "--help"])
            .err()
            .unwrap()
            .to_string();
        assert!(help.contains("verify") && help.contains("--filter"), "{help}");
    }
}
