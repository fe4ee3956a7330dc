//! `compute.hosts`, as operators see it and enrolment makes it. What hosts say of themselves is in `host_reports`.

use auth::Action;
use auth::action::host;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Platform, Read, Result, SystemTx};
use host_api::DomainType;
use ids::{HostId, IdOrName, PoolId};
use sqlx::PgConnection;

use super::{Slice, either, ordered};
use crate::host::enrolment::NewHost;
use crate::host::{Host, HostError, HostState, HostUsage, alias};
use crate::pool::{Overcommit, Room};

#[derive(sqlx::FromRow)]
struct HostRow {
    host_id: HostId,
    pool_id: PoolId,
    pool: String,
    name: String,
    alias: String,
    simulated: bool,
    domain_type: String,
    libvirt_version: String,
    agent_version: Option<String>,
    state: String,
    vcpus: i32,
    memory_mib: i32,
    disk_gib: i32,
    vcpus_cap: i32,
    memory_mib_cap: i32,
    disk_gib_cap: i32,
    vcpus_used: i32,
    memory_mib_used: i32,
    disk_gib_used: i32,
    cpu_percent: Option<f32>,
    memory_used_mib: Option<i32>,
    disk_used_gib: Option<i32>,
    error_code: Option<String>,
    error_detail: Option<String>,
    heartbeat_at: Option<DateTime<Utc>>,
    silent_s: Option<f64>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The words of an enumeration are those of the wire, in the database too.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

/// The word of a unit variant.
pub(super) fn word_of<T: serde::Serialize>(value: T) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

impl From<HostRow> for Host {
    fn from(row: HostRow) -> Self {
        let usage = row.cpu_percent.zip(row.memory_used_mib.zip(row.disk_used_gib));
        let error = row.error_code.as_deref().and_then(word).zip(row.error_detail);
        let room = |vcpus, memory_mib, disk_gib| Room {
            vcpus,
            memory_mib,
            disk_gib,
        };
        Self {
            id: row.host_id,
            pool: (row.pool_id, row.pool),
            name: row.name,
            alias: row.alias,
            simulated: row.simulated,
            domain_type: word(&row.domain_type).unwrap_or(DomainType::Qemu),
            libvirt_version: row.libvirt_version,
            agent_version: row.agent_version,
            state: word(&row.state).unwrap_or(HostState::Disabled),
            physical: room(row.vcpus, row.memory_mib, row.disk_gib),
            capacity: room(row.vcpus_cap, row.memory_mib_cap, row.disk_gib_cap),
            allocated: room(row.vcpus_used, row.memory_mib_used, row.disk_gib_used),
            usage: usage.map(|(cpu_percent, (memory_used_mib, disk_used_gib))| HostUsage {
                cpu_percent,
                memory_used_mib,
                disk_used_gib,
            }),
            error: error.map(|(code, detail)| HostError { code, detail }),
            silent_s: row.silent_s,
            heartbeat_at: row.heartbeat_at,
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Silence is measured here: heartbeats are in database time.
macro_rules! select_host {
    ($tail:literal) => {
        concat!(
            "select h.*, p.name as pool, extract(epoch from clock_timestamp() - h.heartbeat_at)::float8 as silent_s
             from compute.hosts h join compute.pools p using (pool_id) where ",
            $tail
        )
    };
}

/// Writes a new host, bound to its certificate.
pub async fn insert(tx: &mut SystemTx, new: &NewHost<'_>) -> Result<HostId> {
    let (id, now) = (HostId::mint(), tx.now());
    share_rooms(tx.sql()).await?;
    let overcommit = overcommit(tx.sql(), new.pool).await?;
    let room = overcommit.room(new.physical);
    sqlx::query(
        "insert into compute.hosts (host_id, pool_id, name, alias, fingerprint, simulated, domain_type, libvirt_version,
             vcpus, memory_mib, disk_gib, vcpus_cap, memory_mib_cap, disk_gib_cap, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)",
    )
    .bind(id)
    .bind(new.pool)
    .bind(new.name)
    .bind(alias(id))
    .bind(new.fingerprint)
    .bind(new.simulated)
    .bind(word_of(new.domain_type))
    .bind(new.libvirt_version)
    .bind(new.physical.vcpus)
    .bind(new.physical.memory_mib)
    .bind(new.physical.disk_gib)
    .bind(room.vcpus)
    .bind(room.memory_mib)
    .bind(room.disk_gib)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(id)
}

/// What a host may promise hangs on its pool, and the two change together: whoever changes a pool's overcommit holds this
/// lock alone, whoever computes a host's room shares it. It comes before every row, so neither waits for the other's rows.
const ROOMS_LOCK: i64 = 0x72_6f_6f_6d_73;

/// Keeps every overcommit as it is until the end of the transaction.
pub(super) async fn share_rooms(sql: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock_shared($1)")
        .bind(ROOMS_LOCK)
        .execute(sql)
        .await?;
    Ok(())
}

/// Keeps everybody else from computing rooms until the end of the transaction.
pub(super) async fn own_rooms(sql: &mut PgConnection) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(ROOMS_LOCK)
        .execute(sql)
        .await?;
    Ok(())
}

async fn overcommit(sql: &mut PgConnection, pool: PoolId) -> Result<Overcommit> {
    let (cpu, memory) =
        sqlx::query_as("select cpu_overcommit, memory_overcommit from compute.pools where pool_id = $1")
            .bind(pool)
            .fetch_one(sql)
            .await?;
    Ok(Overcommit { cpu, memory })
}

/// The host of that id or name.
pub async fn lookup<A: Action>(tx: &mut Read<A>, host: &IdOrName<HostId>) -> Result<Host, fault::Error> {
    let (id, name) = either(host);
    let row: Option<HostRow> = sqlx::query_as(select_host!("h.host_id = $1 or h.name = $2"))
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    row.map(Host::from).ok_or_else(|| fault::Error::not_found("host"))
}

/// What a list of hosts is narrowed to.
#[derive(Debug, Default)]
pub struct Filter {
    /// Hosts of this pool, by id or name.
    pub pool: Option<IdOrName<PoolId>>,
    /// Hosts in this state.
    pub state: Option<HostState>,
}

/// A window of the hosts.
pub async fn list(
    tx: &mut Read<host::List>,
    _: &Granted<Platform, host::List>,
    filter: &Filter,
    slice: &Slice<'_>,
) -> Result<Vec<Host>, fault::Error> {
    let sql = ordered!(
        slice.sort,
        "h.host_id",
        "h.name",
        select_host!(
            "($5::uuid is null or h.pool_id = $5) and ($6::text is null or p.name = $6)
             and ($7::text is null or h.state = $7)"
        )
    );
    let (pool_id, pool_name) = filter.pool.as_ref().map_or((None, None), either);
    let rows: Vec<HostRow> = sqlx::query_as(sql)
        .bind(slice.after::<HostId>()?)
        .bind(slice.window.fetch())
        .bind(slice.prefix)
        .bind(slice.prefix_end())
        .bind(pool_id)
        .bind(pool_name)
        .bind(filter.state.map(HostState::word))
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Host::from).collect())
}

/// Takes the host for a change by an operator.
pub async fn hold<A: Action>(tx: &mut Change<A>, host: &IdOrName<HostId>) -> Result<Host, fault::Error> {
    share_rooms(tx.sql()).await?;
    let (id, name) = either(host);
    let row: Option<HostRow> = sqlx::query_as(select_host!("h.host_id = $1 or h.name = $2 for update of h"))
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    row.map(Host::from).ok_or_else(|| fault::Error::not_found("host"))
}

/// Writes state and pool of a held host, and what may be placed on it in that pool.
pub async fn set(
    tx: &mut Change<host::Operate>,
    _: &Granted<Platform, host::Operate>,
    host: &Host,
    state: HostState,
    pool: PoolId,
) -> Result<Host, fault::Error> {
    let now = tx.now();
    let room = overcommit(tx.sql(), pool).await?.room(host.physical);
    sqlx::query(
        "update compute.hosts set state = $2, pool_id = $3, vcpus_cap = $4, memory_mib_cap = $5, disk_gib_cap = $6,
                generation = generation + 1, updated_at = $7
         where host_id = $1",
    )
    .bind(host.id)
    .bind(state.word())
    .bind(pool)
    .bind(room.vcpus)
    .bind(room.memory_mib)
    .bind(room.disk_gib)
    .bind(now)
    .execute(tx.sql())
    .await
    .map_err(db::Error::from)?;
    lookup(tx, &IdOrName::Id(host.id)).await
}

/// Removes a held host with nothing on it; its certificate is worth nothing from then on.
pub async fn remove(tx: &mut Change<host::Delete>, _: &Granted<Platform, host::Delete>, host: &Host) -> Result<bool> {
    // A machine takes one processor at least, so a host without a processor in use has none.
    let done = sqlx::query("delete from compute.hosts where host_id = $1 and vcpus_used = 0")
        .bind(host.id)
        .execute(tx.sql())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what may be placed on each host of a pool after its overcommit changed.
pub(super) async fn resize(sql: &mut PgConnection, pool: PoolId, overcommit: Overcommit) -> Result<()> {
    let hosts: Vec<(HostId, i32, i32, i32)> = sqlx::query_as(
        "select host_id, vcpus, memory_mib, disk_gib from compute.hosts where pool_id = $1 order by host_id for update",
    )
    .bind(pool)
    .fetch_all(&mut *sql)
    .await?;
    let rooms = hosts.iter().map(|&(_, vcpus, memory_mib, disk_gib)| {
        overcommit.room(Room {
            vcpus,
            memory_mib,
            disk_gib,
        })
    });
    let (vcpus, memory): (Vec<i32>, Vec<i32>) = rooms.map(|room| (room.vcpus, room.memory_mib)).unzip();
    let ids: Vec<HostId> = hosts.iter().map(|host| host.0).collect();
    sqlx::query(
        "update compute.hosts h set vcpus_cap = n.vcpus, memory_mib_cap = n.memory_mib
         from unnest($1::uuid[], $2::int[], $3::int[]) as n (host_id, vcpus, memory_mib) where h.host_id = n.host_id",
    )
    .bind(ids)
    .bind(vcpus)
    .bind(memory)
    .execute(sql)
    .await?;
    Ok(())
}
