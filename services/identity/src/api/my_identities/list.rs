use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::external_identity;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Read, Refusals};

use super::LinkedIdentity;
use crate::state::Identity;
use crate::store;

/// Who the caller is at identity providers.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkedIdentities {
    /// The identities, by the provider's name.
    pub items: Vec<LinkedIdentity>,
    /// Always none: nobody has so many.
    pub next_page: Option<String>,
}

/// Lists who the caller is at identity providers.
#[utoipa::path(
    operation_id = "list_my_identities",
    tag = "me",
    description = "The providers by which the caller may sign in.",
    responses((status = 200, description = "The identities", body = LinkedIdentities), Refusals),
    security(("bearer" = [])),
)]
#[get("/me/identities")]
pub async fn list_my_identities(
    ask: Read<external_identity::List>,
    identity: Data<Identity>,
) -> Result<Json<LinkedIdentities>, fault::Error> {
    let user = ask.caller().user().ok_or_else(|| fault::Error::not_found("person"))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let linked = store::external_identities::list(&mut tx, &tenant, user).await?;

    Ok(Json(LinkedIdentities {
        items: linked.iter().map(LinkedIdentity::from).collect(),
        next_page: None,
    }))
}
