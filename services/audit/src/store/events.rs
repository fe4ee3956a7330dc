//! `audit.heads` and `audit.events`.

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
    ip: Option<String>,
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
            ip: row.ip,
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
            "select tenant_id, seq, event_id, time, actor, credential, action, object, outcome, host(ip) as ip, request_id, ",
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
         and ($13::text is null or outcome = $13) and ($14::text is null or ip = $14::inet)
         and ($15::uuid is null or request_id = $15)"
    };
}

type Query<'q> = QueryAs<'q, Postgres, EntryRow, PgArguments>;

/// Binds `$1` to `$15`.
fn filtered<'q>(sql: &'static str, tenant: TenantId, filter: &'q Filter) -> Query<'q> {
    let mut query = sqlx::query_as(sql).bind(tenant).bind(filter.since).bind(filter.until);
    for pattern in [&filter.actor, &filter.action, &filter.object] {
        query = query.bind(&pattern.exact).bind(&pattern.prefix).bind(pattern.behind());
    }
    query
        .bind(filter.outcome.map(Outcome::word))
        .bind(filter.ip.map(|ip| ip.to_string()))
        .bind(filter.request_id)
}

async fn fetch(query: Query<'_>, sql: &mut sqlx::PgConnection) -> Result<Vec<Entry>> {
    let rows = query.fetch_all(sql).await?;
    rows.into_iter().map(|row| Ok(Entry::try_from(row)?)).collect()
}

/// Writes entries, each under its tenant's next number, in the order they come in. Tenants' heads are taken in the order of
/// their ids, so that of several who write nobody waits for whoever waits for them.
pub async fn append(tx: &mut SystemTx, lines: &[(TenantId, AuditEvent, Sealed)]) -> Result<()> {
    let told = || lines.iter().map(|(_, told, _)| told);
    let sealed = || lines.iter().map(|(.., sealed)| sealed);
    sqlx::query(
        "with told as (
             select *, row_number() over (partition by tenant_id order by place) as nth
             from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::uuid[], $10::bytea[], $11::text[], $12::bytea[]) with ordinality
                  as t (tenant_id, event_id, time, actor, action, object, outcome, ip, request_id, changes, credential,
                        commitment, place)
         ), heads as (
             insert into audit.heads as h (tenant_id, seq)
             select tenant_id, count(*) from told group by tenant_id order by tenant_id
             on conflict (tenant_id) do update set seq = h.seq + excluded.seq
             returning tenant_id, seq
         ), many as (select tenant_id, count(*) as entries from told group by tenant_id)
         insert into audit.events
             (tenant_id, seq, event_id, time, actor, action, object, outcome, ip, request_id, changes, credential, salted,
              commitment)
         select tenant_id, heads.seq - many.entries + told.nth, event_id, time, actor, action, object, outcome, ip::inet,
                request_id, changes, credential, true, commitment
         from told join many using (tenant_id) join heads using (tenant_id)",
    )
    .bind(lines.iter().map(|(tenant, ..)| *tenant).collect::<Vec<_>>())
    .bind(told().map(|told| told.id).collect::<Vec<_>>())
    .bind(told().map(|told| told.time).collect::<Vec<_>>())
    .bind(told().map(|told| told.actor.as_str()).collect::<Vec<_>>())
    .bind(told().map(|told| told.action.as_str()).collect::<Vec<_>>())
    .bind(told().map(|told| told.object.as_str()).collect::<Vec<_>>())
    .bind(told().map(|told| entry::word(told.outcome)).collect::<Vec<_>>())
    .bind(told().map(|told| told.ip.map(|ip| ip.to_string())).collect::<Vec<_>>())
    .bind(told().map(|told| told.request_id).collect::<Vec<_>>())
    .bind(sealed().map(|sealed| sealed.bytes.as_slice()).collect::<Vec<_>>())
    .bind(told().map(|told| told.credential.as_deref()).collect::<Vec<_>>())
    .bind(sealed().map(|sealed| sealed.commitment.as_bytes().as_slice()).collect::<Vec<_>>())
    .execute(tx.sql())
    .await?;
    Ok(())
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

/// A stretch of the tenant's log.
pub async fn list(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    filter: &Filter,
    stretch: Stretch,
) -> Result<Vec<Entry>> {
    // One statement per order.
    let sql = match stretch.order {
        Order::NewestFirst => select_entries!(
            filtered!(),
            " and ($16::timestamptz is null or (time, seq) < ($16, $17)) order by time desc, seq desc limit $18"
        ),
        Order::OldestFirst => select_entries!(
            filtered!(),
            " and ($16::timestamptz is null or (time, seq) > ($16, $17)) order by time, seq limit $18"
        ),
    };
    let query = filtered(sql, tenant.id, filter)
        .bind(stretch.after.map(|(time, _)| time))
        .bind(stretch.after.map(|(_, seq)| seq))
        .bind(stretch.limit);
    fetch(query, tx.sql()).await
}

/// The entries of a stretch of numbers, `after < seq <= upto`, in their order.
pub async fn numbered(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    filter: &Filter,
    (after, upto): (i64, i64),
    limit: i64,
) -> Result<Vec<Entry>> {
    let sql = select_entries!(filtered!(), " and seq > $16 and seq <= $17 order by seq limit $18");
    let query = filtered(sql, tenant.id, filter).bind(after).bind(upto).bind(limit);
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
