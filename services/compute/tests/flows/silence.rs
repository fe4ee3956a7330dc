//! Hosts that fall silent, processes that die: nothing is lost and nothing is doubled.

use serde_json::Value;
use testkit::eventually;

use crate::world::{VMS, World, id};

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_a_silent_host_are_unknown_and_stay_where_they_are() {
    let world = World::new().await;
    let (mut silent, spare) = (world.host("silent", 2).await, world.host("spare", 0).await);
    let customer = world.customer("acme", 2).await;
    let vm = customer.create("web").await.expect(202).json;
    let before = customer.until("web", "running").await;

    silent.kill().await;
    world
        .sql("update compute.hosts set heartbeat_at = now() - interval '1 hour' where name = 'silent'")
        .await;
    let unknown = customer.until("web", "unknown").await;
    assert_eq!(
        (&unknown["power"], &unknown["host_alias"]),
        (&Value::from("unknown"), &before["host_alias"])
    );
    let told = "select count(*) from bus.outbox where kind = 'vm.updated' and data ->> 'status' = 'unknown'";
    eventually("its owner to be told", || async {
        (world.count(told).await == 1).then_some(())
    })
    .await;
    assert!(spare.sim.domains().is_empty(), "no second copy");

    silent.boot();
    let after = customer.until("web", "running").await;
    assert_eq!((id(&vm), &after["generation"]), (id(&after), &before["generation"]));
    assert_eq!(silent.sim.domains().len(), 1);
    world.check_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_process_dies_at_any_moment_ends_with_what_was_wanted() {
    let world = World::new().await;
    let mut host = world.host("h1", 8).await;
    let customer = world.customer("acme", 16).await;
    for round in 0..6 {
        let name = format!("vm-{round}");
        customer.create(&name).await.expect(202);
        if round % 2 == 0 {
            customer.until(&name, "running").await;
        }
        host.kill().await;
        if round % 3 == 0 {
            host.sim.power_cut();
        }
        if round > 1 {
            customer
                .owner
                .delete(&format!("{VMS}/vm-{}", round - 2))
                .await
                .expect(202);
        }
        host.boot();
    }
    eventually("what was wanted", || async {
        let vms = customer.all().await;
        let settled = vms.len() == 2 && vms.iter().all(|vm| vm["status"] == "running");
        (settled && host.sim.domains().len() == 2).then_some(())
    })
    .await;
    for vm in customer.all().await {
        assert!(host.sim.domains().contains_key(&id(&vm)));
    }
    world.check_books().await;
}
