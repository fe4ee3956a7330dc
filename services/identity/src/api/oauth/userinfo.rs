use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::userinfo;
use ids::{TenantId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Read, Refusals};

use crate::oauth::Scopes;
use crate::oauth::id_token::About;
use crate::state::Identity;
use crate::store;

/// Who somebody is (`OpenID` Connect Core, 5.1), as far as the token's scopes say.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserInfo {
    /// Their id, which never changes.
    pub sub: UserId,
    /// Their tenant.
    pub tenant: TenantId,
    /// What they are called; with the scope `profile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ada Lovelace")]
    pub name: Option<String>,
    /// Their address; with the scope `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ada@example.com")]
    pub email: Option<String>,
    /// Was it proven to be theirs?
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = false)]
    pub email_verified: Option<bool>,
}

/// Reads who the caller is, for `OpenID` Connect.
#[utoipa::path(
    operation_id = "read_userinfo",
    tag = "oauth",
    description = "The person whose access token this is, as far as its scopes say: `openid` is needed, `profile` and `email` \
                   tell more.",
    responses((status = 200, description = "Who it is", body = UserInfo), Refusals),
    security(("bearer" = [])),
)]
#[get("/oauth/userinfo")]
pub async fn read_userinfo(
    ask: Read<userinfo::Read>,
    identity: Data<Identity>,
) -> Result<Json<UserInfo>, fault::Error> {
    let user = ask.caller().user().ok_or_else(|| fault::Error::not_found("person"))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let scopes = match ask.caller().session() {
        Some(session) => store::grants::scopes(&mut tx, session).await?,
        None => None,
    };
    let person = store::people::lookup(&mut tx, &tenant, user).await?;
    let person = person.ok_or_else(|| fault::Error::not_found("person"))?;

    let scopes = scopes.unwrap_or_else(Scopes::everything);
    let about = About::of(&scopes, &person.display_name, person.email.as_str());
    Ok(Json(UserInfo {
        sub: user,
        tenant: tenant.id,
        name: about.name,
        email: about.email,
        email_verified: about.email_verified,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::oauth::App;
    use crate::testing::start;

    const PATH: &str = "/api/v1/oauth/userinfo";

    #[tokio::test]
    async fn it_tells_what_the_scopes_say() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let told = async |scope: &str| {
            let got = app.let_in(&test, &ada, scope).await;
            let sub = test.check(&got).await.sub;
            let said = test.enter(&got).await.unwrap().get(PATH).await.expect(200).json;
            assert_eq!(said["sub"], json!(sub));
            said
        };
        let all = told("openid email profile").await;
        assert_eq!(
            (&all["email"], &all["name"]),
            (&json!("ada@acme.example"), &json!("ada"))
        );
        let little = told("openid").await;
        assert!(
            little.get("email").is_none() && little.get("name").is_none(),
            "{little}"
        );
        let got = app.let_in(&test, &ada, "project.read").await;
        test.enter(&got).await.unwrap().get(PATH).await.expect(403);
        test.client.get(PATH).await.expect(401);
        ada.get(PATH).await.expect(200);
    }
}
