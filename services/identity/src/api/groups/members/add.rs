use actix_web::put;
use actix_web::web::{Data, Path};
use auth::action::group_member;
use db::{Created, Done, Outcome, Status};
use web::{Change, DryRun, Refusals};

use super::{InMember, MemberView};
use crate::state::Identity;
use crate::store;
use crate::user::must_give;

/// Puts somebody into a group.
#[utoipa::path(
    operation_id = "add_group_member",
    tag = "groups",
    description = "Gives somebody all that is bound to the group, so who does it must carry all of that. Somebody who is in \
                   it already stays. Needs `group_member.create` and a factor shown of late.",
    params(
        ("group" = String, Path, description = "Id or name", example = "developers"),
        ("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses((status = 200, description = "They are in it", body = MemberView), Refusals),
    security(("bearer" = [])),
)]
#[put("/groups/{group}/members/{user}")]
pub async fn add_group_member(
    ask: Change<group_member::Create>,
    path: Path<InMember>,
    identity: Data<Identity>,
) -> Outcome<MemberView> {
    let mut tx = ask.begin(&identity.db).await?;
    // Held: no role is bound to it between this look at its roles and the end.
    let group = store::groups::hold(&mut tx, &path.group).await?;
    let user = store::users::lookup(&mut tx, path.user).await?;
    let carried = store::rights::bindings_of_group(&mut tx, group.id).await?;
    must_give(ask.caller(), &carried)?;

    let is_new = store::groups::insert_member(&mut tx, &group, user.id).await?;
    let member = store::groups::member(&mut tx, &group, user.id).await?;

    let member = MemberView::from(&member.ok_or_else(|| fault::Error::not_found("user"))?);
    if is_new {
        tx.finish(Status::Ok, Created(member)).await
    } else {
        tx.finish(Status::Ok, Done(member)).await
    }
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn whoever_is_put_in_carries_its_roles_at_the_next_question() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let eve = test.person(&tenant, "eve", Role::Viewer).await;
        test.join(&tenant, eve.id, "keepers", &Binding::role(Role::Admin, None))
            .await;
        let tokens = test.sign_in(&ada.email, PASSWORD).await.expect(200).json;
        let project = json!({"name": "shop"});
        let before = test.enter(&tokens).await.unwrap();
        before.post("/api/v1/projects", project.clone()).await.expect(403);
        let path = format!("/api/v1/groups/keepers/members/{}", ada.id);
        let put = |query: &str| owner.client.request(reqwest::Method::PUT, &format!("{path}{query}"));
        let would = owner.client.send(put("?dry_run=true")).await.expect(200);
        assert_eq!(would.json["email"], ada.email.as_str());
        before.post("/api/v1/projects", project.clone()).await.expect(403);
        let first = owner.client.send(put("")).await.expect(200);
        let again = owner.client.send(put("")).await.expect(200);
        assert_eq!(first.json, again.json);
        test.enter(&tokens)
            .await
            .unwrap()
            .post("/api/v1/projects", project)
            .await
            .expect(201);
        let log = test.dump("bus.outbox").await;
        assert!(
            log.contains(&format!("user:{}", ada.id)) && !log.contains("ada@"),
            "{log}"
        );
    }

    #[tokio::test]
    async fn t18_nobody_gives_by_a_group_what_they_lack_themself_included() {
        let test = start().await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let viewer = test.person(&tenant, "viewer", Role::Viewer).await;
        let them = test.person(&other, "them", Role::Owner).await;
        test.join(&tenant, owner.id, "chiefs", &Binding::role(Role::Owner, None))
            .await;
        let path = |user| format!("/api/v1/groups/chiefs/members/{user}");
        let put =
            async |caller: &testkit::Client, user| caller.send(caller.request(reqwest::Method::PUT, &path(user))).await;
        for user in [admin.id, viewer.id] {
            let refused = put(&admin.client, user).await.expect(403);
            assert!(refused.text.contains("owner"), "{}", refused.text);
        }
        put(&viewer.client, viewer.id).await.expect(403);
        let stale = put(&test.stale(&tenant, &owner), viewer.id).await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
        put(&them.client, them.id).await.expect(404);
        put(&owner.client, them.id).await.expect(404);
        put(&owner.client, viewer.id).await.expect(200);
    }
}
