//! Who calls: the credential of a request becomes the bearer of its passport.

use std::time::Duration;

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_http::uri::PathAndQuery;
use actix_http::{Method, StatusCode};
use auth::passport::{self, Bearer, Key, Passport};
use auth::token::Jwks;
use auth::{Caller, Standing};
use clock::Clock;
use fault::Error;
use ids::{RequestId, SessionId};
use serde::de::DeserializeOwned;

use crate::body::Inbound;
use crate::conn::Conn;
use crate::keys::{Keys, Refused};
use crate::proxy::{Ask, Failure, Proxy};
use crate::routes::{Proof, Role};
use crate::settings::Trust;
use crate::standing::Standings;
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
        }
    }

    /// Who sends this request, by the proof that its route asks for.
    pub async fn bearer(
        &self,
        proof: Proof,
        headers: &HeaderMap,
        conn: &Conn,
        visit: &mut Visit,
        proxy: &Proxy,
    ) -> Result<Bearer, Error> {
        match proof {
            Proof::None => Ok(Bearer::Anonymous),
            Proof::Certificate => certificate(headers, conn),
            Proof::Token => {
                let caller = self.caller(headers, conn, visit.id, proxy).await?;
                visit.tenant = Some(caller.tenant());
                Ok(Bearer::Caller(caller))
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
        let fetch = async || self.ask_identity::<Jwks>(proxy, "/.well-known/jwks.json").await;
        let claims = self.keys.check(token, fetch).await.map_err(|refused| match refused {
            Refused::Bad(error) => {
                tracing::debug!(%error, "token refused");
                Error::unauthenticated("The access token is not valid, or no longer.")
            }
            Refused::Away => away(),
        })?;
        let standing = self.standing(claims.sid, proxy).await?;
        if !standing.live {
            return Err(Error::unauthenticated("This session has ended; sign in again."));
        }
        Ok(Caller::signed_in(
            &claims,
            standing.bindings.clone(),
            Some(conn.address),
            request,
        ))
    }

    async fn standing(&self, session: SessionId, proxy: &Proxy) -> Result<std::sync::Arc<Standing>, Error> {
        let ask = async {
            match self
                .ask_identity::<Standing>(proxy, &format!("/internal/sessions/{session}"))
                .await
            {
                Err(Silence::Answered(StatusCode::NOT_FOUND)) => Ok(Standing {
                    live: false,
                    bindings: Vec::new(),
                }),
                other => other,
            }
        };
        self.standings.of(session, ask).await.map_err(|_| away())
    }

    /// Is this session still good? Of two minds, it is.
    pub async fn is_live(&self, session: SessionId, proxy: &Proxy) -> bool {
        self.standing(session, proxy)
            .await
            .map_or(true, |standing| standing.live)
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

    async fn ask_identity<T: DeserializeOwned>(&self, proxy: &Proxy, path: &str) -> Result<T, Silence> {
        let mut headers = HeaderMap::new();
        let (name, value) = self.passport(Bearer::Platform("gateway".to_owned()), None, RequestId::mint());
        headers.insert(name, value);
        let path = PathAndQuery::try_from(path).map_err(|_| Silence::Garbled)?;
        let ask = Ask {
            method: Method::GET,
            path,
            headers,
            body: Inbound::none(),
            deadline: DEADLINE,
        };
        let mut reply = proxy.ask(Role::Identity, &ask).await?;
        if reply.response.status() != StatusCode::OK {
            return Err(Silence::Answered(reply.response.status()));
        }
        let body = tokio::time::timeout(DEADLINE, reply.response.body().limit(LONGEST)).await;
        let body = body.map_err(|_| Failure::Late)?.map_err(|_| Silence::Garbled)?;
        serde_json::from_slice(&body).map_err(|_| Silence::Garbled)
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

fn away() -> Error {
    Error::unavailable("Sessions cannot be checked at the moment; try again shortly.", 1)
}

/// Exactly one `Authorization: Bearer <token>`.
fn token(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values
        .next()
        .ok_or_else(|| Error::unauthenticated("Send an access token as `Authorization: Bearer`."))?;
    let malformed = || Error::unauthenticated("Send one access token, as `Authorization: Bearer`.");
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
