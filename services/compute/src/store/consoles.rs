//! `compute.consoles`: sealed, since guests print secrets.

use std::collections::HashMap;

use auth::action::console;
use crypto::{KeyError, Place, Purpose, TenantKeys};
use db::{Granted, Read, Result, SystemTx};
use host_api::ConsoleTail;
use ids::{TenantId, VmId};

use crate::vm::Vm;

#[derive(sqlx::FromRow)]
struct ConsoleRow {
    stream: Option<String>,
    next: i64,
    content: Vec<u8>,
}

impl ConsoleRow {
    fn open(self, keys: &TenantKeys, vm: VmId) -> Result<ConsoleTail, KeyError> {
        let row = vm.to_string();
        let plain = keys.open(&place(keys.tenant(), &row), &self.content)?;
        let next = u64::try_from(self.next).unwrap_or_default();
        Ok(ConsoleTail {
            stream: self.stream,
            next,
            bytes: plain.to_vec(),
        })
    }
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "compute.consoles",
        column: "content",
        row,
    }
}

/// The console of a machine; empty before its first word. The right to read the machine is not enough for it.
pub async fn lookup(
    tx: &mut Read<console::Read>,
    vm: &Granted<Vm, console::Read>,
) -> Result<ConsoleTail, fault::Error> {
    let row: Option<ConsoleRow> =
        sqlx::query_as("select stream, next, content from compute.consoles where tenant_id = $1 and vm_id = $2")
            .bind(vm.tenant)
            .bind(vm.id)
            .fetch_optional(tx.sql())
            .await
            .map_err(db::Error::from)?;
    match row {
        Some(row) => Ok(row.open(tx.keys()?, vm.id)?),
        None => Ok(ConsoleTail::default()),
    }
}

/// The console of a machine whose host speaks.
pub async fn fetch(tx: &mut SystemTx, keys: &TenantKeys, vm: &Vm) -> Result<ConsoleTail, fault::Error> {
    let row: Option<ConsoleRow> =
        sqlx::query_as("select stream, next, content from compute.consoles where tenant_id = $1 and vm_id = $2")
            .bind(vm.tenant)
            .bind(vm.id)
            .fetch_optional(tx.sql())
            .await
            .map_err(db::Error::from)?;
    match row {
        Some(row) => Ok(row.open(keys, vm.id)?),
        None => Ok(ConsoleTail::default()),
    }
}

/// How far consoles are known, without opening them.
pub async fn progress(tx: &mut SystemTx, vms: impl Iterator<Item = &Vm>) -> Result<HashMap<VmId, ConsoleTail>> {
    let (tenants, ids): (Vec<TenantId>, Vec<VmId>) = vms.map(|vm| (vm.tenant, vm.id)).unzip();
    let rows: Vec<(VmId, Option<String>, i64)> = sqlx::query_as(
        "select c.vm_id, c.stream, c.next
         from unnest($1::uuid[], $2::uuid[]) as v (tenant_id, vm_id) join compute.consoles c using (tenant_id, vm_id)",
    )
    .bind(tenants)
    .bind(ids)
    .fetch_all(tx.sql())
    .await?;
    let tail = |stream, next| ConsoleTail {
        stream,
        next: u64::try_from(next).unwrap_or_default(),
        bytes: Vec::new(),
    };
    Ok(rows
        .into_iter()
        .map(|(vm, stream, next)| (vm, tail(stream, next)))
        .collect())
}

/// Whose machines these are: their keys are asked for before the transaction that keeps what they printed.
pub async fn owners(tx: &mut SystemTx, vms: &[VmId]) -> Result<Vec<TenantId>> {
    let tenants = sqlx::query_scalar("select distinct tenant_id from compute.vms where vm_id = any($1)")
        .bind(vms)
        .fetch_all(tx.sql())
        .await?;
    Ok(tenants)
}

/// Keeps what a machine printed.
pub async fn keep(tx: &mut SystemTx, keys: &TenantKeys, vm: &Vm, tail: &ConsoleTail) -> Result<(), fault::Error> {
    let row = vm.id.to_string();
    let sealed = keys.seal(Purpose::Console, &place(vm.tenant, &row), &tail.bytes)?;
    sqlx::query(
        "insert into compute.consoles (tenant_id, vm_id, stream, next, content) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, vm_id) do update
         set stream = excluded.stream, next = excluded.next, content = excluded.content, updated_at = now()",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(&tail.stream)
    .bind(i64::try_from(tail.next).unwrap_or(i64::MAX))
    .bind(sealed)
    .execute(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(())
}
