use actix_web::post;
use actix_web::web::{Data, Path};
use auth::Credential;
use auth::action::account_key;
use db::{Created, Outcome, Status};
use fault::Kind;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{AccountCredentialSecret, AccountCredentialView};
use crate::account::credential::{MOST, What};
use crate::api::service_accounts::{InAccount, hold_covered};
use crate::api_key::{check_end, check_name};
use crate::oauth::jwk::PublicJwk;
use crate::once::Token;
use crate::state::Identity;
use crate::store;

/// A credential to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAccountCredential {
    /// What you call it, 1 to 100 characters.
    #[schema(example = "nightly backup", min_length = 1, max_length = 100)]
    pub name: String,
    /// The public half of a key that the account proves itself with (`private_key_jwt`). Left out: a secret is made.
    pub jwk: Option<PublicJwk>,
    /// Seconds until it ends. Left out: when it is removed.
    #[schema(example = 7_776_000, minimum = 1)]
    pub expires_in: Option<u32>,
}

/// Makes a credential for a service account.
#[utoipa::path(
    operation_id = "create_account_credential",
    tag = "service-accounts",
    description = "With it the account gets access tokens from `/oauth/token` (`grant_type=client_credentials`), its own id as \
                   `client_id`. A secret is shown once, and only a hash is kept. Whoever makes it must carry all the account's \
                   rights themself. Needs `account_key.create`, and asks for a factor shown of late.",
    params(("account" = String, Path, description = "Id or name", example = "backup"), DryRun, Once),
    request_body(content = CreateAccountCredential, description = "The credential to be"),
    responses((status = 201, description = "Created", body = AccountCredentialSecret), Refusals),
    security(("bearer" = [])),
)]
#[post("/service-accounts/{account}/credentials")]
pub async fn create_account_credential(
    ask: Change<account_key::Create, CreateAccountCredential>,
    path: Path<InAccount>,
    identity: Data<Identity>,
) -> Outcome<AccountCredentialSecret> {
    let body = &ask.body;
    let name = check_name(&body.name);
    let key = body.jwk.as_ref().map_or(Ok(()), |jwk| jwk.check("/jwk"));
    let end = check_end(identity.db.clock().now(), body.expires_in, None);
    let (name, expires_at) = match (name, key, end) {
        (Ok(name), Ok(()), Ok(end)) => (name, end),
        (name, key, end) => {
            let wrong = [name.err(), key.err(), end.err()];
            return Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()).into());
        }
    };
    // A key that ends, or is good from one place alone, would make one that does not.
    if matches!(ask.caller().credential(), Credential::ApiKey(_)) {
        let detail = "No API key makes credentials of this kind: sign in, or make an API key.";
        return Err(fault::Error::new(Kind::Forbidden, detail).into());
    }

    let mut tx = ask.begin(&identity.db).await?;
    let account = hold_covered(&mut tx, &path.account).await?;

    let secret = Token::make("yss_");
    let what = match &body.jwk {
        Some(jwk) => What::Key(jwk.clone()),
        None => What::Secret(secret.digest().to_vec()),
    };
    let made = store::account_credentials::insert(&mut tx, &account, (&name, &what), expires_at).await?;
    let made = made.ok_or_else(|| fault::Error::conflict(format!("There are {MOST} already; remove one.")))?;

    let client_secret = (body.jwk.is_none() && !tx.is_dry_run()).then(|| secret.reveal());
    let made = AccountCredentialSecret {
        client_id: account.id,
        client_secret,
        credential: AccountCredentialView::from(&made),
    };
    tx.finish(Status::Created, Created(made)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{restless, start};

    #[tokio::test]
    async fn t19_a_secret_is_shown_once_and_only_a_hash_is_kept() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        owner
            .post("/api/v1/service-accounts", json!({"name": "backup"}))
            .await
            .expect(201);
        let path = "/api/v1/service-accounts/backup/credentials";
        let made = owner
            .post_once(path, "once", json!({"name": "a"}))
            .await
            .expect(201)
            .json;
        let secret = made["client_secret"].as_str().unwrap();
        assert!(secret.starts_with("yss_"));
        owner.post_once(path, "once", json!({"name": "a"})).await.expect(409);
        let listed = owner.get(path).await.expect(200);
        assert_eq!(listed.json["items"][0], made["credential"]);
        for table in ["identity.account_credentials", "identity.replies", "bus.outbox"] {
            assert!(!test.dump(table).await.contains(&secret[4..]), "{table}");
        }
        for bad in [
            json!({"name": ""}),
            json!({"name": "a", "jwk": {"kty": "oct", "k": "x"}}),
            json!({"name": "a", "expires_in": 0}),
            json!({"name": "a", "secret": "mine"}),
        ] {
            owner.post(path, bad).await.expect(400);
        }
        for n in 1..crate::account::credential::MOST {
            owner.post(path, json!({"name": format!("{n}")})).await.expect(201);
        }
        owner.post(path, json!({"name": "more"})).await.expect(409);
    }

    #[tokio::test]
    async fn t18_t01_nobody_makes_one_for_an_account_with_more_rights_or_of_another_tenant() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let owner = test.client.caller(&mine.caller(Role::Owner));
        let made = owner
            .post("/api/v1/service-accounts", json!({"name": "boss"}))
            .await
            .expect(201);
        test.bind_account(&mine, &made.json["id"], "owner").await;
        let path = format!("{}/credentials", made.header("location"));
        let body = json!({"name": "a"});
        test.client
            .caller(&mine.caller(Role::Admin))
            .post(&path, body.clone())
            .await
            .expect(403);
        test.client
            .caller(&mine.caller(Role::Viewer))
            .post(&path, body.clone())
            .await
            .expect(403);
        test.client
            .caller(&theirs.caller(Role::Owner))
            .post(&path, body.clone())
            .await
            .expect(404);
        test.client
            .caller(&theirs.caller(Role::Owner))
            .get(&path)
            .await
            .expect(404);
        let stale = test.client.caller(&restless(&mine, Role::Owner));
        assert_eq!(
            stale.post(&path, body.clone()).await.expect(403).code(),
            "step_up_required"
        );
        owner.post(&path, body).await.expect(201);
    }
}
