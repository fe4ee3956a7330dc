use actix_web::web::{Data, Json, Path};
use auth::Standing;
use ids::SessionId;
use web::AsPlatform;

use crate::state::Identity;
use crate::store;

/// What a session may do now: 404 if it never was, or is long gone.
pub async fn read_standing(
    _: AsPlatform,
    session: Path<SessionId>,
    identity: Data<Identity>,
) -> Result<Json<Standing>, fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    let standing = store::standings::session(&mut tx, *session).await?;
    standing.map(Json).ok_or_else(|| fault::Error::not_found("session"))
}

#[cfg(test)]
mod tests {
    use auth::passport::Bearer;
    use auth::{Binding, Role};
    use ids::SessionId;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn it_tells_the_roles_of_now() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let claims = test.check(&tokens).await;
        let standing = test.standing(&claims).await.unwrap();
        assert_eq!(
            (standing.live, standing.bindings),
            (true, vec![Binding::role(Role::Owner, None)])
        );
        test.unbind(&owner).await;
        assert_eq!(
            test.standing(&claims).await.unwrap().bindings,
            [],
            "t17: felt at the next question"
        );
    }

    #[tokio::test]
    async fn t09_nobody_but_the_platform_may_ask() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let path = format!("/internal/sessions/{}", test.check(&tokens).await.sid);
        test.client.get(&path).await.expect(404);
        test.enter(&tokens).await.unwrap().get(&path).await.expect(404);
        test.client
            .bearer(Bearer::Certificate("00".repeat(32)))
            .get(&path)
            .await
            .expect(404);
        test.client
            .bearer(Bearer::Platform("gateway".to_owned()))
            .get(&path)
            .await
            .expect(200);
    }

    #[tokio::test]
    async fn what_never_was_is_404() {
        let test = start().await;
        let gateway = test.client.bearer(Bearer::Platform("gateway".to_owned()));
        gateway
            .get(&format!("/internal/sessions/{}", SessionId::mint()))
            .await
            .expect(404);
        gateway.get("/internal/sessions/junk").await.expect(404);
    }
}
