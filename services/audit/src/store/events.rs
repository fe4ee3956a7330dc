//! `audit.heads` and `audit.events`.

use std::collections::{BTreeMap, HashMap};

use auth::Action;
use auth::action::audit;
use chrono::{DateTime, Utc};
use db::{AuditEvent, Granted, Read, Result, SystemTx, Tenant};
use futures::TryStreamExt;
use ids::{EventId, RequestId, TenantId};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{Postgres, Row};
use tlog::Hash;

use super::hash;
use super::trees::Tree;
use crate::breach::Suspects;
use crate::entry::{self, Entry, Sealed};
use crate::filter::{Filter, Order, Outcome};

#[derive(sqlx::FromRow)]
struct EntryRow {
    tenant_id: TenantId,
    seq: i64,
    event_id: EventId,
    time: DateTime<Utc>,
    actor: String,
    credential: Option<String>,
    action: String,
    object: String,
    outcome: String,
    clear_ip: Option<String>,
    request_id: RequestId,
    changes: Vec<u8>,
    salted: bool,
    commitment: Vec<u8>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = sqlx::Error;

    fn try_from(row: EntryRow) -> Result<Self, sqlx::Error> {
        let commitment = hash(&row.commitment)?;
        Ok(Self {
            tenant: row.tenant_id,
            id: row.event_id,
            seq: row.seq,
            time: row.time,
            actor: row.actor,
            credential: row.credential,
            action: row.action,
            object: row.object,
            outcome: row.outcome,
            clear_ip: row.clear_ip,
            request_id: row.request_id,
            sealed: row.changes,
            salted: row.salted,
            commitment,
        })
    }
}

/// Entries of the tenant `$1`; without what they tell, where nobody is to open it.
macro_rules! select_entries {
    (unopened $($tail:tt)+) => {
        select_entries!(@ "''::bytea", $($tail)+)
    };
    (@ $changes:literal, $($tail:tt)+) => {
        concat!(
            "select tenant_id, seq, event_id, time, actor, credential, action, object, outcome, host(ip) as clear_ip, request_id, ",
            $changes,
            " as changes, salted, commitment from audit.events where tenant_id = $1 and ",
            $($tail)+
        )
    };
    ($($tail:tt)+) => {
        select_entries!(@ "coalesce(changes, '')", $($tail)+)
    };
}

/// What [`filtered`] binds. What is not asked for is null and falls away when the server plans, so that the index of the
/// filter that is left serves the order too.
macro_rules! filtered {
    () => {
        "($2::timestamptz is null or time >= $2) and ($3::timestamptz is null or time < $3)
         and ($4::text is null or actor = $4) and ($5::text is null or (actor >= $5 and actor < $6))
         and ($7::text is null or action = $7) and ($8::text is null or (action >= $8 and action < $9))
         and ($10::text is null or object = $10) and ($11::text is null or (object >= $11 and object < $12))
         and ($13::text is null or outcome = $13) and ($14::uuid is null or request_id = $14)
         and ($15::smallint is null or ip_index = $15 or ($16 and ip is not null))"
    };
}

/// What is looked for, with an address as the table is asked for it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    filter: &'a Filter,
    ip_index: Option<i16>,
    /// There are entries whose address lies open yet: they have no mark, so each of them may be meant.
    open: bool,
}

impl<'a> Wanted<'a> {
    /// What this filter looks for, whose address has this mark.
    pub async fn by<A: Action>(
        tx: &mut Read<A>,
        tenant: &Granted<Tenant, A>,
        (filter, ip_index): (&'a Filter, Option<i16>),
    ) -> Result<Self> {
        let open = match ip_index {
            None => false,
            Some(_) => {
                sqlx::query_scalar("select exists (select from audit.events where tenant_id = $1 and ip is not null)")
                    .bind(tenant.id)
                    .fetch_one(tx.sql())
                    .await?
            }
        };
        Ok(Self { filter, ip_index, open })
    }
}

type Query<'q> = QueryAs<'q, Postgres, EntryRow, PgArguments>;

/// Binds `$1` to `$16`.
fn filtered<'q>(sql: &'static str, tenant: TenantId, wanted: Wanted<'q>) -> Query<'q> {
    let filter = wanted.filter;
    let mut query = sqlx::query_as(sql).bind(tenant).bind(filter.since).bind(filter.until);
    for pattern in [&filter.actor, &filter.action, &filter.object] {
        query = query.bind(&pattern.exact).bind(&pattern.prefix).bind(pattern.behind());
    }
    query
        .bind(filter.outcome.map(Outcome::word))
        .bind(filter.request_id)
        .bind(wanted.ip_index)
        .bind(wanted.open)
}

async fn fetch(query: Query<'_>, sql: &mut sqlx::PgConnection) -> Result<Vec<Entry>> {
    let rows = query.fetch_all(sql).await?;
    rows.into_iter().map(|row| Ok(Entry::try_from(row)?)).collect()
}

/// Writes entries, each under its tenant's next number, in the order they come in.
pub async fn append(tx: &mut SystemTx, lines: &[(TenantId, AuditEvent, Sealed)]) -> Result<()> {
    let numbers = take_numbers(tx, lines.iter().map(|(tenant, ..)| *tenant)).await?;
    let told = || lines.iter().map(|(_, told, _)| told);
    let sealed = || lines.iter().map(|(.., sealed)| sealed);
    sqlx::query(
        "insert into audit.events
             (tenant_id, seq, event_id, time, actor, action, object, outcome, ip_index, request_id, changes, credential, salted,
              commitment)
         select tenant_id, seq, event_id, time, actor, action, object, outcome, ip_index, request_id, changes, credential, true,
                commitment
         from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::smallint[], $10::uuid[], $11::bytea[], $12::text[], $13::bytea[])
              as t (tenant_id, seq, event_id, time, actor, action, object, outcome, ip_index, request_id, changes, credential,
                    commitment)",
    )
    .bind(lines.iter().map(|(tenant, ..)| *tenant).collect::<Vec<_>>())
    .bind(numbers)
    .bind(told().map(|told| told.id).collect::<Vec<_>>())
    .bind(told().map(|told| told.time).collect::<Vec<_>>())
    .bind(told().map(|told| told.actor.as_str()).collect::<Vec<_>>())
    .bind(told().map(|told| told.action.as_str()).collect::<Vec<_>>())
    .bind(told().map(|told| told.object.as_str()).collect::<Vec<_>>())
    .bind(told().map(|told| entry::word(told.outcome)).collect::<Vec<_>>())
    .bind(sealed().map(|sealed| sealed.ip_index).collect::<Vec<_>>())
    .bind(told().map(|told| told.request_id).collect::<Vec<_>>())
    .bind(sealed().map(|sealed| sealed.bytes.as_slice()).collect::<Vec<_>>())
    .bind(told().map(|told| told.credential.as_deref()).collect::<Vec<_>>())
    .bind(sealed().map(|sealed| sealed.commitment.as_bytes().as_slice()).collect::<Vec<_>>())
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The next number of each of these tenants, once for each time that it comes; nobody else's until the end of the transaction.
/// Tenants' heads are taken in the order of their ids, so that of several who write nobody waits for whoever waits for them.
async fn take_numbers(tx: &mut SystemTx, tenants: impl Iterator<Item = TenantId> + Clone) -> Result<Vec<i64>> {
    let mut counts: BTreeMap<TenantId, i64> = BTreeMap::new();
    for tenant in tenants.clone() {
        *counts.entry(tenant).or_default() += 1;
    }
    let heads: Vec<(TenantId, i64)> = sqlx::query_as(
        "insert into audit.heads as h (tenant_id, seq)
         select tenant_id, entries from unnest($1::uuid[], $2::bigint[]) as t (tenant_id, entries) order by tenant_id
         on conflict (tenant_id) do update set seq = h.seq + excluded.seq
         returning tenant_id, seq",
    )
    .bind(counts.keys().copied().collect::<Vec<_>>())
    .bind(counts.values().copied().collect::<Vec<_>>())
    .fetch_all(tx.sql())
    .await?;
    let before = |(tenant, head): (TenantId, i64)| (tenant, head - counts.get(&tenant).copied().unwrap_or_default());
    let mut last: HashMap<TenantId, i64> = heads.into_iter().map(before).collect();
    let next = |tenant| {
        let number = last.entry(tenant).or_default();
        *number += 1;
        *number
    };
    Ok(tenants.map(next).collect())
}

/// Where a stretch of the log begins and how long it is.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// In which order.
    pub order: Order,
    /// Behind the entry of this time and number.
    pub after: Option<(DateTime<Utc>, i64)>,
    /// This many at most.
    pub limit: i64,
}

/// A stretch of the tenant's log; where an address is looked for, of what has its mark.
pub async fn list(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    wanted: Wanted<'_>,
    stretch: Stretch,
) -> Result<Vec<Entry>> {
    // One statement per order.
    let sql = match stretch.order {
        Order::NewestFirst => select_entries!(
            filtered!(),
            " and ($17::timestamptz is null or (time, seq) < ($17, $18)) order by time desc, seq desc limit $19"
        ),
        Order::OldestFirst => select_entries!(
            filtered!(),
            " and ($17::timestamptz is null or (time, seq) > ($17, $18)) order by time, seq limit $19"
        ),
    };
    let query = filtered(sql, tenant.id, wanted)
        .bind(stretch.after.map(|(time, _)| time))
        .bind(stretch.after.map(|(_, seq)| seq))
        .bind(stretch.limit);
    fetch(query, tx.sql()).await
}

/// The entries of a stretch of numbers, `after < seq <= upto`, in their order.
pub async fn numbered(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    wanted: Wanted<'_>,
    (after, upto): (i64, i64),
    limit: i64,
) -> Result<Vec<Entry>> {
    let sql = select_entries!(filtered!(), " and seq > $17 and seq <= $18 order by seq limit $19");
    let query = filtered(sql, tenant.id, wanted).bind(after).bind(upto).bind(limit);
    fetch(query, tx.sql()).await
}

/// The next entries that a tree does not hold yet, by number and hash, in order. They are hashed as they lie in what the
/// server sent: a log that grows does little else than this.
pub async fn leaves(tx: &mut SystemTx, tree: Tree, limit: i64) -> Result<Vec<(i64, Hash)>> {
    let mut rows = sqlx::query(
        "select seq, event_id, time, actor, credential, action, object, outcome, request_id, commitment
         from audit.events where tenant_id = $1 and seq > $2 order by seq limit $3",
    )
    .bind(tree.tenant)
    .bind(tree.size)
    .bind(limit)
    .fetch(tx.sql());
    let mut leaves = Vec::new();
    while let Some(row) = rows.try_next().await? {
        leaves.push(leaf(tree.tenant, &row)?);
    }
    Ok(leaves)
}

fn leaf(tenant: TenantId, row: &PgRow) -> Result<(i64, Hash), sqlx::Error> {
    let seq: i64 = row.try_get(0)?;
    let entry = tlog::Entry {
        tenant: tenant.as_uuid().into_bytes(),
        seq: seq.unsigned_abs(),
        id: row.try_get::<EventId, _>(1)?.as_uuid().into_bytes(),
        time_micros: row.try_get::<DateTime<Utc>, _>(2)?.timestamp_micros(),
        actor: row.try_get(3)?,
        credential: row.try_get(4)?,
        action: row.try_get(5)?,
        object: row.try_get(6)?,
        outcome: row.try_get(7)?,
        request_id: row.try_get::<RequestId, _>(8)?.as_uuid().into_bytes(),
        commitment: hash(row.try_get(9)?)?,
    };
    Ok((seq, entry.leaf()))
}

/// The same entries, and not what they tell.
#[cfg(test)]
pub async fn behind(tx: &mut SystemTx, tree: Tree, limit: i64) -> Result<Vec<Entry>> {
    let query = sqlx::query_as(select_entries!(unopened "seq > $2 order by seq limit $3"))
        .bind(tree.tenant)
        .bind(tree.size)
        .bind(limit);
    fetch(query, tx.sql()).await
}

/// An entry by its id, or by its number.
pub async fn lookup(
    tx: &mut Read<audit::Read>,
    tenant: &Granted<Tenant, audit::Read>,
    id: Option<EventId>,
    seq: Option<i64>,
) -> Result<Option<Entry>> {
    let row: Option<EntryRow> = sqlx::query_as(select_entries!("(event_id = $2 or seq = $3)"))
        .bind(tenant.id)
        .bind(id)
        .bind(seq)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(Entry::try_from).transpose()?)
}

/// The next tenant, behind this one, of whom an address lies open.
pub async fn next_open(tx: &mut SystemTx, after: Option<TenantId>) -> Result<Option<TenantId>> {
    let next = sqlx::query_scalar(
        "select tenant_id from audit.events
         where ip is not null and tenant_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid)
         order by tenant_id, seq limit 1",
    )
    .bind(after)
    .fetch_optional(tx.sql())
    .await?;
    Ok(next)
}

/// The tenant's next entries whose address lies open; nobody else has them before the end of the transaction.
pub async fn open(tx: &mut SystemTx, tenant: TenantId, limit: i64) -> Result<Vec<Entry>> {
    let query = sqlx::query_as(select_entries!(
        "ip is not null order by seq limit $2 for update skip locked"
    ))
    .bind(tenant)
    .bind(limit);
    fetch(query, tx.sql()).await
}

/// Clears what lies open of the address of these entries, and gives each the mark that it is found by from now on.
pub async fn close(tx: &mut SystemTx, tenant: TenantId, marks: &[(i64, Option<i16>)]) -> Result<()> {
    let (numbers, marks): (Vec<i64>, Vec<Option<i16>>) = marks.iter().copied().unzip();
    sqlx::query(
        "update audit.events e set ip = null, ip_index = m.mark
         from unnest($2::bigint[], $3::smallint[]) as m (seq, mark) where e.tenant_id = $1 and e.seq = m.seq",
    )
    .bind(tenant)
    .bind(numbers)
    .bind(marks)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Who is suspected, as the table is asked for them.
#[derive(Debug, Clone)]
pub struct Suspected<'a> {
    /// Not before.
    pub since: DateTime<Utc>,
    /// Before.
    pub until: DateTime<Utc>,
    /// Whoever.
    pub suspects: &'a Suspects,
    /// The marks of their addresses.
    pub marks: &'a [i16],
}

/// What somebody suspected did, or may have done as far as their address's mark tells, among entries of a stretch of numbers, `after <
/// seq <= upto`: all of them, so the stretch bounds them.
pub async fn suspected(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    asked: &Suspected<'_>,
    (after, upto): (i64, i64),
) -> Result<Vec<Entry>> {
    let query = sqlx::query_as(select_entries!(
        "seq > $2 and seq <= $3 and time >= $4 and time < $5
         and (actor = any($6) or credential = any($7) or ip_index = any($8) or ($9 and ip is not null)) order by seq"
    ))
    .bind(tenant.id)
    .bind(after)
    .bind(upto)
    .bind(asked.since)
    .bind(asked.until)
    .bind(&asked.suspects.actors)
    .bind(&asked.suspects.credentials)
    .bind(asked.marks)
    .bind(!asked.suspects.addresses.is_empty());
    fetch(query, tx.sql()).await
}
