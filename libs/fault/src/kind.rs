use serde::Serialize;

/// What a client can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The body, path or query cannot be read at all.
    Malformed,
    /// It can be read and breaks a rule.
    Invalid,
    /// No good credential.
    Unauthenticated,
    /// A good credential without the right.
    Forbidden,
    /// The right is there, and a factor must be shown anew (RFC 9470).
    StepUpRequired,
    /// The tenant asks for a second factor before anything else.
    FactorEnrolmentRequired,
    /// The password has come of age: it must be changed before anything else.
    PasswordExpired,
    /// Not there, or not for this caller to know.
    NotFound,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// The request did not arrive in time.
    Timeout,
    /// The name is taken.
    AlreadyExists,
    /// The state does not allow it.
    Conflict,
    /// A newer process speaks for the same host.
    StaleSession,
    /// `If-Match` names an older state.
    PreconditionFailed,
    /// The request has more bytes than are taken.
    TooLarge,
    /// A content type or encoding that is not taken.
    UnsupportedMediaType,
    /// The `Idempotency-Key` was used for another request.
    KeyReused,
    /// `If-Match` is required here.
    PreconditionRequired,
    /// The tenant's quota does not allow it.
    QuotaExceeded,
    /// Slow down.
    TooManyRequests,
    /// Headers are larger than what is taken.
    HeadersTooLarge,
    /// Try later.
    Unavailable,
    /// The key that the tenant keeps itself is away: its people have to bring it back.
    KeyUnavailable,
    /// Our bug.
    Internal,
}

/// One row of the error table.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// The stable code clients may match on.
    pub code: &'static str,
    /// A short title, the same for every occurrence.
    pub title: &'static str,
    /// What the client should do, for the page behind `type`.
    pub mend: &'static str,
}

const fn row(status: u16, code: &'static str, title: &'static str, mend: &'static str) -> Row {
    Row {
        status,
        code,
        title,
        mend,
    }
}

/// One row per kind, in the order of the kinds.
const TABLE: [Row; 24] = [
    row(
        400,
        "malformed",
        "Malformed request",
        "Send JSON (UTF-8) of the documented shape.",
    ),
    row(
        400,
        "invalid",
        "Invalid request",
        "Mend the fields that `errors` names.",
    ),
    row(
        401,
        "unauthenticated",
        "Sign in first",
        "Send a fresh access token as `Authorization: Bearer`.",
    ),
    row(
        403,
        "forbidden",
        "Permission missing",
        "Ask an owner or administrator for a role that carries it.",
    ),
    row(
        403,
        "step_up_required",
        "Show a factor again",
        "Confirm who you are with `POST /auth/step-up`, then repeat the request.",
    ),
    row(
        403,
        "factor_enrolment_required",
        "Add a second factor first",
        "Add one with `POST /me/mfa/totp`, or show yours with `POST /auth/step-up`, then repeat the request.",
    ),
    row(
        403,
        "password_expired",
        "Change the password first",
        "Choose another with `POST /auth/password`, then repeat the request.",
    ),
    row(404, "not_found", "Not found", "Check the id or name and your project."),
    row(
        405,
        "method_not_allowed",
        "Method not allowed",
        "The `Allow` header names the methods.",
    ),
    row(
        408,
        "request_timeout",
        "Request too slow",
        "Send the request again, faster.",
    ),
    row(409, "already_exists", "Already exists", "Choose another name."),
    row(
        409,
        "conflict",
        "State does not allow this",
        "Read the object and decide again.",
    ),
    row(
        409,
        "stale_session",
        "A newer session exists",
        "Stop: another process speaks for this host now.",
    ),
    row(
        412,
        "precondition_failed",
        "The object has changed",
        "Read it again and repeat with its new ETag.",
    ),
    row(
        413,
        "too_large",
        "Request too large",
        "Send fewer bytes; the detail names the limit.",
    ),
    row(
        415,
        "unsupported_media_type",
        "Unsupported media type",
        "Send `application/json`, not compressed.",
    ),
    row(
        422,
        "idempotency_key_reused",
        "Idempotency key used before",
        "Use a new key for a new request.",
    ),
    row(
        428,
        "precondition_required",
        "If-Match required",
        "Send the object's ETag as `If-Match`.",
    ),
    row(
        403,
        "quota_exceeded",
        "Quota exceeded",
        "Remove what you no longer need, or ask for more.",
    ),
    row(
        429,
        "too_many_requests",
        "Too many requests",
        "Wait as long as `Retry-After` says.",
    ),
    row(
        431,
        "headers_too_large",
        "Headers too large",
        "Send fewer header bytes.",
    ),
    row(
        503,
        "unavailable",
        "Unavailable for now",
        "Try again after `Retry-After`.",
    ),
    row(
        503,
        "key_unavailable",
        "Your own key is away",
        "Bring back your key server, the key there or the token's rights; all goes on by itself within a minute.",
    ),
    row(500, "internal", "Our mistake", "Report the request id."),
];

impl Kind {
    /// Every kind, for the pages that explain them.
    pub const ALL: [Self; 24] = [
        Self::Malformed,
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::StepUpRequired,
        Self::FactorEnrolmentRequired,
        Self::PasswordExpired,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::AlreadyExists,
        Self::Conflict,
        Self::StaleSession,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::KeyReused,
        Self::PreconditionRequired,
        Self::QuotaExceeded,
        Self::TooManyRequests,
        Self::HeadersTooLarge,
        Self::Unavailable,
        Self::KeyUnavailable,
        Self::Internal,
    ];

    /// Status, code and title of this kind.
    #[expect(
        clippy::indexing_slicing,
        reason = "there is a row for every kind: a test looks at each"
    )]
    pub const fn row(self) -> Row {
        TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_row_of_its_name() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            let name: String = kind
                .row()
                .code
                .split('_')
                .map(|word| word[..1].to_uppercase() + &word[1..])
                .collect();
            assert!(name.ends_with(&format!("{kind:?}")), "{kind:?} has the row of {name}");
        }
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.row().code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
    }
}
