use std::sync::Arc;

use auth::Caller;
use auth::action::audit;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{Stream, stream};

use super::AuditEventView;
use crate::csv;
use crate::filter::{Filter, Order};
use crate::ocsf;
use crate::search::{self, Told};
use crate::state::Audit;
use crate::store::events::Stretch;

/// Entries per transaction. None is held while the client reads.
pub(super) const PAGE: usize = 500;

const HEADING: [&str; 11] = [
    "seq",
    "time",
    "actor",
    "action",
    "object",
    "outcome",
    "ip",
    "request_id",
    "id",
    "changes",
    "credential",
];

/// How entries are spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Ndjson,
    Json,
    Csv,
    Ocsf,
}

/// A file that is being written.
struct File {
    audit: Arc<Audit>,
    caller: Caller,
    filter: Filter,
    format: Spelling,
    after: Option<(DateTime<Utc>, i64)>,
    first: bool,
    /// Is an entry in it?
    listed: bool,
    done: bool,
}

/// Writes the file page by page. The first page is read before the answer begins, so that what is refused is refused.
pub(super) async fn write(
    audit: Arc<Audit>,
    caller: Caller,
    filter: Filter,
    format: Spelling,
) -> Result<impl Stream<Item = Result<Bytes, fault::Error>>, fault::Error> {
    let mut file = File {
        audit,
        caller,
        filter,
        format,
        after: None,
        first: true,
        listed: false,
        done: false,
    };
    let first = file.page().await?;
    let rest = stream::try_unfold(file, |mut file| async move {
        if file.done {
            return Ok(None);
        }
        let page = file.page().await?;
        Ok(Some((page, file)))
    });
    Ok(futures::StreamExt::chain(stream::iter([Ok(first)]), rest))
}

impl File {
    async fn page(&mut self) -> Result<Bytes, fault::Error> {
        let mut tx = self.audit.db.read::<audit::List>(&self.caller).await?;
        let tenant = tx.tenant()?;
        let stretch = Stretch {
            order: Order::OldestFirst,
            after: self.after,
            limit: i64::try_from(PAGE).unwrap_or(i64::MAX),
        };
        let found = search::find(&mut tx, &tenant, &self.filter, stretch).await?;
        drop(tx);
        self.after = found.rest;
        self.done = found.rest.is_none();
        self.text(found.entries).map(Bytes::from)
    }

    fn text(&mut self, entries: Vec<Told>) -> Result<String, fault::Error> {
        let mut out = String::new();
        if std::mem::replace(&mut self.first, false) {
            match self.format {
                Spelling::Ndjson | Spelling::Ocsf => {}
                Spelling::Json => out.push('['),
                Spelling::Csv => out.push_str(&csv::line(HEADING)),
            }
        }
        for (opened, entry) in entries {
            let tenant = entry.tenant;
            let view = AuditEventView::of(entry, opened);
            if self.format == Spelling::Ocsf {
                out.push_str(&ocsf::line(tenant, &view).map_err(fault::Error::internal)?);
                continue;
            }
            if self.format == Spelling::Csv {
                out.push_str(&row(&view));
                continue;
            }
            if self.format == Spelling::Json && std::mem::replace(&mut self.listed, true) {
                out.push(',');
            }
            out.push_str(&serde_json::to_string(&view).map_err(fault::Error::internal)?);
            out.push('\n');
        }
        if self.done && self.format == Spelling::Json {
            out.push_str("]\n");
        }
        Ok(out)
    }
}

fn row(view: &AuditEventView) -> String {
    let (seq, time) = (view.seq.to_string(), view.time.to_rfc3339());
    let (request, id) = (view.request_id.to_string(), view.id.to_string());
    let changes = view.changes.as_ref().map(ToString::to_string).unwrap_or_default();
    let ip = view.ip.as_deref().unwrap_or_default();
    csv::line([
        &seq,
        &time,
        &view.actor,
        &view.action,
        &view.object,
        &view.outcome,
        ip,
        &request,
        &id,
        &changes,
        view.credential.as_deref().unwrap_or_default(),
    ])
}
