pub mod decide;

use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::Form;

use super::party;
use super::shown::Shown;
use super::token::must_have;
use crate::guess;
use crate::oauth::device::{Asking, Decision, LIFETIME, Seen, UserCode, WAIT_SECONDS};
use crate::oauth::refusal::{OauthRefusal, OauthRefusals};
use crate::oauth::{Code, GrantType, Refusal};
use crate::once::Token;
use crate::state::Identity;
use crate::store;
use crate::store::device_grants::Hashes;

/// The portal's page on which people type what a device shows.
const PAGE: &str = "/device";

/// What a device asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRequest {
    /// For what; left out: for all that the client is registered for.
    #[schema(example = "openid project.read")]
    scope: Option<String>,
    /// The client, unless it is named otherwise.
    #[schema(example = "yunshu-cli")]
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

/// What a device keeps, and what it shows (RFC 8628, 3.2).
#[derive(Serialize, ToSchema)]
pub struct DeviceAuthorization {
    /// Ask for the tokens with it. A secret.
    #[schema(example = "ydc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJG")]
    pub device_code: String,
    /// What the person types.
    #[schema(example = "WDJB-MJHT")]
    pub user_code: String,
    /// Where they type it.
    #[schema(example = "https://cloud.example/device")]
    pub verification_uri: String,
    /// The same with the code in it, for those who can follow a link.
    #[schema(example = "https://cloud.example/device#WDJB-MJHT")]
    pub verification_uri_complete: String,
    /// Seconds they may take.
    #[schema(example = 600)]
    pub expires_in: i64,
    /// Seconds to wait between two questions.
    #[schema(example = 5)]
    pub interval: i16,
}

/// Asks on a device without a browser.
#[utoipa::path(
    operation_id = "start_device_authorization",
    tag = "oauth",
    description = "RFC 8628, 3.1. The device shows the code and where to type it, and meanwhile asks `/oauth/token` for what \
                   comes of it. Our own command line is the client `yunshu-cli`.",
    request_body(content = DeviceRequest, content_type = "application/x-www-form-urlencoded", description = "The client"),
    responses(
        (status = 200, description = "What to keep and what to show", body = DeviceAuthorization),
        OauthRefusals,
        (status = 400, description = "Refused (RFC 6749, 5.2)", body = OauthRefusal),
        (status = 401, description = "The client has not proven itself (RFC 6749, 5.2)", body = OauthRefusal),
    ),
    security(()),
)]
#[post("/oauth/device")]
pub async fn start_device_authorization(
    ask: Form<DeviceRequest>,
    identity: Data<Identity>,
) -> Result<Json<DeviceAuthorization>, Refusal> {
    let Form { body, basic, origin } = ask;
    let body = body?;
    let shown = Shown {
        client_id: body.client_id,
        client_secret: body.client_secret,
        client_assertion_type: body.client_assertion_type,
        client_assertion: body.client_assertion,
        basic,
    };
    let client = party::prove(&identity, &origin, shown).await?.client()?;
    must_have(&client, GrantType::DeviceCode)?;
    let scopes = client.scopes.asked(body.scope.as_deref());
    let scopes = scopes.ok_or_else(|| {
        Refusal::new(
            Code::InvalidScope,
            "This client is not registered for all of these scopes.",
        )
    })?;

    let mut tx = identity.begin_sign_in().await?;
    // Rows of people who never come must not heap up.
    let budget = [guess::devices(&identity.guesses, &guess::network(origin.address))];
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budget).await? {
        return Err(crate::api::auth::too_many(
            wait,
            "Too many devices ask from here; wait as long as Retry-After says.",
        )
        .into());
    }
    let now = tx.now();
    let asking = Asking {
        id: store::device_grants::mint(),
        client: client.id,
        scopes,
        decision: Decision::Pending,
        wait_seconds: WAIT_SECONDS,
        asked_at: None,
        created_at: now,
        expires_at: now + LIFETIME,
    };
    let (device, user) = (Token::make("ydc_"), UserCode::make());
    let hashes = Hashes {
        device: device.digest(),
        user: user.digest(),
    };
    let asked = (&asking, &Seen::of(origin));
    if !store::device_grants::insert(&mut tx, &identity.kek, asked, &hashes).await? {
        return Err(fault::Error::unavailable("Try again.", 1).into());
    }
    tx.commit().await?;

    let page = format!("{}{PAGE}", identity.keys.issuer());
    Ok(Json(DeviceAuthorization {
        device_code: device.reveal(),
        user_code: user.show(),
        // Behind the `#`, so that the code is in no server's log.
        verification_uri_complete: format!("{page}#{}", user.show()),
        verification_uri: page,
        expires_in: LIFETIME.num_seconds(),
        interval: WAIT_SECONDS,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::oauth::{App, CLI};
    use crate::testing::start;

    #[tokio::test]
    async fn a_device_is_told_what_to_show() {
        let test = start().await;
        let said = test
            .form("device", &[("client_id", CLI.to_owned())])
            .await
            .expect(200)
            .json;
        let code = said["user_code"].as_str().unwrap();
        assert_eq!(
            (code.len(), &said["expires_in"], &said["interval"]),
            (9, &json!(600), &json!(5))
        );
        assert_eq!(said["verification_uri"], "https://cloud.example/device");
        assert_eq!(
            said["verification_uri_complete"],
            format!("https://cloud.example/device#{code}")
        );
        let dump = test.dump("identity.device_grants").await;
        for hidden in [
            code,
            &code.replace('-', ""),
            &said["device_code"].as_str().unwrap()[4..],
        ] {
            assert!(!dump.contains(hidden), "t24");
        }
    }

    #[tokio::test]
    async fn only_a_client_registered_for_it_may_ask() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let refused = test.form("device", &app.proof()).await.expect(400);
        assert_eq!(refused.json["error"], "unauthorized_client");
        let scope = [("client_id", CLI.to_owned()), ("scope", "vm.read".to_owned())];
        assert_eq!(
            test.form("device", &scope).await.expect(400).json["error"],
            "invalid_scope"
        );
        test.form("device", &[]).await.expect(401);
        test.form("device", &[("client_id", "somebody".to_owned())])
            .await
            .expect(401);
    }

    #[tokio::test]
    async fn nobody_heaps_up_questions() {
        let test = start().await;
        let form = [("client_id", CLI.to_owned())];
        let mut last = 200;
        for _ in 0..200 {
            last = test.form("device", &form).await.status.as_u16();
            if last != 200 {
                break;
            }
        }
        assert_eq!(last, 429);
    }
}
