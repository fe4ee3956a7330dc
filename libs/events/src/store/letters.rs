//! `bus.dead_letters`, as consumers write it. Operators reach it through notify.

use chrono::{DateTime, Utc};
use db::{Result, SystemTx};
use ids::{EventId, LetterId, ProjectId, RequestId, TenantId};
use serde_json::Value;

use crate::{Envelope, Position};

/// Characters kept of a cause.
const CAUSE: usize = 2_000;
/// Characters from which on a text tells something.
const TELLING: usize = 3;

#[derive(sqlx::FromRow)]
struct LetterRow {
    tenant_id: TenantId,
    event_id: EventId,
    xact: String,
    seq: i64,
    kind: String,
    version: i32,
    subject: String,
    project_id: Option<ProjectId>,
    request_id: Option<RequestId>,
    data: serde_json::Value,
    time: DateTime<Utc>,
    attempts: i32,
}

/// What could not be applied.
pub(crate) struct Letter {
    /// The event.
    pub event: Envelope,
    attempts: i32,
}

impl From<LetterRow> for Letter {
    fn from(row: LetterRow) -> Self {
        Self {
            event: Envelope {
                id: row.event_id,
                tenant: row.tenant_id,
                position: Position {
                    xact: row.xact.parse().unwrap_or_default(),
                    seq: row.seq,
                },
                kind: row.kind,
                version: row.version.unsigned_abs(),
                subject: row.subject,
                project: row.project_id,
                request: row.request_id,
                data: row.data,
                time: row.time,
            },
            attempts: row.attempts,
        }
    }
}

/// What the database can hold of a cause: no NUL, and no end without one.
fn short(cause: &str) -> String {
    cause.chars().filter(|c| *c != '\0').take(CAUSE).collect()
}

/// A cause as operators may read it: errors like to repeat what they stumbled over, and what is in the event is its tenant's.
fn shown(cause: &str, data: &Value) -> String {
    let mut told = Vec::new();
    texts(data, &mut told);
    told.retain(|text| text.chars().count() >= TELLING);
    // The longest first: one may be part of another.
    told.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
    let shown = told.into_iter().fold(cause.to_owned(), |cause, text| {
        // As an error quotes it, and as that error is quoted in another.
        let quoted = |text: &str| format!("{text:?}").trim_matches('"').to_owned();
        let once = quoted(text);
        let twice = quoted(&once);
        cause.replace(&twice, "…").replace(&once, "…").replace(text, "…")
    });
    short(&shown)
}

/// Every text in it.
fn texts<'a>(data: &'a Value, into: &mut Vec<&'a str>) {
    match data {
        Value::String(text) => into.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => {
            for value in fields.values() {
                // Names further down may be somebody's own: a label's.
                if let Value::Object(inner) = value {
                    into.extend(inner.keys().map(String::as_str));
                }
                texts(value, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Puts the event away with its cause.
pub(crate) async fn bury(
    tx: &mut SystemTx,
    consumer: &str,
    event: &Envelope,
    cause: &str,
    attempts: u32,
) -> Result<()> {
    sqlx::query(
        "insert into bus.dead_letters (consumer, event_id, tenant_id, letter_id, kind, version, subject, project_id,
                                       request_id, xact, seq, data, time, cause, attempts)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::xid8, $11, $12, $13, $14, $15) on conflict do nothing",
    )
    .bind(consumer)
    .bind(event.id)
    .bind(event.tenant)
    .bind(LetterId::mint())
    .bind(&event.kind)
    .bind(i32::try_from(event.version).unwrap_or(i32::MAX))
    .bind(&event.subject)
    .bind(event.project)
    .bind(event.request)
    .bind(event.position.xact.to_string())
    .bind(event.position.seq)
    .bind(&event.data)
    .bind(event.time)
    .bind(shown(cause, &event.data))
    .bind(i32::try_from(attempts).unwrap_or(i32::MAX))
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Holds the letter of this consumer that was asked for first, until the transaction ends; those that somebody else holds
/// are theirs.
pub(crate) async fn claim(tx: &mut SystemTx, consumer: &str) -> Result<Option<Letter>> {
    let row: Option<LetterRow> = sqlx::query_as(
        "select tenant_id, event_id, xact::text as xact, seq, kind, version, subject, project_id, request_id, data, time,
                attempts
         from bus.dead_letters where consumer = $1 and replay_at is not null
         order by replay_at limit 1 for update skip locked",
    )
    .bind(consumer)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Letter::from))
}

/// It was applied: the letter goes, and the event counts as done however often it is delivered.
pub(crate) async fn settle(tx: &mut SystemTx, consumer: &str, letter: &Letter) -> Result<()> {
    super::first_time(tx, consumer, letter.event.id).await?;
    sqlx::query("delete from bus.dead_letters where tenant_id = $1 and consumer = $2 and event_id = $3")
        .bind(letter.event.tenant)
        .bind(consumer)
        .bind(letter.event.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// It failed again: the same letter, an attempt more. Whoever wants another asks again.
pub(crate) async fn put_back(tx: &mut SystemTx, consumer: &str, letter: &Letter, cause: &str) -> Result<()> {
    // Between the failure and this, somebody else may have tried: that attempt was counted by them.
    sqlx::query(
        "update bus.dead_letters set attempts = attempts + 1, cause = $5, died_at = now(), replay_at = null
         where tenant_id = $1 and consumer = $2 and event_id = $3 and attempts = $4",
    )
    .bind(letter.event.tenant)
    .bind(consumer)
    .bind(letter.event.id)
    .bind(letter.attempts)
    .bind(shown(cause, &letter.event.data))
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// What it needs is away: others first.
pub(crate) async fn postpone(tx: &mut SystemTx, consumer: &str, letter: &Letter) -> Result<()> {
    sqlx::query(
        "update bus.dead_letters set replay_at = now()
         where tenant_id = $1 and consumer = $2 and event_id = $3 and replay_at is not null",
    )
    .bind(letter.event.tenant)
    .bind(consumer)
    .bind(letter.event.id)
    .execute(tx.sql())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_kept_in_a_form_that_can_be_kept() {
        assert_eq!(short("a\0b"), "ab", "or the letter itself would be poison");
        assert_eq!(short(&"é".repeat(CAUSE + 1)).chars().count(), CAUSE);
    }

    #[test]
    fn t24_a_cause_repeats_nothing_of_the_event() {
        let data = serde_json::json!({"n": 1, "labels": {"secret-project": ["say \"hello\"", "say"]}});
        let wrong = serde_json::from_value::<u8>(data["labels"]["secret-project"][0].clone()).unwrap_err();
        let cause = format!(
            "{:?}",
            fault::Error::internal(format!("{wrong} at secret-project: say"))
        );
        let shown = shown(&cause, &data);
        for text in ["hello", "say", "secret"] {
            assert!(!shown.contains(text), "{shown}");
        }
        assert!(
            shown.contains("invalid type") && shown.contains("expected u8"),
            "{shown}"
        );
    }
}
