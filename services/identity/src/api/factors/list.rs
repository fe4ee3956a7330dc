use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::factor;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Read, Refusals};

use super::FactorView;
use crate::state::Identity;
use crate::store;

/// The caller's second factors.
#[derive(Debug, Serialize, ToSchema)]
pub struct FactorsView {
    /// The factors, the oldest first.
    pub items: Vec<FactorView>,
    /// The weaker kinds that the caller's tenant allows and this platform can send: `sms`, `email`. Of those that are not here
    /// anymore none is asked for at sign-in.
    #[schema(example = json!(["sms"]))]
    pub weaker_kinds: Vec<&'static str>,
    /// Always none: nobody has so many.
    pub next_page: Option<String>,
    /// Recovery codes that were not used yet.
    #[schema(example = 10)]
    pub recovery_codes_left: i64,
}

/// Lists the caller's second factors.
#[utoipa::path(
    operation_id = "list_factors",
    tag = "auth",
    description = "What the caller has beside the password, confirmed or not, and how many recovery codes are left.",
    responses((status = 200, description = "The factors", body = FactorsView), Refusals),
    security(("bearer" = [])),
)]
#[get("/me/mfa")]
pub async fn list_factors(
    ask: Read<factor::List>,
    identity: Data<Identity>,
) -> Result<Json<FactorsView>, fault::Error> {
    let user = ask.caller().user().ok_or_else(|| fault::Error::not_found("person"))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let policy = store::policies::lookup(&mut tx).await?;
    let factors = store::factors::list(&mut tx, &tenant, user).await?;
    let left = store::recovery_codes::left(&mut tx, &tenant, user).await?;

    let items = factors.iter().map(|factor| FactorView::seen(tx.keys(), factor));
    let sendable = identity.sendable();
    let weaker = sendable.iter().filter(|kind| policy.allows(**kind));
    Ok(Json(FactorsView {
        items: items.collect::<Result<_, _>>()?,
        weaker_kinds: weaker.map(|kind| kind.name()).collect(),
        next_page: None,
        recovery_codes_left: left,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn a_person_sees_their_own_factors_and_nobody_elses() {
        let test = start().await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let ada = test.enrol(&owner).await;
        let mine = ada.client.get("/api/v1/me/mfa").await.expect(200).json;
        assert_eq!(mine["items"][0]["id"], json!(ada.factor));
        assert_eq!(mine["items"][0]["confirmed"], true);
        assert_eq!(mine["items"][0]["kind"], "totp");
        assert_eq!(mine["items"][0]["strength"], "strong");
        assert_eq!(mine["recovery_codes_left"], 10);
        assert!(!mine.to_string().contains(&ada.phone.typed()));
        let tokens = test.sign_in(&other.email, PASSWORD).await.expect(200).json;
        let theirs = test
            .enter(&tokens)
            .await
            .unwrap()
            .get("/api/v1/me/mfa")
            .await
            .expect(200);
        assert_eq!(
            theirs.json,
            json!({"items": [], "weaker_kinds": [], "next_page": null, "recovery_codes_left": 0})
        );
        test.client.get("/api/v1/me/mfa").await.expect(401);
    }
}
