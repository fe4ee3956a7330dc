//! Every path of audit: the only list. It feeds actix and the `OpenAPI` document.

use web::{Routes, scope};

use crate::api::{events, exports};

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config.service(
        scope("/api/v1")
            .service(events::list::list_audit_events)
            .service(events::read::read_audit_event)
            .service(exports::read_audit_export),
    );
}
