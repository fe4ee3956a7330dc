//! `identity.guesses`: budgets, a timestamp each.

use chrono::{DateTime, TimeDelta, Utc};
use crypto::LookupKey;
use db::{Result, SystemTx};

use crate::guess::Budget;

/// How often the log is told that the same budget is spent.
const TELL_EVERY: TimeDelta = TimeDelta::minutes(10);

/// Spends one guess of each budget; or names the first that is spent, and says how long until there is one. If one is
/// spent, what was taken from the others must be rolled back. The budgets are taken in the order of the list, here and in
/// [`give_back`], so that nobody waits for whoever waits for them.
pub async fn spend<'a>(
    tx: &mut SystemTx,
    lookup: &LookupKey,
    budgets: &'a [Budget],
) -> Result<Option<(&'a Budget, TimeDelta)>> {
    let (now, keys) = (tx.now(), keys(lookup, budgets));
    let taken: Vec<Vec<u8>> = sqlx::query_scalar(
        "insert into identity.guesses as kept (key, full_at)
         select b.key, $2 + b.step from unnest($1::bytea[], $3::interval[]) with ordinality as b (key, step, place)
         order by b.place
         on conflict (key) do update
         set full_at = greatest(kept.full_at, $2) + (excluded.full_at - $2)
         where greatest(kept.full_at, $2) + (excluded.full_at - $2) <= $2 + ($4::interval[])[array_position($1, kept.key)]
         returning kept.key",
    )
    .bind(&keys)
    .bind(now)
    .bind(steps(budgets))
    .bind(budgets.iter().map(|budget| budget.depth).collect::<Vec<_>>())
    .fetch_all(tx.sql())
    .await?;
    let Some((spent, key)) = budgets.iter().zip(&keys).find(|(_, key)| !taken.contains(key)) else {
        return Ok(None);
    };
    let full_at: DateTime<Utc> = sqlx::query_scalar("select full_at from identity.guesses where key = $1")
        .bind(key)
        .fetch_one(tx.sql())
        .await?;
    Ok(Some((spent, full_at + spent.step - spent.depth - now)))
}

/// Gives one guess of each back.
pub async fn give_back(tx: &mut SystemTx, lookup: &LookupKey, budgets: &[Budget]) -> Result<()> {
    sqlx::query(
        "with held as
           (select g.key, b.step from unnest($1::bytea[], $2::interval[]) with ordinality as b (key, step, place)
            join identity.guesses g using (key) order by b.place for update of g)
         update identity.guesses kept set full_at = kept.full_at - held.step from held where kept.key = held.key",
    )
    .bind(keys(lookup, budgets))
    .bind(steps(budgets))
    .execute(tx.sql())
    .await?;
    Ok(())
}

fn keys(lookup: &LookupKey, budgets: &[Budget]) -> Vec<Vec<u8>> {
    budgets.iter().map(|budget| key(lookup, budget)).collect()
}

fn key(lookup: &LookupKey, budget: &Budget) -> Vec<u8> {
    lookup.mark("guess", &budget.whose).bytes().to_vec()
}

fn steps(budgets: &[Budget]) -> Vec<TimeDelta> {
    budgets.iter().map(|budget| budget.step).collect()
}

/// Is it time to tell the log that this budget is spent? True once in a while, however often it is asked.
pub async fn tell(tx: &mut SystemTx, lookup: &LookupKey, budget: &Budget) -> Result<bool> {
    let now = tx.now();
    let told = sqlx::query(
        "update identity.guesses set told_at = $2 where key = $1 and (told_at is null or told_at < $2 - $3::interval)",
    )
    .bind(key(lookup, budget))
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
