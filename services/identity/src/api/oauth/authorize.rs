use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Refusals, Visit};

use super::{Ask, Asked};
use crate::oauth::client::parse_id;
use crate::oauth::{Code, redirect};
use crate::state::Identity;
use crate::store;

/// The portal's page on which people decide.
const PAGE: &str = "/authorize";

/// What a client asks a person for. Parameters that are not known are passed over.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Authorize {
    /// The client.
    #[param(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    client_id: Option<String>,
    /// Where the answer goes: letter by letter one that the client has registered.
    #[param(example = "https://app.example/callback")]
    redirect_uri: Option<String>,
    /// `code`.
    #[param(example = "code")]
    response_type: Option<String>,
    /// `query`, or nothing.
    response_mode: Option<String>,
    /// For what; left out: for all that the client is registered for.
    #[param(example = "openid email")]
    scope: Option<String>,
    /// Comes back with the answer.
    #[param(max_length = 1024)]
    state: Option<String>,
    /// Comes back in the id token.
    #[param(max_length = 255)]
    nonce: Option<String>,
    /// SHA-256 of the verifier, base64url (RFC 7636).
    #[param(example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    code_challenge: Option<String>,
    /// `S256`.
    #[param(example = "S256")]
    code_challenge_method: Option<String>,
    /// `none` is answered by `login_required`: nobody is let in without a page.
    prompt: Option<String>,
    #[param(ignore)]
    request: Option<String>,
    #[param(ignore)]
    request_uri: Option<String>,
}

/// Asks a person to let a client in.
#[utoipa::path(
    operation_id = "begin_authorization",
    tag = "oauth",
    description = "Where a client sends a person's browser (RFC 6749, 4.1.1). It goes on to the portal's page, where the person \
                   signs in, sees who asks for what, and decides; the answer goes to the redirect URI with `code` or `error`, \
                   `state` and `iss`. Without a known client and one of its redirect URIs the answer stays here.",
    params(Authorize),
    responses((status = 303, description = "On to the page, or back to the client with what is wrong"), Refusals),
    security(()),
)]
#[get("/oauth/authorize")]
pub async fn authorize(
    ask: Visit<Authorize>,
    request: HttpRequest,
    identity: Data<Identity>,
) -> Result<HttpResponse, fault::Error> {
    let query = ask.query;
    let client = query.client_id.as_deref().and_then(parse_id);
    let uri = query.redirect_uri.unwrap_or_default();

    let mut tx = identity.begin_sign_in().await?;
    let client = match client {
        Some(id) => store::oauth_clients::named(&mut tx, id).await?,
        None => None,
    };
    drop(tx);
    // To an address that nobody has registered nothing is sent, not even a refusal.
    let client = client.filter(|client| client.answers_at(&uri));
    let client = client.ok_or_else(|| {
        let detail = "is no client that is let in here, or `redirect_uri` is not letter by letter one of its own";
        fault::Error::invalid("?client_id", detail)
    })?;

    let asked = Asked {
        response_type: query.response_type,
        response_mode: query.response_mode,
        scope: query.scope,
        state: query.state,
        nonce: query.nonce,
        code_challenge: query.code_challenge,
        code_challenge_method: query.code_challenge_method,
        prompt: query.prompt,
        request: query.request,
        request_uri: query.request_uri,
    };
    let wrong = match Ask::check(&client, &asked) {
        Err(wrong) => Some(wrong),
        Ok(_) if asked.prompt.as_deref() == Some("none") => {
            Some((Code::LoginRequired, "Nobody is let in without a page."))
        }
        Ok(_) => None,
    };
    let location = match wrong {
        // As one word, so that nothing on the way reads numbers or signs into it.
        None => format!("{PAGE}?ask={}", URL_SAFE_NO_PAD.encode(request.query_string())),
        Some(wrong) => refused(&uri, wrong, asked.state.as_deref(), identity.keys.issuer()),
    };
    let mut answer = HttpResponse::SeeOther();
    answer
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"));
    Ok(answer.finish())
}

/// Where a refusal goes.
pub(super) fn refused(uri: &str, (code, description): (Code, &str), state: Option<&str>, issuer: &str) -> String {
    let mut answer = vec![("error", code.name()), ("error_description", description)];
    answer.extend(state.map(|state| ("state", state)));
    answer.push(("iss", issuer));
    redirect::with(uri, &answer)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use crate::testing::oauth::{App, CALLBACK, CHALLENGE};
    use crate::testing::start;

    #[tokio::test]
    async fn it_leads_to_the_page_where_people_decide() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let query = app.query("openid");
        let sent = test.look(&format!("/api/v1/oauth/authorize?{query}")).await.expect(303);
        let ask = sent.header("location").strip_prefix("/authorize?ask=").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(ask).unwrap(), query.as_bytes());
        let more = test
            .look(&format!("/api/v1/oauth/authorize?{query}&login_hint=x&display=page"))
            .await;
        more.expect(303);
    }

    #[tokio::test]
    async fn nothing_is_sent_where_the_client_has_not_said() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        for uri in [
            "https://app.example/callback/",
            "https://app.example/callback?x=1",
            "https://app.example.evil.example/callback",
            "https://APP.example/callback",
            "http://app.example/callback",
            "https://app.example/",
            "javascript:alert(1)",
            "",
        ] {
            let query = app.query_to(uri, "openid");
            let refused = test.look(&format!("/api/v1/oauth/authorize?{query}")).await.expect(400);
            assert_eq!(refused.header("location"), "", "{uri}");
        }
        let unknown = app
            .query("openid")
            .replace(&app.id, &ids::OauthClientId::mint().to_string());
        test.look(&format!("/api/v1/oauth/authorize?{unknown}"))
            .await
            .expect(400);
        let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example%2F", app.query("openid"));
        test.look(&format!("/api/v1/oauth/authorize?{twice}")).await.expect(400);
    }

    #[tokio::test]
    async fn what_else_is_wrong_goes_back_to_the_client_with_who_says_it() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let base = app.query("openid");
        for (query, error) in [
            (base.replace("=code&", "=token&"), "unsupported_response_type"),
            (base.replace("=code&", "=code+id_token&"), "unsupported_response_type"),
            (base.replace("S256", "plain"), "invalid_request"),
            (base.replace(CHALLENGE, "short"), "invalid_request"),
            (base.replace("&code_challenge=", "&unknown="), "invalid_request"),
            (base.replace("scope=openid", "scope=audit.list"), "invalid_scope"),
            (format!("{base}&prompt=none"), "login_required"),
            (format!("{base}&response_mode=fragment"), "unsupported_response_type"),
            (format!("{base}&request=a.b.c"), "invalid_request"),
        ] {
            let sent = test.look(&format!("/api/v1/oauth/authorize?{query}")).await.expect(303);
            let place = sent.header("location");
            assert!(
                place.starts_with(&format!("{CALLBACK}?error={error}&")),
                "{query}: {place}"
            );
            assert!(place.ends_with("&state=xyz&iss=https%3A%2F%2Fcloud.example"), "{place}");
        }
    }
}
