//! Every path of notify: the only list. It feeds actix and the `OpenAPI` document.

use web::{Routes, scope};

use crate::api::events;

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config.service(scope("/api/v1").service(events::stream_events));
}
