use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use auth::action::audit;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use crypto::KeyError;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use tlog::breach::{FORMAT, Print, Statement, signed_line, text};
use utoipa::IntoParams;
use web::{Read, Refusals};

use crate::api::exports::proven;
use crate::api::exports::verifiable::File;
use crate::breach::{self, Summary, Suspects, Texts};
use crate::entry::{Entry, FROM};
use crate::state::Audit;
use crate::store::events::{self, Suspected};

/// Entries that are looked at per transaction. None is held while the client reads.
const STEP: i64 = 4_000;
/// The longest time that is asked for at once.
const LONGEST: TimeDelta = TimeDelta::days(366);

/// What happened when, and who is suspected: whoever is, or used, or came from one of these.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadBreachPack {
    /// Not before this time.
    #[param(example = "2026-11-01T00:00:00Z")]
    since: DateTime<Utc>,
    /// Before this time, at most 366 days later; the time of the request if none is given.
    #[param(example = "2026-11-04T00:00:00Z")]
    until: Option<DateTime<Utc>>,
    /// Actors, as the log names them, with commas; 20 at most.
    #[param(example = "user:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    actor: Option<String>,
    /// Credentials, as the log names them, with commas; 20 at most.
    #[param(example = "api_key:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b4")]
    credential: Option<String>,
    /// Ids of sessions, with commas; 20 at most.
    #[param(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b5")]
    session: Option<String>,
    /// Addresses, with commas; 20 at most.
    #[param(example = "192.0.2.7,2001:db8::7")]
    ip: Option<String>,
}

/// Somebody and a time.
struct Asked {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    suspects: Suspects,
}

impl ReadBreachPack {
    fn check(&self, now: DateTime<Utc>) -> Result<Asked, fault::Error> {
        let until = self.until.unwrap_or(now).min(now);
        if until <= self.since || until - self.since > LONGEST {
            return Err(fault::Error::invalid(
                "?since",
                "must be before `until`, by at most 366 days",
            ));
        }
        let suspects = Suspects::check(Texts {
            actor: self.actor.as_deref(),
            credential: self.credential.as_deref(),
            session: self.session.as_deref(),
            ip: self.ip.as_deref(),
        })?;
        Ok(Asked {
            since: self.since,
            until,
            suspects,
        })
    }
}

/// Gives what is to be told of a breach.
#[utoipa::path(
    operation_id = "read_audit_breach_pack",
    tag = "audit",
    description = "Everything that somebody suspected did and read within a time, as far as the log has signed for it (GDPR, Art. 33): each \
                   entry with its proof, then by actor, credential, address, object and person concerned how often, when first and \
                   last, and what; then a note by the log's key that this is all. `yunshu audit verify-pack` checks it offline. \
                   409 as long as nothing of the log is signed. Each is itself recorded. A file that cannot be finished is cut \
                   off: the connection breaks. Needs `audit.list`.",
    params(ReadBreachPack),
    responses((status = 200, description = "The file", content((String = "application/x-ndjson"))), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/compliance/breach")]
pub async fn read_audit_breach_pack(
    ask: Read<audit::List, ReadBreachPack>,
    audit: Data<Audit>,
) -> Result<HttpResponse, fault::Error> {
    let caller = ask.caller();
    let asked = ask.query.check(audit.db.clock().now())?;

    let log = format!("tenant:{}", caller.tenant());
    let about = json!({"export": "breach", "since": asked.since, "until": asked.until, "suspects": asked.suspects});
    audit.db.record::<audit::List>(caller, log, about).await?;

    let (file, head) = File::selection(audit.into_inner(), caller.clone()).await?;
    let mut pack = Pack {
        file,
        asked,
        print: Print::default(),
        summary: Summary::default(),
        looked: 0,
        done: false,
    };
    let head = pack.printed(head);
    let rest = stream::try_unfold(pack, |mut pack| async move {
        if pack.done {
            return Ok::<_, fault::Error>(None);
        }
        let part = pack.part().await?;
        Ok(Some((part, pack)))
    });
    let name = "attachment; filename=\"audit.breach.ndjson\"";
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/x-ndjson"))
        .insert_header((CONTENT_DISPOSITION, name))
        .streaming(stream::iter([Ok(head)]).chain(rest)))
}

/// A file that is being written.
struct Pack {
    file: File,
    asked: Asked,
    print: Print,
    summary: Summary,
    /// Entries up to this number were looked at.
    looked: i64,
    done: bool,
}

impl Pack {
    fn printed(&mut self, part: Vec<u8>) -> Bytes {
        self.print.update(&part);
        Bytes::from(part)
    }

    async fn part(&mut self) -> Result<Bytes, fault::Error> {
        if self.looked >= self.file.closing.last.size {
            self.done = true;
            return Ok(self.end());
        }
        let upto = self.file.closing.last.size.min(self.looked + STEP);
        let mut tx = self.file.audit.db.read::<audit::List>(&self.file.caller).await?;
        let tenant = tx.tenant()?;
        let suspects = &self.asked.suspects;
        let marks = suspects.addresses.iter().map(|ip| FROM.mark(tx.keys()?, ip));
        let marks = match marks.collect() {
            // What it told, and from where it came, is gone for good.
            Err(KeyError::Destroyed) => Vec::new(),
            marks => marks?,
        };
        let asked = Suspected {
            since: self.asked.since,
            until: self.asked.until,
            suspects,
            marks: &marks,
        };
        let found = events::suspected(&mut tx, &tenant, &asked, (self.looked, upto)).await?;
        let mut theirs: Vec<Entry> = Vec::with_capacity(found.len());
        for entry in found {
            let opened = entry.open(tx.keys())?;
            if suspects.did(&entry, opened.as_ref()) {
                self.summary.count(&entry, opened.as_ref());
                theirs.push(entry);
            }
        }
        let part = proven::entries(&mut tx, &tenant, &theirs, self.file.closing.last.size).await?;
        drop(tx);
        self.looked = upto;
        Ok(self.printed(part))
    }

    /// What it comes to, and the signature under all of it.
    fn end(&mut self) -> Bytes {
        let (now, last) = (self.file.audit.db.clock().now(), &self.file.closing.last);
        let about = json!({
            "format": FORMAT,
            "since": self.asked.since,
            "until": self.asked.until,
            "suspects": self.asked.suspects,
            "signed_entries": last.size,
        });
        let mut out = Vec::new();
        breach::line("breach", &about, &mut out);
        self.summary.write(&mut out);
        self.print.update(&out);
        let said = Statement {
            origin: self.file.audit.log.origin(self.file.caller.tenant()),
            time: now.timestamp().unsigned_abs(),
            size: last.size.unsigned_abs(),
            root: last.root,
            entries: self.summary.entries,
            print: std::mem::take(&mut self.print).finish(),
        };
        let note = self.file.audit.log.attest(&text(&said));
        out.extend(signed_line(&note).bytes());
        Bytes::from(out)
    }
}

#[cfg(test)]
mod tests;
