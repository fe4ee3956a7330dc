use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use auth::action::session;
use auth::{Action, Principal};
use chrono::{DateTime, Utc};
use db::{AuditEvent, AuditOutcome};
use ids::{EventId, SessionId};
use serde_json::json;
use web::{Form, Origin};

use super::introspect::{AboutToken, find, prepare, whose};
use super::party::{self, Party};
use crate::oauth::Refusal;
use crate::oauth::refusal::{OauthRefusal, OauthRefusals};
use crate::state::Identity;
use crate::store;
use crate::store::sessions::Why;

/// Ends a token.
#[utoipa::path(
    operation_id = "revoke_oauth_token",
    tag = "oauth",
    description = "RFC 7009. With either token the session ends that both are of. What is no token of this client is left as \
                   it is, and answered the same.",
    request_body(content = AboutToken, content_type = "application/x-www-form-urlencoded", description = "The token"),
    responses(
        (status = 200, description = "It is good for nothing any more"),
        OauthRefusals,
        (status = 400, description = "Refused (RFC 6749, 5.2)", body = OauthRefusal),
        (status = 401, description = "The client has not proven itself (RFC 6749, 5.2)", body = OauthRefusal),
    ),
    security(()),
)]
#[post("/oauth/revoke")]
pub async fn revoke_oauth_token(ask: Form<AboutToken>, identity: Data<Identity>) -> Result<HttpResponse, Refusal> {
    let Form { body, basic, origin } = ask;
    let mut body = body?;
    let party = party::prove(&identity, &origin, body.shown(basic)).await?;
    let token = body.token()?;
    prepare(&identity, &token).await?;

    let mut tx = identity.begin_sign_in().await?;
    if let Some(found) = find(&mut tx, &identity, &token).await?
        && whose(&mut tx, &party, &found).await?.is_some()
    {
        let actor = match &party {
            Party::Machine(machine) => {
                store::account_sessions::revoke(&mut tx, found.tenant, found.session).await?;
                Some(Principal::ServiceAccount(machine.account))
            }
            Party::Client(_) => {
                let session = store::sessions::claim(&mut tx, found.tenant, found.session).await?;
                store::sessions::revoke(&mut tx, found.tenant, found.session, Why::Client).await?;
                session.map(|session| Principal::User(session.user))
            }
        };
        if let Some(actor) = actor {
            tx.record(found.tenant, &ended(&origin, tx.now(), &actor, found.session))?;
        }
    }
    tx.commit().await?;
    Ok(HttpResponse::Ok().finish())
}

fn ended(origin: &Origin, time: DateTime<Utc>, actor: &Principal, session: SessionId) -> AuditEvent {
    AuditEvent {
        id: EventId::mint(),
        time,
        actor: actor.to_string(),
        credential: None,
        action: session::Delete::INFO.name.to_owned(),
        object: format!("session:{session}"),
        outcome: AuditOutcome::Success,
        ip: origin.address,
        request_id: origin.request,
        changes: json!({}),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::oauth::App;
    use crate::testing::{PASSWORD, Test, start};

    async fn revoke(test: &Test, app: &App, token: &Value) {
        let mut form = app.proof();
        form.push(("token", token.as_str().unwrap().to_owned()));
        test.form("revoke", &form).await.expect(200);
    }

    #[tokio::test]
    async fn t17_either_token_ends_the_session() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        for name in ["access_token", "refresh_token"] {
            let got = app.let_in(&test, &ada, "openid").await;
            revoke(&test, &app, &got[name]).await;
            assert!(test.enter(&got).await.is_none(), "{name}");
            app.renew(&test, &got).await.expect(400);
            revoke(&test, &app, &got[name]).await;
        }
    }

    #[tokio::test]
    async fn nobody_ends_what_is_anothers() {
        let test = start().await;
        let (ada, eve) = (test.enter_new("acme").await, test.enter_new("evil").await);
        let (app, theirs) = (
            App::register(&ada, json!({})).await,
            App::register(&eve, json!({})).await,
        );
        let beside = App::register(&ada, json!({"kind": "public", "name": "b"})).await;
        let got = app.let_in(&test, &ada, "openid").await;
        let own = test.sign_in("ada@acme.example", PASSWORD).await.expect(200).json;
        for other in [&theirs, &beside] {
            revoke(&test, other, &got["access_token"]).await;
            revoke(&test, other, &got["refresh_token"]).await;
        }
        revoke(&test, &app, &own["refresh_token"]).await;
        revoke(&test, &app, &json!("junk")).await;
        assert!(test.enter(&got).await.is_some() && test.enter(&own).await.is_some());
        test.form("revoke", &[("token", "x".to_owned())]).await.expect(401);
    }
}
