//! How the endpoints of OAuth 2.0 say no (RFC 6749, 5.2).

use std::borrow::Cow;
use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use fault::Kind;
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};
use web::Refusals;

/// What is wrong, in the words of the standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// It cannot be read, or something is missing.
    InvalidRequest,
    /// The client has not proven who it is.
    InvalidClient,
    /// The code or token is not good, no longer, or not this client's.
    InvalidGrant,
    /// Not for this client.
    UnauthorizedClient,
    /// No such way to tokens.
    UnsupportedGrantType,
    /// Only `code` is given.
    UnsupportedResponseType,
    /// More than the client may be let in for.
    InvalidScope,
    /// The person has said no.
    AccessDenied,
    /// Nobody is asked again without a page.
    LoginRequired,
    /// The person has not decided yet (RFC 8628).
    AuthorizationPending,
    /// Asked too often (RFC 8628).
    SlowDown,
    /// Nobody has decided in time (RFC 8628).
    ExpiredToken,
    /// Our own fault.
    ServerError,
    /// Try again later.
    TemporarilyUnavailable,
}

impl Code {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A refusal.
#[derive(Debug)]
pub struct Refusal {
    code: Code,
    description: Cow<'static, str>,
    /// What other endpoints would have answered, where it was not this one's own refusal.
    cause: Option<Box<fault::Error>>,
}

/// A refusal as it is read.
#[derive(Debug, Serialize, ToSchema)]
pub struct OauthRefusal {
    /// What is wrong.
    #[schema(example = "invalid_grant")]
    pub error: Code,
    /// How to mend it.
    #[schema(example = "The code is not good, or no longer.")]
    pub error_description: String,
}

/// The statuses of [`Refusals`]: what the gateway refuses is a problem as everywhere, what the endpoint itself refuses is said
/// as OAuth says it.
pub struct OauthRefusals;

impl IntoResponses for OauthRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = Refusals::responses();
        for response in responses.values_mut() {
            if let RefOr::T(response) = response {
                let schema = Ref::from_schema_name(OauthRefusal::name());
                let content = ContentBuilder::new().schema(Some(schema)).build();
                response.content.insert("application/json".to_owned(), content.into());
            }
        }
        responses
    }
}

impl Refusal {
    /// A refusal that says how to mend it; visible ASCII without quotes (RFC 6749, 5.2).
    pub fn new(code: Code, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: description.into(),
            cause: None,
        }
    }

    /// What is wrong.
    pub const fn code(&self) -> Code {
        self.code
    }
}

impl From<fault::Error> for Refusal {
    fn from(cause: fault::Error) -> Self {
        let code = match cause.kind() {
            Kind::Internal => Code::ServerError,
            Kind::Unavailable | Kind::KeyUnavailable | Kind::TooManyRequests => Code::TemporarilyUnavailable,
            _ => Code::InvalidRequest,
        };
        let problem = cause.problem();
        let fields = problem
            .errors
            .iter()
            .map(|field| format!("{}: {}", field.pointer, field.detail));
        let fields: Vec<String> = fields.collect();
        let said = if fields.is_empty() {
            cause.detail().to_owned()
        } else {
            fields.join("; ")
        };
        let plain = |c: char| {
            if c.is_ascii_graphic() && !matches!(c, '"' | '\\') || c == ' ' {
                c
            } else {
                '\''
            }
        };
        Self {
            code,
            description: said.chars().map(plain).take(500).collect::<String>().into(),
            cause: Some(Box::new(cause)),
        }
    }
}

impl From<db::Error> for Refusal {
    fn from(error: db::Error) -> Self {
        fault::Error::from(error).into()
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.description)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match &self.cause {
            Some(cause) => cause.status_code(),
            None => self.code.status(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        // It logs what is private.
        let theirs = self.cause.as_ref().map(|cause| cause.error_response());
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(wait) = theirs.as_ref().and_then(|theirs| theirs.headers().get(RETRY_AFTER)) {
            answer.insert_header((RETRY_AFTER, wait.clone()));
        }
        if self.code == Code::InvalidClient {
            answer.insert_header((WWW_AUTHENTICATE, "Basic realm=\"yunshu\""));
        }
        answer.json(OauthRefusal {
            error: self.code,
            error_description: self.description.clone().into_owned(),
        })
    }
}
