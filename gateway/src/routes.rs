//! Every public path and who answers it: the only list.
//!
//! The first rule that matches counts, so the more specific stand above. `{}` is one segment, `**` any rest. What no rule
//! names is not there; `/internal` in particular is for services among themselves.

mod open;

use actix_http::Method;

pub use open::{CLIENTS_OWN, GUESSABLE, OPEN};

/// A part of the platform that answers requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Identity,
    Compute,
    Audit,
    Notify,
    Portal,
}

/// What the gateway answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Healthz,
    Readyz,
    OpenApi,
    Problem,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    Service(Role),
    Own(Page),
    Nowhere,
}

/// How the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Within the deadline for answers.
    Plain,
    /// When there is news: ended at shutdown, so that it does not hold it up.
    LongPoll,
    /// A stream of events without an end.
    Stream,
}

/// What proves who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// An access token.
    Token,
    /// A TLS client certificate.
    Certificate,
    /// Nothing: [`OPEN`] lists these, for one method each; or public pages.
    None,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub path: &'static str,
    pub goal: Goal,
    pub pace: Pace,
    pub proof: Proof,
}

const fn own(path: &'static str, page: Page) -> Rule {
    Rule {
        path,
        goal: Goal::Own(page),
        pace: Pace::Plain,
        proof: Proof::None,
    }
}

const fn to(path: &'static str, role: Role) -> Rule {
    Rule {
        path,
        goal: Goal::Service(role),
        pace: Pace::Plain,
        proof: Proof::Token,
    }
}

const fn nowhere(path: &'static str) -> Rule {
    Rule {
        path,
        goal: Goal::Nowhere,
        pace: Pace::Plain,
        proof: Proof::None,
    }
}

impl Rule {
    const fn pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    const fn proof(self, proof: Proof) -> Self {
        Self { proof, ..self }
    }
}

/// The table.
pub const TABLE: &[Rule] = &[
    own("/healthz", Page::Healthz),
    own("/readyz", Page::Readyz),
    own("/problems/{}", Page::Problem),
    own("/api/v1/openapi.json", Page::OpenApi),
    nowhere("/internal/**"),
    to("/.well-known/**", Role::Identity),
    to("/api/v1/auth/**", Role::Identity),
    to("/api/v1/oauth/**", Role::Identity),
    to("/api/v1/oauth-clients/**", Role::Identity),
    to("/api/v1/me/**", Role::Identity),
    to("/api/v1/tenant/**", Role::Identity),
    to("/api/v1/users/**", Role::Identity),
    to("/api/v1/groups/**", Role::Identity),
    to("/api/v1/invitations/**", Role::Identity),
    to("/api/v1/identity-providers/**", Role::Identity),
    to("/api/v1/service-accounts/**", Role::Identity),
    to("/api/v1/policies/**", Role::Identity),
    to("/api/v1/roles/**", Role::Identity),
    to("/api/v1/role-bindings/**", Role::Identity),
    to("/api/v1/authorize:explain", Role::Identity),
    to("/api/v1/operator-access/**", Role::Identity),
    to("/api/v1/projects/{}/vms/**", Role::Compute),
    to("/api/v1/projects/**", Role::Identity),
    to("/api/v1/flavors/**", Role::Compute),
    to("/api/v1/images/**", Role::Compute),
    to("/api/v1/quotas/**", Role::Compute),
    to("/api/v1/operations/**", Role::Compute),
    to("/api/v1/system/pools/**", Role::Compute),
    to("/api/v1/system/hosts/**", Role::Compute),
    to("/api/v1/system/flavors/**", Role::Compute),
    to("/api/v1/system/images/**", Role::Compute),
    to("/api/v1/system/quotas/**", Role::Compute),
    to("/api/v1/system/tenants/**", Role::Identity),
    to("/api/v1/system/keys/**", Role::Identity),
    to("/api/v1/system/operator-access/**", Role::Identity),
    to("/api/v1/system/break-glass/**", Role::Identity),
    to("/api/v1/system/dead-letters:replay", Role::Notify),
    to("/api/v1/system/dead-letters/**", Role::Notify),
    to("/api/v1/hypervisor/desired", Role::Compute)
        .pace(Pace::LongPoll)
        .proof(Proof::Certificate),
    to("/api/v1/hypervisor/**", Role::Compute).proof(Proof::Certificate),
    to("/api/v1/audit/**", Role::Audit),
    to("/api/v1/events", Role::Notify).pace(Pace::Stream),
    to("/api/v1/webhooks/**", Role::Notify),
    nowhere("/api/**"),
    nowhere("/problems/**"),
    to("/**", Role::Portal).proof(Proof::None),
];

/// The row for a path, whose escapes have been undone.
pub fn find(path: &str) -> &'static Rule {
    const LOST: Rule = nowhere("/");
    TABLE.iter().find(|rule| matches(rule.path, path)).unwrap_or(&LOST)
}

/// May this be asked without a credential?
pub fn is_open(method: &Method, path: &str) -> bool {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    OPEN.iter()
        .any(|(open, pattern)| open == method && matches(pattern, path))
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for piece in pattern.split('/') {
        match (piece, parts.next()) {
            ("**", _) => return true,
            ("{}", Some(part)) if !part.is_empty() => {}
            (piece, Some(part)) if piece == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(path: &str) -> Option<Role> {
        match find(path).goal {
            Goal::Service(role) => Some(role),
            _ => None,
        }
    }

    #[test]
    fn each_path_has_its_role() {
        for (path, role) in [
            ("/api/v1/auth/login", Some(Role::Identity)),
            ("/api/v1/oauth/token", Some(Role::Identity)),
            ("/api/v1/oauth-clients/c", Some(Role::Identity)),
            ("/api/v1/me", Some(Role::Identity)),
            ("/api/v1/users/u/export", Some(Role::Identity)),
            ("/api/v1/groups/g/members/u", Some(Role::Identity)),
            ("/api/v1/invitations", Some(Role::Identity)),
            ("/api/v1/policies/sign-in", Some(Role::Identity)),
            ("/api/v1/service-accounts/a/api-keys", Some(Role::Identity)),
            ("/api/v1/authorize:explain", Some(Role::Identity)),
            ("/api/v1/projects", Some(Role::Identity)),
            ("/api/v1/projects/p", Some(Role::Identity)),
            ("/api/v1/projects/p/vms", Some(Role::Compute)),
            ("/api/v1/projects/p/vms/v:start", Some(Role::Compute)),
            ("/api/v1/projects/p/vms/v/console", Some(Role::Compute)),
            ("/api/v1/projects/vms", Some(Role::Identity)),
            ("/api/v1/system/hosts/enrolments", Some(Role::Compute)),
            ("/api/v1/system/tenants", Some(Role::Identity)),
            ("/api/v1/system/keys", Some(Role::Identity)),
            ("/api/v1/tenant/keys:rotate", Some(Role::Identity)),
            ("/api/v1/system/operator-access/a:end", Some(Role::Identity)),
            ("/api/v1/system/break-glass", Some(Role::Identity)),
            ("/api/v1/system/dead-letters", Some(Role::Notify)),
            ("/api/v1/system/dead-letters:replay", Some(Role::Notify)),
            ("/api/v1/system/dead-letters/l:drop", Some(Role::Notify)),
            ("/api/v1/operator-access", Some(Role::Identity)),
            ("/api/v1/audit/events", Some(Role::Audit)),
            ("/api/v1/events", Some(Role::Notify)),
            ("/api/v1/webhooks", Some(Role::Notify)),
            ("/api/v1/webhooks/w/deliveries/d:redeliver", Some(Role::Notify)),
            ("/api/v1/events/more", None),
            ("/api/v1/unknown", None),
            ("/api/v2/me", None),
            ("/api", None),
            ("/", Some(Role::Portal)),
            ("/projects/p/vms", Some(Role::Portal)),
            ("/assets/app.js", Some(Role::Portal)),
            ("/problems", None),
            ("/problems/a/b", None),
        ] {
            assert_eq!(service(path), role, "{path}");
        }
    }

    #[test]
    fn t49_internal_paths_lead_nowhere() {
        for path in ["/internal", "/internal/", "/internal/sessions/1", "/internal//x"] {
            assert_eq!(find(path).goal, Goal::Nowhere, "{path}");
        }
    }

    #[test]
    fn no_rule_is_hidden_by_one_above() {
        for (at, rule) in TABLE.iter().enumerate() {
            let sample = rule.path.replace("{}", "x").replace("**", "x/y");
            assert_eq!(find(&sample), rule, "row {at}");
        }
    }

    #[test]
    fn only_the_listed_operations_are_open() {
        assert!(is_open(&Method::POST, "/api/v1/auth/login"));
        assert!(is_open(&Method::POST, "/api/v1/auth/accept-invitation"));
        assert!(!is_open(&Method::POST, "/api/v1/invitations"));
        assert!(!is_open(&Method::GET, "/api/v1/auth/login"));
        assert!(is_open(&Method::GET, "/api/v1/oauth/authorize"));
        assert!(!is_open(&Method::POST, "/api/v1/oauth/authorize"));
        assert!(!is_open(&Method::GET, "/api/v1/oauth/userinfo"));
        assert!(!is_open(&Method::POST, "/api/v1/auth/login/"));
        assert!(!is_open(&Method::POST, "/api/v1/auth/logout"));
        assert!(is_open(&Method::HEAD, "/.well-known/jwks.json"));
        assert!(!is_open(&Method::POST, "/.well-known/jwks.json"));
        assert!(!is_open(&Method::GET, "/api/v1/me"));
    }
}
