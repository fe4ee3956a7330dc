use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use ids::OperationId;
use serde::Serialize;
use serde_json::Value;

/// What an answer speaks of, for the audit log and the answer's headers.
pub trait Subject: Serialize {
    /// The answer holds a secret that is shown once: it is not kept, and a repeated `Idempotency-Key` gets 409.
    const SECRET: bool = false;

    /// The object in the audit log, e.g. `vm:0192…`.
    fn object(&self) -> String;

    /// What the audit log keeps of it. A type that holds a secret must leave it out here.
    fn record(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Its own path, for `Location`.
    fn location(&self) -> Option<String> {
        None
    }

    /// Its strong `ETag`, with quotes.
    fn etag(&self) -> Option<String> {
        None
    }
}

/// The HTTP status of a change that was made.
#[derive(Debug, Clone, Copy)]
pub enum Status {
    /// 200.
    Ok,
    /// 201 with `Location`.
    Created,
    /// 202 with `Location` and `Operation-Location`.
    Accepted(OperationId),
    /// 204.
    NoContent,
}

/// What was done: gives the audit entry its before and after, and the client its body.
pub trait Effect {
    /// The body.
    type Body: Subject;

    /// The body.
    fn body(self) -> Self::Body;
    /// What the log keeps of the state before.
    fn before(&self) -> Option<Value>;
    /// What the log keeps of the state after.
    fn after(&self) -> Option<Value>;
}

/// It is new.
pub struct Created<T>(pub T);
/// It was the first and is now the second.
pub struct Changed<T>(pub T, pub T);
/// It is gone, or on its way out.
pub struct Removed<T>(pub T);
/// Something was done that changes no object.
pub struct Done<T>(pub T);

impl<T: Subject> Effect for Created<T> {
    type Body = T;
    fn body(self) -> T {
        self.0
    }
    fn before(&self) -> Option<Value> {
        None
    }
    fn after(&self) -> Option<Value> {
        Some(self.0.record())
    }
}

impl<T: Subject> Effect for Changed<T> {
    type Body = T;
    fn body(self) -> T {
        self.1
    }
    fn before(&self) -> Option<Value> {
        Some(self.0.record())
    }
    fn after(&self) -> Option<Value> {
        Some(self.1.record())
    }
}

impl<T: Subject> Effect for Removed<T> {
    type Body = T;
    fn body(self) -> T {
        self.0
    }
    fn before(&self) -> Option<Value> {
        Some(self.0.record())
    }
    fn after(&self) -> Option<Value> {
        None
    }
}

impl<T: Subject> Effect for Done<T> {
    type Body = T;
    fn body(self) -> T {
        self.0
    }
    fn before(&self) -> Option<Value> {
        None
    }
    fn after(&self) -> Option<Value> {
        None
    }
}

/// The answer to a change: committed, or described on a dry run. Only [`crate::Change::finish`] makes one.
#[derive(Debug)]
pub struct Answer<T> {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) of: std::marker::PhantomData<fn() -> T>,
}

impl<T> Responder for Answer<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        render(self.status, &self.headers, self.body)
    }
}

fn render(status: u16, headers: &[(String, String)], body: Option<Value>) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    for (name, value) in headers {
        answer.insert_header((name.as_str(), value.as_str()));
    }
    match body {
        Some(body) => answer.json(body),
        None => answer.finish(),
    }
}

/// What a changing handler returns.
pub type Outcome<T> = Result<Answer<T>, Exit>;

/// Why a changing handler ended early.
#[derive(Debug)]
pub enum Exit {
    /// An error.
    Error(fault::Error),
    /// The same request was answered before; this is that answer.
    Replay(Box<Answer<()>>),
}

impl From<fault::Error> for Exit {
    fn from(error: fault::Error) -> Self {
        Self::Error(error)
    }
}

impl From<crypto::KeyError> for Exit {
    fn from(error: crypto::KeyError) -> Self {
        Self::Error(error.into())
    }
}

impl From<crate::Error> for Exit {
    fn from(error: crate::Error) -> Self {
        Self::Error(error.into())
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Replay(_) => f.write_str("answered before"),
        }
    }
}

impl ResponseError for Exit {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Error(error) => error.status_code(),
            Self::Replay(answer) => StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Error(error) => error.error_response(),
            Self::Replay(answer) => {
                let mut headers = answer.headers.clone();
                headers.push(("Idempotent-Replayed".to_owned(), "true".to_owned()));
                render(answer.status, &headers, answer.body.clone())
            }
        }
    }
}
