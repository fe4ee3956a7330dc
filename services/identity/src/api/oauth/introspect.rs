use actix_web::post;
use actix_web::web::{Data, Json};
use auth::Principal;
use db::SystemTx;
use ids::{SessionId, TenantId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::Form;

use super::party::{self, Party};
use super::shown::Shown;
use super::token::EVERYTHING;
use crate::oauth::client::{ClientKind, wire_id};
use crate::oauth::refusal::{OauthRefusal, OauthRefusals};
use crate::oauth::{Code, Refusal};
use crate::refresh::{Family, RefreshToken};
use crate::state::Identity;
use crate::store;

/// A token, and who asks about it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AboutToken {
    /// The token.
    #[schema(value_type = String, example = "yrt_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGis")]
    pub(super) token: Option<SecretString>,
    /// `access_token` or `refresh_token`; tokens say it themselves.
    #[serde(rename = "token_type_hint")]
    #[schema(example = "refresh_token")]
    pub(super) _hint: Option<String>,
    /// The client, unless it is named otherwise.
    #[schema(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    client_id: Option<String>,
    /// Its secret, unless it comes as `Authorization: Basic`.
    #[schema(value_type = Option<String>)]
    client_secret: Option<SecretString>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// A proof signed with one of its keys (RFC 7523).
    #[schema(value_type = Option<String>)]
    client_assertion: Option<SecretString>,
}

impl AboutToken {
    pub(super) fn shown(&mut self, basic: Option<SecretString>) -> Shown {
        Shown {
            client_id: self.client_id.take(),
            client_secret: self.client_secret.take(),
            client_assertion_type: self.client_assertion_type.take(),
            client_assertion: self.client_assertion.take(),
            basic,
        }
    }

    pub(super) fn token(self) -> Result<SecretString, Refusal> {
        let missing = || Refusal::new(Code::InvalidRequest, "token is missing.");
        self.token.ok_or_else(missing)
    }
}

/// What a token is worth now (RFC 7662, 2.2).
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Introspection {
    /// Is it good?
    pub active: bool,
    /// For what.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "openid vm.read")]
    pub scope: Option<String>,
    /// The client that it was given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `Bearer`, for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Bearer")]
    pub token_type: Option<&'static str>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "yunshu")]
    pub aud: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://cloud.example")]
    pub iss: Option<String>,
    /// Made at, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Good until, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

/// Says what a token is worth now.
#[utoipa::path(
    operation_id = "introspect_oauth_token",
    tag = "oauth",
    description = "RFC 7662, for clients that prove who they are. Of a token that was given to another client, or is good no \
                   longer, it says nothing but that.",
    request_body(content = AboutToken, content_type = "application/x-www-form-urlencoded", description = "The token"),
    responses(
        (status = 200, description = "What it is worth", body = Introspection),
        OauthRefusals,
        (status = 400, description = "Refused (RFC 6749, 5.2)", body = OauthRefusal),
        (status = 401, description = "The client has not proven itself (RFC 6749, 5.2)", body = OauthRefusal),
    ),
    security(()),
)]
#[post("/oauth/introspect")]
pub async fn introspect_oauth_token(
    ask: Form<AboutToken>,
    identity: Data<Identity>,
) -> Result<Json<Introspection>, Refusal> {
    let Form { body, basic, origin } = ask;
    let mut body = body?;
    let party = party::prove(&identity, &origin, body.shown(basic)).await?;
    if matches!(&party, Party::Client(client) if client.kind == ClientKind::Public) {
        return Err(Refusal::new(
            Code::InvalidClient,
            "Only clients that prove themselves may ask.",
        ));
    }
    let token = body.token()?;
    prepare(&identity, &token).await?;

    let mut tx = identity.begin_sign_in().await?;
    let Some(found) = find(&mut tx, &identity, &token).await? else {
        return Ok(Json(Introspection::default()));
    };
    let whose = whose(&mut tx, &party, &found).await?.filter(|_| found.good);
    Ok(Json(whose.map_or_else(Introspection::default, |whose| Introspection {
        active: true,
        scope: Some(whose.scope),
        client_id: Some(whose.client_id),
        sub: Some(whose.sub),
        iss: Some(identity.keys.issuer().to_owned()),
        ..found.told
    })))
}

/// Whose a token is that lives and was given to the party that asks.
pub(super) struct Whose {
    scope: String,
    client_id: String,
    sub: String,
}

/// What may be said of a token to this party; none if it was given to another, or is over.
pub(super) async fn whose(tx: &mut SystemTx, party: &Party, found: &Found) -> Result<Option<Whose>, Refusal> {
    match party {
        Party::Client(client) => {
            let live = store::grants::live(tx, found.tenant, found.session).await?;
            Ok(live.filter(|live| live.client == client.id).map(|live| Whose {
                scope: live.scopes.text(),
                client_id: wire_id(live.client),
                sub: live.user.to_string(),
            }))
        }
        Party::Machine(machine) => {
            let mut found_now = store::standings::account_sessions(tx, &[found.session]).await?;
            let standing = found_now.remove(&found.session);
            let own = Principal::ServiceAccount(machine.account);
            let standing = standing.filter(|standing| standing.live && standing.principal == own);
            Ok(standing.map(|standing| Whose {
                scope: standing
                    .scope
                    .map_or_else(|| EVERYTHING.to_owned(), |scope| scope.names().join(" ")),
                client_id: machine.account.to_string(),
                sub: machine.account.to_string(),
            }))
        }
    }
}

/// A token that was once made here.
pub(super) struct Found {
    pub tenant: TenantId,
    pub session: SessionId,
    /// Is it the one of its session that is good now?
    good: bool,
    told: Introspection,
}

/// Has the keys at hand with which [`find`] knows a refresh token.
pub(super) async fn prepare(identity: &Identity, token: &SecretString) -> Result<(), Refusal> {
    if let Ok(token) = RefreshToken::parse(token.expose_secret()) {
        identity.at_the_door(token.tenant).await?;
    }
    Ok(())
}

/// Which token of ours this is; none if it is none.
pub(super) async fn find(
    tx: &mut SystemTx,
    identity: &Identity,
    token: &SecretString,
) -> Result<Option<Found>, Refusal> {
    if let Ok(token) = RefreshToken::parse(token.expose_secret()) {
        let Some(session) = store::sessions::claim(tx, token.tenant, token.session).await? else {
            return Ok(None);
        };
        let family = Family::open(&tx.keys(session.tenant).map_err(fault::Error::from)?, &session)
            .map_err(fault::Error::from)?;
        return Ok(family.made(&token).then(|| Found {
            tenant: session.tenant,
            session: session.id,
            good: session.token_hash == token.hash(),
            told: Introspection {
                exp: Some(session.expires_at.timestamp()),
                ..Introspection::default()
            },
        }));
    }
    let claims = identity.keys.check(token.expose_secret()).await;
    Ok(claims.ok().map(|claims| Found {
        tenant: claims.tenant,
        session: claims.sid,
        good: true,
        told: Introspection {
            token_type: Some("Bearer"),
            aud: Some(claims.aud),
            iat: Some(claims.iat),
            exp: Some(claims.exp),
            ..Introspection::default()
        },
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::oauth::App;
    use crate::testing::{PASSWORD, Test, start};

    async fn ask(test: &Test, app: &App, token: &Value) -> Value {
        let mut form = app.proof();
        form.push(("token", token.as_str().unwrap().to_owned()));
        test.form("introspect", &form).await.expect(200).json
    }

    #[tokio::test]
    async fn a_client_is_told_of_its_own_tokens() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let got = app.let_in(&test, &ada, "openid email").await;
        let access = ask(&test, &app, &got["access_token"]).await;
        assert_eq!(
            (&access["active"], &access["scope"]),
            (&json!(true), &json!("email openid"))
        );
        assert_eq!(
            (&access["client_id"], &access["token_type"]),
            (&json!(app.id), &json!("Bearer"))
        );
        assert_eq!(access["sub"], json!(test.check(&got).await.sub));
        let refresh = ask(&test, &app, &got["refresh_token"]).await;
        assert_eq!((&refresh["active"], refresh.get("token_type")), (&json!(true), None));
        let next = app.renew(&test, &got).await.expect(200).json;
        let inactive = json!({"active": false});
        assert_eq!(ask(&test, &app, &got["refresh_token"]).await, inactive, "turned in");
        assert_eq!(ask(&test, &app, &next["refresh_token"]).await["active"], true);
        assert_eq!(ask(&test, &app, &json!("junk")).await, inactive);
        assert_eq!(ask(&test, &app, &got["id_token"]).await, inactive);
    }

    #[tokio::test]
    async fn t01_of_anothers_token_nothing_is_said() {
        let test = start().await;
        let (ada, eve) = (test.enter_new("acme").await, test.enter_new("evil").await);
        let app = App::register(&ada, json!({})).await;
        let beside = App::register(&ada, json!({"name": "b"})).await;
        let theirs = App::register(&eve, json!({})).await;
        let got = app.let_in(&test, &ada, "openid").await;
        let own = test.sign_in("ada@acme.example", PASSWORD).await.expect(200).json;
        for token in [&got["access_token"], &got["refresh_token"]] {
            assert_eq!(
                ask(&test, &theirs, token).await,
                json!({"active": false}),
                "another tenant's"
            );
            assert_eq!(
                ask(&test, &beside, token).await,
                json!({"active": false}),
                "another client's"
            );
        }
        for token in [&own["access_token"], &own["refresh_token"]] {
            assert_eq!(ask(&test, &app, token).await, json!({"active": false}), "nobody's");
        }
        assert_eq!(
            ask(&test, &app, &got["refresh_token"]).await["active"],
            true,
            "asking ends nothing"
        );
    }

    #[tokio::test]
    async fn only_a_client_that_proves_itself_may_ask() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let public = App::register(&ada, json!({"kind": "public"})).await;
        let got = public.let_in(&test, &ada, "openid").await;
        let mut form = public.proof();
        form.push(("token", got["access_token"].as_str().unwrap().to_owned()));
        test.form("introspect", &form).await.expect(401);
        test.form("introspect", &[("token", "x".to_owned())]).await.expect(401);
        let app = App::register(&ada, json!({"name": "b"})).await;
        test.form("introspect", &app.proof()).await.expect(400);
    }
}
