//! Hosts carry what they can carry and no more, at any interleaving.

use std::sync::Arc;

use futures::future::join_all;
use ids::HostId;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::sync::Barrier;

use crate::world::{Host, VMS, World};

/// Hosts with room for 40 machines of one processor, of different sizes.
const SIZES: [u32; 6] = [3, 5, 7, 7, 8, 10];

async fn hosts(world: &World) -> Vec<Host> {
    let mut hosts = Vec::new();
    for (n, vcpus) in SIZES.into_iter().enumerate() {
        hosts.push(world.host(&format!("host-{n}"), vcpus).await);
    }
    hosts
}

/// The most any host is over its capacity, in processors.
async fn excess(world: &World) -> i64 {
    world
        .count("select max(vcpus_used - vcpus_cap)::bigint from compute.hosts")
        .await
}

/// Two processes with three placers each, in batches that overlap.
#[tokio::test(flavor = "multi_thread")]
async fn of_64_machines_40_are_placed_and_24_say_why() {
    let world = World::of(2).await;
    let hosts = hosts(&world).await;
    let customer = world.customer("acme", 64).await;
    let names: Vec<_> = (0..64).map(|n| format!("vm-{n}")).collect();
    let made = join_all(names.iter().map(|name| customer.insist(name))).await;
    for reply in made {
        reply.expect(202);
    }

    let vms = eventually("40 to run and 24 to say why not", || async {
        let vms = customer.all().await;
        assert!(excess(&world).await <= 0, "never over capacity, at any moment");
        let running = vms.iter().filter(|vm| vm["status"] == "running").count();
        let refused = vms
            .iter()
            .filter(|vm| vm["last_error"]["code"] == "no_capacity")
            .count();
        (running == 40 && refused == 24).then_some(vms)
    })
    .await;

    world.check_books().await;
    for (host, vcpus) in hosts.iter().zip(SIZES) {
        assert_eq!(
            host.sim.allotted().vcpus,
            vcpus,
            "each host carries what it can and not one more"
        );
    }
    for vm in vms.iter().filter(|vm| vm["status"] != "running") {
        assert_eq!((&vm["status"], &vm["host_alias"]), (&json!("queued"), &Value::Null));
        let why = customer
            .owner
            .get(&format!("{VMS}/{}/placement", vm["name"].as_str().unwrap()))
            .await
            .expect(200);
        let reason = why.json["reason"].as_str().unwrap();
        // Its last attempt may have been the one in which the last room went.
        let told = reason.contains("lack processors") || reason.contains("filled up");
        assert!(told, "{reason}");
        assert_eq!(why.json["chosen"], Value::Null);
    }
    let places: i64 = world
        .count("select count(distinct vm_id) from compute.allocations")
        .await;
    assert_eq!(places, 40);
}

/// The proof that the test above can fail: a placer that looks first and writes then, with everybody looking before
/// anybody writes, puts more on a host than it carries, and the same measure shows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_placer_that_checks_and_then_inserts_overcommits() {
    let world = World::new().await;
    let _hosts = hosts(&world).await;
    let everybody_looked = Arc::new(Barrier::new(64));
    let mut placers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (mut sql, everybody_looked) = (world.bench.superuser().await, everybody_looked.clone());
        placers.spawn(async move {
            let best: Option<HostId> = sqlx::query_scalar(
                "select host_id from compute.hosts where vcpus_used < vcpus_cap
                 order by vcpus_used::float / vcpus_cap, alias limit 1",
            )
            .fetch_optional(&mut sql)
            .await
            .unwrap();
            everybody_looked.wait().await;
            sqlx::query("update compute.hosts set vcpus_used = vcpus_used + 1 where host_id = $1")
                .bind(best)
                .execute(&mut sql)
                .await
                .unwrap();
        });
    }
    while let Some(placed) = placers.join_next().await {
        placed.unwrap();
    }
    assert!(excess(&world).await > 0, "the naive placer must be caught");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_waits_takes_the_room_that_another_leaves() {
    let world = World::new().await;
    let host = world.host("only", 1).await;
    let customer = world.customer("acme", 2).await;
    customer.create("first").await.expect(202);
    customer.until("first", "running").await;
    let waiting = customer.create("second").await.expect(202);
    eventually("the second to say why it waits", || async {
        let vm = customer.owner.get(&format!("{VMS}/second")).await;
        (vm.json["last_error"]["code"] == "no_capacity").then_some(())
    })
    .await;
    customer.owner.delete(&format!("{VMS}/first")).await.expect(202);
    let second = customer.until("second", "running").await;
    assert_eq!(second["last_error"], Value::Null);
    assert_eq!(customer.end(&waiting).await["status"], "succeeded");
    assert_eq!(host.sim.domains().len(), 1);
    world.check_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_a_group_keep_apart_and_pools_and_policies_are_kept() {
    let world = World::new().await;
    let hosts = [
        world.host("a", 8).await,
        world.host("b", 8).await,
        world.host("c", 8).await,
    ];
    let customer = world.customer("acme", 9).await;
    let make = |name: String, placement: Value| {
        let body = json!({"name": name, "flavor": "small", "image": "demo", "placement": placement});
        let customer = &customer;
        async move {
            customer.owner.post(VMS, body).await.expect(202);
            customer.until(&name, "running").await["host_alias"].clone()
        }
    };
    let mut apart = std::collections::HashSet::new();
    for n in 0..3 {
        apart.insert(
            make(format!("db-{n}"), json!({"group": "db", "pool": "main"}))
                .await
                .to_string(),
        );
    }
    assert_eq!(apart.len(), 3, "one of the group on each host");
    let mut packed = std::collections::HashSet::new();
    for n in 0..3 {
        packed.insert(make(format!("job-{n}"), json!({"policy": "pack"})).await.to_string());
    }
    assert_eq!(packed.len(), 1, "the fullest first");
    assert_eq!(hosts.iter().map(|host| host.sim.domains().len()).sum::<usize>(), 6);
}
