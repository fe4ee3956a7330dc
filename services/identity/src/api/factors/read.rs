use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::factor;
use web::{Found, Read, Refusals};

use super::{FactorView, OneFactor};
use crate::state::Identity;
use crate::store;

/// Reads one of the caller's second factors.
#[utoipa::path(
    operation_id = "read_factor",
    tag = "auth",
    description = "One of what the caller has beside the password. Its `ETag` goes with a change.",
    params(("factor" = String, Path, description = "Id")),
    responses(
        (status = 200, description = "The factor", body = FactorView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/me/mfa/{factor}")]
pub async fn read_factor(
    ask: Read<factor::List>,
    path: Path<OneFactor>,
    identity: Data<Identity>,
) -> Result<Found<FactorView>, fault::Error> {
    let user = ask.caller().user().ok_or_else(|| fault::Error::not_found("person"))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let factors = store::factors::list(&mut tx, &tenant, user).await?;
    let factor = factors.iter().find(|factor| factor.id == path.factor);

    let factor = factor.ok_or_else(|| fault::Error::not_found("factor"))?;
    Ok(Found(FactorView::seen(tx.keys(), factor)?))
}
