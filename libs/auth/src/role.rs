use ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PLATFORM;
use crate::action::ALL;

/// A built-in role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything in the tenant, its ending included.
    Owner,
    /// Everything but what ends or pays for the tenant.
    Admin,
    /// Runs machines and tasks; manages no people.
    Operator,
    /// Reads resources; neither secrets nor the audit log.
    Viewer,
    /// Reads the audit log and the list of resources; decides how long the log keeps what it tells.
    Auditor,
    /// Runs projects, machines and service accounts; manages no people and reads no log.
    SystemAdministrator,
    /// Looks after people, roles and policies and appoints to every role; runs nothing and reads no log.
    SecurityAdministrator,
    /// The platform's own staff: hosts, pools, flavors. No tenant's content.
    PlatformOperator,
    /// Carried by every signed-in principal, never bound.
    Anyone,
    /// A worker of the platform acting for a tenant, never bound.
    System,
}

impl Role {
    /// Every role, in the order the policy table prints them.
    pub const ALL: [Self; 10] = [
        Self::Owner,
        Self::Admin,
        Self::Operator,
        Self::Viewer,
        Self::Auditor,
        Self::SystemAdministrator,
        Self::SecurityAdministrator,
        Self::PlatformOperator,
        Self::Anyone,
        Self::System,
    ];

    /// The name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::SystemAdministrator => "system_administrator",
            Self::SecurityAdministrator => "security_administrator",
            Self::PlatformOperator => "platform_operator",
            Self::Anyone => "anyone",
            Self::System => "system",
        }
    }

    /// Those that can be bound, in the order of what they carry; the platform's only in the platform's own tenant.
    pub fn bindable(tenant: TenantId) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |role| match role {
            Self::Anyone | Self::System => false,
            Self::PlatformOperator => tenant == PLATFORM,
            _ => true,
        })
    }

    /// What it is for, in a sentence.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Owner => "Everything in the tenant, its ending included.",
            Self::Admin => "Everything but what ends or pays for the tenant.",
            Self::Operator => "Runs machines and tasks; manages no people.",
            Self::Viewer => "Reads resources; neither secrets nor the audit log.",
            Self::Auditor => {
                "Reads the audit log and the list of resources; decides how long the log keeps what it tells."
            }
            Self::SystemAdministrator => {
                "Runs projects, machines and service accounts; manages no people and reads no log."
            }
            Self::SecurityAdministrator => {
                "Looks after people, roles and policies and appoints to every role; runs nothing and reads no log."
            }
            Self::PlatformOperator => "The platform's own staff: hosts, pools, flavors. No tenant's content.",
            Self::Anyone => "Whoever is signed in.",
            Self::System => "A worker of the platform acting for a tenant.",
        }
    }

    /// The names of the actions it carries, beside what anyone may.
    pub fn permissions(self) -> Vec<&'static str> {
        let carried = ALL.iter().filter(|action| action.roles.contains(self));
        carried.map(|action| action.name).collect()
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleSet(u16);

impl RoleSet {
    /// The set of these roles.
    pub const fn of(roles: &[Role]) -> Self {
        let mut bits = 0;
        let mut rest = roles;
        while let [role, tail @ ..] = rest {
            bits |= 1 << *role as u16;
            rest = tail;
        }
        Self(bits)
    }

    /// Is `role` among them?
    pub const fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u16) != 0
    }
}
