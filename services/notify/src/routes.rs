//! Every path of notify: the only list. It feeds actix and the `OpenAPI` document.

use web::{Routes, scope};

use crate::api::{dead_letters, deliveries, events, webhooks};

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config.service(
        scope("/api/v1")
            .service(events::stream_events)
            .service(webhooks::create::create_webhook)
            .service(webhooks::list::list_webhooks)
            .service(webhooks::rotate::rotate_webhook_secret)
            .service(webhooks::test::test_webhook)
            .service(webhooks::read::read_webhook)
            .service(webhooks::modify::modify_webhook)
            .service(webhooks::delete::delete_webhook)
            .service(deliveries::list::list_webhook_deliveries)
            .service(deliveries::redeliver::redeliver_event)
            .service(dead_letters::list::list_dead_letters)
            .service(dead_letters::replay_some::replay_dead_letters)
            .service(dead_letters::read::read_dead_letter)
            .service(dead_letters::replay::replay_dead_letter)
            .service(dead_letters::drop::drop_dead_letter),
    );
}
