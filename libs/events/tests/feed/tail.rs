//! The tail, for those who pass the feed on.

use events::Tail;
use tokio::task::JoinSet;

use crate::world::{Shape, World, named};

#[tokio::test]
async fn it_hears_everything_from_its_first_look_on_once_and_in_order() {
    let world = World::new(Shape::Postgres).await;
    world.happens("before").await;
    let mut tail = Tail::new(world.bench.db("notify"));
    assert_eq!(tail.reached(), None);
    assert!(tail.next().await.is_empty());
    assert!(tail.reached().is_some());

    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let (db, tenant) = (world.bench.db("compute"), world.tenant.id);
        writers.spawn(async move {
            for number in 0..25 {
                let mut tx = db.system(db::Reason::Reconcile).await.unwrap();
                tx.emit(tenant, &crate::world::thing(format!("{writer}.{number}")))
                    .unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    let mut heard = Vec::new();
    while heard.len() < 100 {
        let events = tail.next().await;
        // Where another transaction was open at the first look, a little of what came before it is heard too.
        heard.extend(
            events
                .iter()
                .map(|event| named(event).to_owned())
                .filter(|name| name != "before"),
        );
    }
    writers.join_all().await;
    let feed = world.feed_order().await;
    assert_eq!(heard, feed[1..], "all but what came before");
}
