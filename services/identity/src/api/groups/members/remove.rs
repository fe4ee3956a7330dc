use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::Principal;
use auth::action::group_member;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{InMember, MemberView};
use crate::state::Identity;
use crate::store;
use crate::user::must_cover;

/// Takes somebody out of a group.
#[utoipa::path(
    operation_id = "remove_group_member",
    tag = "groups",
    description = "Takes from somebody what is bound to the group. Nobody does that to somebody with more rights, and the last \
                   owner stays. Needs `group_member.delete` and a factor shown of late.",
    params(
        ("group" = String, Path, description = "Id or name", example = "developers"),
        ("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses(
        (status = 204, description = "They are out of it"),
        (status = 200, description = "Dry run: who would be taken out", body = MemberView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/groups/{group}/members/{user}")]
pub async fn remove_group_member(
    ask: Change<group_member::Delete>,
    path: Path<InMember>,
    identity: Data<Identity>,
) -> Outcome<MemberView> {
    let mut tx = ask.begin(&identity.db).await?;
    let owners = store::owners::hold(&mut tx).await?;
    let group = store::groups::hold(&mut tx, &path.group).await?;
    let user = store::users::hold(&mut tx, path.user).await?;
    let member = store::groups::member(&mut tx, &group, user.id).await?;
    let member = member.ok_or_else(|| fault::Error::not_found("member"))?;
    // What they carry holds what the group gives them.
    let carried = store::rights::bindings_of(&mut tx, &Principal::User(user.id)).await?;
    must_cover(ask.caller(), &carried)?;

    store::groups::remove_member(&mut tx, &group, user.id).await?;
    owners.must_remain(&mut tx).await?;

    tx.finish(Status::NoContent, Removed(MemberView::from(&member))).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn t18_who_is_taken_out_loses_its_roles_and_nobody_with_more_is_taken_out() {
        let test = start().await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let them = test.client.caller(&other.caller(Role::Owner));
        test.join(&tenant, ada.id, "runners", &Binding::role(Role::Operator, None))
            .await;
        let path = format!("/api/v1/groups/runners/members/{}", ada.id);
        them.delete(&path).await.expect(404);
        ada.client.delete(&path).await.expect(403);
        admin.client.delete(&format!("{path}?dry_run=true")).await.expect(200);
        test.rebind(&tenant, ada.id, Role::Auditor).await;
        let refused = admin.client.delete(&path).await.expect(403);
        assert!(refused.text.contains("auditor"), "{}", refused.text);
        owner.client.delete(&path).await.expect(204);
        owner.client.delete(&path).await.expect(404);
        let read = owner.client.get(&ada.path).await.expect(200);
        assert_eq!(read.json["roles"], json!(["auditor"]));
        let stale = test.stale(&tenant, &owner).delete(&path).await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
    }

    #[tokio::test]
    async fn t18_the_last_owner_stays_in_the_group_that_makes_them_one() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let one = test.person(&tenant, "one", Role::Owner).await;
        let two = test.person(&tenant, "two", Role::Owner).await;
        let group = test
            .join(&tenant, one.id, "chiefs", &Binding::role(Role::Owner, None))
            .await;
        let path = |user| format!("/api/v1/groups/{group}/members/{user}");
        let put = one.client.request(reqwest::Method::PUT, &path(two.id));
        one.client.send(put).await.expect(200);
        for person in [&one, &two] {
            test.rebind(&tenant, person.id, Role::Viewer).await;
        }
        let (first, second) = (path(two.id), path(one.id));
        let both = futures::future::join(one.client.delete(&first), two.client.delete(&second));
        let (first, second) = both.await;
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{} {}", first.text, second.text);
    }
}
