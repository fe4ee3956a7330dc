//! What is asked of services by people and programs that are nobody yet.

use actix_http::Method;

/// What nobody in particular may ask of a service. Tokens are ignored here, good or bad.
pub const OPEN: &[(Method, &str)] = &[
    (Method::POST, "/api/v1/auth/signup"),
    (Method::POST, "/api/v1/auth/login"),
    (Method::POST, "/api/v1/auth/refresh"),
    (Method::POST, "/api/v1/auth/accept-invitation"),
    (Method::POST, "/api/v1/auth/passkey:begin"),
    (Method::POST, "/api/v1/auth/passkey"),
    (Method::POST, "/api/v1/auth/mfa/webauthn:begin"),
    (Method::POST, "/api/v1/auth/mfa/webauthn"),
    (Method::POST, "/api/v1/auth/oidc/{}"),
    (Method::POST, "/api/v1/auth/mfa/totp"),
    (Method::POST, "/api/v1/auth/mfa/recovery"),
    (Method::POST, "/api/v1/auth/mfa/sms:send"),
    (Method::POST, "/api/v1/auth/mfa/sms"),
    (Method::POST, "/api/v1/auth/mfa/email:send"),
    (Method::POST, "/api/v1/auth/mfa/email"),
    (Method::POST, "/api/v1/auth/password-reset"),
    (Method::POST, "/api/v1/auth/password-reset/confirm"),
    (Method::POST, "/api/v1/auth/email/confirm"),
    (Method::POST, "/api/v1/auth/email/undo"),
    (Method::GET, "/api/v1/oauth/authorize"),
    (Method::POST, "/api/v1/oauth/token"),
    (Method::POST, "/api/v1/oauth/device"),
    (Method::POST, "/api/v1/oauth/introspect"),
    (Method::POST, "/api/v1/oauth/revoke"),
    (Method::GET, "/.well-known/**"),
];

/// Guessing passwords and codes and making tenants has a tighter rate. A passkey's signature cannot be guessed, and what
/// questions to devices cost is counted by identity.
pub const GUESSABLE: &[&str] = &[
    "/api/v1/auth/login",
    "/api/v1/auth/mfa/totp",
    "/api/v1/auth/mfa/recovery",
    "/api/v1/auth/oidc/providers",
    "/api/v1/auth/oidc/begin",
    "/api/v1/auth/oidc/complete",
    "/api/v1/auth/mfa/sms:send",
    "/api/v1/auth/mfa/sms",
    "/api/v1/auth/mfa/email:send",
    "/api/v1/auth/mfa/email",
    "/api/v1/auth/step-up:send",
    "/api/v1/auth/step-up",
    "/api/v1/auth/password",
    "/api/v1/auth/signup",
    "/api/v1/auth/accept-invitation",
    "/api/v1/auth/password-reset",
    "/api/v1/auth/password-reset/confirm",
    "/api/v1/auth/email/confirm",
    "/api/v1/auth/email/undo",
    "/api/v1/oauth/device",
    "/api/v1/oauth/device/decision",
];

/// Where a program proves who it is to the service itself, by `Authorization: Basic` (RFC 6749, 2.3.1).
pub const CLIENTS_OWN: &[&str] = &[
    "/api/v1/oauth/token",
    "/api/v1/oauth/device",
    "/api/v1/oauth/introspect",
    "/api/v1/oauth/revoke",
];
