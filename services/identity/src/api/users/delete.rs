use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::Principal;
use auth::action::user;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InUser, UserView};
use crate::state::Identity;
use crate::store;
use crate::user::{must_be_another, must_cover};

/// Deletes a person.
#[utoipa::path(
    operation_id = "delete_user",
    tag = "users",
    description = "Removes somebody with everything held on them: record, password, sessions, keys, roles. The audit log \
                   keeps what they did under their id. Nobody deletes somebody with more rights or themself, and the last \
                   owner stays. Send the `ETag` last read as `If-Match`. Needs `user.delete` and a factor shown of late.",
    params(
        ("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        IfMatch,
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: who would be deleted", body = UserView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/users/{user}")]
pub async fn delete_user(ask: Change<user::Delete>, path: Path<InUser>, identity: Data<Identity>) -> Outcome<UserView> {
    let mut tx = ask.begin(&identity.db).await?;
    let owners = store::owners::hold(&mut tx).await?;
    let user = store::users::hold(&mut tx, path.user).await?;
    let carried = store::rights::bindings_of(&mut tx, &Principal::User(user.id)).await?;
    must_cover(ask.caller(), &carried)?;
    must_be_another(ask.caller(), &user)?;
    let gone = UserView::from(&*user);
    tx.must_match(&gone)?;

    store::users::remove(&mut tx, &user).await?;
    owners.must_remain(&mut tx).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use ids::UserId;
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn nothing_of_them_stays_but_their_id_in_the_log() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let (token, _) = test.invite(&owner, "ada@acme.example", "viewer").await;
        let body = json!({"token": token, "password": PASSWORD, "display_name": "Ada Lovelace"});
        let joined = test
            .client
            .post("/api/v1/auth/accept-invitation", body)
            .await
            .expect(201);
        let ada = joined.json["user_id"].as_str().unwrap().to_owned();
        let (id, path): (UserId, _) = (ada.parse().unwrap(), format!("/api/v1/users/{ada}"));
        let tokens = test.sign_in("ada@acme.example", PASSWORD).await.expect(200).json;
        test.join(&tenant, id, "poets", &Binding::role(Role::Viewer, None))
            .await;
        test.key_of(&tenant, id).await;
        test.factor_of(&tenant, id).await;
        // An answer that is kept for a key holds what was shown of them.
        let keyed = owner
            .client
            .request(reqwest::Method::PATCH, &path)
            .header("if-match", "*");
        let keyed = keyed
            .header("idempotency-key", "k")
            .json(&json!({"display_name": "Ada King"}));
        owner.client.send(keyed).await.expect(200);
        assert!(test.dump("identity.replies").await.contains(&ada));

        owner.client.delete_if(&path, "*").await.expect(204);
        owner.client.get(&path).await.expect(404);
        assert!(test.enter(&tokens).await.is_none());
        test.sign_in("ada@acme.example", PASSWORD).await.expect(401);
        let tables = test.tables().await;
        assert!(tables.len() > 10, "{tables:?}");
        for table in tables {
            let rows = test.dump(&table).await;
            for trace in ["Lovelace", "Ada King", "ada@acme"] {
                assert!(!rows.contains(trace), "{trace} in {table}: {rows}");
            }
            let kept = table.starts_with("bus.") || table.starts_with("audit.");
            assert!(kept || !rows.contains(&ada), "{table}: {rows}");
        }
        assert!(test.dump("bus.outbox").await.contains(&format!("user:{ada}")));
    }

    #[tokio::test]
    async fn t18_two_owners_who_delete_each_other_leave_one() {
        let test = start().await;
        for round in 0..20 {
            let tenant = test.bench.tenant(&format!("acme-{round}")).await;
            let one = test.person(&tenant, &format!("one{round}"), Role::Owner).await;
            let two = test.person(&tenant, &format!("two{round}"), Role::Owner).await;
            let both = futures::future::join(
                one.client.delete_if(&two.path, "*"),
                two.client.delete_if(&one.path, "*"),
            );
            let (first, second) = both.await;
            let mut statuses = [first.status.as_u16(), second.status.as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [204, 409], "{} {}", first.text, second.text);
        }
    }

    #[tokio::test]
    async fn t18_many_owners_at_once_leave_one_whoever_disables_and_whoever_deletes() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let mut owners = Vec::new();
        for n in 0..12 {
            owners.push(test.person(&tenant, &format!("o{n}"), Role::Owner).await);
        }
        let attacks = owners.iter().enumerate().map(|(n, owner)| {
            let victim = &owners[(n + 1) % owners.len()].path;
            async move {
                if n % 2 == 0 {
                    owner.client.delete_if(victim, "*").await
                } else {
                    owner.client.patch(victim, "*", json!({"enabled": false})).await
                }
            }
        });
        let replies = futures::future::join_all(attacks).await;
        let refused = replies.iter().filter(|reply| reply.status == 409).count();
        let done = replies.iter().filter(|reply| reply.status.is_success()).count();
        assert_eq!((done, refused), (11, 1), "{replies:?}");
    }

    #[tokio::test]
    async fn t18_nobody_deletes_themself_or_somebody_with_more_rights() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let viewer = test.person(&tenant, "viewer", Role::Viewer).await;
        let refused = admin.client.delete_if(&owner.path, "*").await.expect(403);
        assert!(refused.text.contains("owner"), "{}", refused.text);
        admin.client.delete_if(&admin.path, "*").await.expect(403);
        viewer.client.delete_if(&viewer.path, "*").await.expect(403);
        owner.client.delete_if(&owner.path, "*").await.expect(403);
        admin.client.delete(&viewer.path).await.expect(428);
        admin.client.delete_if(&viewer.path, "\"0\"").await.expect(412);
        admin
            .client
            .delete_if(&format!("{}?dry_run=true", viewer.path), "*")
            .await
            .expect(200);
        admin.client.delete_if(&viewer.path, "*").await.expect(204);
        admin.client.delete_if(&viewer.path, "*").await.expect(404);
    }

    #[tokio::test]
    async fn t14_it_asks_for_a_factor_shown_of_late() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let refused = test.stale(&tenant, &owner).delete_if(&ada.path, "*").await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
        assert!(refused.header("www-authenticate").contains("max_age"));
        owner.client.delete_if(&ada.path, "*").await.expect(204);
    }

    #[tokio::test]
    async fn t01_another_tenants_person_cannot_be_deleted() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.person(&mine, "me", Role::Owner).await;
        let them = test.person(&theirs, "them", Role::Viewer).await;
        let foreign = me.client.delete_if(&them.path, "*").await.expect(404);
        let absent = format!("/api/v1/users/{}", UserId::mint());
        let absent = me.client.delete_if(&absent, "*").await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        assert!(test.dump("identity.users").await.contains(&them.id.to_string()));
    }
}
