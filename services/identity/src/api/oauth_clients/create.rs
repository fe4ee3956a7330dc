use actix_web::post;
use actix_web::web::Data;
use auth::action::oauth_client;
use db::{Created, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{OauthClientSecret, OauthClientView};
use crate::api_key::check_name;
use crate::oauth::Scopes;
use crate::oauth::client::{ClientKind, GrantType, check_grants, check_uris};
use crate::oauth::jwk::PublicJwks;
use crate::once::Token;
use crate::state::Identity;
use crate::store;
use crate::store::oauth_clients::{Proof, Wanted};

/// A client to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOauthClient {
    /// What people are told it is, 1 to 100 characters, unique in the tenant.
    #[schema(example = "Grafana", min_length = 1, max_length = 100)]
    pub name: String,
    /// Can it keep a secret?
    pub kind: ClientKind,
    /// Where answers may go, letter by letter: https, or http to 127.0.0.1, `[::1]` or localhost, there with any port.
    #[serde(default)]
    #[schema(example = json!(["https://app.example/callback"]), max_items = 20)]
    pub redirect_uris: Vec<String>,
    /// Its ways to tokens.
    #[schema(example = json!(["authorization_code", "refresh_token"]), min_items = 1, max_items = 3)]
    pub grant_types: Vec<GrantType>,
    /// What it may be let in for: names of actions such as `vm.read` or `vm.*`, `openid`, `profile`, `email`. None by which
    /// a program could change what people sign in with.
    #[schema(example = json!(["openid", "email"]), min_items = 1, max_items = 200)]
    pub scopes: Vec<String>,
    /// The public keys that it proves itself with, instead of a secret (`private_key_jwt`).
    pub jwks: Option<PublicJwks>,
}

/// Names each field that is wrong.
pub(super) fn check(
    body: (&str, &[String], &[GrantType], &[String]),
    jwks: Option<&PublicJwks>,
    enabled: bool,
) -> Result<Wanted, fault::Error> {
    let (name, redirect_uris, grant_types, scopes) = body;
    let name = check_name(name);
    let uris = check_uris(redirect_uris, grant_types);
    let grants = check_grants(grant_types);
    let scopes = Scopes::check(scopes);
    let keys = jwks.map_or(Ok(()), PublicJwks::check);
    match (name, uris, grants, scopes, keys) {
        (Ok(name), Ok(redirect_uris), Ok(grant_types), Ok(scopes), Ok(())) => Ok(Wanted {
            name,
            redirect_uris,
            grant_types,
            scopes,
            enabled,
        }),
        (name, uris, grants, scopes, keys) => {
            let wrong = [name.err(), uris.err(), grants.err(), scopes.err(), keys.err()];
            Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()))
        }
    }
}

/// Registers a client.
#[utoipa::path(
    operation_id = "create_oauth_client",
    tag = "oauth-clients",
    description = "A program that people of the tenant may let act for them, or that learns from here who they are. Its secret is \
                   shown once, and only a hash is kept. It has no rights of its own. Needs `oauth_client.create`, and asks for a \
                   factor shown of late.",
    params(DryRun, Once),
    request_body(content = CreateOauthClient, description = "The client to be"),
    responses((status = 201, description = "Created", body = OauthClientSecret), Refusals),
    security(("bearer" = [])),
)]
#[post("/oauth-clients")]
pub async fn create_oauth_client(
    ask: Change<oauth_client::Create, CreateOauthClient>,
    identity: Data<Identity>,
) -> Outcome<OauthClientSecret> {
    let body = &ask.body;
    let said = (&*body.name, &*body.redirect_uris, &*body.grant_types, &*body.scopes);
    let wanted = check(said, body.jwks.as_ref(), true)?;
    let secret = Token::make("yos_");
    let (proof, shown) = match (body.kind, &body.jwks) {
        (ClientKind::Public, None) => (Proof::Nothing, false),
        (ClientKind::Public, Some(_)) => {
            return Err(fault::Error::invalid("/jwks", "is for confidential clients").into());
        }
        (ClientKind::Confidential, Some(jwks)) => (Proof::Keys(jwks), false),
        (ClientKind::Confidential, None) => (Proof::Secret(secret.digest()), true),
    };

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let client = store::oauth_clients::insert(&mut tx, &tenant, &wanted, &proof)
        .await
        .map_err(|error| error.taken("OAuth client"))?;

    let client_secret = (shown && !tx.is_dry_run()).then(|| secret.reveal());
    let client = OauthClientView::from(&client);
    tx.finish(Status::Created, Created(OauthClientSecret { client_secret, client }))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{restless, start};

    const PATH: &str = "/api/v1/oauth-clients";

    fn body() -> serde_json::Value {
        json!({"name": "Grafana", "kind": "confidential", "redirect_uris": ["https://app.example/cb"],
               "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "vm.*"]})
    }

    #[tokio::test]
    async fn t19_its_secret_is_shown_once_and_only_a_hash_is_kept() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let made = admin.post_once(PATH, "once", body()).await.expect(201);
        let secret = made.json["client_secret"].as_str().unwrap();
        assert!(secret.starts_with("yos_") && secret.len() == 47);
        assert_eq!(made.json["client"]["scopes"], json!(["openid", "vm.*"]));
        let read = admin.get(made.header("location")).await.expect(200);
        assert!(!read.text.contains("secret"));
        admin.post_once(PATH, "once", body()).await.expect(409);
        assert_eq!(admin.post(PATH, body()).await.expect(409).code(), "already_exists");
        for table in ["identity.oauth_clients", "identity.replies", "bus.outbox"] {
            assert!(!test.dump(table).await.contains(&secret[4..]), "{table}");
        }
        let mut other = body();
        other["name"] = json!("Other");
        let dry = admin.post(&format!("{PATH}?dry_run=true"), other).await;
        assert!(dry.expect(200).json["client_secret"].is_null());
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_field_by_field() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let all = json!({"name": "", "kind": "public", "redirect_uris": ["http://app.example/cb"],
                         "grant_types": ["refresh_token", "authorization_code"], "scopes": ["api_key.create"]});
        let refused = admin.post(PATH, all).await.expect(400).json;
        let places: Vec<_> = (0..3).map(|n| refused["errors"][n]["pointer"].clone()).collect();
        assert_eq!(places, ["/name", "/redirect_uris/0", "/scopes/0"]);
        for (field, value) in [
            ("grant_types", json!(["password"])),
            ("grant_types", json!(["implicit"])),
            ("grant_types", json!(["refresh_token"])),
            ("redirect_uris", json!([])),
            ("redirect_uris", json!(["https://*.example/cb"])),
            ("scopes", json!([])),
            ("scopes", json!(["all"])),
            ("kind", json!("trusted")),
            ("jwks", json!({"keys": []})),
            ("jwks", json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]})),
            ("secret_hash", json!("x")),
        ] {
            let mut body = body();
            body[field] = value.clone();
            admin.post(PATH, body).await.expect(400);
        }
    }

    #[tokio::test]
    async fn only_who_looks_after_the_tenant_registers_clients_with_a_fresh_factor() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for role in [Role::Operator, Role::Viewer, Role::Auditor] {
            let caller = test.client.caller(&tenant.caller(role));
            caller.post(PATH, body()).await.expect(403);
        }
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        assert_eq!(stale.post(PATH, body()).await.expect(403).code(), "step_up_required");
    }
}
