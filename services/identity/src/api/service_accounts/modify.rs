use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::service_account;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InAccount, ServiceAccountView, hold_covered};
use crate::api::projects::create::both;
use crate::project::{Description, Name};
use crate::state::Identity;
use crate::store;

/// What to change of a service account; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyServiceAccount {
    /// The new name.
    #[schema(example = "nightly-backup", max_length = 63)]
    pub name: Option<String>,
    /// The new description.
    #[schema(example = "Takes the backup", max_length = 1000)]
    pub description: Option<String>,
    /// Do its keys let anything in?
    #[schema(example = false)]
    pub enabled: Option<bool>,
}

/// Changes a service account.
#[utoipa::path(
    operation_id = "modify_service_account",
    tag = "service-accounts",
    description = "Renames, describes, disables or enables it. A disabled account's keys let nothing in. Nobody changes an \
                   account with more rights than their own. Send the `ETag` last read as `If-Match`. Needs \
                   `service_account.modify`.",
    params(("account" = String, Path, description = "Id or name", example = "backup"), DryRun, IfMatch),
    request_body(content = ModifyServiceAccount, description = "What to change"),
    responses((status = 200, description = "The account as it is now", body = ServiceAccountView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/service-accounts/{account}")]
pub async fn modify_service_account(
    ask: Change<service_account::Modify, ModifyServiceAccount>,
    path: Path<InAccount>,
    identity: Data<Identity>,
) -> Outcome<ServiceAccountView> {
    let name = ask.body.name.as_deref().map(Name::check).transpose();
    let (name, description) = both(
        name,
        ask.body.description.as_deref().map(Description::check).transpose(),
    )?;

    let mut tx = ask.begin(&identity.db).await?;
    let account = hold_covered(&mut tx, &path.account).await?;
    let before = ServiceAccountView::from(&*account);
    tx.must_match(&before)?;

    let texts = (name.as_ref(), description.as_ref());
    let account = store::service_accounts::set(&mut tx, &account, texts, ask.body.enabled)
        .await
        .map_err(|error| error.taken("service account"))?;

    tx.finish(Status::Ok, Changed(before, ServiceAccountView::from(&account)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/service-accounts";

    #[tokio::test]
    async fn only_who_read_the_present_state_may_change_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let made = admin.post(PATH, json!({"name": "backup"})).await.expect(201);
        let (path, etag) = (made.header("location"), made.header("etag"));
        let body = json!({"name": "nightly", "description": "d", "enabled": false});
        let changed = admin.patch(path, etag, body).await.expect(200).json;
        assert_eq!(
            (&changed["name"], &changed["enabled"], &changed["generation"]),
            (&json!("nightly"), &json!(false), &json!(2))
        );
        admin.patch(path, etag, json!({"enabled": true})).await.expect(412);
        let bare = admin
            .request(reqwest::Method::PATCH, path)
            .json(&json!({"enabled": true}));
        admin.send(bare).await.expect(428);
        admin.post(PATH, json!({"name": "other"})).await.expect(201);
        admin.patch(path, "*", json!({"name": "other"})).await.expect(409);
        admin.patch(path, "*", json!({"name": "No"})).await.expect(400);
    }

    #[tokio::test]
    async fn t17_a_disabled_accounts_keys_let_nothing_in() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let made = owner.post(PATH, json!({"name": "backup"})).await.expect(201);
        let keys = format!("{}/api-keys", made.header("location"));
        let key = owner.post(&keys, json!({"name": "a"})).await.expect(201).json["key"].clone();
        assert!(test.enter_by_key(&key, "192.0.2.1").await.is_some());
        owner
            .patch(made.header("location"), "*", json!({"enabled": false}))
            .await
            .expect(200);
        assert!(test.enter_by_key(&key, "192.0.2.1").await.is_none());
        owner
            .patch(made.header("location"), "*", json!({"enabled": true}))
            .await
            .expect(200);
        assert!(test.enter_by_key(&key, "192.0.2.1").await.is_some());
        owner.delete_if(made.header("location"), "*").await.expect(204);
        assert!(test.enter_by_key(&key, "192.0.2.1").await.is_none());
    }

    #[tokio::test]
    async fn t18_nobody_changes_an_account_with_more_rights() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let made = owner.post(PATH, json!({"name": "boss"})).await.expect(201);
        let path = made.header("location");
        test.bind_account(&tenant, &made.json["id"], "owner").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        admin.patch(path, "*", json!({"enabled": false})).await.expect(403);
        admin.delete_if(path, "*").await.expect(403);
        let keys = format!("{path}/api-keys");
        admin.post(&keys, json!({"name": "mine now"})).await.expect(403);
        owner.patch(path, "*", json!({"enabled": false})).await.expect(200);
    }
}
