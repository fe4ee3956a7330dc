//! A key in the transit engine of Vault or `OpenBao`.
//!
//! # What it guarantees
//! The key never leaves the server. `POST /v1/{mount}/encrypt/{key}` and `/decrypt/{key}` carry the key that is wrapped, with the
//! context as `associated_data`; what comes back (`vault:v1:…`) is kept as it is, so that the server may rotate its key and
//! still know by which version each was wrapped. The token is read from its file for every call: an agent may renew it
//! at any moment. It stands in no argument, no environment and no message.
//!
//! A call takes at most [`PATIENCE`], its answer at most [`ANSWER`] bytes. It is tried a second time after a moment if the
//! connection breaks, or the server answers 429 or 5xx; and never a third time.
//!
//! # Whom it may reach
//! An operator's address is trusted wherever it leads ([`Transit::trusted`]). For an address of a tenant, hand
//! [`Transit::new`] the guarded client: [`TransitSettings::limits`] opens no network.
//!
//! # What the token's policy should say
//! `update` on both paths and nothing else. With `create` the server makes a missing key at the first call, and a
//! misspelt name would go unnoticed.
//!
//! # What was tested
//! The API as it is documented, played by a server in the tests; and a real server wherever `VAULT_ADDR` and `VAULT_TOKEN`
//! name one to the tests.

mod answer;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use egress::{Egress, Limits};
use futures::future::BoxFuture;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use ipnetwork::IpNetwork;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use self::answer::{Answer, Failure};
use super::{KekError, KekProvider, TransitSettings};
use crate::key_file::{OpenError, read_secret};
use crate::random;

/// How long a call may take, a second try included.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes.
pub const ANSWER: u64 = 64 << 10;

/// The longest wrapped key, in bytes. Transit's are about 90.
const LONGEST: usize = 512;

/// The provider.
pub struct Transit {
    name: String,
    egress: Egress,
    base: String,
    mount: String,
    key: String,
    namespace: Option<HeaderValue>,
    token: Token,
    patience: Duration,
}

/// What proves to the server who asks.
enum Token {
    /// In this file, which is read for each call.
    File(PathBuf),
    /// This one.
    Given(SecretString),
}

/// The body of a question.
#[derive(Serialize)]
struct Ask<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext: Option<&'a str>,
    associated_data: String,
}

impl TransitSettings {
    /// What a call may cost, and whom it trusts: the web's authorities and those of the settings, but no network that is
    /// not public.
    pub fn limits(&self) -> Result<Limits, String> {
        let roots = match &self.ca {
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let text = text.map_err(|error| format!(".ca: {}: {error}", file.display()))?;
                // A file without any would be taken, and trusted in nothing.
                if !text.contains("-----BEGIN CERTIFICATE-----") {
                    return Err(format!(".ca: {}: must hold certificates in PEM", file.display()));
                }
                text.into_bytes()
            }
            None => Vec::new(),
        };
        Ok(Limits {
            bytes: ANSWER,
            total: PATIENCE,
            silence: PATIENCE,
            ports: self.url.port_or_known_default().into_iter().collect(),
            redirects: 0,
            opened: Vec::new(),
            roots,
        })
    }
}

impl Transit {
    /// The key of these settings, reached by this client. Nothing is asked of the server yet.
    pub fn new(settings: TransitSettings, egress: Egress) -> Result<Self, String> {
        let token = Token::File(settings.token_file.clone());
        Self::by(settings, token, egress)
    }

    /// The same by a token that is kept elsewhere than in the file of the settings.
    pub(crate) fn given(settings: TransitSettings, token: SecretString, egress: Egress) -> Result<Self, String> {
        Self::by(settings, Token::Given(token), egress)
    }

    fn by(settings: TransitSettings, token: Token, egress: Egress) -> Result<Self, String> {
        settings.validate()?;
        let namespace = settings.namespace.as_deref().map(HeaderValue::from_str).transpose();
        Ok(Self {
            name: settings.name(),
            egress,
            base: format!("{}v1", settings.url),
            mount: settings.mount,
            namespace: namespace.map_err(|_| ".namespace: is no value of a header".to_owned())?,
            key: settings.key,
            token,
            patience: PATIENCE,
        })
    }

    /// The same for an address that is the operator's word: any network may be reached.
    pub fn trusted(settings: TransitSettings) -> Result<Self, String> {
        settings.validate()?;
        let everywhere = ["0.0.0.0/0", "::/0"].map(str::parse::<IpNetwork>);
        let limits = Limits {
            opened: everywhere.into_iter().filter_map(Result::ok).collect(),
            ..settings.limits()?
        };
        let egress = Egress::new(limits).map_err(|error| format!(".ca: no TLS client: {error}"))?;
        Self::new(settings, egress)
    }

    /// Has the server lengthen the life of the token, where it is one whose life can be lengthened.
    pub async fn renew(&self) -> Result<(), KekError> {
        let url = format!("{}/auth/token/renew-self", self.base);
        let asked = tokio::time::timeout(self.patience, self.send(&url, b"{}")).await;
        let late = || Failure::Unavailable(format!("it does not answer within {:?}", self.patience));
        match asked.unwrap_or_else(|_| Err(late())) {
            Ok((200 | 204, _)) => Ok(()),
            Ok((status, _)) => Err(Failure::Refused(format!("it answers {status}"))),
            Err(failure) => Err(failure),
        }
        .map_err(|failure| failure.told(&self.name))
    }

    async fn call(&self, operation: &str, body: &Ask<'_>) -> Result<Answer, KekError> {
        let url = format!("{}/{}/{operation}/{}", self.base, self.mount, self.key);
        // Copies of the body stay with the client; ours are wiped.
        let body = Zeroizing::new(serde_json::to_vec(body).unwrap_or_default());
        let asked = async {
            match self.once(&url, &body).await {
                Err(Failure::Again(_)) => {
                    tokio::time::sleep(pause()).await;
                    self.once(&url, &body).await
                }
                said => said,
            }
        };
        let late = Failure::Unavailable(format!("it does not answer within {:?}", self.patience));
        let said = tokio::time::timeout(self.patience, asked).await;
        said.unwrap_or(Err(late)).map_err(|failure| failure.told(&self.name))
    }

    async fn once(&self, url: &str, body: &[u8]) -> Result<Answer, Failure> {
        let (status, body) = self.send(url, body).await?;
        Answer::judge(status, body)
    }

    async fn send(&self, url: &str, body: &[u8]) -> Result<(u16, Zeroizing<Vec<u8>>), Failure> {
        let mut request = http::Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            // What agents and proxies before the server want to see, so that no browser can be made to ask them.
            .header("x-vault-request", "true")
            .header("x-vault-token", self.token()?);
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        let request = request
            .body(body.to_vec())
            .map_err(|_| Failure::Refused("no such request can be made".to_owned()))?;
        let (answer, body) = self.egress.call(request).await?.into_parts();
        Ok((answer.status.as_u16(), Zeroizing::new(body)))
    }

    fn token(&self) -> Result<HeaderValue, Failure> {
        let token = match &self.token {
            Token::Given(token) => HeaderValue::from_str(token.expose_secret()),
            Token::File(file) => HeaderValue::from_str(&read_secret(file).map_err(|error| match error {
                // Whoever writes it may be about to.
                OpenError::Io(..) | OpenError::Length(_) => Failure::Unavailable(error.to_string()),
                _ => Failure::Refused(error.to_string()),
            })?),
        };
        let mut token = token.map_err(|_| match &self.token {
            Token::Given(_) => Failure::Refused("what is kept is no token".to_owned()),
            Token::File(file) => Failure::Refused(format!("the secret file {} holds no token", file.display())),
        })?;
        token.set_sensitive(true);
        Ok(token)
    }
}

/// Those who failed together must not come back together.
fn pause() -> Duration {
    let [byte] = random();
    Duration::from_millis(50 + u64::from(byte))
}

impl KekProvider for Transit {
    fn name(&self) -> &str {
        &self.name
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KekError>> {
        Box::pin(async move {
            let plain = Zeroizing::new(STANDARD.encode(key));
            let body = Ask {
                plaintext: Some(&plain),
                ciphertext: None,
                associated_data: STANDARD.encode(context),
            };
            let wrapped = self.call("encrypt", &body).await?.ciphertext.unwrap_or_default();
            if !is_wrapped(wrapped.as_bytes()) {
                return Err(answer::foreign().told(&self.name));
            }
            Ok(wrapped.into_bytes())
        })
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<[u8; 32]>, KekError>> {
        Box::pin(async move {
            let wrapped = std::str::from_utf8(wrapped)
                .ok()
                .filter(|text| is_wrapped(text.as_bytes()));
            let wrapped = wrapped.ok_or_else(|| Failure::Unreadable.told(&self.name))?;
            let body = Ask {
                plaintext: None,
                ciphertext: Some(wrapped),
                associated_data: STANDARD.encode(context),
            };
            let plain = self.call("decrypt", &body).await?.plaintext.map(Zeroizing::new);
            let plain = plain.ok_or_else(|| answer::foreign().told(&self.name))?;
            let key = STANDARD.decode(plain.as_bytes()).map(Zeroizing::new);
            let key = key.map_err(|_| answer::foreign().told(&self.name))?;
            let key = key.as_slice().try_into();
            Ok(Zeroizing::new(key.map_err(|_| Failure::Unreadable.told(&self.name))?))
        })
    }
}

/// `vault:v<version>:<base64>`, in the one spelling that the server gives it: it would take others (`v0` and `v01` for `v1`).
fn is_wrapped(text: &[u8]) -> bool {
    let fields = text.strip_prefix(b"vault:v").and_then(|rest| {
        let colon = rest.iter().position(|byte| *byte == b':')?;
        rest.split_at_checked(colon)
    });
    let Some((version, [b':', body @ ..])) = fields else {
        return false;
    };
    let counted = !version.starts_with(b"0") && !version.is_empty() && version.iter().all(u8::is_ascii_digit);
    text.len() <= LONGEST && counted && STANDARD.decode(body).is_ok()
}

impl fmt::Debug for Transit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transit({})", self.name)
    }
}

#[cfg(test)]
mod tests;
