//! What a binding carries, and when.
//!
//! A binding ties rights to a subject: a built-in role or a custom one, on the tenant or on one project, and perhaps
//! only until a time, from a network, or a short while after a factor was shown. Conditions are judged in one place,
//! [`Standing::caller`](crate::Standing::caller), at the moment of the request: what a [`Caller`](crate::Caller) carries
//! is in force.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ids::ProjectId;
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

use crate::action::ALL;
use crate::{Info, Level, Role};

/// Names of actions (`vm.read`), or all of a resource (`vm.*`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(Vec<String>);

/// Not the name of an action that a tenant's own role may carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no permission: use the name of an action such as `vm.read`, or `vm.*` for all of a resource")]
pub struct UnknownPermission(pub String);

impl Permissions {
    /// As many as one role or key may list.
    pub const MOST: usize = 200;

    /// Checks that each names something that is asked of a tenant or a project.
    pub fn check(names: &[String]) -> Result<Self, UnknownPermission> {
        for name in names {
            let known = |action: &&&Info| action.level != Level::Platform && matches(name, action.name);
            if ALL.iter().find(known).is_none() {
                return Err(UnknownPermission(name.chars().take(80).collect()));
            }
        }
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        Ok(Self(names))
    }

    /// What was checked before it was stored; a name that this release does not know carries nothing.
    pub const fn stored(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Is `action` among them?
    pub fn carry(&self, action: &Info) -> bool {
        self.0.iter().any(|name| matches(name, action.name))
    }

    /// Is a credential with these scopes good for `action`? What changes credentials or rights is not had by `*`: whoever
    /// finds a key must not make another of it, give its holder more, or lock them out, unless it was made for exactly that.
    pub fn admit(&self, action: &Info) -> bool {
        if action.by_name {
            self.0.iter().any(|name| name == action.name)
        } else {
            self.carry(action)
        }
    }

    /// Which of these is no permission?
    pub fn first_unknown(names: &[String]) -> Option<usize> {
        names
            .iter()
            .position(|name| Self::check(std::slice::from_ref(name)).is_err())
    }

    /// The names, sorted.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

fn matches(pattern: &str, action: &str) -> bool {
    match pattern.strip_suffix(".*") {
        Some(resource) => action.split_once('.').is_some_and(|(of, _)| of == resource),
        None => pattern == action,
    }
}

/// What is bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rights {
    /// A built-in role.
    Role(Role),
    /// A role that the tenant has made itself.
    Custom {
        /// What the tenant calls it.
        name: String,
        /// What it carries.
        permissions: Permissions,
    },
}

impl Rights {
    /// Do they carry `action`?
    pub fn carry(&self, action: &Info) -> bool {
        match self {
            Self::Role(role) => action.roles.contains(*role),
            // Whatever a tenant writes into its roles, the platform stays the platform's.
            Self::Custom { permissions, .. } => action.level != Level::Platform && permissions.carry(action),
        }
    }

    /// The role's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Role(role) => role.name(),
            Self::Custom { name, .. } => name,
        }
    }
}

/// Rights on the whole tenant, or on one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// What is bound.
    pub rights: Rights,
    /// The project; none means the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// When it counts.
    #[serde(default, skip_serializing_if = "Condition::is_none")]
    pub condition: Condition,
}

impl Binding {
    /// A built-in role, without conditions.
    pub const fn role(role: Role, project: Option<ProjectId>) -> Self {
        Self {
            rights: Rights::Role(role),
            project,
            condition: Condition::NONE,
        }
    }

    /// Does it carry anything that asks for a factor shown of late, or concerns the platform? What everybody may do to
    /// themselves does not count.
    pub fn is_privileged(&self) -> bool {
        ALL.iter().any(|action| {
            let weighs = action.guarded || action.level == Level::Platform;
            weighs && !action.roles.contains(Role::Anyone) && self.rights.carry(action)
        })
    }

    /// What is left of it for a credential that is good for one project alone.
    #[must_use]
    pub fn narrowed(self, project: ProjectId) -> Option<Self> {
        let same = self.project.is_none_or(|own| own == project);
        same.then_some(Self {
            project: Some(project),
            ..self
        })
    }

    /// Does it carry `action` on things that stand in `project`, or in none?
    pub fn reaches(&self, action: &Info, project: Option<ProjectId>) -> bool {
        self.rights.carry(action) && (self.project.is_none() || self.project == project)
    }
}

/// When a binding counts; all parts must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// Before that time.
    pub until: Option<DateTime<Utc>>,
    /// From one of these networks; none means from anywhere.
    pub networks: Vec<IpNetwork>,
    /// So many minutes after a factor was shown, at most.
    pub factor_minutes: Option<u16>,
}

/// What conditions are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Now.
    pub now: DateTime<Utc>,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// When the strongest factor that the principal has was last shown.
    pub factor_at: Option<DateTime<Utc>>,
}

/// Why a binding does not count at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmet {
    /// It has ended.
    Until,
    /// The request comes from elsewhere.
    Network,
    /// The factor was shown too long ago.
    Factor,
}

impl Condition {
    /// No condition.
    pub const NONE: Self = Self {
        until: None,
        networks: Vec::new(),
        factor_minutes: None,
    };

    /// Is there none?
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Does it hold only where and when `other` does?
    pub fn is_within(&self, other: &Self) -> bool {
        let until = other
            .until
            .is_none_or(|end| self.until.is_some_and(|until| until <= end));
        let lies_in = |network: &IpNetwork| other.networks.iter().any(|wider| is_subnet(network, wider));
        let networks = other.networks.is_empty() || !self.networks.is_empty() && self.networks.iter().all(lies_in);
        let factor = other
            .factor_minutes
            .is_none_or(|most| self.factor_minutes.is_some_and(|minutes| minutes <= most));
        until && networks && factor
    }

    /// Does it hold, and if not, why?
    pub fn judge(&self, moment: &Moment) -> Result<(), Unmet> {
        if self.until.is_some_and(|until| moment.now >= until) {
            return Err(Unmet::Until);
        }
        if !admits(&self.networks, moment.address) {
            return Err(Unmet::Network);
        }
        if self.factor_minutes.is_some_and(|minutes| !moment.is_fresh(minutes)) {
            return Err(Unmet::Factor);
        }
        Ok(())
    }
}

impl Moment {
    /// Was the factor shown within so many minutes?
    pub fn is_fresh(&self, minutes: u16) -> bool {
        self.factor_at
            .is_some_and(|at| self.now - at < TimeDelta::minutes(i64::from(minutes)))
    }
}

fn is_subnet(network: &IpNetwork, wider: &IpNetwork) -> bool {
    match (network, wider) {
        (IpNetwork::V4(network), IpNetwork::V4(wider)) => network.is_subnet_of(*wider),
        (IpNetwork::V6(network), IpNetwork::V6(wider)) => network.is_subnet_of(*wider),
        _ => false,
    }
}

/// May one come from there? An empty list lets everybody in; an unknown address is in no network.
pub fn admits(networks: &[IpNetwork], address: Option<IpAddr>) -> bool {
    networks.is_empty() || address.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Action, pool, vm};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn permissions_are_names_of_actions_or_all_of_a_resource() {
        let some = Permissions::check(&names(&["vm.read", "quota.*", "vm.read"])).unwrap();
        assert_eq!(some.names(), ["quota.*", "vm.read"]);
        assert!(some.carry(vm::Read::INFO) && !some.carry(vm::Create::INFO));
        for bad in [
            "",
            "*",
            "*.*",
            "vm",
            "vm.",
            "vm.fly",
            "vm.re*",
            ".read",
            "v.*",
            "host.*",
            "pool.create",
            "VM.read",
        ] {
            assert!(Permissions::check(&names(&[bad])).is_err(), "{bad}");
        }
    }

    #[test]
    fn t18_no_tenants_role_carries_what_is_the_platforms() {
        let rights = Rights::Custom {
            name: "all".to_owned(),
            permissions: Permissions::stored(names(&["pool.create", "pool.*"])),
        };
        assert!(!rights.carry(pool::Create::INFO));
    }

    #[test]
    fn every_part_of_a_condition_must_hold() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let moment = Moment {
            now,
            address: Some([10, 1, 2, 3].into()),
            factor_at: Some(now - TimeDelta::minutes(5)),
        };
        let condition = Condition {
            until: Some(now + TimeDelta::seconds(1)),
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            factor_minutes: Some(6),
        };
        assert_eq!(condition.judge(&moment), Ok(()));
        let judge = |change: fn(&mut Moment)| {
            let mut other = moment;
            change(&mut other);
            condition.judge(&other)
        };
        assert_eq!(judge(|m| m.now += TimeDelta::seconds(1)), Err(Unmet::Until));
        assert_eq!(judge(|m| m.address = Some([11, 1, 2, 3].into())), Err(Unmet::Network));
        assert_eq!(judge(|m| m.address = None), Err(Unmet::Network));
        assert_eq!(judge(|m| m.factor_at = None), Err(Unmet::Factor));
        assert_eq!(
            judge(|m| m.factor_at = Some(m.now - TimeDelta::minutes(6))),
            Err(Unmet::Factor)
        );
    }
}
