//! The answers kept for `Idempotency-Key`s, in each service's own `replies` table (found by the role's search path).
//!
//! What was answered is sealed by the keys of the caller's tenant, for its caller and key. Beside it stands by id what it tells of,
//! so that it goes when that is erased. If the tenant's keys end with the change itself, its answer is not kept.

use std::marker::PhantomData;
use std::sync::Arc;

use crypto::{KeyError, Place, Purpose, TenantKeys};
use serde_json::Value;
use sqlx::PgConnection;

use crate::Result;
use crate::answer::{Answer, Exit, Subject};
use crate::change::{Ask, IdempotencyKey};

#[derive(sqlx::FromRow)]
struct ReplyRow {
    fingerprint: Vec<u8>,
    status: Option<i16>,
    headers: Value,
    body_sealed: Option<Vec<u8>>,
    secret: bool,
    kept: bool,
}

/// The answers of one service.
#[derive(Debug, Clone)]
pub(crate) struct Replies {
    table: Arc<str>,
}

impl Replies {
    pub fn of(service: &str) -> Self {
        let table = format!("{service}.replies").into();
        Self { table }
    }

    fn place<'a>(&'a self, ask: &Ask, row: &'a str) -> Place<'a> {
        Place {
            tenant: ask.caller.tenant(),
            table: &self.table,
            column: "body_sealed",
            row,
        }
    }

    fn seal(&self, keys: &TenantKeys, ask: &Ask, key: &IdempotencyKey, body: &Value) -> Result<Vec<u8>, fault::Error> {
        let plain = serde_json::to_vec(body).map_err(fault::Error::internal)?;
        let sealed = keys.seal(Purpose::PersonalData, &self.place(ask, &row(ask, key)), &plain)?;
        Ok(sealed)
    }

    fn open(&self, keys: &TenantKeys, ask: &Ask, key: &IdempotencyKey, sealed: &[u8]) -> Result<Value, fault::Error> {
        let plain = keys.open(&self.place(ask, &row(ask, key)), sealed)?;
        serde_json::from_slice(&plain).map_err(fault::Error::internal)
    }
}

/// Neither has a space in it.
fn row(ask: &Ask, key: &IdempotencyKey) -> String {
    format!("{} {}", ask.caller.principal(), key.as_str())
}

/// Takes the key for this request, or leaves with what the key's first request was answered.
pub(crate) async fn claim(
    sql: &mut PgConnection,
    replies: &Replies,
    (ask, key): (&Ask, &IdempotencyKey),
    keys: Result<TenantKeys, KeyError>,
) -> Result<(), Exit> {
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
        "select fingerprint, status, headers, body_sealed, secret, kept from replies
         where tenant_id = $1 and principal = $2 and key = $3",
    )
    .bind(tenant)
    .bind(&principal)
    .bind(key.as_str())
    .fetch_one(sql)
    .await
    .map_err(crate::Error::from)?;
    let body = |sealed: Vec<u8>| replies.open(&keys?, ask, key, &sealed);
    Err(first_answer(row, ask, body))
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

fn first_answer(row: ReplyRow, ask: &Ask, open: impl FnOnce(Vec<u8>) -> Result<Value, fault::Error>) -> Exit {
    if row.fingerprint != ask.fingerprint {
        let detail = "This Idempotency-Key was used for another method, path or body.";
        return fault::Error::new(fault::Kind::KeyReused, detail).into();
    }
    if row.secret {
        let detail = "This was done before, and its answer held a secret that is shown once. Make a new one.";
        return fault::Error::conflict(detail).into();
    }
    if !row.kept {
        let detail = "This was done before, and its answer is not kept any more. Look at what it made instead.";
        return fault::Error::conflict(detail).into();
    }
    let Some(status) = row.status.and_then(|status| u16::try_from(status).ok()) else {
        return fault::Error::internal("a reply was committed without its status").into();
    };
    let headers = serde_json::from_value(row.headers).unwrap_or_default();
    match row.body_sealed.map(open).transpose() {
        Ok(body) => Exit::Replay(Box::new(Answer {
            status,
            headers,
            body,
            of: PhantomData,
        })),
        Err(error) => error.into(),
    }
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

/// Keeps the answer for the key: what it says of `object`, unless that is a secret, or nobody could read it.
pub(crate) async fn keep<T: Subject>(
    sql: &mut PgConnection,
    replies: &Replies,
    (ask, key): (&Ask, &IdempotencyKey),
    keys: Result<TenantKeys, KeyError>,
    (answer, object): (&Answer<T>, &str),
) -> Result<(), fault::Error> {
    let (body, kept) = match (&answer.body, keys) {
        (None, _) => (None, true),
        (Some(_), _) if T::SECRET => (None, true),
        (Some(_), Err(KeyError::Destroyed)) => (None, false),
        (Some(body), keys) => (Some(replies.seal(&keys?, ask, key, body)?), true),
    };
    sqlx::query(
        "update replies set status = $4, headers = $5, body_sealed = $6, object = $7, secret = $8, kept = $9
         where tenant_id = $1 and principal = $2 and key = $3",
    )
    .bind(ask.caller.tenant())
    .bind(ask.caller.principal().to_string())
    .bind(key.as_str())
    .bind(i16::try_from(answer.status).unwrap_or(500))
    .bind(serde_json::to_value(&answer.headers).unwrap_or_default())
    .bind(&body)
    .bind(body.as_ref().map(|_| object))
    .bind(T::SECRET)
    .bind(kept)
    .execute(sql)
    .await
    .map_err(crate::Error::from)?;
    Ok(())
}
