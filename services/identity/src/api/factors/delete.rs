use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::Principal;
use auth::action::factor;
use db::{Outcome, Removed, Status};
use ids::UserId;
use web::{Change, DryRun, Refusals};

use super::{FactorView, OneFactor, signed_in};
use crate::state::Identity;
use crate::store;

/// Removes one of the caller's second factors.
#[utoipa::path(
    operation_id = "delete_factor",
    tag = "auth",
    description = "Asks for a factor shown of late. With the last one go the recovery codes. Where the tenant asks for a \
                   second factor, the last one stays.",
    params(
        ("factor" = String, Path, description = "Id"),
        DryRun,
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 200, description = "Dry run: what would be removed", body = FactorView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/me/mfa/{factor}")]
pub async fn delete_factor(
    ask: Change<factor::Delete>,
    path: Path<OneFactor>,
    identity: Data<Identity>,
) -> Outcome<FactorView> {
    let (user, _) = signed_in(ask.caller())?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    store::factors::hold_all(&mut tx, &tenant, user).await?;
    let factor = store::factors::hold(&mut tx, &tenant, user, path.factor).await?;
    let factor = factor.ok_or_else(|| fault::Error::not_found("factor"))?;

    store::factors::remove(&mut tx, &tenant, factor.id).await?;
    let left = store::factors::list(&mut tx, &tenant, user).await?;
    if left.iter().all(|factor| factor.confirmed_at.is_none()) {
        store::recovery_codes::remove(&mut tx, &tenant, user).await?;
    }
    if factor.confirmed_at.is_some() {
        must_keep_one(&mut tx, user).await?;
    }

    tx.finish(Status::NoContent, Removed(FactorView::from(&factor))).await
}

/// Whoever must have a factor that counts does not remove the last one.
async fn must_keep_one(tx: &mut db::Change<factor::Delete>, user: UserId) -> Result<(), fault::Error> {
    let policy = store::policies::lookup(tx).await?;
    let carried = store::rights::bindings_of(tx, &Principal::User(user)).await?;
    let left = store::policies::kinds_of(tx, user).await?;
    if policy.asks_factor_of(&carried) && !policy.is_met_by(&left) {
        let detail = "Your tenant asks for a second factor and this is your last that counts; add another first.";
        return Err(fault::Error::conflict(detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use testkit::Bench;

    use crate::testing::{PASSWORD, settings, start, start_on};

    #[tokio::test]
    async fn with_the_last_factor_go_the_codes() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        let path = format!("/api/v1/me/mfa/{}", ada.factor);
        ada.client.delete(&format!("{path}?dry_run=true")).await.expect(200);
        ada.client.delete(&path).await.expect(204);
        ada.client.delete(&path).await.expect(404);
        assert_eq!(test.dump("identity.recovery_codes").await, "");
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(tokens["status"], "authenticated");
    }

    #[tokio::test]
    async fn t14_a_factor_is_not_removed_without_showing_one() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        // Somebody has the session of a desk that was left open; the factor was never shown there.
        let desk = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let ada = test.enrol(&owner).await;
        let path = format!("/api/v1/me/mfa/{}", ada.factor);
        let refused = test.enter(&desk).await.unwrap().delete(&path).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains("insufficient_user_authentication"), "{challenge}");
        clock.advance(Duration::from_mins(16));
        let stale = test.sign_in(&owner.email, PASSWORD).await;
        assert_eq!(stale.json["status"], "mfa_required");
        assert!(test.dump("identity.factors").await.contains(&ada.factor));
    }

    #[tokio::test]
    async fn t01_another_tenants_factor_is_as_none() {
        let test = start().await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let ada = test.enrol(&owner).await;
        let tokens = test.sign_in(&other.email, PASSWORD).await.expect(200).json;
        let eve = test.enter(&tokens).await.unwrap();
        let theirs = eve.delete(&format!("/api/v1/me/mfa/{}", ada.factor)).await.expect(404);
        let none = eve.delete(&format!("/api/v1/me/mfa/{}", ids::FactorId::mint())).await;
        assert_eq!(theirs.json["detail"], none.json["detail"]);
        assert!(test.dump("identity.factors").await.contains(&ada.factor));
    }
}
