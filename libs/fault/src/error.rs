use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::{FieldError, Kind, Missing, Problem};

/// What went wrong, as far as a client may know, and what only the log may know.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    detail: Cow<'static, str>,
    fields: Vec<FieldError>,
    retry_after: Option<u32>,
    missing: Option<Box<Missing>>,
    max_age: Option<u32>,
    private: Option<String>,
}

impl Error {
    /// An error of this kind with a public sentence that says how to mend it.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after: None,
            missing: None,
            max_age: None,
            private: None,
        }
    }

    /// One field is wrong. `pointer` is a JSON pointer into the body (`/name`) or `?name` for a query parameter.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError::new(pointer, detail)])
    }

    /// Several fields are wrong.
    pub fn invalid_fields(fields: Vec<FieldError>) -> Self {
        let mut error = Self::new(Kind::Invalid, "The request has invalid fields; `errors` names each.");
        error.fields = fields;
        error
    }

    /// No credential, or one that is not (or no longer) good.
    pub fn unauthenticated(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unauthenticated, detail)
    }

    /// The caller may know the object, yet lacks `permission` on it; the built-in roles `roles` would carry it.
    pub fn forbidden(permission: &str, object: &str, roles: &[&str]) -> Self {
        let mut detail = format!("You need the permission {permission} on {object}.");
        if !roles.is_empty() {
            detail = format!("{detail} It comes with the built-in roles: {}.", roles.join(", "));
        }
        let mut error = Self::new(Kind::Forbidden, detail);
        error.missing = Some(Box::new(Missing {
            permission: permission.to_owned(),
            object: object.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        }));
        error
    }

    /// The caller may do this, yet must have shown a factor within so many minutes.
    pub fn step_up_required(minutes: u16) -> Self {
        let detail = format!("This asks for a factor shown within the last {minutes} minutes; show yours again.");
        let mut error = Self::new(Kind::StepUpRequired, detail);
        error.max_age = Some(u32::from(minutes) * 60);
        error
    }

    /// There is no such object, or the caller may not know of it: on purpose the same answer.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(
            Kind::NotFound,
            format!("There is no such {what}, or you may not know of it."),
        )
    }

    /// The name is taken.
    pub fn already_exists(what: &'static str) -> Self {
        Self::new(
            Kind::AlreadyExists,
            format!("There is already a {what} of that name; choose another."),
        )
    }

    /// The object's state does not allow this.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, detail)
    }

    /// A service this one needs is away; try again after some seconds.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>, retry_after_seconds: u32) -> Self {
        Self::new(Kind::Unavailable, detail).retry_after(retry_after_seconds)
    }

    /// Our own bug or a broken part. `private` goes to the log only.
    pub fn internal(private: impl fmt::Display) -> Self {
        Self::new(
            Kind::Internal,
            "Something went wrong on our side. Report the request id.",
        )
        .private(private)
    }

    /// Adds context for the log.
    #[must_use]
    pub fn private(mut self, context: impl fmt::Display) -> Self {
        self.private = Some(context.to_string());
        self
    }

    /// Sets `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What kind of error this is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Does it pass by itself, so that the same thing may be tried again after a while?
    pub const fn is_temporary(&self) -> bool {
        self.retry_after.is_some()
    }

    /// The public sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The permission that was missing, where that is why.
    pub fn missing_permission(&self) -> Option<&str> {
        self.missing.as_ref().map(|missing| missing.permission.as_str())
    }

    /// The body a client reads.
    pub fn problem(&self) -> Problem {
        Problem::of(
            self.kind,
            &self.detail,
            self.fields.clone(),
            self.missing.as_deref().cloned(),
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.row().code, self.detail)
    }
}

impl std::error::Error for Error {}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        if let Some(private) = &self.private {
            tracing::error!(code = self.kind.row().code, %private, "request failed");
        }
        let mut answer = HttpResponse::build(self.status_code());
        answer.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after {
            answer.insert_header(("Retry-After", seconds.to_string()));
        }
        if self.kind == Kind::Unauthenticated {
            answer.insert_header(("WWW-Authenticate", "Bearer realm=\"yunshu\""));
        }
        if let Some(seconds) = self.max_age {
            let challenge = "Bearer realm=\"yunshu\", error=\"insufficient_user_authentication\"";
            answer.insert_header(("WWW-Authenticate", format!("{challenge}, max_age=\"{seconds}\"")));
        }
        answer.json(self.problem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_context_never_reaches_the_body() {
        let error = Error::internal("password=hunter2");
        let body = serde_json::to_string(&error.problem()).unwrap();
        assert!(!body.contains("hunter2"), "{body}");
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_missing_object_and_a_foreign_one_read_the_same() {
        let one = serde_json::to_vec(&Error::not_found("vm").problem()).unwrap();
        let other = serde_json::to_vec(&Error::not_found("vm").problem()).unwrap();
        assert_eq!(one, other);
    }
}
