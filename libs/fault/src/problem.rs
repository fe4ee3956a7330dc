use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Kind, request};

/// The body of every error answer: problem details (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A page that explains this kind of error.
    #[schema(example = "/problems/not_found")]
    pub r#type: String,
    /// The same for every error of the kind.
    #[schema(example = "Not found")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened this time and how to mend it.
    #[schema(example = "There is no such vm, or you may not know of it.")]
    pub detail: String,
    /// This occurrence, as a URN of the request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "urn:uuid:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub instance: Option<String>,
    /// Stable, for programs.
    #[schema(example = "not_found")]
    pub code: String,
    /// Quote it when you report a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub request_id: Option<String>,
    /// What is wrong with each field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The right that was missing, where that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

/// A right that somebody lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Missing {
    /// The permission.
    #[schema(example = "vm.create")]
    pub permission: String,
    /// On what.
    #[schema(example = "this project")]
    pub object: String,
    /// The built-in roles that would carry it.
    #[schema(example = json!(["owner", "admin", "operator"]))]
    pub roles: Vec<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// A JSON pointer (RFC 6901) into the body, or `?name` for a query parameter.
    #[schema(example = "/name")]
    pub pointer: String,
    /// What is wrong and what would be right.
    #[schema(example = "must be 1 to 63 characters long")]
    pub detail: String,
    /// Stable, for programs.
    #[schema(example = "invalid")]
    pub code: String,
}

impl FieldError {
    /// An invalid field.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
            code: "invalid".to_owned(),
        }
    }
}

impl Problem {
    pub(crate) fn of(kind: Kind, detail: &str, errors: Vec<FieldError>, missing: Option<Missing>) -> Self {
        let row = kind.row();
        let request = request::current();
        Self {
            r#type: format!("/problems/{}", row.code),
            title: row.title.to_owned(),
            status: row.status,
            detail: detail.to_owned(),
            instance: request.map(|id| format!("urn:uuid:{id}")),
            code: row.code.to_owned(),
            request_id: request.map(|id| id.to_string()),
            errors,
            missing,
        }
    }
}
