use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::user;
use web::{Found, Read, Refusals};

use super::{InUser, UserView};
use crate::state::Identity;
use crate::store;

/// Reads a person.
#[utoipa::path(
    operation_id = "read_user",
    tag = "users",
    description = "Somebody of the tenant. Needs `user.read`.",
    params(("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")),
    responses((status = 200, description = "The person", body = UserView), Refusals),
    security(("bearer" = [])),
)]
#[get("/users/{user}")]
pub async fn read_user(
    ask: Read<user::Read>,
    path: Path<InUser>,
    identity: Data<Identity>,
) -> Result<Found<UserView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let user = store::users::lookup(&mut tx, path.user).await?;

    Ok(Found(UserView::from(&*user)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::UserId;
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn a_person_is_shown_with_their_roles_and_when_they_were_last_seen() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let read = owner.client.get(&ada.path).await.expect(200);
        assert_eq!(read.json["email"], json!(ada.email));
        assert_eq!(
            (&read.json["roles"], &read.json["enabled"]),
            (&json!(["viewer"]), &json!(true))
        );
        assert_eq!(read.json["seen_at"], json!(null));
        test.sign_in(&ada.email, PASSWORD).await.expect(200);
        let seen = owner.client.get(&ada.path).await.expect(200);
        assert!(seen.json["seen_at"].is_string(), "{}", seen.text);
        assert_eq!(read.header("etag"), seen.header("etag"), "being seen is no change");
    }

    #[tokio::test]
    async fn t01_anothers_person_reads_like_one_who_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.person(&mine, "me", Role::Owner).await;
        let them = test.person(&theirs, "them", Role::Owner).await;
        let foreign = me.client.get(&them.path).await.expect(404);
        let absent = me
            .client
            .get(&format!("/api/v1/users/{}", UserId::mint()))
            .await
            .expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        me.client.get("/api/v1/users/them@acme.example").await.expect(404);
        let viewer = test.person(&mine, "viewer", Role::Viewer).await;
        viewer.client.get(&me.path).await.expect(403);
    }
}
