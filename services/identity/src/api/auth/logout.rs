use actix_web::post;
use actix_web::web::Data;
use auth::action::session;
use db::{Outcome, Removed, Status, Subject};
use ids::SessionId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use crate::state::Identity;
use crate::store;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
}

impl Subject for SessionView {
    fn object(&self) -> String {
        format!("session:{}", self.id)
    }
}

/// Signs out: ends the session the access token belongs to.
#[utoipa::path(
    operation_id = "sign_out",
    tag = "auth",
    description = "Its refresh token is dead at once, its access tokens within five seconds.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats within a day get the first answer"),
    ),
    responses(
        (status = 204, description = "Signed out"),
        (status = 200, description = "Dry run: the session that would end", body = SessionView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[post("/auth/logout")]
pub async fn sign_out(ask: Change<session::Delete>, identity: Data<Identity>) -> Outcome<SessionView> {
    let id = ask.caller().session().ok_or_else(|| {
        let detail =
            "This call was made without a session, so there is none to sign out of; revoke the API key instead.";
        fault::Error::new(fault::Kind::Invalid, detail)
    })?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    store::sessions::end(&mut tx, &tenant, id).await?;

    tx.finish(Status::NoContent, Removed(SessionView { id })).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{PASSWORD, start, turn_in};

    #[tokio::test]
    async fn t17_after_signing_out_neither_token_is_good() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let other = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let me = test.enter(&tokens).await.unwrap();
        me.post("/api/v1/auth/logout", json!({})).await.expect(204);
        assert!(test.enter(&tokens).await.is_none());
        turn_in(&test.client, &tokens).await.expect(401);
        turn_in(&test.client, &other).await.expect(200);
        let log = test.bench.audit(owner.tenant).await;
        assert!(
            log.contains(&("session.delete".to_owned(), "success".to_owned())),
            "{log:?}"
        );
    }

    #[tokio::test]
    async fn a_dry_run_ends_nothing() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let me = test.enter(&tokens).await.unwrap();
        me.post("/api/v1/auth/logout?dry_run=true", json!({})).await.expect(200);
        turn_in(&test.client, &tokens).await.expect(200);
    }

    #[tokio::test]
    async fn a_key_has_no_session_to_sign_out_of() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        for (body, status) in [
            (json!({"name": "plain"}), 403),
            (json!({"name": "named", "scopes": ["session.delete"]}), 400),
        ] {
            let key = ada.post("/api/v1/me/api-keys", body).await.expect(201).json["key"].clone();
            let by_key = test.enter_by_key(&key, "192.0.2.1").await.unwrap();
            by_key.post("/api/v1/auth/logout", json!({})).await.expect(status);
        }
        ada.get("/api/v1/me").await.expect(200);
    }

    #[tokio::test]
    async fn who_is_not_signed_in_cannot_sign_out() {
        let test = start().await;
        test.client.post("/api/v1/auth/logout", json!({})).await.expect(401);
    }
}
