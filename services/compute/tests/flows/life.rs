//! One machine from its making to its end, and whole storms of them.

use futures::future::join_all;
use host_sim::Knobs;
use serde_json::json;
use testkit::eventually;

use crate::world::{MOMENT, VMS, World, id};

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_lives_through_all_it_can() {
    let world = World::new().await;
    let host = world.host("h1", 4).await;
    let customer = world.customer("acme", 2).await;
    let made = customer.create("web").await.expect(202);
    let vm = id(&made.json);
    assert_eq!(customer.end(&made).await["status"], "succeeded");
    let running = customer.until("web", "running").await;
    assert_eq!((&running["power"], &running["simulated"]), (&json!("on"), &json!(true)));

    host.sim.print(vm, "Yunshu says hello\n");
    eventually("its console", || async {
        let console = customer.owner.get(&format!("{VMS}/web/console")).await;
        console.text.contains("Yunshu says hello").then_some(())
    })
    .await;
    for (action, status, power) in [
        ("stop", "stopped", "off"),
        ("start", "running", "on"),
        ("reboot", "running", "on"),
    ] {
        let asked = customer
            .owner
            .post(&format!("{VMS}/web:{action}"), json!({}))
            .await
            .expect(202);
        assert_eq!(customer.end(&asked).await["status"], "succeeded", "{action}");
        let now = customer.until("web", status).await;
        assert_eq!(now["power"], power, "{action}");
    }
    assert_eq!(host.sim.domains()[&vm].actual.reboots, 1);

    host.sim.halt(vm);
    customer.until("web", "stopped").await;
    customer
        .owner
        .post(&format!("{VMS}/web:start"), json!({}))
        .await
        .expect(202);
    customer.until("web", "running").await;

    let gone = customer.owner.delete(&format!("{VMS}/web")).await.expect(202);
    assert_eq!(gone.json["status"], "deleting");
    assert_eq!(customer.end(&gone).await["status"], "succeeded");
    customer.until_gone(&vm.to_string()).await;
    assert!(host.sim.domains().is_empty());
    world.check_books().await;
    assert_eq!(world.count("select count(*) from compute.allocations").await, 0);
    assert_eq!(world.count("select sum(vms_used)::bigint from compute.quotas").await, 0);
    let deleted = "select count(*) from bus.outbox where kind = 'vm.deleted'";
    assert_eq!(world.count(deleted).await, 1);
}

/// Slow and unreliable hosts; half of what fails has had its effect all the same.
#[tokio::test(flavor = "multi_thread")]
async fn storms_of_making_and_deleting_leave_nothing_behind() {
    let world = World::of(2).await;
    let mut hosts = Vec::new();
    for n in 0..3 {
        let knobs = Knobs {
            seed: n,
            delay: MOMENT,
            failure: 0.1,
            each_fails_once: n == 0,
            ..Knobs::default()
        };
        hosts.push(world.host_with(&format!("h{n}"), 4, knobs).await);
    }
    let customer = world.customer("acme", 64).await;
    // Some are deleted before they are placed, some while they are made, some when they run.
    let storm = (0..32).map(|n| {
        let customer = &customer;
        async move {
            let name = format!("vm-{n}");
            let made = customer.create(&name).await.expect(202);
            match n % 3 {
                0 => {}
                1 => drop(
                    customer
                        .owner
                        .get(&format!("{}?wait=1s", made.header("operation-location")))
                        .await,
                ),
                _ => drop(customer.owner.post(&format!("{VMS}/{name}:stop"), json!({})).await),
            }
            customer
                .owner
                .delete(&format!("{VMS}/{}", id(&made.json)))
                .await
                .expect(202);
        }
    });
    join_all(storm).await;
    eventually("every machine to be gone", || async {
        customer.all().await.is_empty().then_some(())
    })
    .await;

    world.check_books().await;
    assert_eq!(world.count("select count(*) from compute.allocations").await, 0);
    assert_eq!(
        world
            .count("select sum(vcpus_used + memory_mib_used)::bigint from compute.hosts")
            .await,
        0
    );
    assert_eq!(
        world
            .count("select sum(vms_used + vcpus_used)::bigint from compute.quotas")
            .await,
        0
    );
    assert_eq!(
        world
            .count("select count(*) from compute.operations where finished_at is null")
            .await,
        0
    );
    eventually("every domain to be gone", || async {
        hosts.iter().all(|host| host.sim.domains().is_empty()).then_some(())
    })
    .await;
    assert!(hosts[0].sim.faults() > 0, "the hosts were to fail and did not");
    let told = "select count(*) from bus.outbox where kind = 'vm.deleted'";
    assert_eq!(world.count(told).await, 32, "each end is told once");
}
