//! `identity.guesses`: budgets, a timestamp each.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Result, SystemTx};

use crate::guess::Budget;

/// How often the log is told that the same budget is spent.
const TELL_EVERY: TimeDelta = TimeDelta::minutes(10);

/// Spends one guess, or says how long until there is one. What was refused has spent nothing.
pub async fn spend(tx: &mut SystemTx, budget: &Budget) -> Result<Option<TimeDelta>> {
    let now = tx.now();
    let spent = sqlx::query(
        "insert into identity.guesses as kept (key, full_at) values ($1, $2 + $3::interval)
         on conflict (key) do update set full_at = greatest(kept.full_at, $2) + $3::interval
         where greatest(kept.full_at, $2) + $3::interval <= $2 + $4::interval",
    )
    .bind(budget.key)
    .bind(now)
    .bind(budget.step)
    .bind(budget.depth)
    .execute(tx.sql())
    .await?;
    if spent.rows_affected() == 1 {
        return Ok(None);
    }
    let full_at: DateTime<Utc> = sqlx::query_scalar("select full_at from identity.guesses where key = $1")
        .bind(budget.key)
        .fetch_one(tx.sql())
        .await?;
    Ok(Some(full_at + budget.step - budget.depth - now))
}

/// Gives one guess back.
pub async fn give_back(tx: &mut SystemTx, budget: &Budget) -> Result<()> {
    sqlx::query("update identity.guesses set full_at = full_at - $2::interval where key = $1")
        .bind(budget.key)
        .bind(budget.step)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Is it time to tell the log that this budget is spent? True once in a while, however often it is asked.
pub async fn tell(tx: &mut SystemTx, budget: &Budget) -> Result<bool> {
    let now = tx.now();
    let told = sqlx::query(
        "update identity.guesses set told_at = $2 where key = $1 and (told_at is null or told_at < $2 - $3::interval)",
    )
    .bind(budget.key)
    .bind(now)
    .bind(TELL_EVERY)
    .execute(tx.sql())
    .await?;
    Ok(told.rows_affected() == 1)
}

/// Removes some of the budgets that are whole again; answers how many.
pub async fn remove_whole(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.guesses where key in
           (select key from identity.guesses where full_at < $1 limit $2 for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
