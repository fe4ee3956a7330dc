//! For the gateway alone, so in no public document.

use actix_web::web::{get, post};
use web::Routes;

use crate::api::internal::{api_keys, operator_access, sessions, standings};

pub(super) fn mount(config: &mut Routes<'_>) {
    config
        .route("/internal/sessions/{session}", get().to(sessions::read_standing))
        .route("/internal/api-keys/{key}", get().to(api_keys::read_standing))
        .route(
            "/internal/operator-access/{access}",
            get().to(operator_access::read_standing),
        )
        .route("/internal/standings", post().to(standings::read_changed));
}
