//! Looking for entries.
//!
//! An address stands sealed in what entries tell. So of an address first the mark is looked for ([`crate::entry::FROM`]), what has
//! it is opened, and what turns out to be from elsewhere falls away. Entries that open no more are from nowhere: a mark alone
//! says nothing. What is read for one page is bounded, so a page may be short, and go on.

use auth::action::audit;
use chrono::{DateTime, Utc};
use crypto::KeyError;
use db::{Granted, Read, Tenant};

use crate::entry::{Entry, FROM, Opened};
use crate::filter::Filter;
use crate::store::events::{self, Stretch, Wanted};

/// How much is read for a page.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Entries that are opened at most, beyond as many as it may show.
    most: i64,
    /// Entries that are read at once, once some have fallen away.
    step: i64,
}

const BOUNDS: Bounds = Bounds {
    most: 4_000,
    step: 1_000,
};

/// An entry and what it tells.
pub type Told = (Option<Opened>, Entry);

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The entries, in the order of the stretch.
    pub entries: Vec<Told>,
    /// The place behind which to go on; none where the log ends.
    pub rest: Option<(DateTime<Utc>, i64)>,
}

/// What the table is asked for this filter; none where nothing can be found: from an address, once the tenant's key is destroyed.
pub async fn wanted<'a>(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    filter: &'a Filter,
) -> Result<Option<Wanted<'a>>, fault::Error> {
    let mark = filter.ip.map(|ip| tx.keys().and_then(|keys| FROM.mark(keys, &ip)));
    let mark = match mark.transpose() {
        Err(KeyError::Destroyed) => return Ok(None),
        mark => mark?,
    };
    Ok(Some(Wanted::by(tx, tenant, (filter, mark)).await?))
}

/// Finds what is in this stretch: as many entries as its limit says; fewer where the log ends, or where too many fell away.
pub async fn find(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    filter: &Filter,
    stretch: Stretch,
) -> Result<Found, fault::Error> {
    find_within(tx, tenant, filter, (stretch, BOUNDS)).await
}

async fn find_within(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    filter: &Filter,
    (mut stretch, bounds): (Stretch, Bounds),
) -> Result<Found, fault::Error> {
    let mut found = Found::default();
    let Some(wanted) = wanted(tx, tenant, filter).await? else {
        return Ok(found);
    };
    let most = usize::try_from(stretch.limit).unwrap_or_default();
    let mut left = stretch.limit.saturating_add(bounds.most);
    while found.entries.len() < most && left > 0 {
        let page = events::list(tx, tenant, wanted, stretch).await?;
        let read = i64::try_from(page.len()).unwrap_or(i64::MAX);
        let ended = read < stretch.limit;
        for entry in page {
            if found.entries.len() == most {
                return Ok(found);
            }
            let place = (entry.time, entry.seq);
            (stretch.after, found.rest) = (Some(place), Some(place));
            let opened = entry.open(tx.keys())?;
            if filter.admits(opened.as_ref()) {
                found.entries.push((opened, entry));
            }
        }
        if ended {
            found.rest = None;
            break;
        }
        left -= read;
        stretch.limit = bounds.step.min(left);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
