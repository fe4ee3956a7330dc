//! Closes what lies open: rows of people from before their addresses and names were sealed. Each is sealed for its row under its
//! tenant's keys, given the mark that it is found by, and cleared. A release before this one, as long as it runs somewhere, goes on
//! writing in the clear, so the worker goes on looking.
//!
//! A step is one commit; it may die anywhere, and goes on where it was. Until a row is closed nobody reads it: its person cannot sign in.

use std::time::Duration;

use crypto::{KeyError, LookupKey, TenantKeys};
use db::Reason;
use ids::TenantId;
use ids::uuid::Uuid;

use crate::person::{EMAIL, Email};
use crate::state::Identity;
use crate::store::clear::{self, Closed, Open, Table};
use crate::store::sealed::{Column, INVITED, NEW_EMAIL, OLD_EMAIL, SUBJECT, USER_EMAIL, USER_NAME, subject_mark};

/// Whose row is open cannot sign in, so none stays so for long.
pub const LOOK: Duration = Duration::from_mins(1);
/// Rows per commit.
const STEP: i64 = 500;

/// Closes all there are, and says that there is no more. Where a tenant's keys are away, the others go on.
pub async fn round(identity: &Identity) -> Result<bool, fault::Error> {
    let mut after = None;
    loop {
        let mut tx = identity.db.system(Reason::Housekeeping).await?;
        let next = clear::next_tenant(&mut tx, after).await?;
        drop(tx);
        let Some(tenant) = next else { return Ok(false) };
        after = Some(tenant);
        if let Err(error) = all(identity, tenant).await {
            tracing::warn!(%tenant, ?error, "addresses and names stay in the clear for now");
        }
    }
}

/// Closes all of one tenant.
async fn all(identity: &Identity, tenant: TenantId) -> Result<(), fault::Error> {
    for table in Table::ALL {
        let mut after = None;
        while let Some(last) = step(identity, (tenant, table), after, STEP).await? {
            after = Some(last);
        }
    }
    Ok(())
}

/// One commit, of rows after this one: the last of them, if there may be more.
pub async fn step(
    identity: &Identity,
    (tenant, table): (TenantId, Table),
    after: Option<Uuid>,
    limit: i64,
) -> Result<Option<Uuid>, fault::Error> {
    let (keys, lookup) = (identity.db.keys(tenant).await?, identity.lookup.key().await?);
    let mut tx = identity.db.system(Reason::Housekeeping).await?;
    let open = clear::open(&mut tx, tenant, table, (after, limit)).await?;
    let closed = open.iter().map(|row| close(&keys, lookup, table, row));
    let closed = closed.collect::<Result<Vec<_>, KeyError>>()?;
    let done = clear::close(&mut tx, tenant, table, &closed).await?;
    tx.commit().await?;
    if done < closed.len() as u64 {
        let left = closed.len() as u64 - done;
        tracing::warn!(%tenant, ?table, left, "left in the clear: others have the same address");
    }
    let last = open.last().map(|row| row.id);
    Ok(last.filter(|_| i64::try_from(open.len()).is_ok_and(|rows| rows >= limit)))
}

fn close(keys: &TenantKeys, lookup: &LookupKey, table: Table, row: &Open) -> Result<Closed, KeyError> {
    let seal = |column: Column, text: Option<&str>| text.map(|text| column.seal(keys, row.id, text)).transpose();
    let (first, second) = match table {
        Table::Users => (USER_EMAIL, USER_NAME),
        Table::Invitations => (INVITED, INVITED),
        Table::EmailChanges => (OLD_EMAIL, NEW_EMAIL),
        Table::ExternalIdentities => (SUBJECT, SUBJECT),
    };
    let mark = row.first.clone().map(|text| match table {
        Table::ExternalIdentities => subject_mark(lookup, keys.tenant(), &text),
        Table::Users | Table::EmailChanges | Table::Invitations => lookup.mark(EMAIL, &Email::stored(text)),
    });
    Ok(Closed {
        id: row.id,
        first: seal(first, row.first.as_deref())?,
        mark: mark.map(|mark| mark.bytes().to_vec()),
        second: seal(second, row.second.as_deref())?,
    })
}

#[cfg(test)]
mod tests;
