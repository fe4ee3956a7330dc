//! What every feed must do, against a real database and a real Kafka.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

/// The same tests on both feeds.
macro_rules! on_both_feeds {
    ($($name:ident),+ $(,)?) => {
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::World::new(crate::world::Shape::Postgres).await).await;
            })+
        }
        mod on_kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::world::World::new(crate::world::Shape::Kafka).await).await;
            })+
        }
    };
}

mod away;
mod broker;
mod kafka;
mod late;
mod letters;
mod once;
mod poison;
mod sealed;
mod sweep;
mod tail;
mod tls;
mod world;
