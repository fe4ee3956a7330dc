use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::external_identity;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{InIdentity, LinkedIdentity};
use crate::api::factors::signed_in;
use crate::state::Identity;
use crate::store;

/// Unlinks an identity provider from the caller.
#[utoipa::path(
    operation_id = "unlink_identity",
    tag = "me",
    description = "The caller no longer signs in by it, and leaves the groups it has put them into. 409 if neither a \
                   password nor another provider is left to sign in by (a passkey alone is as easily lost as its device), or no owner of the tenant. Asks for a factor shown of late.",
    params(("identity" = String, Path, description = "Id"), DryRun),
    responses(
        (status = 204, description = "Unlinked"),
        (status = 200, description = "Dry run: what would be unlinked", body = LinkedIdentity),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/me/identities/{identity}")]
pub async fn unlink_identity(
    ask: Change<external_identity::Delete>,
    path: Path<InIdentity>,
    identity: Data<Identity>,
) -> Outcome<LinkedIdentity> {
    let (user, _) = signed_in(ask.caller())?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let owners = store::owners::hold(&mut tx).await?;
    store::external_identities::hold_person(&mut tx, &tenant, user).await?;
    let linked = store::external_identities::list(&mut tx, &tenant, user).await?;
    let gone = linked.iter().find(|linked| linked.id == path.identity);
    let gone = gone.ok_or_else(|| fault::Error::not_found("identity"))?;

    store::external_identities::remove(&mut tx, &tenant, (gone.id, user)).await?;
    if !store::external_identities::can_sign_in(&mut tx, &tenant, user).await? {
        let detail =
            "Neither a password nor another provider would be left to sign in by; link another provider first.";
        return Err(fault::Error::conflict(detail).into());
    }
    owners.must_remain(&mut tx).await?;

    tx.finish(Status::NoContent, Removed(LinkedIdentity::from(gone))).await
}
