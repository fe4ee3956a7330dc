use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::Principal;
use auth::action::user;
use db::{Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{Edited, InUser, UserView};
use crate::person::DisplayName;
use crate::state::Identity;
use crate::store;
use crate::user::{must_be_another, must_cover};

/// What to change of a person; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyUser {
    /// What they are called.
    #[schema(example = "Ada King", min_length = 1, max_length = 200)]
    pub display_name: Option<String>,
    /// May they sign in? False ends their sessions at once.
    #[schema(example = false)]
    pub enabled: Option<bool>,
}

/// Changes a person.
#[utoipa::path(
    operation_id = "modify_user",
    tag = "users",
    description = "Renames, disables or enables somebody. Whoever is disabled is signed out everywhere and cannot come in \
                   again. Nobody changes somebody with more rights or disables themself, and the last owner or security administrator stays. Send the \
                   `ETag` last read as `If-Match`. Needs `user.modify`.",
    params(
        ("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        IfMatch,
    ),
    request_body(content = ModifyUser, description = "What to change"),
    responses((status = 200, description = "The person as they are now", body = UserView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/users/{user}")]
pub async fn modify_user(
    ask: Change<user::Modify, ModifyUser>,
    path: Path<InUser>,
    identity: Data<Identity>,
) -> Outcome<UserView> {
    let name = ask.body.display_name.as_deref();
    let name = name.map(|name| DisplayName::check("/display_name", Some(name), ""));
    let name = name
        .transpose()
        .map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    let disables = ask.body.enabled == Some(false);

    let mut tx = ask.begin(&identity.db).await?;
    let owners = store::owners::hold(&mut tx).await?;
    let user = store::users::hold(&mut tx, path.user).await?;
    let carried = store::rights::bindings_of(&mut tx, &Principal::User(user.id)).await?;
    must_cover(ask.caller(), &carried)?;
    if disables {
        must_be_another(ask.caller(), &user)?;
    }
    let before = UserView::from(&*user);
    tx.must_match(&before)?;

    let user = store::users::set(&mut tx, &user, name.as_ref(), ask.body.enabled).await?;
    if disables {
        store::sessions::end_all(&mut tx, &user).await?;
        owners.must_remain(&mut tx).await?;
    }

    tx.finish(Status::Ok, Edited(before, UserView::from(&*user))).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use serde_json::json;

    use crate::testing::{PASSWORD, start, turn_in};

    #[tokio::test]
    async fn t17_who_is_disabled_is_out_at_once_and_may_come_back() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let tokens = test.sign_in(&ada.email, PASSWORD).await.expect(200).json;
        test.enter(&tokens).await.unwrap();
        let etag = owner.client.get(&ada.path).await.expect(200).header("etag").to_owned();
        let disabled = owner.client.patch(&ada.path, &etag, json!({"enabled": false})).await;
        assert_eq!(disabled.expect(200).json["enabled"], false);
        assert!(test.enter(&tokens).await.is_none(), "the session is over");
        turn_in(&test.client, &tokens).await.expect(401);
        test.sign_in(&ada.email, PASSWORD).await.expect(401);
        assert!(test.dump("identity.sessions").await.contains(",disabled"));
        owner
            .client
            .patch(&ada.path, &etag, json!({"enabled": true}))
            .await
            .expect(412);
        owner
            .client
            .patch(&ada.path, "*", json!({"enabled": true}))
            .await
            .expect(200);
        assert!(test.enter(&tokens).await.is_none(), "what has ended stays so");
        test.sign_in(&ada.email, PASSWORD).await.expect(200);
    }

    #[tokio::test]
    async fn t48_an_array_is_not_taken_for_an_object() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        owner
            .client
            .patch(&ada.path, "*", json!([null, null]))
            .await
            .expect(400);
        owner.client.patch(&ada.path, "*", json!({})).await.expect(200);
    }

    #[tokio::test]
    async fn the_log_knows_people_by_id_alone() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let ada = test.person_called(&tenant, "ada", "Ada Lovelace", Role::Viewer).await;
        let body = json!({"display_name": "Countess", "enabled": false});
        let renamed = owner.client.patch(&ada.path, "*", body).await.expect(200);
        assert_eq!(renamed.json["display_name"], "Countess");
        owner.client.delete_if(&ada.path, "*").await.expect(204);
        let log = test.dump("bus.outbox").await;
        for secret in ["Countess", "Lovelace", "ada@acme"] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
        assert!(
            log.contains("(changed)") && log.contains(&format!("user:{}", ada.id)),
            "{log}"
        );
    }

    #[tokio::test]
    async fn t18_nobody_acts_on_somebody_with_more_rights_not_even_through_a_group() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let auditor = test.person(&tenant, "auditor", Role::Auditor).await;
        let viewer = test.person(&tenant, "viewer", Role::Viewer).await;
        for (target, role) in [(&owner, "owner"), (&auditor, "auditor")] {
            let refused = admin
                .client
                .patch(&target.path, "*", json!({"enabled": false}))
                .await
                .expect(403);
            assert!(refused.text.contains(role), "{}", refused.text);
            admin
                .client
                .patch(&target.path, "*", json!({"display_name": "x"}))
                .await
                .expect(403);
        }
        admin
            .client
            .patch(&viewer.path, "*", json!({"display_name": "x"}))
            .await
            .expect(200);
        test.join(&tenant, viewer.id, "chiefs", &Binding::role(Role::Owner, None))
            .await;
        let refused = admin
            .client
            .patch(&viewer.path, "*", json!({"enabled": false}))
            .await
            .expect(403);
        assert!(refused.text.contains("owner"), "{}", refused.text);
        owner
            .client
            .patch(&viewer.path, "*", json!({"enabled": false}))
            .await
            .expect(200);
        viewer
            .client
            .patch(&admin.path, "*", json!({"enabled": false}))
            .await
            .expect(403);
    }

    #[tokio::test]
    async fn nobody_disables_themself_and_the_last_owner_stays() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let second = test.person(&tenant, "second", Role::Owner).await;
        owner
            .client
            .patch(&owner.path, "*", json!({"enabled": false}))
            .await
            .expect(403);
        owner
            .client
            .patch(&owner.path, "*", json!({"display_name": "Me"}))
            .await
            .expect(200);
        owner
            .client
            .patch(&second.path, "*", json!({"enabled": false}))
            .await
            .expect(200);
        // The second one's passport is good for some seconds yet.
        let refused = second.client.patch(&owner.path, "*", json!({"enabled": false})).await;
        assert_eq!(refused.expect(409).code(), "conflict");
    }

    #[tokio::test]
    async fn t01_another_tenants_person_cannot_be_changed_and_a_dry_run_changes_nothing() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.person(&mine, "me", Role::Owner).await;
        let them = test.person(&theirs, "them", Role::Viewer).await;
        me.client
            .patch(&them.path, "*", json!({"enabled": false}))
            .await
            .expect(404);
        let ada = test.person(&mine, "ada", Role::Viewer).await;
        let dry = format!("{}?dry_run=true", ada.path);
        let would = me.client.patch(&dry, "*", json!({"enabled": false})).await.expect(200);
        assert_eq!(would.json["enabled"], false);
        assert_eq!(me.client.get(&ada.path).await.expect(200).json["enabled"], true);
        for bad in [
            json!({"email": "x@y.zz"}),
            json!({"roles": ["owner"]}),
            json!({"display_name": ""}),
        ] {
            me.client.patch(&ada.path, "*", bad).await.expect(400);
        }
        let unguarded = me.client.request(reqwest::Method::PATCH, &ada.path).json(&json!({}));
        me.client.send(unguarded).await.expect(428);
    }
}
