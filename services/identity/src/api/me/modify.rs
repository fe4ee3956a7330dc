use actix_web::patch;
use actix_web::web::Data;
use auth::action::me;
use db::{Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use crate::api::users::{Edited, UserView};
use crate::person::DisplayName;
use crate::state::Identity;
use crate::store;

/// What to change of oneself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyMe {
    /// What one is called.
    #[schema(example = "Ada King", min_length = 1, max_length = 200)]
    pub display_name: String,
}

/// Changes the caller's own person.
#[utoipa::path(
    operation_id = "modify_me",
    tag = "me",
    description = "Changes what the caller is called.",
    params(DryRun),
    request_body(content = ModifyMe, description = "What to change"),
    responses((status = 200, description = "The caller's person as it is now", body = UserView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/me")]
pub async fn modify_me(ask: Change<me::Modify, ModifyMe>, identity: Data<Identity>) -> Outcome<UserView> {
    let user = ask.caller().user().ok_or_else(|| fault::Error::not_found("person"))?;
    let name = DisplayName::check("/display_name", Some(&ask.body.display_name), "")
        .map_err(|error| fault::Error::invalid_fields(vec![error]))?;

    let mut tx = ask.begin(&identity.db).await?;
    let user = store::users::hold(&mut tx, user).await?;
    let before = UserView::from(&*user);

    let user = store::users::set(&mut tx, &user, Some(&name), None).await?;

    tx.finish(Status::Ok, Edited(before, UserView::from(&*user))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn everybody_says_what_they_are_called_and_nothing_else() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let eve = test.person(&tenant, "eve", Role::Viewer).await;
        let me = ada.client.request(reqwest::Method::PATCH, "/api/v1/me");
        ada.client
            .send(me.json(&json!({"display_name": "阿达"})))
            .await
            .expect(200);
        assert_eq!(ada.client.get("/api/v1/me").await.json["user"]["display_name"], "阿达");
        assert_eq!(eve.client.get("/api/v1/me").await.json["user"]["display_name"], "eve");
        for bad in [
            json!({}),
            json!({"display_name": ""}),
            json!({"display_name": "a\u{202e}b"}),
            json!({"display_name": "a", "enabled": true}),
            json!({"email": "root@acme.example"}),
        ] {
            ada.client.patch("/api/v1/me", "*", bad).await.expect(400);
        }
        assert!(
            !test.dump("bus.outbox").await.contains("阿达"),
            "the log knows people by id alone"
        );
        let ghost = test.client.caller(&tenant.caller(Role::Owner));
        ghost
            .patch("/api/v1/me", "*", json!({"display_name": "a"}))
            .await
            .expect(404);
    }
}
