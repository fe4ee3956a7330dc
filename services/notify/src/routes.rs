//! Every path of notify: the only list. It feeds actix and the `OpenAPI` document.

use web::{Routes, scope};

use crate::api::{dead_letters, events};

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config.service(
        scope("/api/v1")
            .service(events::stream_events)
            .service(dead_letters::list::list_dead_letters)
            .service(dead_letters::replay_some::replay_dead_letters)
            .service(dead_letters::read::read_dead_letter)
            .service(dead_letters::replay::replay_dead_letter)
            .service(dead_letters::drop::drop_dead_letter),
    );
}
