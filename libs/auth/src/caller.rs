use std::net::IpAddr;

use ids::{ProjectId, RequestId, SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};

use crate::{Info, Level, Role};

/// The platform's own tenant: its operators are people of it, and what concerns no tenant is in its log.
pub const PLATFORM: TenantId =
    TenantId::from_uuid(ids::uuid::Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Principal {
    /// A person.
    User(UserId),
    /// A worker of the platform, by its name.
    System(String),
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::System(name) => write!(f, "system:{name}"),
        }
    }
}

/// A role on the whole tenant, or on one project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The role.
    pub role: Role,
    /// The project; none means the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
}

/// What a session may do at this moment. Identity answers it to the gateway (`GET /internal/sessions/{session}`), which
/// keeps it for a few seconds: as long as a revocation or role change may take to be felt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// False once the session was revoked or expired, or its person disabled.
    pub live: bool,
    /// The roles its person carries now.
    pub bindings: Vec<Binding>,
}

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It belongs to no tenant.
    Platform,
    /// It belongs to the tenant as a whole.
    Tenant(TenantId),
    /// It belongs to one project.
    Project(TenantId, ProjectId),
}

/// A principal of one tenant, the roles it carries and where it calls from.
///
/// There is no public constructor from parts: a caller is made from a verified passport or token, or is one of the two
/// named exceptions ([`Caller::newcomer`], [`Caller::worker`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub(crate) tenant: TenantId,
    pub(crate) principal: Principal,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) session: Option<SessionId>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) request: RequestId,
}

impl Caller {
    /// The first person of a tenant that is being made, or a person at the moment of signing in: known by password,
    /// with no session yet.
    pub fn newcomer(
        tenant: TenantId,
        user: UserId,
        bindings: Vec<Binding>,
        address: Option<IpAddr>,
        request: RequestId,
    ) -> Self {
        Self {
            tenant,
            principal: Principal::User(user),
            bindings,
            session: None,
            address,
            request,
        }
    }

    /// A worker of the platform acting for a tenant: what the audit log shows as `system:<name>`.
    pub fn worker(tenant: TenantId, name: &str) -> Self {
        let bindings = vec![Binding {
            role: Role::System,
            project: None,
        }];
        Self {
            tenant,
            principal: Principal::System(name.to_owned()),
            bindings,
            session: None,
            address: None,
            request: RequestId::mint(),
        }
    }

    /// The caller a verified access token speaks of, with the rights its session has now.
    pub fn signed_in(
        claims: &crate::token::Claims,
        bindings: Vec<Binding>,
        address: Option<IpAddr>,
        request: RequestId,
    ) -> Self {
        Self {
            tenant: claims.tenant,
            principal: Principal::User(claims.sub),
            bindings,
            session: Some(claims.sid),
            address,
            request,
        }
    }

    /// The tenant the caller belongs to; the only tenant they can name.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who it is.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The person, if it is one.
    pub const fn user(&self) -> Option<UserId> {
        match &self.principal {
            Principal::User(id) => Some(*id),
            Principal::System(_) => None,
        }
    }

    /// The session the call belongs to.
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Where the call came from, as the gateway saw it.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The request it is part of.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// The roles it carries.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// May the caller do this kind of thing anywhere at all?
    pub fn may_somewhere(&self, action: &Info) -> bool {
        let roles = action.roles;
        roles.contains(Role::Anyone)
            || self.bindings.iter().any(|binding| {
                roles.contains(binding.role) && (action.level == Level::Project || binding.project.is_none())
            })
    }

    /// May the caller do this to an object standing there?
    pub fn may(&self, action: &Info, place: Place) -> bool {
        let (tenant, project) = match place {
            Place::Platform => (None, None),
            Place::Tenant(tenant) => (Some(tenant), None),
            Place::Project(tenant, project) => (Some(tenant), Some(project)),
        };
        if tenant.is_some_and(|tenant| tenant != self.tenant) {
            return false;
        }
        let roles = action.roles;
        roles.contains(Role::Anyone)
            || self.bindings.iter().any(|binding| {
                roles.contains(binding.role) && (binding.project.is_none() || binding.project == project)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, pool, project, vm};

    fn caller(bindings: Vec<Binding>) -> Caller {
        Caller::newcomer(TenantId::mint(), UserId::mint(), bindings, None, RequestId::mint())
    }

    #[test]
    fn a_role_on_a_project_reaches_that_project_alone() {
        let home = ProjectId::mint();
        let caller = caller(vec![Binding {
            role: Role::Operator,
            project: Some(home),
        }]);
        assert!(caller.may(vm::Create::INFO, Place::Project(caller.tenant(), home)));
        assert!(!caller.may(vm::Create::INFO, Place::Project(caller.tenant(), ProjectId::mint())));
        assert!(!caller.may(project::Create::INFO, Place::Tenant(caller.tenant())));
        assert!(caller.may_somewhere(vm::Create::INFO));
    }

    #[test]
    fn t01_no_role_reaches_another_tenant() {
        let caller = caller(Role::ALL.map(|role| Binding { role, project: None }).to_vec());
        for action in crate::action::ALL {
            assert!(
                !caller.may(action, Place::Project(TenantId::mint(), ProjectId::mint())),
                "{}",
                action.name
            );
            assert!(!caller.may(action, Place::Tenant(TenantId::mint())), "{}", action.name);
        }
    }

    #[test]
    fn an_owner_is_no_platform_operator() {
        let caller = caller(vec![Binding {
            role: Role::Owner,
            project: None,
        }]);
        assert!(!caller.may(pool::Create::INFO, Place::Platform));
        assert!(!caller.may_somewhere(pool::Create::INFO));
    }
}
