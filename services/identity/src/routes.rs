//! Every path of identity: the only list. It feeds actix and the `OpenAPI` document.

use web::{Routes, scope};

use crate::api::projects;

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config.service(
        scope("/api/v1")
            .service(projects::list::list_projects)
            .service(projects::create::create_project)
            .service(projects::read::read_project)
            .service(projects::modify::modify_project)
            .service(projects::delete::delete_project),
    );
}
