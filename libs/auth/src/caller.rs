use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ids::{ApiKeyId, OperatorAccessId, ProjectId, RequestId, ServiceAccountId, SessionId, TenantId, UserId};
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use crate::rights::{self, Binding, Moment, Permissions};
use crate::{Info, Level, OperatorAccess, Owed, Role};

/// The platform's own tenant: its operators are people of it, and what concerns no tenant is in its log.
pub const PLATFORM: TenantId =
    TenantId::from_uuid(ids::uuid::Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Principal {
    /// A person.
    User(UserId),
    /// A machine with an account of its own.
    ServiceAccount(ServiceAccountId),
    /// A worker of the platform, by its name.
    System(String),
    /// A platform operator in a tenant's content, by their id among the platform's people. No person of the tenant: whatever
    /// looks for the caller's own things there finds nobody.
    Operator(UserId),
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::ServiceAccount(id) => write!(f, "service_account:{id}"),
            Self::System(name) => write!(f, "system:{name}"),
            Self::Operator(id) => write!(f, "operator:{id}"),
        }
    }
}

/// With what a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Credential {
    /// Nothing yet, or the platform's own word.
    None,
    /// A sign-in.
    Session(SessionId),
    /// An API key.
    ApiKey(ApiKeyId),
    /// A platform operator's access to the tenant's content.
    OperatorAccess(OperatorAccessId),
}

impl std::fmt::Display for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Session(id) => write!(f, "session:{id}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::OperatorAccess(id) => write!(f, "operator_access:{id}"),
        }
    }
}

/// What a credential may do at this moment. Identity answers it to the gateway (`GET /internal/…`), which keeps it for a
/// few seconds: as long as a revocation or role change may take to be felt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// False once the credential was revoked or expired, or its principal disabled.
    pub live: bool,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// Whom it stands for.
    pub principal: Principal,
    /// The rights its principal carries now, whether or not their conditions hold.
    pub bindings: Vec<Binding>,
    /// The only actions it may be used for; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Permissions>,
    /// The only networks it may be used from; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<IpNetwork>,
    /// The SHA-256 of the secret that proves it, where it is not proven otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<[u8; 32]>,
    /// When the strongest factor that the principal has was last shown.
    #[serde(default)]
    pub factor_at: Option<DateTime<Utc>>,
    /// How many minutes a factor is fresh enough for actions that ask for one, by the tenant's policy; none: any is.
    #[serde(default)]
    pub step_up_minutes: Option<u16>,
    /// What must be done before it is good for anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owes: Vec<Owed>,
    /// When it ends, to the second and not to the next question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The access that it is, if it lets a platform operator in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<OperatorAccess>,
}

impl Standing {
    /// What a credential without restrictions may do, with a factor shown at `factor_at`.
    pub const fn of(
        tenant: TenantId,
        principal: Principal,
        bindings: Vec<Binding>,
        factor_at: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            live: true,
            tenant,
            principal,
            bindings,
            scope: None,
            networks: Vec::new(),
            secret: None,
            factor_at,
            step_up_minutes: None,
            owes: Vec::new(),
            until: None,
            access: None,
        }
    }

    /// The caller of a request made at this moment; none if the credential is not good now, or not from there.
    pub fn caller(&self, credential: Credential, moment: &Moment, request: RequestId) -> Option<Caller> {
        let over = self.until.is_some_and(|until| moment.now >= until);
        if !self.live || over || !rights::admits(&self.networks, moment.address) {
            return None;
        }
        let in_force = |binding: &&Binding| binding.condition.judge(moment).is_ok();
        Some(Caller {
            tenant: self.tenant,
            principal: self.principal.clone(),
            bindings: self.bindings.iter().filter(in_force).cloned().collect(),
            scope: self.scope.clone(),
            stale: self.step_up_minutes.filter(|minutes| !moment.is_fresh(*minutes)),
            owes: self.owes.clone(),
            access: self.access.clone(),
            credential,
            address: moment.address,
            request,
        })
    }
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<Permissions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stale: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) owes: Vec<Owed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<OperatorAccess>,
    pub(crate) credential: Credential,
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
            scope: None,
            stale: None,
            owes: Vec::new(),
            access: None,
            credential: Credential::None,
            address,
            request,
        }
    }

    /// A worker of the platform acting for a tenant: what the audit log shows as `system:<name>`.
    pub fn worker(tenant: TenantId, name: &str) -> Self {
        let bindings = vec![Binding::role(Role::System, None)];
        Self {
            tenant,
            principal: Principal::System(name.to_owned()),
            bindings,
            scope: None,
            stale: None,
            owes: Vec::new(),
            access: None,
            credential: Credential::None,
            address: None,
            request: RequestId::mint(),
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
            Principal::ServiceAccount(_) | Principal::System(_) | Principal::Operator(_) => None,
        }
    }

    /// The session the call belongs to, if it belongs to one.
    pub const fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::None | Credential::ApiKey(_) | Credential::OperatorAccess(_) => None,
        }
    }

    /// The access by which a platform operator is in this tenant, if that is who calls.
    pub const fn access(&self) -> Option<&OperatorAccess> {
        self.access.as_ref()
    }

    /// With what the call was made.
    pub const fn credential(&self) -> Credential {
        self.credential
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
        let bound = |binding: &Binding| {
            binding.rights.carry(action) && (action.level == Level::Project || binding.project.is_none())
        };
        self.in_scope(action) && (action.roles.contains(Role::Anyone) || self.bindings.iter().any(bound))
    }

    /// May the caller do this to an object standing there?
    pub fn may(&self, action: &Info, place: Place) -> bool {
        let (tenant, project) = match place {
            Place::Platform => (None, None),
            Place::Tenant(tenant) => (Some(tenant), None),
            Place::Project(tenant, project) => (Some(tenant), Some(project)),
        };
        if tenant.is_some_and(|tenant| tenant != self.tenant) || !self.in_scope(action) {
            return false;
        }
        action.roles.contains(Role::Anyone) || self.bindings.iter().any(|binding| binding.reaches(action, project))
    }

    /// The projects that bindings on single projects let the caller do `action` in.
    pub fn projects(&self, action: &Info) -> Vec<ProjectId> {
        let bound = self.bindings.iter().filter(|binding| binding.rights.carry(action));
        bound.filter_map(|binding| binding.project).collect()
    }

    /// If `action` asks for a fresh factor and the caller has shown none of late: within how many minutes it must be.
    pub fn must_step_up(&self, action: &Info) -> Option<u16> {
        self.stale.filter(|_| action.guarded)
    }

    /// What the caller must do before `action`, if it is not a step towards that itself.
    pub fn must_first(&self, action: &Info) -> Option<Owed> {
        let barred = !self.owes.iter().any(|owed| owed.allows(action));
        self.owes.first().copied().filter(|_| barred)
    }

    /// What the caller must do before anything else.
    pub fn owes(&self) -> &[Owed] {
        &self.owes
    }

    /// The only actions its credential is good for; none means all.
    pub const fn scope(&self) -> Option<&Permissions> {
        self.scope.as_ref()
    }

    pub(crate) fn in_scope(&self, action: &Info) -> bool {
        match (&self.scope, self.credential) {
            // Whoever was let in to look changes no credentials and no rights, and lets nobody in.
            (_, Credential::OperatorAccess(_)) if action.by_name => false,
            (Some(scope), _) => scope.admit(action),
            (None, Credential::ApiKey(_)) => !action.by_name,
            // Nor does a machine's token reach further than its key would.
            (None, Credential::Session(_)) => {
                !matches!(self.principal, Principal::ServiceAccount(_)) || !action.by_name
            }
            (None, Credential::None | Credential::OperatorAccess(_)) => true,
        }
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
        let caller = caller(vec![Binding::role(Role::Operator, Some(home))]);
        assert!(caller.may(vm::Create::INFO, Place::Project(caller.tenant(), home)));
        assert!(!caller.may(vm::Create::INFO, Place::Project(caller.tenant(), ProjectId::mint())));
        assert!(!caller.may(project::Create::INFO, Place::Tenant(caller.tenant())));
        assert!(caller.may_somewhere(vm::Create::INFO));
    }

    #[test]
    fn t01_no_role_reaches_another_tenant() {
        let caller = caller(Role::ALL.map(|role| Binding::role(role, None)).to_vec());
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
    fn t18_an_operator_let_in_has_the_role_until_the_end_and_changes_no_rights() {
        use crate::action::{ALL, api_key, operator_access, session};
        use crate::{AccessKind, OperatorAccess};
        let until = DateTime::from_timestamp(3_600, 0).unwrap();
        let id = OperatorAccessId::mint();
        let operator = Principal::Operator(UserId::mint());
        let standing = Standing {
            until: Some(until),
            access: Some(OperatorAccess {
                id,
                kind: AccessKind::Consent,
                reason: "a broken disk".to_owned(),
            }),
            ..Standing::of(
                TenantId::mint(),
                operator,
                vec![Binding::role(Role::Operator, None)],
                None,
            )
        };
        let at = |now| {
            let moment = Moment {
                now,
                address: None,
                factor_at: None,
            };
            standing.caller(Credential::OperatorAccess(id), &moment, RequestId::mint())
        };
        let caller = at(until - chrono::TimeDelta::microseconds(1)).unwrap();
        assert!(caller.may_somewhere(vm::Operate::INFO) && !caller.may_somewhere(project::Create::INFO));
        assert!(
            !caller.may_somewhere(pool::List::INFO),
            "not the platform's operator here"
        );
        assert_eq!((caller.user(), caller.session()), (None, None));
        for action in ALL.iter().filter(|action| action.by_name) {
            assert!(!caller.may_somewhere(action), "{}", action.name);
        }
        for action in [
            api_key::Create::INFO,
            session::Delete::INFO,
            operator_access::Approve::INFO,
        ] {
            assert!(action.by_name, "{}", action.name);
        }
        assert_eq!(at(until), None, "to the second");
    }

    fn by_key(scope: Option<&[&str]>, bindings: Vec<Binding>) -> Caller {
        let scope = scope.map(|names| Permissions::stored(names.iter().map(|name| (*name).to_owned()).collect()));
        let principal = Principal::ServiceAccount(ServiceAccountId::mint());
        let standing = Standing {
            scope,
            ..Standing::of(TenantId::mint(), principal, bindings, None)
        };
        let moment = Moment {
            now: DateTime::UNIX_EPOCH,
            address: None,
            factor_at: None,
        };
        let credential = Credential::ApiKey(ApiKeyId::mint());
        standing.caller(credential, &moment, RequestId::mint()).unwrap()
    }

    #[test]
    fn t14_a_key_changes_no_credentials_and_no_rights_unless_it_was_made_for_that() {
        use crate::action::{api_key, role, role_binding, session};
        let owner = || vec![Binding::role(Role::Owner, None)];
        let plain = by_key(None, owner());
        assert!(plain.may_somewhere(vm::Create::INFO) && plain.may_somewhere(api_key::List::INFO));
        assert!(!plain.may_somewhere(api_key::Create::INFO) && !plain.may_somewhere(session::Delete::INFO));
        let maker = by_key(Some(&["api_key.create"]), owner());
        assert!(maker.may_somewhere(api_key::Create::INFO) && !maker.may_somewhere(vm::Read::INFO));
        let changing = [
            role_binding::Create::INFO,
            role_binding::Delete::INFO,
            role::Modify::INFO,
        ];
        for action in changing {
            assert!(!plain.may_somewhere(action), "{}", action.name);
            let all = by_key(Some(&["role_binding.*", "role.*"]), owner());
            assert!(!all.may_somewhere(action) && all.may_somewhere(role_binding::List::INFO));
            assert!(by_key(Some(&[action.name]), owner()).may_somewhere(action));
        }
    }

    #[test]
    fn a_key_for_one_project_reaches_nothing_else() {
        let (home, other) = (ProjectId::mint(), ProjectId::mint());
        let all = [
            Binding::role(Role::Viewer, None),
            Binding::role(Role::Owner, Some(other)),
            Binding::role(Role::Operator, Some(home)),
        ];
        let narrow: Vec<_> = all.into_iter().filter_map(|binding| binding.narrowed(home)).collect();
        assert_eq!(narrow.len(), 2);
        let key = by_key(None, narrow);
        assert!(key.may(vm::Create::INFO, Place::Project(key.tenant(), home)));
        assert!(!key.may(vm::Read::INFO, Place::Project(key.tenant(), other)));
        assert!(!key.may_somewhere(project::Create::INFO));
    }

    #[test]
    fn an_owner_is_no_platform_operator() {
        let caller = caller(vec![Binding::role(Role::Owner, None)]);
        assert!(!caller.may(pool::Create::INFO, Place::Platform));
        assert!(!caller.may_somewhere(pool::Create::INFO));
    }
}
