//! `bus.dead_letters`, without what is in the letters: this service's role may not read that.
//!
//! Letters are rows of tenants, and operators are at home in none of them. To change one, the transaction enters its tenant
//! and comes back out ([`enter`], [`leave`]), which asks for the right to act for the platform.

use auth::Action;
use auth::action::dead_letter;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Platform, Result, SystemTx};
use ids::{EventId, LetterId, ProjectId, RequestId, TenantId};
use web::Window;

use crate::letter::{Filter, Letter};

#[derive(sqlx::FromRow)]
struct LetterRow {
    letter_id: LetterId,
    tenant_id: TenantId,
    consumer: String,
    event_id: EventId,
    kind: String,
    version: i32,
    subject: String,
    project_id: Option<ProjectId>,
    request_id: Option<RequestId>,
    time: DateTime<Utc>,
    cause: String,
    attempts: i32,
    died_at: DateTime<Utc>,
    replay_at: Option<DateTime<Utc>>,
}

impl From<LetterRow> for Letter {
    fn from(row: LetterRow) -> Self {
        Self {
            id: row.letter_id,
            tenant: row.tenant_id,
            consumer: row.consumer,
            event: row.event_id,
            kind: row.kind,
            version: row.version.unsigned_abs(),
            subject: row.subject,
            project: row.project_id,
            request: row.request_id,
            time: row.time,
            cause: row.cause,
            attempts: row.attempts.unsigned_abs(),
            died_at: row.died_at,
            replay_at: row.replay_at,
        }
    }
}

macro_rules! columns {
    () => {
        "letter_id, tenant_id, consumer, event_id, kind, version, subject, project_id, request_id, time, cause, attempts,
         died_at, replay_at"
    };
}

/// Letters of any tenant, newest first.
pub async fn list(
    tx: &mut SystemTx,
    _: &Granted<Platform, dead_letter::List>,
    filter: &Filter,
    window: &Window,
) -> Result<Vec<Letter>, fault::Error> {
    let after = window.after::<LetterId>(0)?;
    Ok(some(tx, filter, after, window.fetch()).await?)
}

/// What a replay by filter is about: the newest letters that nobody has asked for yet.
pub async fn waiting(
    tx: &mut SystemTx,
    _: &Granted<Platform, dead_letter::Operate>,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Letter>> {
    some(tx, filter, None, limit).await
}

async fn some(tx: &mut SystemTx, filter: &Filter, after: Option<LetterId>, limit: i64) -> Result<Vec<Letter>> {
    let rows: Vec<LetterRow> = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from bus.dead_letters
         where ($1::text is null or consumer = $1) and ($2::text is null or kind = $2)
           and ($3::uuid is null or tenant_id = $3) and (replay_at is null or not $4)
           and ($5::uuid is null or letter_id < $5)
         order by letter_id desc limit $6"
    ))
    .bind(&filter.consumer)
    .bind(&filter.kind)
    .bind(filter.tenant)
    .bind(filter.waiting)
    .bind(after)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(Letter::from).collect())
}

/// One, of any tenant. Whoever looks for it has been found to act for the platform.
pub async fn lookup(tx: &mut SystemTx, id: LetterId) -> Result<Option<Letter>> {
    let row: Option<LetterRow> = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from bus.dead_letters where letter_id = $1"
    ))
    .bind(id)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Letter::from))
}

/// One, held until the transaction ends; none if it was applied or dropped meanwhile. A consumer that applies it right now
/// is waited for.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    platform: &Granted<Platform, A>,
    (tenant, id): (TenantId, LetterId),
) -> Result<Option<Letter>> {
    enter(tx, platform, tenant).await?;
    let row: Option<LetterRow> = sqlx::query_as(concat!(
        "select ",
        columns!(),
        " from bus.dead_letters where tenant_id = $1 and letter_id = $2 for update"
    ))
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.sql())
    .await?;
    leave(tx).await?;
    Ok(row.map(Letter::from))
}

/// Asks for these letters of one tenant to be applied again; how many there were that nobody had asked for.
pub async fn set_asked(
    tx: &mut Change<dead_letter::Operate>,
    platform: &Granted<Platform, dead_letter::Operate>,
    tenant: TenantId,
    letters: &[LetterId],
) -> Result<u64> {
    let now = tx.now();
    enter(tx, platform, tenant).await?;
    let done = sqlx::query(
        "update bus.dead_letters set replay_at = $3
         where tenant_id = $1 and letter_id = any($2) and replay_at is null",
    )
    .bind(tenant)
    .bind(letters)
    .bind(now)
    .execute(tx.sql())
    .await?;
    leave(tx).await?;
    Ok(done.rows_affected())
}

/// Removes a letter that is held.
pub async fn remove(
    tx: &mut Change<dead_letter::Delete>,
    platform: &Granted<Platform, dead_letter::Delete>,
    letter: &Letter,
) -> Result<()> {
    enter(tx, platform, letter.tenant).await?;
    sqlx::query("delete from bus.dead_letters where tenant_id = $1 and letter_id = $2")
        .bind(letter.tenant)
        .bind(letter.id)
        .execute(tx.sql())
        .await?;
    leave(tx).await
}

async fn enter<A: Action>(tx: &mut Change<A>, _platform: &Granted<Platform, A>, tenant: TenantId) -> Result<()> {
    become_tenant(tx, tenant).await
}

/// Back, so that the audit entry and the answer kept for the key of the same commit are the operator's own.
async fn leave<A: Action>(tx: &mut Change<A>) -> Result<()> {
    let home = tx.tenant_id();
    become_tenant(tx, home).await
}

async fn become_tenant<A: Action>(tx: &mut Change<A>, tenant: TenantId) -> Result<()> {
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(tenant.to_string())
        .execute(tx.sql())
        .await?;
    Ok(())
}
