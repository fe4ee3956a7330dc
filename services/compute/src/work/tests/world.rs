//! A database with hosts and machines and no running service: tests call the reconcilers' rounds themselves.

use auth::action::vm;
use auth::{Caller, Role};
use db::{Ask, Db, Reason, Status, SystemTx};
use host_api::{Accepted, Generation, ObservedPower, ObservedVm, PlacementEpoch};
use ids::{HostId, IdOrName, VmId};
use scope::Scope;
use testkit::{Bench, TestTenant, eventually};

use crate::api::hypervisor::observed::ask_for_keys;
use crate::api::vms::VmView;
use crate::operation::Kind;
use crate::quota::Limits;
use crate::store;
use crate::vm::{NewVm, Parts};
use crate::work::Pace;

pub(super) struct World {
    pub bench: Bench,
    pub db: Db,
    pub pace: Pace,
    pub tenant: TestTenant,
    caller: Caller,
}

/// What the books say of each machine, in the order of their making; the rest of the books must agree with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Books(Vec<Entry>);

#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
struct Entry {
    vm_id: VmId,
    host_id: Option<HostId>,
    desired_power: String,
    status: String,
    error: Option<String>,
}

impl Books {
    pub fn placed(&self) -> usize {
        self.0.iter().filter(|entry| entry.host_id.is_some()).count()
    }

    pub fn queued(&self) -> usize {
        self.0
            .iter()
            .filter(|entry| entry.status == "queued" && entry.host_id.is_none())
            .count()
    }

    pub fn placed_vm(&self) -> VmId {
        self.0.iter().find(|entry| entry.host_id.is_some()).unwrap().vm_id
    }

    pub fn statuses(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.status.clone()).collect()
    }

    pub fn errors(&self) -> Vec<String> {
        self.0.iter().filter_map(|entry| entry.error.clone()).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a host says of a machine of this placement that carried out this generation.
pub(super) fn seen(vm: VmId, epoch: i64, generation: i64, power: ObservedPower) -> ObservedVm {
    ObservedVm {
        vm_id: vm,
        generation: Generation(generation),
        epoch: PlacementEpoch(epoch),
        power,
        stop_cause: None,
        reboots: 0,
        error: None,
        cpu_time_ns: 0,
        memory_mib: 0,
        console: None,
        timings: None,
    }
}

impl World {
    pub async fn new() -> Self {
        let bench = Bench::new().await;
        let (db, tenant) = (bench.db("compute"), bench.tenant("acme").await);
        let caller = tenant.caller(Role::Owner);
        let world = Self {
            bench,
            db,
            pace: Pace::default(),
            tenant,
            caller,
        };
        world
            .sql(
                "insert into compute.pools (pool_id, name, region, cpu_overcommit, memory_overcommit, policy, created_at,
                                            updated_at)
                 values (gen_random_uuid(), 'main', 'here', 1, 1, 'spread', now(), now());
                 insert into compute.images (image_id, name, kind, file_sha256, file_size, cmdline, created_at, updated_at)
                 values (gen_random_uuid(), 'demo', 'kernel', repeat('a', 64), 1, '', now(), now());
                 insert into compute.flavors (flavor_id, name, vcpus, memory_mib, disk_gib, created_at, updated_at)
                 select gen_random_uuid(), 'c' || n, n, 16, 0, now(), now() from generate_series(1, 4) n",
            )
            .await;
        world
    }

    /// As superuser: to make a state that takes hours to come about.
    pub async fn sql(&self, statements: &'static str) {
        sqlx::raw_sql(statements)
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
    }

    pub async fn system(&self) -> SystemTx {
        self.db.system(Reason::Reconcile).await.unwrap()
    }

    pub async fn host(&self, alias: &str, vcpus: i32) -> HostId {
        let id = HostId::mint();
        sqlx::query(
            "insert into compute.hosts (host_id, pool_id, name, alias, fingerprint, simulated, domain_type,
                 libvirt_version, vcpus, memory_mib, disk_gib, vcpus_cap, memory_mib_cap, disk_gib_cap, heartbeat_at,
                 created_at, updated_at)
             select $1, pool_id, $2, $2, replace($1::text, '-', '') || replace($1::text, '-', ''), true, 'qemu', '9', $3,
                    1024, 10, $3, 1024, 10, now(), now(), now() from compute.pools",
        )
        .bind(id)
        .bind(alias)
        .bind(vcpus)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
        id
    }

    /// A machine as the endpoint would have made it.
    pub async fn vm(&self, name: &str, vcpus: i32) -> VmId {
        self.try_vm(name, vcpus).await.unwrap()
    }

    /// The same where the quota may be used up.
    pub async fn try_vm(&self, name: &str, vcpus: i32) -> Result<VmId, db::Exit> {
        let (flavor, labels) = (format!("c{vcpus}"), std::collections::BTreeMap::new());
        let (image, pool, policy, group) = ("demo", None, None, None);
        let parts = Parts {
            name,
            flavor: &flavor,
            image,
            labels: &labels,
            pool,
            policy,
            group,
        };
        let new = NewVm::check(&parts)?;
        let mut tx = self.db.change::<vm::Create>(Ask::plain(self.caller.clone())).await?;
        let project = tx.project(&IdOrName::Id(self.tenant.project)).await?;
        let chosen = store::choices::choose(&mut tx, &new).await?;
        store::quotas::claim(&mut tx, &project, chosen.size, &Limits::default()).await?;
        let vm = store::vms::insert(&mut tx, &project, &new, &chosen, &self.pace).await?;
        let operation = store::operations::insert(&mut tx, &vm, Kind::Create).await?;
        tx.finish(Status::Accepted(operation), db::Created(VmView::from(&vm)))
            .await?;
        Ok(vm.id)
    }

    /// Wants it gone, as the endpoint would.
    pub async fn delete(&self, id: VmId) {
        assert!(self.try_delete(id).await, "it is there");
    }

    /// The same where it may be gone. Says whether it was there.
    pub async fn try_delete(&self, id: VmId) -> bool {
        match self.ask_to_go(id).await {
            Ok(()) => true,
            Err(db::Exit::Error(error)) if error.kind() == fault::Kind::NotFound => false,
            Err(other) => panic!("{other}"),
        }
    }

    async fn ask_to_go(&self, id: VmId) -> Result<(), db::Exit> {
        let mut tx = self.db.change::<vm::Delete>(Ask::plain(self.caller.clone())).await?;
        let project = tx.project(&IdOrName::Id(self.tenant.project)).await?;
        let vm = store::vms::lookup(&mut tx, &project, &IdOrName::Id(id)).await?;
        let vm = store::vms::hold(&mut tx, vm).await?;
        let next = store::vms::set_intent(&mut tx, &vm, vm.intent.delete(), &self.pace).await?;
        let operation = store::operations::insert(&mut tx, &next, Kind::Delete).await?;
        tx.finish(Status::Accepted(operation), db::Created(VmView::from(&next)))
            .await?;
        Ok(())
    }

    pub async fn report(&self, host: HostId, word: ObservedVm) -> Accepted {
        let word = [word];
        ask_for_keys(&self.db, &word).await.unwrap();
        let mut tx = self.system().await;
        let accepted = store::observations::apply(&mut tx, host, &word).await.unwrap();
        tx.commit().await.unwrap();
        accepted
    }

    /// The same under the lock of the host's row, as the endpoint takes it; asks for the machines only once another waits
    /// for that row.
    pub async fn report_as_host(&self, host: HostId, word: ObservedVm) {
        let mut tx = self.system().await;
        sqlx::query("update compute.hosts set heartbeat_at = now() where host_id = $1")
            .bind(host)
            .execute(tx.sql())
            .await
            .unwrap();
        // Whoever comes later may overtake those that wait for a row; then there is nothing left to wait for.
        let query = "select exists (select from pg_stat_activity
                                    where datname = current_database() and wait_event_type = 'Lock')
                         or exists (select from compute.vms where desired_power = 'absent')";
        eventually("another to wait for the host, or to be done with it", || async {
            let met: bool = sqlx::query_scalar(query)
                .fetch_one(&mut self.bench.superuser().await)
                .await
                .unwrap();
            met.then_some(())
        })
        .await;
        store::observations::apply(&mut tx, host, &[word]).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Until so many transactions wait for a lock.
    pub async fn until_waiting(&self, count: i64) {
        let query =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        eventually(&format!("{count} to wait for a lock"), || async {
            let waiting: i64 = sqlx::query_scalar(query)
                .fetch_one(&mut self.bench.superuser().await)
                .await
                .unwrap();
            (waiting == count).then_some(())
        })
        .await;
    }

    pub async fn all_vms(&self) -> Vec<VmId> {
        let rows = sqlx::query_scalar("select vm_id from compute.vms order by vm_id");
        rows.fetch_all(&mut self.bench.superuser().await).await.unwrap()
    }

    pub async fn room_in_use(&self) -> i64 {
        let sum =
            sqlx::query_scalar("select sum(vcpus_used + memory_mib_used + disk_gib_used)::bigint from compute.hosts");
        sum.fetch_one(&mut self.bench.superuser().await).await.unwrap()
    }

    /// Every host reports that all it should not have is gone.
    pub async fn everything_gone(&self) {
        let rows: Vec<(HostId, VmId, i64, i64)> = sqlx::query_as(
            "select host_id, vm_id, placement_epoch, generation from compute.vms
             where host_id is not null and desired_power = 'absent'",
        )
        .fetch_all(&mut self.bench.superuser().await)
        .await
        .unwrap();
        for (host, vm, epoch, generation) in rows {
            self.report(host, seen(vm, epoch, generation, ObservedPower::Absent))
                .await;
        }
    }

    /// Until a claim of a moment is over.
    pub async fn until_due(&self) {
        eventually("the claim to be over", || async {
            let due: bool = sqlx::query_scalar("select bool_and(place_after <= now()) from compute.vms")
                .fetch_one(&mut self.bench.superuser().await)
                .await
                .unwrap();
            due.then_some(())
        })
        .await;
    }

    pub async fn hosts(&self) -> Vec<HostId> {
        let rows = sqlx::query_scalar("select host_id from compute.hosts order by host_id");
        rows.fetch_all(&mut self.bench.superuser().await).await.unwrap()
    }

    pub async fn graves(&self) -> Vec<VmId> {
        let rows = sqlx::query_scalar("select vm_id from compute.tombstones order by vm_id");
        rows.fetch_all(&mut self.bench.superuser().await).await.unwrap()
    }

    pub async fn operations(&self) -> Vec<String> {
        let rows = sqlx::query_scalar("select status from compute.operations order by operation_id");
        rows.fetch_all(&mut self.bench.superuser().await).await.unwrap()
    }

    pub async fn events(&self, kind: &str) -> i64 {
        let count = sqlx::query_scalar("select count(*) from bus.outbox where kind = $1").bind(kind);
        count.fetch_one(&mut self.bench.superuser().await).await.unwrap()
    }

    /// Reads the books and checks that all of them agree: room on hosts with allocations, allocations with machines,
    /// quota with machines, and no host over its capacity.
    pub async fn books(&self) -> Books {
        let mut sql = self.bench.superuser().await;
        let wrong: Vec<(String,)> = sqlx::query_as(
            "select 'host ' || h.alias from compute.hosts h
             left join (select host_id, sum(vcpus) v, sum(memory_mib) m, sum(disk_gib) d from compute.allocations
                        group by host_id) a using (host_id)
             where (h.vcpus_used, h.memory_mib_used, h.disk_gib_used)
                   <> (coalesce(a.v, 0), coalesce(a.m, 0), coalesce(a.d, 0))
                or h.vcpus_used > h.vcpus_cap or h.memory_mib_used > h.memory_mib_cap or h.disk_gib_used > h.disk_gib_cap
             union all
             select 'allocation ' || coalesce(a.vm_id, v.vm_id) from compute.allocations a
             full join (select * from compute.vms where host_id is not null) v using (tenant_id, vm_id)
             where a.host_id is distinct from v.host_id or a.epoch is distinct from v.placement_epoch
             union all
             select 'quota ' || q.tenant_id from compute.quotas q
             left join (select tenant_id, count(*) n, sum(vcpus) v, sum(memory_mib) m, sum(disk_gib) d from compute.vms
                        group by tenant_id) u using (tenant_id)
             where (q.vms_used, q.vcpus_used, q.memory_mib_used, q.disk_gib_used)
                   <> (coalesce(u.n, 0), coalesce(u.v, 0), coalesce(u.m, 0), coalesce(u.d, 0))",
        )
        .fetch_all(&mut sql)
        .await
        .unwrap();
        assert!(wrong.is_empty(), "the books disagree: {wrong:?}");
        let entries = sqlx::query_as(
            "select vm_id, host_id, desired_power, status, last_error ->> 'code' as error from compute.vms order by vm_id",
        );
        Books(entries.fetch_all(&mut sql).await.unwrap())
    }
}
