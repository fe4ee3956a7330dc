use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::factor;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{FactorView, OneFactor, signed_in};
use crate::factor::Name;
use crate::state::Identity;
use crate::store;

/// What to change of a second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyFactor {
    /// What its holder calls it.
    #[schema(example = "Laptop", min_length = 1, max_length = 100)]
    pub name: String,
}

/// Renames one of the caller's second factors.
#[utoipa::path(
    operation_id = "modify_factor",
    tag = "auth",
    description = "Changes what it is called, and nothing of what it opens. Send the `ETag` last read as `If-Match`.",
    params(("factor" = String, Path, description = "Id"), DryRun, IfMatch),
    request_body(content = ModifyFactor, description = "The new name"),
    responses((status = 200, description = "The factor as it is now", body = FactorView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/me/mfa/{factor}")]
pub async fn modify_factor(
    ask: Change<factor::Modify, ModifyFactor>,
    path: Path<OneFactor>,
    identity: Data<Identity>,
) -> Outcome<FactorView> {
    let (user, _) = signed_in(ask.caller())?;
    let name = Name::check("/name", &ask.body.name).map_err(|error| fault::Error::invalid_fields(vec![error]))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let factor = store::factors::hold(&mut tx, &tenant, user, path.factor).await?;
    let factor = factor.ok_or_else(|| fault::Error::not_found("factor"))?;
    let before = FactorView::from(&factor);
    tx.must_match(&before)?;

    let renamed = store::factors::rename(&mut tx, &tenant, factor.id, &name).await?;

    tx.finish(Status::Ok, Changed(before, FactorView::from(&renamed))).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn a_factor_is_renamed_by_who_read_it_and_has_it() {
        let test = start().await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let ada = test.enrol(&owner).await;
        let path = format!("/api/v1/me/mfa/{}", ada.factor);
        let etag = ada.client.get(&path).await.expect(200).header("etag").to_owned();
        let name = json!({"name": " Old phone "});
        let unread = ada.client.request(reqwest::Method::PATCH, &path).json(&name);
        ada.client.send(unread).await.expect(428);
        let renamed = ada.client.patch(&path, &etag, name.clone()).await.expect(200);
        assert_eq!(renamed.json["name"], "Old phone");
        ada.client.patch(&path, &etag, name.clone()).await.expect(412);
        let refused = ada.client.patch(&path, &etag, json!({"name": ""})).await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/name");

        // T01: another tenant's factor is as one that does not exist.
        let tokens = test.sign_in(&other.email, PASSWORD).await.expect(200).json;
        let eve = test.enter(&tokens).await.unwrap();
        let none = format!("/api/v1/me/mfa/{}", ids::FactorId::mint());
        let theirs = eve.patch(&path, "\"1\"", name.clone()).await.expect(404);
        let nobodys = eve.patch(&none, "\"1\"", name).await.expect(404);
        assert_eq!(theirs.json["detail"], nobodys.json["detail"]);
        let theirs = eve.get(&path).await.expect(404);
        assert_eq!(theirs.json["detail"], eve.get(&none).await.expect(404).json["detail"]);
    }
}
