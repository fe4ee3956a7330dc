//! The log as a file.

use std::net::IpAddr;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use auth::action::audit;
use chrono::{DateTime, Utc};
use ids::RequestId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Read, Refusals};

use self::file::Spelling;
use super::events::AuditEventView;
use crate::filter::{Filter, Outcome, Texts};
use crate::state::Audit;

mod closing;
mod file;
pub(in crate::api) mod proven;
pub(in crate::api) mod verifiable;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object per line.
    #[default]
    Ndjson,
    /// One JSON array.
    Json,
    /// Comma-separated values with a heading; `changes` as JSON. Cells that begin like a formula are disarmed.
    Csv,
    /// One event of the Open Cybersecurity Schema Framework (API Activity, 6003) per line, in a `CloudEvents` 1.0 envelope: what
    /// systems that watch over security take in.
    Ocsf,
    /// `yunshu-audit/1`: what the log has signed for, with what proves it. `yunshu audit verify` checks it offline. Without a
    /// filter it holds every entry up to the last checkpoint; with one, each entry comes with its proof.
    Verifiable,
}

impl Format {
    /// How entries are spelt; of a verifiable file, its own format says that.
    const fn spelling(self) -> Option<Spelling> {
        match self {
            Self::Ndjson => Some(Spelling::Ndjson),
            Self::Json => Some(Spelling::Json),
            Self::Csv => Some(Spelling::Csv),
            Self::Ocsf => Some(Spelling::Ocsf),
            Self::Verifiable => None,
        }
    }
}

/// The entries as one JSON array, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditExport(pub Vec<AuditEventView>);

/// What of the log to write, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadAuditExport {
    /// How the file is written.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// Not before this time.
    #[param(example = "2026-11-01T00:00:00Z")]
    since: Option<DateTime<Utc>>,
    /// Before this time; the time of the request if none is given.
    #[param(example = "2026-12-01T00:00:00Z")]
    until: Option<DateTime<Utc>>,
    /// Who acted; `user:*` for all that begin so.
    #[param(example = "user:*", max_length = 512)]
    actor: Option<String>,
    /// What was done or tried; `vm.*` for all that begin so.
    #[param(example = "vm.*", max_length = 512)]
    action: Option<String>,
    /// On what; `vm:*` for all that begin so.
    #[param(example = "vm:*", max_length = 512)]
    object: Option<String>,
    /// How it ended.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// From which address.
    #[param(value_type = Option<String>, example = "192.0.2.7")]
    ip: Option<IpAddr>,
    /// In which request.
    #[param(inline)]
    request_id: Option<RequestId>,
    /// Verifiable files only: the size of a checkpoint that was kept. The file continues it: a whole log begins behind it, a
    /// selection comes with the proof.
    #[param(example = 1000, minimum = 0)]
    after: Option<i64>,
    /// Verifiable files only: ends with the newest checkpoint that is in the register of all logs, and proves that. The format is
    /// then `yunshu-audit/2`.
    #[serde(default)]
    #[param(example = false)]
    register: bool,
}

impl ReadAuditExport {
    /// Is everything asked for?
    const fn is_whole(&self) -> bool {
        let when = self.since.is_none() && self.until.is_none();
        let who = self.actor.is_none() && self.ip.is_none() && self.request_id.is_none();
        let what = self.action.is_none() && self.object.is_none() && self.outcome.is_none();
        when && who && what
    }

    /// The filter; open ends are closed at `now`, so that the file ends.
    fn filter(&self, now: DateTime<Utc>) -> Result<Filter, fault::Error> {
        let texts = Texts {
            actor: self.actor.as_deref(),
            action: self.action.as_deref(),
            object: self.object.as_deref(),
        };
        let filter = Filter {
            since: self.since,
            until: Some(self.until.unwrap_or(now).min(now)),
            outcome: self.outcome,
            ip: self.ip,
            request_id: self.request_id,
            ..Filter::default()
        };
        filter.with(texts)
    }
}

/// Exports the audit log.
#[utoipa::path(
    operation_id = "read_audit_export",
    tag = "audit",
    description = "The tenant's audit log up to now as a file, oldest first. Needs `audit.list`. Each export is itself \
                   recorded. A file that cannot be finished is cut off: the connection breaks.",
    params(ReadAuditExport),
    responses(
        (status = 200, description = "The file", content(
            (AuditEventView = "application/x-ndjson"),
            (AuditExport = "application/json"),
            (String = "text/csv"),
        )),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/audit/exports")]
pub async fn read_audit_export(
    ask: Read<audit::List, ReadAuditExport>,
    audit: Data<Audit>,
) -> Result<HttpResponse, fault::Error> {
    let (format, caller) = (ask.query.format, ask.caller());
    let filter = ask.query.filter(audit.db.clock().now())?;
    let (after, register) = (ask.query.after, ask.query.register);
    if after.is_some_and(|after| after < 0 || format != Format::Verifiable) {
        let wrong = "must be the size of a checkpoint, and the format `verifiable`";
        return Err(fault::Error::invalid("?after", wrong));
    }
    if register && format != Format::Verifiable {
        return Err(fault::Error::invalid("?register", "needs the format `verifiable`"));
    }

    let log = format!("tenant:{}", caller.tenant());
    let about = serde_json::json!({ "export": format, "filter": filter });
    audit.db.record::<audit::List>(caller, log, about).await?;

    let (kind, name) = match format {
        Format::Ndjson => ("application/x-ndjson", "audit.ndjson"),
        Format::Json => ("application/json", "audit.json"),
        Format::Csv => ("text/csv; charset=utf-8; header=present", "audit.csv"),
        Format::Ocsf => ("application/x-ndjson", "audit.ocsf.ndjson"),
        Format::Verifiable => ("application/x-ndjson", "audit.yunshu-audit.ndjson"),
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, kind));
    answer.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
    let (audit, caller) = (audit.into_inner(), caller.clone());
    if let Some(spelling) = format.spelling() {
        return Ok(answer.streaming(file::write(audit, caller, filter, spelling).await?));
    }
    let whole = ask.query.is_whole();
    let wanted = verifiable::Asked {
        filter,
        whole,
        after,
        register,
    };
    Ok(answer.streaming(verifiable::write(audit, caller, wanted).await?))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;
    use chrono::{DateTime, Utc};
    use serde_json::Value;

    use crate::testing::start;

    const EXPORT: &str = "/api/v1/audit/exports?action=vm.create";

    #[tokio::test]
    async fn each_format_holds_every_entry_of_the_filter_once() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let entries = super::file::PAGE + 3;
        for number in 0..entries {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), &format!("=vm:{number}"))
                .await;
        }
        test.holds(&tenant, entries).await;
        let owner = test.owner(&tenant);
        // In the order of their times. A machine's clock may be set back, so that need not be the order of the numbers.
        let each_once = |read: &[Value]| {
            let times: Vec<DateTime<Utc>> = read
                .iter()
                .map(|item| item["time"].as_str().unwrap().parse().unwrap())
                .collect();
            assert!(times.is_sorted(), "{times:?}");
            let mut numbers: Vec<u64> = read.iter().map(|item| item["seq"].as_u64().unwrap()).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..=entries as u64).collect::<Vec<_>>());
        };

        let lines = owner.get(&format!("{EXPORT}&format=ndjson")).await.expect(200);
        let read: Vec<Value> = lines
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        each_once(&read);
        let array = owner.get(&format!("{EXPORT}&format=json")).await.expect(200);
        each_once(array.json.as_array().unwrap());
        let table = owner.get(&format!("{EXPORT}&format=csv")).await.expect(200);
        let rows: Vec<&str> = table.text.split_terminator("\r\n").collect();
        assert!(rows[0].starts_with("\"seq\",\"time\""), "{}", rows[0]);
        assert_eq!(rows.len(), entries + 1);
        assert!(
            rows[1..].iter().all(|row| row.contains("\"'=vm:")),
            "formulas are disarmed: {}",
            rows[1]
        );
        let events = owner.get(&format!("{EXPORT}&format=ocsf")).await.expect(200);
        let mut numbers: Vec<i64> = Vec::new();
        for line in events.text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&line["specversion"], &line["data"]["class_uid"]),
                (&"1.0".into(), &6003.into())
            );
            assert_eq!(line["data"]["api"]["operation"], "vm.create");
            numbers.push(line["data"]["metadata"]["sequence"].as_i64().unwrap());
        }
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(1..=i64::try_from(entries).unwrap()));
        assert_eq!(
            owner
                .get("/api/v1/audit/exports?format=json&action=none")
                .await
                .expect(200)
                .text,
            "[]\n"
        );
    }

    #[tokio::test]
    async fn t01_it_holds_nothing_of_others_and_is_recorded_each_time() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:canary").await;
        test.holds(&theirs, 1).await;
        for _ in 0..2 {
            let file = test.owner(&mine).get("/api/v1/audit/exports").await.expect(200);
            assert!(!file.text.contains("canary"), "{}", file.text);
        }
        assert_eq!(test.bench.audit(mine.id).await.len(), 2);
        test.client
            .caller(&mine.caller(Role::Admin))
            .get("/api/v1/audit/exports")
            .await
            .expect(403);
        test.owner(&mine)
            .get("/api/v1/audit/exports?format=xml")
            .await
            .expect(400);
    }
}
