//! Looks through the register of all logs: what stands there of this one must be what the log was, and nothing else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use tlog::bundle::{Trust, verify};
use tlog::note::Limits;
use tlog::register::{Head, Leaf, Watch, origin_beside};
use tlog::{Checkpoint, Hash, Note, PublicKey};

use super::key;
use crate::client::Client;
use crate::field::{entries, text};
use crate::output::Output;

#[derive(Args)]
pub struct WatchCommand {
    /// A verifiable export of the whole log: what the log was is believed from it, and nobody
    file: PathBuf,
    /// A key of the log, as name+id+key, that you got from elsewhere; once for each
    #[arg(long = "key", value_name = "KEY", value_parser = key, required = true)]
    keys: Vec<PublicKey>,
    /// The key of a witness who must have cosigned the register; once for each
    #[arg(long = "witness", value_name = "KEY", value_parser = key)]
    witnesses: Vec<PublicKey>,
}

/// What the platform tells of the log's place in the register.
struct Told {
    blind: [u8; 32],
    since: u64,
    heads: Vec<Head>,
}

impl WatchCommand {
    pub async fn run(&self, client: &mut Client, out: Output) -> Result<()> {
        let shown = client.get("/audit/register/checkpoints/latest", &[]).await?;
        let register = self.signed(text(&shown, "note").context("the register has no checkpoint")?)?;
        let told = told(client, register.size).await?;
        let tenant = self.compare(&told, &register.origin)?;
        let until = register
            .time()
            .context("the register does not say when it was signed")?;
        let mut watch = Watch::new(tenant, told.blind, (told.since, until));
        let size = register.size.to_string();
        let mut count = 0_u64;
        pages(client, "/audit/register/leaves", &[("size", &size)], |item| {
            let (label, value) = (hash(item, "label")?, hash(item, "value")?);
            watch.push(Leaf { label, value });
            count += 1;
            Ok(())
        })
        .await?;
        watch.finish(&register, &told.heads)?;
        out.show(&json!({
            "verified": true,
            "register": register.origin,
            "leaves": count,
            "heads of this log": told.heads.len(),
            "signed": DateTime::from_timestamp(i64::try_from(until)?, 0).map(|time| time.to_rfc3339()),
        }))
    }

    /// The register as a key of the log signed it, and every witness cosigned.
    fn signed(&self, note: &str) -> Result<Checkpoint> {
        let note = Note::parse(note, Limits::default())?;
        if !self.keys.iter().any(|key| note.verify(key).is_ok()) {
            bail!("the register is signed by no key that you named");
        }
        for witness in &self.witnesses {
            let said = || format!("the register is not cosigned by {}", witness.name());
            note.verify(witness).with_context(said)?;
        }
        Ok(note.text.parse()?)
    }

    /// Holds what is told against the log itself; whose log it is.
    fn compare(&self, told: &Told, register: &str) -> Result<[u8; 16]> {
        let named = || format!("cannot read {}", self.file.display());
        let file = BufReader::with_capacity(1 << 20, File::open(&self.file).with_context(named)?);
        let heads: BTreeMap<u64, Hash> = told.heads.iter().map(|head| (head.size, head.root)).collect();
        let newest = heads.last_key_value().map_or(0, |(size, _)| *size);
        let trust = Trust {
            keys: self.keys.clone(),
            heads,
            ..Trust::default()
        };
        let report = verify(file, &trust)?;
        if !report.complete || report.first_seq != Some(1) {
            bail!("the file is not the whole log: `yunshu audit export FILE` writes one that is");
        }
        if report.size < newest {
            bail!("the file ends before the newest head in the register, over {newest} entries: export the log anew");
        }
        let tenant = tlog::text::parse_uuid(&report.tenant).context("the file names no tenant")?;
        if origin_beside(&report.origin, &tenant).as_deref() != Some(register) {
            bail!("the platform shows the register {register}, which is not the one beside this log");
        }
        Ok(tenant)
    }
}

async fn told(client: &mut Client, size: u64) -> Result<Told> {
    let query = [("register".to_owned(), size.to_string())];
    let proof = client.get("/audit/heads/latest", &query).await?;
    let mut heads = Vec::new();
    pages(client, "/audit/heads", &[], |item| {
        if number(item, "index")? < size {
            heads.push(Head {
                time: seconds(item, "created_at")?,
                size: number(item, "size")?,
                root: hash(item, "root")?,
            });
        }
        Ok(())
    })
    .await?;
    Ok(Told {
        blind: *hash(&proof, "blind")?.as_bytes(),
        since: seconds(&proof, "begun_at")?,
        heads,
    })
}

/// Every item of a list, one page at a time.
async fn pages(
    client: &mut Client,
    path: &str,
    asked: &[(&str, &str)],
    mut take: impl FnMut(&Value) -> Result<()>,
) -> Result<()> {
    let mut token: Option<String> = None;
    loop {
        let asked = asked
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut query: Vec<(String, String)> = asked.collect();
        query.push(("limit".to_owned(), "1000".to_owned()));
        query.extend(token.iter().map(|token| ("page_token".to_owned(), token.clone())));
        let page = client.get(path, &query).await?;
        entries(&page, "items").try_for_each(&mut take)?;
        token = text(&page, "next_page").map(str::to_owned);
        if token.is_none() {
            return Ok(());
        }
    }
}

fn hash(item: &Value, field: &str) -> Result<Hash> {
    let found = text(item, field).and_then(|text| text.parse().ok());
    found.with_context(|| format!("the platform's answer has no {field}"))
}

fn number(item: &Value, field: &str) -> Result<u64> {
    let found = item.get(field).and_then(Value::as_u64);
    found.with_context(|| format!("the platform's answer has no {field}"))
}

fn seconds(item: &Value, field: &str) -> Result<u64> {
    let time = text(item, field).and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let time = time.and_then(|time| u64::try_from(time.timestamp()).ok());
    time.with_context(|| format!("the platform's answer has no {field}"))
}

#[cfg(test)]
mod tests {
    use tlog::register::Broken;
    use tlog::{Frontier, Signer};
    use wiremock::matchers::{path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::args::Global;
    use crate::audit::tests::{ORIGIN, file, signer};
    use crate::output::Format;

    const TENANT: [u8; 16] = [1; 16];
    const BLIND: [u8; 32] = [7; 32];
    const START: u64 = 1_700_000_000;

    fn head(root: Hash) -> Head {
        let time = START + 20;
        Head { time, size: 3, root }
    }

    /// A platform whose register has these leaves, and that tells of this head.
    async fn platform(leaves: &[Leaf], told: &Head, by: &Signer) -> MockServer {
        let server = MockServer::start().await;
        let mut frontier = Frontier::new();
        for leaf in leaves {
            frontier.push(leaf.hash());
        }
        let register = origin_beside(ORIGIN, &TENANT).unwrap();
        let text = Checkpoint::at(&register, frontier.size(), frontier.root(), START + 60).to_string();
        let note = format!("{text}\n{}", by.sign(&text));
        let time = |seconds: u64| DateTime::from_timestamp(seconds.cast_signed(), 0).unwrap().to_rfc3339();
        let answer = async |at: &str, body: Value| {
            Mock::given(path(format!("/api/v1/audit/{at}")))
                .respond_with(ResponseTemplate::new(200).set_body_json(body))
                .mount(&server)
                .await;
        };
        answer("register/checkpoints/latest", json!({"note": note})).await;
        let blind = Hash::from(BLIND).to_string();
        answer("heads/latest", json!({"blind": blind, "begun_at": time(START)})).await;
        let told = json!({"size": told.size, "root": told.root.to_string(), "index": 1, "created_at": time(told.time)});
        answer("heads", json!({"items": [told], "next_page": null})).await;
        let items: Vec<Value> = leaves
            .iter()
            .map(|leaf| json!({"label": leaf.label.to_string(), "value": leaf.value.to_string()}))
            .collect();
        let (first, rest) = items.split_at(1);
        Mock::given(path("/api/v1/audit/register/leaves"))
            .and(query_param("page_token", "more"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"items": rest, "next_page": null})))
            .mount(&server)
            .await;
        answer("register/leaves", json!({"items": first, "next_page": "more"})).await;
        server
    }

    async fn watch(server: &MockServer, log: &[u8]) -> Result<()> {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("log");
        std::fs::write(&file, log).unwrap();
        let command = WatchCommand {
            file,
            keys: vec![signer().public()],
            witnesses: Vec::new(),
        };
        let global = Global {
            profile: None,
            url: None,
            ca: None,
            project: None,
            operator_access: None,
            output: Format::Json,
            dry_run: false,
        };
        let mut client = Client::anonymous(&server.uri(), &global)?;
        command.run(&mut client, Output(Format::Json)).await
    }

    #[tokio::test]
    async fn t26_a_history_that_somebody_else_was_shown_is_found_and_so_is_a_lie_about_ones_own() {
        let (log, note) = file();
        let checkpoint: Checkpoint = Note::parse(&note, Limits::default()).unwrap().text.parse().unwrap();
        let (mine, other) = (head(checkpoint.root), head(Hash::of(b"another history")));
        let leaf = |head: &Head| Leaf::of_head(&TENANT, &BLIND, head);
        let honest = [Leaf::of_tenant(&TENANT, &BLIND), leaf(&mine)];
        watch(&platform(&honest, &mine, &signer()).await, &log).await.unwrap();

        let later = Head {
            time: START + 40,
            ..other
        };
        let forked = [honest[0], honest[1], leaf(&later)];
        let found = watch(&platform(&forked, &mine, &signer()).await, &log)
            .await
            .unwrap_err();
        assert_eq!(found.downcast::<Broken>().unwrap(), Broken::Untold(START + 40));
        // It is told as one's own: then the log itself speaks against it.
        let told = [honest[0], leaf(&other)];
        let found = watch(&platform(&told, &other, &signer()).await, &log)
            .await
            .unwrap_err();
        assert!(found.to_string().contains("another history"), "{found}");
        let stranger = Signer::from_seed(ORIGIN, &[3; 32]).unwrap();
        assert!(watch(&platform(&honest, &mine, &stranger).await, &log).await.is_err());
    }
}
