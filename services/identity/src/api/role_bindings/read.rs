use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::role_binding;
use ids::BindingId;
use web::{Found, Read, Refusals};

use super::{OfBinding, RoleBindingView};
use crate::state::Identity;
use crate::store;

/// Reads a role binding.
#[utoipa::path(
    operation_id = "read_role_binding",
    tag = "role-bindings",
    description = "One role binding. Needs `role_binding.read` where it is.",
    params(("binding" = BindingId, Path, description = "Its id")),
    responses((status = 200, description = "The role binding", body = RoleBindingView), Refusals),
    security(("bearer" = [])),
)]
#[get("/role-bindings/{binding}")]
pub async fn read_role_binding(
    ask: Read<role_binding::Read>,
    path: Path<OfBinding>,
    identity: Data<Identity>,
) -> Result<Found<RoleBindingView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let bound = store::role_bindings::lookup(&mut tx, path.binding).await?;
    let bound = tx.grant(bound)?;

    Ok(Found(RoleBindingView::from(&*bound)))
}
