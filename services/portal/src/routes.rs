//! Every path of the portal: all that is left when the gateway has routed the API away. None is in the `OpenAPI`
//! document, because none is API.

use actix_web::guard::{self, GuardContext};
use actix_web::web::{resource, route};
use web::Routes;

use crate::page;

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config.map(|config| {
        config.service(
            resource("/{path:.*}")
                .guard(guard::fn_guard(not_health))
                .route(route().guard(guard::Any(guard::Get()).or(guard::Head())).to(page::page))
                .default_service(route().to(page::refuse)),
        )
    });
}

/// The server answers those itself.
fn not_health(context: &GuardContext<'_>) -> bool {
    !matches!(context.head().uri.path(), "/healthz" | "/readyz")
}
