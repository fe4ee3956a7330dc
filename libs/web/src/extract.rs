use std::marker::PhantomData;
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{IF_MATCH, USER_AGENT};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use auth::explain::Refusal;
use auth::passport::{Bearer, Passport};
use auth::{Action, Caller, Info, Owed};
use db::{Ask, Db, Exit, IdempotencyKey};
use fault::Kind;
use futures::future::LocalBoxFuture;
use ids::RequestId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::body;
use crate::query::{self, ChangeQuery, NoQuery};

/// An object without fields: what an action without arguments takes. An empty body is one too.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// What the middleware remembers of a request so that a refusal can be recorded.
#[derive(Clone, Copy)]
pub(crate) struct Asked(pub &'static Info);

/// Where a request came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The address, as the gateway saw it.
    pub address: Option<IpAddr>,
    /// The request.
    pub request: RequestId,
    /// The client's own name for itself, cut to 200 characters.
    pub user_agent: String,
}

impl Origin {
    pub(crate) fn of(request: &HttpRequest, passport: &Passport) -> Self {
        let agent = request
            .headers()
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        Self {
            address: passport.address,
            request: passport.request,
            user_agent: agent.chars().take(200).collect(),
        }
    }
}

pub(crate) fn passport(request: &HttpRequest) -> Result<Passport, fault::Error> {
    request.extensions().get::<Passport>().cloned().ok_or_else(sign_in)
}

fn sign_in() -> fault::Error {
    fault::Error::unauthenticated("Sign in and send the access token as `Authorization: Bearer`.")
}

fn caller<A: Action>(request: &HttpRequest) -> Result<Caller, fault::Error> {
    let Bearer::Caller(caller) = passport(request)?.bearer else {
        return Err(sign_in());
    };
    request.extensions_mut().insert(Asked(A::INFO));
    match caller.admit(A::INFO) {
        Ok(()) => Ok(caller),
        Err(Refusal::Owes(owed)) => Err(first(owed)),
        Err(Refusal::Scope | Refusal::Missing) => Err(db::forbidden(A::INFO, "anything here")),
        Err(Refusal::StepUp(minutes)) => Err(fault::Error::step_up_required(minutes)),
    }
}

fn first(owed: Owed) -> fault::Error {
    let (kind, detail) = match owed {
        Owed::Password => (
            Kind::PasswordExpired,
            "Your password has come of age; change it before anything else.",
        ),
        Owed::Factor => (
            Kind::FactorEnrolmentRequired,
            "Your tenant asks for a second factor: add one, or show the one you have, before anything else.",
        ),
    };
    fault::Error::new(kind, detail)
}

/// A caller who may do `A` somewhere and wants to read. `Q` is the query, strictly read.
pub struct Read<A, Q = NoQuery> {
    /// The query parameters.
    pub query: Q,
    caller: Caller,
    action: PhantomData<fn() -> A>,
}

impl<A: Action, Q> Read<A, Q> {
    /// Begins the transaction.
    pub async fn begin(&self, db: &Db) -> Result<db::Read<A>, fault::Error> {
        db.read(&self.caller).await
    }

    /// Who asks.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl<A: Action, Q: DeserializeOwned + 'static> FromRequest for Read<A, Q> {
    type Error = fault::Error;
    type Future = std::future::Ready<Result<Self, fault::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(caller::<A>(request).and_then(|caller| {
            Ok(Self {
                query: query::parse(request)?,
                caller,
                action: PhantomData,
            })
        }))
    }
}

/// A caller who may do `A` somewhere and wants to change something. Holds the checked body, the `Idempotency-Key`,
/// `dry_run`, `If-Match` and the hash of method, path and body.
pub struct Change<A, B = Empty> {
    /// The body.
    pub body: B,
    ask: Ask,
    action: PhantomData<fn() -> A>,
}

impl<A: Action, B> Change<A, B> {
    /// Begins the transaction. A repeated key leaves here with its first answer.
    pub async fn begin(&self, db: &Db) -> Result<db::Change<A>, Exit> {
        db.change(self.ask.clone()).await
    }

    /// Who asks.
    pub const fn caller(&self) -> &Caller {
        &self.ask.caller
    }

    /// Will it be rolled back? Slow work before the transaction may be left out then.
    pub const fn is_dry_run(&self) -> bool {
        self.ask.dry_run
    }
}

impl<A: Action, B: DeserializeOwned + 'static> FromRequest for Change<A, B> {
    type Error = fault::Error;
    type Future = LocalBoxFuture<'static, Result<Self, fault::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let caller = caller::<A>(&request)?;
            let ChangeQuery { dry_run } = query::parse(&request)?;
            let key = idempotency_key(&request)?;
            let if_match = header(&request, IF_MATCH.as_str())?;
            let bytes = body::read(&request, &mut payload).await?;
            let body = parse(&request, &bytes)?;
            let fingerprint = fingerprint(&request, &bytes);
            Ok(Self {
                body,
                ask: Ask {
                    caller,
                    dry_run,
                    key,
                    if_match,
                    fingerprint,
                },
                action: PhantomData,
            })
        })
    }
}

/// A request from nobody in particular: sign-up, sign-in, renewal.
pub struct Open<B = Empty> {
    /// The body.
    pub body: B,
    /// Where it came from.
    pub origin: Origin,
}

impl<B: DeserializeOwned + 'static> FromRequest for Open<B> {
    type Error = fault::Error;
    type Future = LocalBoxFuture<'static, Result<Self, fault::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let origin = Origin::of(&request, &passport(&request)?);
            let NoQuery {} = query::parse(&request)?;
            let bytes = body::read(&request, &mut payload).await?;
            Ok(Self {
                body: parse(&request, &bytes)?,
                origin,
            })
        })
    }
}

/// A request from the holder of a TLS client certificate (RFC 8705): a hypervisor or an agent.
pub struct AsCertificate<B = Empty, Q = NoQuery> {
    /// SHA-256 of the certificate's DER form, lower-case hex.
    pub fingerprint: String,
    /// The body.
    pub body: B,
    /// The query parameters.
    pub query: Q,
    /// Where it came from.
    pub origin: Origin,
}

impl<B: DeserializeOwned + 'static, Q: DeserializeOwned + 'static> FromRequest for AsCertificate<B, Q> {
    type Error = fault::Error;
    type Future = LocalBoxFuture<'static, Result<Self, fault::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let passport = passport(&request)?;
            let origin = Origin::of(&request, &passport);
            let Bearer::Certificate(fingerprint) = passport.bearer else {
                return Err(fault::Error::unauthenticated(
                    "Connect with the client certificate that was enrolled.",
                ));
            };
            let query = query::parse(&request)?;
            let bytes = body::read(&request, &mut payload).await?;
            Ok(Self {
                fingerprint,
                body: parse(&request, &bytes)?,
                query,
                origin,
            })
        })
    }
}

/// A call from another role of the platform.
pub struct AsPlatform {
    /// The role.
    pub role: String,
}

impl FromRequest for AsPlatform {
    type Error = fault::Error;
    type Future = std::future::Ready<Result<Self, fault::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(passport(request).and_then(|passport| match passport.bearer {
            Bearer::Platform(role) => Ok(Self { role }),
            _ => Err(fault::Error::not_found("page")),
        }))
    }
}

/// An empty body stands for the empty object, so that actions need no `{}`.
fn parse<B: DeserializeOwned>(request: &HttpRequest, bytes: &[u8]) -> Result<B, fault::Error> {
    if bytes.is_empty() && std::mem::size_of::<B>() == 0 {
        return serde_json::from_str("{}").map_err(fault::Error::internal);
    }
    body::json(request, bytes)
}

fn header(request: &HttpRequest, name: &str) -> Result<Option<String>, fault::Error> {
    let Some(value) = request.headers().get(name) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| fault::Error::new(Kind::Malformed, format!("{name} is not ASCII.")))?;
    Ok(Some(text.to_owned()))
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, fault::Error> {
    let Some(text) = header(request, "idempotency-key")? else {
        return Ok(None);
    };
    let key = IdempotencyKey::parse(text.trim_matches('"'));
    let detail = "Idempotency-Key must be 1 to 255 visible ASCII characters.";
    key.map(Some).ok_or_else(|| fault::Error::new(Kind::Invalid, detail))
}

fn fingerprint(request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [request.method().as_str().as_bytes(), request.path().as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
