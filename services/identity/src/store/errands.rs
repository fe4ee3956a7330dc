//! `identity.errands`.

use auth::Action;
use chrono::{DateTime, TimeDelta, Utc};
use crypto::Kek;
use db::{Change, Result, SystemTx};
use ids::EventId;
use sqlx::PgConnection;

use crate::errand::{CLAIM, Errand};

/// An errand that is ours for a while.
pub struct Claimed {
    /// Its id.
    pub id: EventId,
    /// What to do, still sealed.
    pub sealed: Vec<u8>,
    /// Which try this is, from 1.
    pub attempt: u16,
}

/// Writes an errand down, to be done from now on.
pub async fn insert(
    tx: &mut SystemTx,
    kek: &Kek,
    errand: &Errand,
    lives: TimeDelta,
) -> std::result::Result<(), fault::Error> {
    let now = tx.now();
    write(tx.sql(), now, kek, errand, lives).await
}

/// Writes an errand down, to be done once this change is committed.
pub async fn insert_with<A: Action>(
    tx: &mut Change<A>,
    kek: &Kek,
    errand: &Errand,
    lives: TimeDelta,
) -> std::result::Result<(), fault::Error> {
    let now = tx.now();
    write(tx.sql(), now, kek, errand, lives).await
}

async fn write(
    sql: &mut PgConnection,
    now: DateTime<Utc>,
    kek: &Kek,
    errand: &Errand,
    lives: TimeDelta,
) -> std::result::Result<(), fault::Error> {
    let id = EventId::mint();
    let sealed = errand.seal(kek, id).map_err(fault::Error::internal)?;
    sqlx::query(
        "insert into identity.errands (errand_id, sealed, due_at, expires_at, created_at) values ($1, $2, $3, $4, $3)",
    )
    .bind(id)
    .bind(sealed)
    .bind(now)
    .bind(now + lives)
    .execute(sql)
    .await
    .map_err(db::Error::from)?;
    Ok(())
}

/// Claims some that are due; others pass them over for [`CLAIM`].
pub async fn claim(tx: &mut SystemTx, at_most: i64) -> Result<Vec<Claimed>> {
    let now = tx.now();
    let rows: Vec<(EventId, Vec<u8>, i16)> = sqlx::query_as(
        "update identity.errands set attempts = attempts + 1, due_at = $2 where errand_id in
           (select errand_id from identity.errands where due_at <= $1 order by due_at limit $3 for update skip locked)
         returning errand_id, sealed, attempts",
    )
    .bind(now)
    .bind(now + CLAIM)
    .bind(at_most)
    .fetch_all(tx.sql())
    .await?;
    let claimed = |(id, sealed, attempt)| Claimed {
        id,
        sealed,
        attempt: u16::try_from(attempt).unwrap_or(u16::MAX),
    };
    Ok(rows.into_iter().map(claimed).collect())
}

/// It is done, or will never be. False if it was gone.
pub async fn remove(tx: &mut SystemTx, errand: EventId) -> Result<bool> {
    let removed = sqlx::query("delete from identity.errands where errand_id = $1")
        .bind(errand)
        .execute(tx.sql())
        .await?;
    Ok(removed.rows_affected() == 1)
}

/// To be tried again then, unless it has become pointless by that time.
pub async fn put_off(tx: &mut SystemTx, errand: EventId, until: DateTime<Utc>) -> Result<bool> {
    let later = sqlx::query("update identity.errands set due_at = $2 where errand_id = $1 and expires_at > $2")
        .bind(errand)
        .bind(until)
        .execute(tx.sql())
        .await?;
    Ok(later.rows_affected() == 1)
}
