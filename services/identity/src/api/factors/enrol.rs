use actix_web::post;
use actix_web::web::Data;
use auth::action::factor;
use db::{Created, Outcome, Status, Subject};
use ids::FactorId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::{FactorView, signed_in};
use crate::factor::totp::Shared;
use crate::factor::{Kind, MOST, Name, qr};
use crate::state::Identity;
use crate::store;

/// An authenticator to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolTotp {
    /// What its holder calls it; `Authenticator`, unless said otherwise.
    #[serde(default = "usual")]
    #[schema(example = "Phone", min_length = 1, max_length = 100)]
    pub name: String,
}

fn usual() -> String {
    "Authenticator".to_owned()
}

/// An authenticator that its holder has yet to confirm, with its secret. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub struct EnrolledTotp {
    /// What there is to know of it later.
    pub factor: FactorView,
    /// For typing into an authenticator, in base 32. A secret.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// The same for a link. A secret.
    #[schema(
        example = "otpauth://totp/Yunshu:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Yunshu"
    )]
    pub uri: String,
    /// The same for a camera: a QR code as a `data:` URI of an SVG. A secret.
    #[schema(example = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=")]
    pub qr: String,
}

impl Subject for EnrolledTotp {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.factor.object()
    }

    fn record(&self) -> serde_json::Value {
        self.factor.record()
    }
}

/// Makes an authenticator for the caller.
#[utoipa::path(
    operation_id = "enrol_totp",
    tag = "auth",
    description = "Makes the secret that server and authenticator share (RFC 6238: SHA-1, six digits, thirty seconds), shown \
                   this once. It counts for nothing until a first code confirms it; another that was never confirmed goes. \
                   Asks for a factor shown of late.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; the secret shown then is nobody's"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: a secret is not shown twice"),
    ),
    request_body(content = EnrolTotp, description = "The authenticator"),
    responses((status = 201, description = "To be confirmed", body = EnrolledTotp), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/totp")]
pub async fn enrol_totp(ask: Change<factor::Create, EnrolTotp>, identity: Data<Identity>) -> Outcome<EnrolledTotp> {
    let name = Name::check("/name", &ask.body.name).map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    let (user, _) = signed_in(ask.caller())?;
    let id = FactorId::mint();

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let email = store::people::email(&mut tx, &tenant, user).await?;
    let policy = store::policies::lookup(&mut tx).await?;
    if !policy.counts(Kind::Totp) {
        let names: Vec<&str> = policy.kinds().iter().map(|kind| kind.name()).collect();
        let detail = format!("Your tenant takes second factors of other kinds: {}.", names.join(", "));
        return Err(fault::Error::conflict(detail).into());
    }
    let present = store::factors::list(&mut tx, &tenant, user).await?;
    if present.iter().filter(|factor| factor.confirmed_at.is_some()).count() >= MOST {
        return Err(fault::Error::conflict("You have as many factors as one may have; remove one first.").into());
    }

    let shared = Shared::make(&email).map_err(fault::Error::internal)?;
    let sealed = shared.seal(tx.keys()?, tenant.id, id)?;
    let made = store::factors::insert(&mut tx, &tenant, user, (id, Kind::Totp, &name), &sealed).await?;

    let uri = shared.uri().map_err(fault::Error::internal)?;
    let shown = EnrolledTotp {
        factor: FactorView::from(&made),
        secret: shared.typed(),
        qr: qr::data_uri(&uri).map_err(fault::Error::internal)?,
        uri,
    };
    tx.finish(Status::Created, Created(shown)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{PASSWORD, start};

    const PATH: &str = "/api/v1/me/mfa/totp";

    #[tokio::test]
    async fn the_secret_is_shown_once_in_three_forms() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        let made = client
            .post_once(PATH, "one", json!({"name": " Phone "}))
            .await
            .expect(201);
        assert_eq!(made.json["factor"]["name"], "Phone");
        assert_eq!(made.json["factor"]["confirmed"], false);
        let secret = made.json["secret"].as_str().unwrap();
        assert_eq!(secret.len(), 32);
        let uri = made.json["uri"].as_str().unwrap();
        assert!(uri.contains(secret) && uri.contains("ada%40acme.example"), "{uri}");
        assert!(
            made.json["qr"]
                .as_str()
                .unwrap()
                .starts_with("data:image/svg+xml;base64,")
        );
        client
            .post_once(PATH, "one", json!({"name": " Phone "}))
            .await
            .expect(409);
        let log = test.dump("bus.outbox").await;
        assert!(log.contains("factor.create") && !log.contains(secret));
    }

    #[tokio::test]
    async fn what_was_never_confirmed_makes_room() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        for name in ["one", "two"] {
            client.post(PATH, json!({"name": name})).await.expect(201);
        }
        let all = client.get("/api/v1/me/mfa").await.expect(200).json;
        let names: Vec<_> = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["name"])
            .collect();
        assert_eq!(names, ["two"]);
    }

    #[tokio::test]
    async fn a_dry_run_keeps_nothing_and_bad_names_are_refused() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        client
            .post(&format!("{PATH}?dry_run=true"), json!({}))
            .await
            .expect(200);
        assert_eq!(test.dump("identity.factors").await, "");
        for bad in [
            json!({"name": ""}),
            json!({"name": "a\u{7}"}),
            json!({"name": "x".repeat(101)}),
        ] {
            let refused = client.post(PATH, bad).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], "/name");
        }
        client.post(PATH, json!({"kind": "totp"})).await.expect(400);
    }

    #[tokio::test]
    async fn whoever_has_no_session_has_no_factors() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let keyless = test.client.caller(&tenant.caller(Role::Owner));
        keyless.post(PATH, json!({})).await.expect(404);
        test.client.post(PATH, json!({})).await.expect(401);
    }
}
