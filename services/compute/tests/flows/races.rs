//! Many at once: quotas and keys.

use futures::future::join_all;
use serde_json::json;

use crate::world::{VMS, World};

#[tokio::test(flavor = "multi_thread")]
async fn twelve_equal_keys_make_one_machine_and_get_one_answer() {
    let world = World::new().await;
    let customer = world.customer("acme", 20).await;
    let body = json!({"name": "web", "flavor": "small", "image": "demo"});
    let asks = (0..12).map(|_| customer.owner.post_once(VMS, "key-1", body.clone()));
    let replies = join_all(asks).await;
    for reply in &replies {
        assert_eq!(reply.status, 202, "{}", reply.text);
        assert_eq!(reply.json, replies[0].json);
        assert_eq!(reply.header("location"), replies[0].header("location"));
        assert_eq!(
            reply.header("operation-location"),
            replies[0].header("operation-location")
        );
    }
    let replayed = replies
        .iter()
        .filter(|reply| reply.header("idempotent-replayed") == "true")
        .count();
    assert_eq!(replayed, 11);
    assert_eq!(customer.all().await.len(), 1);
    let other = json!({"name": "other", "flavor": "small", "image": "demo"});
    assert_eq!(
        customer.owner.post_once(VMS, "key-1", other).await.expect(422).code(),
        "idempotency_key_reused"
    );
    world.check_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t45_sixteen_at_once_never_use_more_than_the_quota() {
    let world = World::of(2).await;
    let _host = world.host("h1", 64).await;
    let (acme, other) = (world.customer("acme", 5).await, world.customer("other", 3).await);
    for round in 0..4 {
        let storm = (0..16).map(|n| {
            let customer = if n % 4 == 0 { &other } else { &acme };
            async move { (n, customer.create(&format!("vm-{round}-{n}")).await) }
        });
        let replies = join_all(storm).await;
        let (mut of_acme, mut of_other) = (0, 0);
        for (n, reply) in &replies {
            match (reply.status.as_u16(), reply.code()) {
                (202, _) if n % 4 == 0 => of_other += 1,
                (202, _) => of_acme += 1,
                (403, "quota_exceeded") => {}
                _ => panic!("{}", reply.text),
            }
        }
        assert_eq!((of_acme, of_other), (5, 3), "neither more nor less");
        world.check_books().await;
        for customer in [&acme, &other] {
            for vm in customer.all().await {
                customer
                    .owner
                    .delete(&format!("{VMS}/{}", vm["id"].as_str().unwrap()))
                    .await
                    .expect(202);
            }
        }
        for customer in [&acme, &other] {
            testkit::eventually("the round's end", || async {
                customer.all().await.is_empty().then_some(())
            })
            .await;
        }
    }
    assert_eq!(world.count("select sum(vms_used)::bigint from compute.quotas").await, 0);
}
