//! Who calls: the credential of a request becomes the bearer of its passport.

mod lent;
mod renewal;

use std::sync::Arc;
use std::time::Duration;

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_http::uri::PathAndQuery;
use actix_http::{Method, StatusCode};
use auth::api_key::{self, ApiKey};
use auth::passport::{self, Bearer, Key, Passport};
use auth::token::Jwks;
use auth::{Caller, Credential, Moment, Principal, Standing};
use clock::Clock;
use fault::Error;
use ids::RequestId;
use serde::de::DeserializeOwned;

use crate::body::Inbound;
use crate::conn::Conn;
use crate::keys::{Keys, Refused};
use crate::proxy::{Ask, Failure, Proxy};
use crate::routes::{Proof, Role};
use crate::settings::Trust;
use crate::standing::{Away, Standings};
use crate::visit::Visit;

const DEADLINE: Duration = Duration::from_secs(2);
/// Keys and standings are small; more is not identity speaking.
const LONGEST: usize = 256 * 1024;

/// Checks credentials and writes passports.
pub struct Credentials {
    passport: Key,
    clock: Clock,
    keys: Keys,
    standings: Standings,
    renewing: tokio::sync::Mutex<()>,
}

impl Credentials {
    pub fn new(passport: Key, issuer: String, clock: Clock, trust: &Trust) -> Self {
        let keys = Keys::new(issuer, clock.clone(), trust);
        let standings = Standings::new(clock.clone(), trust);
        Self {
            passport,
            clock,
            keys,
            standings,
            renewing: tokio::sync::Mutex::default(),
        }
    }

    /// Who sends this request, by the proof that its route asks for, and the credentials that must stay good while it is
    /// answered.
    pub async fn bearer(
        &self,
        proof: Proof,
        headers: &HeaderMap,
        conn: &Conn,
        visit: &mut Visit,
        proxy: &Proxy,
    ) -> Result<(Bearer, Vec<Credential>), Error> {
        match proof {
            Proof::None => Ok((Bearer::Anonymous, Vec::new())),
            Proof::Certificate => Ok((certificate(headers, conn)?, Vec::new())),
            Proof::Token => {
                let own = self.caller(headers, conn, visit.id, proxy).await?;
                // Also of an operator who goes on into another: what they do there is not to use up its rate.
                visit.tenant = Some(own.tenant());
                let mut shown = vec![own.credential()];
                let bearer = self.lend(own, headers, conn, proxy).await?;
                if let Bearer::Caller(caller) = &bearer
                    && caller.access().is_some()
                {
                    shown.push(caller.credential());
                }
                Ok((bearer, shown))
            }
        }
    }

    async fn caller(
        &self,
        headers: &HeaderMap,
        conn: &Conn,
        request: RequestId,
        proxy: &Proxy,
    ) -> Result<Caller, Error> {
        let token = token(headers)?;
        let (credential, standing) = if token.starts_with(api_key::PREFIX) {
            self.by_key(token, conn, proxy).await?
        } else {
            self.by_session(token, proxy).await?
        };
        let moment = Moment {
            now: self.clock.now(),
            address: Some(conn.address),
            factor_at: standing.factor_at,
        };
        let caller = standing.caller(credential, &moment, request);
        caller.ok_or_else(|| match credential {
            Credential::ApiKey(_) => bad_key(),
            Credential::None | Credential::Session(_) | Credential::OperatorAccess(_) => ended(),
        })
    }

    async fn by_session(&self, token: &str, proxy: &Proxy) -> Result<(Credential, Arc<Standing>), Error> {
        let fetch = async || {
            self.ask_identity::<Jwks>(proxy, Question::read("/.well-known/jwks.json"))
                .await
        };
        let claims = self.keys.check(token, fetch).await.map_err(|refused| match refused {
            Refused::Bad(error) => {
                tracing::debug!(%error, "token refused");
                Error::unauthenticated("The access token is not valid, or no longer.")
            }
            Refused::Away => away(),
        })?;
        let credential = Credential::Session(claims.sid);
        let standing = self.standing(credential, proxy).await?.ok_or_else(ended)?;
        // The signature says so, and the session must not say otherwise.
        let subject = match &standing.principal {
            Principal::User(id) => Some(id.as_uuid()),
            Principal::ServiceAccount(id) => Some(id.as_uuid()),
            Principal::System(_) | Principal::Operator(_) => None,
        };
        if standing.tenant != claims.tenant || subject != Some(claims.sub) {
            return Err(ended());
        }
        Ok((credential, standing))
    }

    /// The checksum keeps noise from identity; the secret is compared here, so it goes no further. Its hash goes, by which
    /// identity knows that the key itself was used, and from where.
    async fn by_key(&self, text: &str, conn: &Conn, proxy: &Proxy) -> Result<(Credential, Arc<Standing>), Error> {
        let key = ApiKey::parse(text).ok_or_else(bad_key)?;
        let credential = Credential::ApiKey(key.id);
        let proof = api_key::hex(key.hash());
        let path = format!("/internal/api-keys/{}?proof={proof}&from={}", key.id, conn.address);
        let standing = self.ask_standing(credential, &path, proxy).await?.ok_or_else(bad_key)?;
        match &standing.secret {
            Some(secret) if key.is(secret) => Ok((credential, standing)),
            _ => Err(bad_key()),
        }
    }

    async fn standing(&self, credential: Credential, proxy: &Proxy) -> Result<Option<Arc<Standing>>, Error> {
        let path = match credential {
            Credential::None => return Ok(None),
            Credential::Session(id) => format!("/internal/sessions/{id}"),
            Credential::ApiKey(id) => format!("/internal/api-keys/{id}"),
            Credential::OperatorAccess(id) => format!("/internal/operator-access/{id}"),
        };
        self.ask_standing(credential, &path, proxy).await
    }

    async fn ask_standing(
        &self,
        credential: Credential,
        path: &str,
        proxy: &Proxy,
    ) -> Result<Option<Arc<Standing>>, Error> {
        let ask = async {
            match self.ask_identity::<Standing>(proxy, Question::read(path)).await {
                Ok(standing) => Ok(Some(standing)),
                Err(Silence::Answered(StatusCode::NOT_FOUND)) => Ok(None),
                Err(other) => Err(other),
            }
        };
        self.standings.of(credential, ask).await.map_err(|Away| away())
    }

    /// Is this credential still good? Of two minds, it is; but an operator is in a tenant's content on nobody's guess.
    pub async fn is_live(&self, credential: Credential, proxy: &Proxy) -> bool {
        let guess = !matches!(credential, Credential::OperatorAccess(_));
        let standing = self.standing(credential, proxy).await;
        standing.map_or(guess, |known| known.is_some_and(|standing| standing.live))
    }

    /// The header in which a service learns whom the gateway let through.
    pub fn passport(&self, bearer: Bearer, conn: Option<&Conn>, request: RequestId) -> (HeaderName, HeaderValue) {
        let expires = self.clock.now().timestamp() + passport::LIFETIME_SECONDS;
        let passport = Passport {
            bearer,
            address: conn.map(|conn| conn.address),
            request,
            expires,
        };
        let value = HeaderValue::from_str(&self.passport.seal(&passport));
        // Base64 is always a header value; an empty one would be refused by the service, which is the safe side.
        (
            HeaderName::from_static(passport::HEADER),
            value.unwrap_or(HeaderValue::from_static("")),
        )
    }

    async fn ask_identity<T: DeserializeOwned>(&self, proxy: &Proxy, question: Question<'_>) -> Result<T, Silence> {
        let mut headers = HeaderMap::new();
        let (name, value) = self.passport(Bearer::Platform("gateway".to_owned()), None, RequestId::mint());
        headers.insert(name, value);
        if !question.body.is_none() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let path = PathAndQuery::try_from(question.path).map_err(|_| Silence::Garbled)?;
        let ask = Ask {
            method: question.method,
            path,
            headers,
            body: question.body,
            deadline: DEADLINE,
        };
        let mut reply = proxy.ask(Role::Identity, &ask).await?;
        if reply.response.status() != StatusCode::OK {
            return Err(Silence::Answered(reply.response.status()));
        }
        let body = tokio::time::timeout(DEADLINE, reply.response.body().limit(question.longest)).await;
        let body = body.map_err(|_| Failure::Late)?.map_err(|_| Silence::Garbled)?;
        serde_json::from_slice(&body).map_err(|_| Silence::Garbled)
    }
}

/// What identity is asked.
struct Question<'a> {
    method: Method,
    path: &'a str,
    body: Inbound,
    /// The longest answer that is one.
    longest: usize,
}

impl<'a> Question<'a> {
    fn read(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            body: Inbound::none(),
            longest: LONGEST,
        }
    }
}

/// Identity said nothing that could be used.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("answered {0}")]
    Answered(StatusCode),
    #[error("answered something else")]
    Garbled,
}

fn ended() -> Error {
    Error::unauthenticated("This session has ended; sign in again.")
}

/// Whatever is wrong with it reads the same: who holds a stolen part of one learns nothing.
fn bad_key() -> Error {
    Error::unauthenticated("The API key is not valid, no longer, or not from this address.")
}

fn away() -> Error {
    Error::unavailable("Sessions cannot be checked at the moment; try again shortly.", 1)
}

/// Exactly one `Authorization: Bearer <token>`.
fn token(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values
        .next()
        .ok_or_else(|| Error::unauthenticated("Send an access token or API key as `Authorization: Bearer`."))?;
    let malformed = || Error::unauthenticated("Send one access token or API key, as `Authorization: Bearer`.");
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(malformed)?;
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") {
        return Err(malformed());
    }
    Ok(token.trim())
}

/// RFC 8705: the key of the TLS connection, and nothing beside it that could say somebody else.
fn certificate(headers: &HeaderMap, conn: &Conn) -> Result<Bearer, Error> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(Error::unauthenticated(
            "Hypervisors are known by their certificate; send no `Authorization` here.",
        ));
    }
    let shown = conn.certificate.clone();
    shown
        .map(Bearer::Certificate)
        .ok_or_else(|| Error::unauthenticated("Connect with a TLS client certificate."))
}
