//! The answers kept for `Idempotency-Key`s, in each service's own `replies` table (found by the role's search path).

use std::marker::PhantomData;

use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;
use crate::answer::{Answer, Exit};
use crate::change::{Ask, IdempotencyKey};

#[derive(sqlx::FromRow)]
struct ReplyRow {
    fingerprint: Vec<u8>,
    status: Option<i16>,
    headers: Value,
    body: Option<Value>,
    secret: bool,
}

/// Takes the key for this request, or leaves with what the key's first request was answered.
pub(crate) async fn claim(sql: &mut PgConnection, ask: &Ask, key: &IdempotencyKey) -> Result<(), Exit> {
    let tenant = ask.caller.tenant();
    let principal = ask.caller.principal().to_string();
    // Keys live a day; an older row makes room.
    sqlx::query(
        "delete from replies
         where tenant_id = $1 and principal = $2 and key = $3 and created_at < now() - interval '24 hours'",
    )
    .bind(tenant)
    .bind(&principal)
    .bind(key.as_str())
    .execute(&mut *sql)
    .await
    .map_err(crate::Error::from)?;
    let taken = sqlx::query(
        "insert into replies (tenant_id, principal, key, fingerprint) values ($1, $2, $3, $4) on conflict do nothing",
    )
    .bind(tenant)
    .bind(&principal)
    .bind(key.as_str())
    .bind(ask.fingerprint.as_slice())
    .execute(&mut *sql)
    .await
    .map_err(in_flight)?;
    if taken.rows_affected() == 1 {
        return Ok(());
    }
    let row: ReplyRow = sqlx::query_as(
        "select fingerprint, status, headers, body, secret from replies
         where tenant_id = $1 and principal = $2 and key = $3",
    )
    .bind(tenant)
    .bind(&principal)
    .bind(key.as_str())
    .fetch_one(sql)
    .await
    .map_err(crate::Error::from)?;
    Err(first_answer(row, ask))
}

fn in_flight(error: sqlx::Error) -> Exit {
    match crate::Error::from(error) {
        crate::Error::Busy(_) => {
            fault::Error::conflict("The first request with this Idempotency-Key is still being worked on.")
                .retry_after(1)
                .into()
        }
        other => other.into(),
    }
}

fn first_answer(row: ReplyRow, ask: &Ask) -> Exit {
    if row.fingerprint != ask.fingerprint {
        let detail = "This Idempotency-Key was used for another method, path or body.";
        return fault::Error::new(fault::Kind::KeyReused, detail).into();
    }
    if row.secret {
        let detail = "This was done before, and its answer held a secret that is shown once. Make a new one.";
        return fault::Error::conflict(detail).into();
    }
    let Some(status) = row.status.and_then(|status| u16::try_from(status).ok()) else {
        return fault::Error::internal("a reply was committed without its status").into();
    };
    let headers = serde_json::from_value(row.headers).unwrap_or_default();
    Exit::Replay(Box::new(Answer {
        status,
        headers,
        body: row.body,
        of: PhantomData,
    }))
}

/// Removes some of the answers that nobody may ask for any more; answers how many.
pub(crate) async fn forget(sql: &mut PgConnection, at_most: i64) -> Result<u64> {
    let gone = sqlx::query(
        "delete from replies where ctid = any (array(
             select ctid from replies where created_at < now() - interval '24 hours' limit $1))",
    )
    .bind(at_most)
    .execute(sql)
    .await?;
    Ok(gone.rows_affected())
}

/// Keeps the answer for the key.
pub(crate) async fn keep<T>(
    sql: &mut PgConnection,
    ask: &Ask,
    key: &IdempotencyKey,
    answer: &Answer<T>,
    secret: bool,
) -> Result<()> {
    sqlx::query(
        "update replies set status = $4, headers = $5, body = $6, secret = $7
         where tenant_id = $1 and principal = $2 and key = $3",
    )
    .bind(ask.caller.tenant())
    .bind(ask.caller.principal().to_string())
    .bind(key.as_str())
    .bind(i16::try_from(answer.status).unwrap_or(500))
    .bind(serde_json::to_value(&answer.headers).unwrap_or_default())
    .bind(if secret { None } else { answer.body.clone() })
    .bind(secret)
    .execute(sql)
    .await?;
    Ok(())
}
