//! The parameters that changes have in common, for their documentation. What they do is in [`crate::Change`].

use utoipa::IntoParams;

/// On every change.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRun {
    /// Only say what would happen
    pub dry_run: Option<bool>,
}

/// On every change and removal of configuration.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// The `ETag` last read
    #[param(rename = "If-Match")]
    pub etag: String,
}

/// On everything that should happen once, however often it is sent.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Once {
    /// Repeats within a day get the first answer
    #[param(rename = "Idempotency-Key")]
    pub key: Option<String>,
}
