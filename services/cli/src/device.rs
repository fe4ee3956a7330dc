//! Signing in in a browser of any machine (RFC 8628): no password is typed here, and second factors and single sign-on
//! work as they do there.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::client::{Client, Refused};
use crate::field::text;
use crate::session::Entered;

/// What the platform knows this program as.
const CLIENT: &str = "yunshu-cli";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How much longer to wait when the platform says that it is asked too often (RFC 8628, 3.5).
const MORE: Duration = Duration::from_secs(5);

/// Shows a code, and waits until somebody has typed it on the platform's page.
pub async fn enter(client: &Client) -> Result<Entered> {
    let asked = client.form("/oauth/device", &[("client_id", CLIENT)]).await?;
    let word = |name: &str| text(&asked, name).with_context(|| format!("the platform gave no {name}"));
    let (code, page) = (word("user_code")?, word("verification_uri")?);
    crate::output::tell(format_args!(
        "Open {} in a browser and type the code {}",
        plain(page),
        plain(code)
    ));

    let device = word("device_code")?;
    let mut wait = Duration::from_secs(asked.get("interval").and_then(Value::as_u64).unwrap_or(5));
    let pairs = [("grant_type", GRANT), ("device_code", device), ("client_id", CLIENT)];
    loop {
        tokio::time::sleep(wait).await;
        let error = match client.form("/oauth/token", &pairs).await {
            Ok(tokens) => return entered(&tokens),
            Err(error) => error,
        };
        match error.downcast_ref::<Refused>().and_then(Refused::error) {
            Some("authorization_pending") => {}
            Some("slow_down") => wait += MORE,
            Some("access_denied") => bail!("the sign-in was refused in the browser"),
            Some("expired_token") => bail!("nobody typed the code in time: `yunshu login` again"),
            _ => return Err(error),
        }
    }
}

fn entered(tokens: &Value) -> Result<Entered> {
    let token = text(tokens, "refresh_token").context("the platform gave no session")?;
    Ok(Entered {
        email: text(tokens, "id_token").and_then(email),
        refresh_token: token.to_owned(),
        client: Some(CLIENT.to_owned()),
    })
}

/// Whom the session is of, for people to read. It came from the platform itself by TLS, so no signature is checked.
fn email(id_token: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&bytes).ok()?;
    text(&claims, "email").map(str::to_owned)
}

/// Text from the platform never steers the terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::{body_string_contains, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::args::Global;
    use crate::output::Format;

    async fn client(server: &MockServer) -> Client {
        let asked = json!({"device_code": "d", "user_code": "BCDF-GHJK", "verification_uri": "x", "interval": 0});
        Mock::given(path("/api/v1/oauth/device"))
            .and(body_string_contains("client_id=yunshu-cli"))
            .respond_with(ResponseTemplate::new(200).set_body_json(asked))
            .mount(server)
            .await;
        let global = Global {
            profile: None,
            url: None,
            ca: None,
            project: None,
            operator_access: None,
            output: Format::Json,
            dry_run: false,
        };
        Client::anonymous(&server.uri(), &global).unwrap()
    }

    fn says(status: u16, body: Value) -> Mock {
        Mock::given(path("/api/v1/oauth/token"))
            .and(body_string_contains("device_code=d"))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
    }

    #[tokio::test]
    async fn it_waits_until_somebody_has_decided() {
        let server = MockServer::start().await;
        let client = client(&server).await;
        says(400, json!({"error": "authorization_pending"}))
            .up_to_n_times(2)
            .mount(&server)
            .await;
        let claims = URL_SAFE_NO_PAD.encode(json!({"email": "ada@acme.example"}).to_string());
        let tokens = json!({"refresh_token": "r", "id_token": format!("e30.{claims}.x")});
        says(200, tokens).expect(1).mount(&server).await;
        let entered = enter(&client).await.unwrap();
        assert_eq!(
            (entered.refresh_token.as_str(), entered.client.as_deref()),
            ("r", Some(CLIENT))
        );
        assert_eq!(entered.email.as_deref(), Some("ada@acme.example"));
    }

    #[tokio::test]
    async fn a_no_ends_it() {
        let server = MockServer::start().await;
        let client = client(&server).await;
        says(400, json!({"error": "access_denied"}))
            .expect(1)
            .mount(&server)
            .await;
        let error = enter(&client).await.err().unwrap();
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
