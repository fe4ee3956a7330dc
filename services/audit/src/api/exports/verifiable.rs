//! The log as a file that proves itself: the lines are those of [`tlog::bundle`].

use std::sync::Arc;

use auth::Caller;
use auth::action::audit;
use bytes::Bytes;
use db::{Granted, Read, Tenant};
use fault::Kind;
use futures::{Stream, StreamExt, stream};
use tlog::bundle::{self, KnownKey, LogLine};
use tlog::tiles;

use super::closing::Closing;
use super::proven::{self, leaves, line};
use crate::entry::Entry;
use crate::filter::Filter;
use crate::search;
use crate::state::Audit;
use crate::store;
use crate::store::events::Wanted;

/// Entries per transaction. None is held while the client reads.
const PAGE: i64 = 512;
/// Keys in the first line: as many as verifiers read.
const KEYS: i64 = 1_000;

/// What is to be in the file.
pub(super) struct Asked {
    pub filter: Filter,
    /// Everything that the log has signed for.
    pub whole: bool,
    /// Behind this checkpoint.
    pub after: Option<i64>,
    /// With the place of its end in the register.
    pub register: bool,
}

pub(in crate::api) struct File {
    pub audit: Arc<Audit>,
    pub caller: Caller,
    wanted: Asked,
    /// The checkpoint that the file ends with, and what stands behind it.
    pub closing: Closing,
    /// Entries up to this number are written.
    written: i64,
    done: bool,
}

pub(in crate::api) type Tx = Read<audit::List>;
pub(in crate::api) type Log = Granted<Tenant, audit::List>;

/// Writes the file page by page. Its head is written before the answer begins, so that what is refused is refused.
pub(super) async fn write(
    audit: Arc<Audit>,
    caller: Caller,
    wanted: Asked,
) -> Result<impl Stream<Item = Result<Bytes, fault::Error>>, fault::Error> {
    let (file, head) = File::begin(audit, caller, wanted).await?;
    let rest = stream::try_unfold(file, |mut file| async move {
        if file.done {
            return Ok(None);
        }
        let page = file.page().await?;
        Ok(Some((page, file)))
    });
    Ok(stream::iter([Ok(Bytes::from(head))]).chain(rest))
}

impl File {
    /// A file, and its head.
    async fn begin(audit: Arc<Audit>, caller: Caller, wanted: Asked) -> Result<(Self, Vec<u8>), fault::Error> {
        let mut tx = audit.db.read::<audit::List>(&caller).await?;
        let tenant = tx.tenant()?;
        let closing = Closing::choose(&audit, (&mut tx, &tenant), wanted.after, wanted.register).await?;
        let closing = closing.ok_or_else(|| {
            let detail = "Nothing of the log is signed, or registered, yet; the first checkpoint follows the first entry within seconds.";
            fault::Error::new(Kind::Conflict, detail)
        })?;
        let size = closing.last.size;
        if wanted.after.is_some_and(|after| after > size) {
            let wrong = format!("the last checkpoint covers {size} entries");
            return Err(fault::Error::invalid("?after", wrong));
        }
        let written = if wanted.whole { wanted.after.unwrap_or(0) } else { 0 };
        let done = wanted.whole && written == size;
        let mut file = Self {
            audit,
            caller,
            wanted,
            closing,
            written,
            done,
        };
        let head = file.head(&mut tx, &tenant).await?;
        Ok((file, head))
    }

    /// A selection whose entries somebody else picks, and its head.
    pub(in crate::api) async fn selection(audit: Arc<Audit>, caller: Caller) -> Result<(Self, Vec<u8>), fault::Error> {
        let wanted = Asked {
            filter: Filter::default(),
            whole: false,
            after: None,
            register: false,
        };
        Self::begin(audit, caller, wanted).await
    }

    /// The first line, and what the entries are held against.
    async fn head(&mut self, tx: &mut Tx, tenant: &Log) -> Result<Vec<u8>, fault::Error> {
        let keys = store::trees::keys(tx, None, KEYS).await?;
        let known = |key: store::trees::LogKey| {
            Ok(KnownKey {
                key: key.key.parse()?,
                from: key.from_time.timestamp_micros(),
                until: key.until_time.map(|until| until.timestamp_micros()),
            })
        };
        let keys = keys.into_iter().map(known).collect::<Result<_, tlog::Error>>();
        let witnesses = store::cosignatures::witnesses(tx, KEYS).await?.into_iter();
        let witnesses = witnesses.map(|witness| {
            Ok(KnownKey {
                key: witness.key.parse()?,
                from: witness.from_time.timestamp_micros(),
                until: None,
            })
        });
        let witnesses = witnesses.collect::<Result<_, tlog::Error>>();
        let log = LogLine {
            tenant: tenant.id.as_uuid().into_bytes(),
            origin: self.audit.log.origin(tenant.id),
            complete: self.wanted.whole,
            first_seq: self.written.cast_unsigned() + 1,
            keys: keys.map_err(fault::Error::internal)?,
            witnesses: witnesses.map_err(fault::Error::internal)?,
        };
        let mut out = Vec::new();
        let begin = if self.wanted.register {
            LogLine::write_with_head
        } else {
            LogLine::write
        };
        begin(&log, &mut out).map_err(fault::Error::internal)?;
        let last = &self.closing.last;
        let size = last.size.cast_unsigned();
        if !self.wanted.whole {
            bundle::write_checkpoint(&last.whole(), &mut out).map_err(fault::Error::internal)?;
            if let Some(after) = self.wanted.after.map(i64::cast_unsigned).filter(|after| *after > 0) {
                let known = store::trees::tiles(tx, tenant, &tiles::needed_for_consistency(after, size)).await?;
                let proof = tiles::consistency_proof(&known, after, size).map_err(fault::Error::internal)?;
                bundle::write_consistency(after, size, &proof, &mut out).map_err(fault::Error::internal)?;
            }
            self.closing.write((tx, tenant), &mut out).await?;
        } else if self.written > 0 {
            let after = self.written.cast_unsigned();
            let known = store::trees::tiles(tx, tenant, &tiles::needed_for_frontier(after)).await?;
            let frontier = tiles::frontier(&known, after).map_err(fault::Error::internal)?;
            bundle::write_frontier(&frontier, &mut out).map_err(fault::Error::internal)?;
            if self.done {
                bundle::write_checkpoint(&last.whole(), &mut out).map_err(fault::Error::internal)?;
                self.closing.write((tx, tenant), &mut out).await?;
            }
        }
        Ok(out)
    }

    async fn page(&mut self) -> Result<Bytes, fault::Error> {
        let mut tx = self.audit.db.read::<audit::List>(&self.caller).await?;
        let tenant = tx.tenant()?;
        let out = if self.wanted.whole {
            self.whole(&mut tx, &tenant).await?
        } else {
            self.selected(&mut tx, &tenant).await?
        };
        Ok(Bytes::from(out))
    }

    /// A stretch of numbers with its checkpoints. What is missing there is missing in the file, and found.
    async fn whole(&mut self, tx: &mut Tx, tenant: &Log) -> Result<Vec<u8>, fault::Error> {
        let stretch = (self.written, self.closing.last.size.min(self.written + PAGE));
        let all = Filter::default();
        let all = Wanted::by(tx, tenant, (&all, None)).await?;
        let entries = store::events::numbered(tx, tenant, all, stretch, PAGE).await?;
        let mut checkpoints = store::checkpoints::within(tx, tenant, stretch)
            .await?
            .into_iter()
            .peekable();
        let known = store::trees::tiles(tx, tenant, &leaves(&entries)).await?;
        let mut out = Vec::new();
        for entry in &entries {
            while let Some(signed) = checkpoints.next_if(|signed| signed.size < entry.seq) {
                bundle::write_checkpoint(&signed.whole(), &mut out).map_err(fault::Error::internal)?;
            }
            line(entry, tx.keys(), (&known, None), &mut out)?;
        }
        for signed in checkpoints {
            bundle::write_checkpoint(&signed.whole(), &mut out).map_err(fault::Error::internal)?;
        }
        self.written = stretch.1;
        self.done = self.written == self.closing.last.size;
        if self.done {
            self.closing.write((tx, tenant), &mut out).await?;
        }
        Ok(out)
    }

    /// Some entries, each with its proof.
    async fn selected(&mut self, tx: &mut Tx, tenant: &Log) -> Result<Vec<u8>, fault::Error> {
        let stretch = (self.written, self.closing.last.size);
        let filter = &self.wanted.filter;
        let mut entries = match search::wanted(tx, tenant, filter).await? {
            Some(wanted) => store::events::numbered(tx, tenant, wanted, stretch, PAGE).await?,
            None => Vec::new(),
        };
        self.done = !is_full(&entries);
        self.written = entries.last().map_or(self.closing.last.size, |entry| entry.seq);
        if filter.ip.is_some() {
            let mut meant = Vec::with_capacity(entries.len());
            for entry in entries {
                if filter.admits(entry.open(tx.keys())?.as_ref()) {
                    meant.push(entry);
                }
            }
            entries = meant;
        }
        proven::entries(tx, tenant, &entries, self.closing.last.size).await
    }
}

fn is_full(entries: &[Entry]) -> bool {
    i64::try_from(entries.len()).is_ok_and(|entries| entries >= PAGE)
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::{project, vm};
    use testkit::TestTenant;
    use tlog::bundle::{Finding, Report, Trust, What, verify};

    use super::*;
    use crate::testing::{Test, start_paced};

    const FILE: &str = "/api/v1/audit/exports?format=verifiable";

    async fn file(test: &Test, tenant: &TestTenant, query: &str) -> String {
        let owner = test.owner(tenant);
        owner.get(&format!("{FILE}{query}")).await.expect(200).text
    }

    fn check(test: &Test, file: &str, kept: Option<String>) -> Result<Report, Finding> {
        let trust = Trust {
            keys: vec![test.log_key.clone()],
            witnesses: Vec::new(),
            checkpoint: kept,
            ..Trust::default()
        };
        verify(file.as_bytes(), &trust)
    }

    /// Entries of a tenant, signed for; three each of two kinds.
    async fn filled(test: &Test, name: &str) -> TestTenant {
        let tenant = test.bench.tenant(name).await;
        for number in 1..=6 {
            let admin = tenant.caller(Role::Admin);
            if number % 2 == 0 {
                test.wrote::<vm::Create>(&admin, &format!("vm:{number}")).await;
            } else {
                test.wrote::<project::Create>(&admin, &format!("project:{number}"))
                    .await;
            }
        }
        test.signed(&tenant, 6).await;
        tenant
    }

    async fn latest(test: &Test, tenant: &TestTenant) -> String {
        let owner = test.owner(tenant);
        let latest = owner.get("/api/v1/audit/checkpoints/latest").await.expect(200);
        latest.json["note"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_whole_log_verifies_and_so_does_what_continues_it() {
        let test = start_paced(1_000, 0).await;
        let tenant = filled(&test, "acme").await;
        let kept = latest(&test, &tenant).await;
        let whole = file(&test, &tenant, "").await;
        let report = check(&test, &whole, Some(kept.clone())).unwrap();
        assert_eq!((report.complete, report.withheld, report.first_seq), (true, 0, Some(1)));
        assert!(report.entries >= 6 && report.agrees_with == Some(6), "{report:?}");
        assert!(
            whole.contains("project:1") && whole.contains(r#"\"after\":\"vm:2\""#),
            "{whole}"
        );

        // The export before was itself written into the log.
        test.signed(&tenant, 7).await;
        let rest = file(&test, &tenant, "&after=6").await;
        let report = check(&test, &rest, Some(kept.clone())).unwrap();
        assert!(
            report.first_seq == Some(7) && report.agrees_with == Some(6),
            "{report:?}"
        );
        for after in [0, 1, 5] {
            check(&test, &file(&test, &tenant, &format!("&after={after}")).await, None).unwrap();
        }
    }

    #[tokio::test]
    async fn t26_whoever_kept_a_newer_checkpoint_than_the_cosigned_one_is_not_alarmed() {
        let test = start_paced(1_000, 0).await;
        let tenant = filled(&test, "acme").await;
        let witness = tlog::Signer::from_seed("w", &[9; 32]).unwrap();
        let old = tlog::Note::parse(&latest(&test, &tenant).await, tlog::note::Limits::default()).unwrap();
        sqlx::query("insert into audit.cosignatures (tenant_id, size, witness, line, cosigned_at) values ($1, 6, 'w', $2, now())")
        .bind(tenant.id)
        .bind(witness.cosign(&old.text, 1_700_000_000))
        .execute(&mut test.bench.superuser().await)
        .await
        .unwrap();
        let mut kept = Vec::new();
        for entries in 7..=9 {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:7").await;
            test.signed(&tenant, entries).await;
            let mut tx = test
                .bench
                .db("audit")
                .read::<audit::List>(&tenant.caller(Role::Auditor))
                .await
                .unwrap();
            let granted = tx.tenant().unwrap();
            kept.push(
                store::checkpoints::lookup(&mut tx, &granted, None)
                    .await
                    .unwrap()
                    .unwrap(),
            );
        }
        for query in ["", "&after=6", "&action=vm.*"] {
            let file = file(&test, &tenant, query).await;
            for newer in &kept {
                let report = check(&test, &file, Some(newer.note.clone())).unwrap();
                let sizes = (report.size, report.agrees_with);
                assert_eq!(sizes, (6, Some(newer.size.cast_unsigned())), "{query}");
            }
        }
        // Of another history it is told all the same.
        let said = tlog::Checkpoint::at(&format!("test/audit/{}", tenant.id), 8, tlog::Hash::of(b"x"), 1).to_string();
        let other = format!(
            "{said}\n{}",
            tlog::Signer::from_seed("test/audit", &[7; 32]).unwrap().sign(&said)
        );
        let found = check(&test, &file(&test, &tenant, "").await, Some(other)).unwrap_err();
        assert_eq!(found.what, What::Split(8));
    }

    #[tokio::test]
    async fn a_file_shows_where_its_end_stands_in_the_register_if_that_is_wanted() {
        let test = start_paced(1_000, 0).await;
        let tenant = filled(&test, "acme").await;
        let latest = testkit::eventually("a head", async || {
            let found = test.owner(&tenant).get("/api/v1/audit/heads?limit=1").await.expect(200);
            found.json["items"][0]["size"].as_u64()
        })
        .await;
        for query in ["&register=true", "&register=true&action=vm.*", "&register=true&after=2"] {
            let file = file(&test, &tenant, query).await;
            assert!(
                file.starts_with(r#"{"type":"log","format":"yunshu-audit/2","#),
                "{file}"
            );
            let report = check(&test, &file, None).unwrap();
            let register = report.register.unwrap();
            assert!(report.size >= latest && register.size >= 2, "{register:?}");
            assert_eq!(register.origin, "test/audit/register");
        }
        let owner = test.owner(&tenant);
        let plain = "/api/v1/audit/exports?register=true";
        assert_eq!(
            owner.get(plain).await.expect(400).json["errors"][0]["pointer"],
            "?register"
        );
    }

    #[tokio::test]
    async fn a_selection_verifies_entry_by_entry() {
        let test = start_paced(1_000, 0).await;
        let tenant = filled(&test, "acme").await;
        let kept = latest(&test, &tenant).await;
        test.wrote::<vm::Delete>(&tenant.caller(Role::Admin), "vm:2").await;
        test.signed(&tenant, 7).await;
        let some = file(&test, &tenant, "&action=vm.*&after=6").await;
        let report = check(&test, &some, Some(kept)).unwrap();
        assert_eq!((report.complete, report.entries), (false, 4));
        let none = file(&test, &tenant, "&action=nothing").await;
        assert_eq!(check(&test, &none, None).unwrap().entries, 0);
    }

    #[tokio::test]
    async fn t25_what_a_database_administrator_changes_is_found_and_named() {
        let test = start_paced(1_000, 0).await;
        let mut sql = test.bench.superuser().await;
        let edits = [
            (
                "actor",
                "update audit.events set actor = 'user:other' where tenant_id = $1 and seq = 3",
            ),
            (
                "outcome",
                "update audit.events set outcome = 'denied' where tenant_id = $1 and seq = 3",
            ),
            (
                "time",
                "update audit.events set time = time + interval '1 microsecond' where tenant_id = $1 and seq = 3",
            ),
            (
                "credential",
                "update audit.events set credential = 'api_key:x' where tenant_id = $1 and seq = 3",
            ),
            (
                "request",
                "update audit.events set request_id = gen_random_uuid() where tenant_id = $1 and seq = 3",
            ),
            (
                "commitment",
                "update audit.events set commitment = sha256('x') where tenant_id = $1 and seq = 3",
            ),
            ("gone", "delete from audit.events where tenant_id = $1 and seq = 3"),
            (
                "swapped",
                "update audit.events a set object = b.object, action = b.action from audit.events b
                 where a.tenant_id = $1 and b.tenant_id = $1 and a.seq in (3, 4) and b.seq = 7 - a.seq",
            ),
        ];
        for (name, edit) in edits {
            let tenant = filled(&test, name).await;
            sqlx::query(edit).bind(tenant.id).execute(&mut sql).await.unwrap();
            let finding = check(&test, &file(&test, &tenant, "").await, None).unwrap_err();
            assert_eq!(finding.seq, Some(3), "{name}: {finding:?}");
        }
    }

    #[tokio::test]
    async fn t25_content_that_was_exchanged_is_withheld_rather_than_believed() {
        let test = start_paced(1_000, 0).await;
        let tenant = filled(&test, "acme").await;
        let mut sql = test.bench.superuser().await;
        let edit = "update audit.events set changes = set_byte(changes, 100, get_byte(changes, 100) # 1)
                    where tenant_id = $1 and seq = 3";
        sqlx::query(edit).bind(tenant.id).execute(&mut sql).await.unwrap();
        let report = check(&test, &file(&test, &tenant, "").await, None).unwrap();
        assert_eq!(report.withheld, 1);
    }

    #[tokio::test]
    async fn t23_whose_key_was_destroyed_their_log_still_verifies_and_tells_nothing_more() {
        let test = start_paced(1_000, 0).await;
        let tenant = filled(&test, "acme").await;
        let before = check(&test, &file(&test, &tenant, "").await, None).unwrap();
        assert_eq!(before.withheld, 0);
        test.bench
            .alter(
                "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
                tenant.id,
            )
            .await;
        test.bench.keyring.forget(tenant.id);
        let after = check(&test, &file(&test, &tenant, "").await, None).unwrap();
        assert!(after.withheld > 0 && after.withheld == after.entries, "{after:?}");
        // What is still said is in the log, without what it said.
        test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:9").await;
        testkit::eventually("the entry in the log", async || {
            let log = test.bench.dump("audit.events").await;
            log.contains("vm:9").then_some(())
        })
        .await;
        let last = check(&test, &file(&test, &tenant, "").await, None).unwrap();
        assert_eq!(last.withheld, last.entries);
    }

    #[tokio::test]
    async fn t26_a_log_that_was_written_anew_contradicts_what_was_kept() {
        let test = start_paced(1_000, 0).await;
        let tenant = filled(&test, "acme").await;
        let kept = latest(&test, &tenant).await;
        let mut sql = test.bench.superuser().await;
        let forge = "begin;
            lock table audit.trees, audit.checkpoints, audit.registered in exclusive mode;
            delete from audit.registered;
            delete from audit.blinds;
            delete from audit.register_leaves;
            delete from audit.checkpoints;
            delete from audit.trees;
            delete from audit.tiles;
            update audit.events set actor = 'user:other' where seq = 2;
            commit";
        sqlx::raw_sql(forge).execute(&mut sql).await.unwrap();
        test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:7").await;
        test.signed(&tenant, 7).await;
        let whole = file(&test, &tenant, "").await;
        check(&test, &whole, None).unwrap();
        let finding = check(&test, &whole, Some(kept)).unwrap_err();
        assert_eq!(finding.what, What::Split(6));
    }

    #[tokio::test]
    async fn t01_of_others_there_is_nothing_and_what_cannot_be_is_refused() {
        let test = start_paced(1_000, 0).await;
        let (mine, theirs) = (filled(&test, "mine").await, filled(&test, "theirs").await);
        assert!(!file(&test, &mine, "").await.contains(&theirs.id.to_string()));
        let empty = test.bench.tenant("empty").await;
        assert_eq!(test.owner(&empty).get(FILE).await.expect(409).code(), "conflict");
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        viewer.get(FILE).await.expect(403);
        let owner = test.owner(&theirs);
        for wrong in ["&after=-1", "&after=x", "&after=1000000"] {
            owner.get(&format!("{FILE}{wrong}")).await.expect(400);
        }
        owner.get("/api/v1/audit/exports?after=1").await.expect(400);
    }
}
