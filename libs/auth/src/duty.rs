//! Separation of duties (GB/T 22239-2019, 8.1.5): who runs the systems, who looks after people and rights, and who reads
//! the log.
//!
//! Three built-in roles carry one duty each: `system_administrator`, `security_administrator` and `auditor`. An action
//! that one of them alone carries belongs to that one's duty; what several of them carry is looking, and belongs to none.
//! So the table of actions is the one place where duties are written down. Roles that carry actions of two duties combine
//! them; a tenant that keeps duties apart binds none of these, and no two duties to one subject. What holds it to that is
//! constraints in the database.

use serde::Serialize;
use utoipa::ToSchema;

use crate::action::ALL;
use crate::{Info, Level, Permissions, Rights, Role};

/// One of the duties that exclude each other where a tenant keeps them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Running projects, machines and service accounts.
    System,
    /// Looking after people, roles and policies.
    Security,
    /// Reading the audit log.
    Audit,
}

impl Duty {
    /// All three.
    pub const ALL: [Self; 3] = [Self::System, Self::Security, Self::Audit];

    /// The built-in role that carries all of it and nothing of the others.
    pub const fn administrator(self) -> Role {
        match self {
            Self::System => Role::SystemAdministrator,
            Self::Security => Role::SecurityAdministrator,
            Self::Audit => Role::Auditor,
        }
    }
}

impl Info {
    /// The duty it belongs to; none: anyone may, or several may look.
    pub const fn duty(&self) -> Option<Duty> {
        let system = self.roles.contains(Role::SystemAdministrator);
        let security = self.roles.contains(Role::SecurityAdministrator);
        let audit = self.roles.contains(Role::Auditor);
        match (self.level, system, security, audit) {
            // The platform's staff run machines, too.
            (Level::Platform, ..) | (_, true, false, false) => Some(Duty::System),
            (_, false, true, false) => Some(Duty::Security),
            (_, false, false, true) => Some(Duty::Audit),
            _ => None,
        }
    }
}

/// The duties that rights belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duties {
    /// None: whoever carries these alone looks.
    None,
    /// Of running systems alone.
    System,
    /// Of looking after people alone.
    Security,
    /// Of reading the log alone.
    Audit,
    /// More than one: not to be bound where duties are apart.
    Several,
}

impl Duties {
    fn of(carried: impl Fn(&Info) -> bool) -> Self {
        let own = ALL.iter().filter(|action| carried(action));
        own.filter_map(|action| action.duty()).fold(Self::None, Self::with)
    }

    fn with(self, duty: Duty) -> Self {
        let one = match duty {
            Duty::System => Self::System,
            Duty::Security => Self::Security,
            Duty::Audit => Self::Audit,
        };
        if self == Self::None || self == one {
            one
        } else {
            Self::Several
        }
    }

    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::System => "system",
            Self::Security => "security",
            Self::Audit => "audit",
            Self::Several => "several",
        }
    }
}

impl Rights {
    /// The duties they belong to.
    pub fn duties(&self) -> Duties {
        Duties::of(|action| self.carry(action))
    }
}

impl Permissions {
    /// The duties a role with these belongs to.
    pub fn duties(&self) -> Duties {
        Duties::of(|action| action.level != Level::Platform && self.carry(action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verbs that change nothing.
    const LOOKS: [&str; 2] = ["list", "read"];

    #[test]
    fn t18_the_three_share_nothing_but_looking_and_leave_nothing_out() {
        let asked = ALL
            .iter()
            .filter(|action| action.level != Level::Platform && !action.roles.contains(Role::Anyone));
        for action in asked {
            let holders = Duty::ALL
                .into_iter()
                .filter(|duty| action.roles.contains(duty.administrator()));
            let shared = holders.count();
            assert!(shared > 0, "{} belongs to nobody", action.name);
            let verb = action.name.rsplit('.').next().unwrap();
            assert!(shared == 1 || LOOKS.contains(&verb), "{} is shared", action.name);
        }
        for duty in Duty::ALL {
            let only = Rights::Role(duty.administrator()).duties();
            assert_eq!(only, Duties::None.with(duty), "{duty:?}");
        }
    }

    #[test]
    fn what_built_in_roles_are_is_what_the_database_was_told() {
        let told: Vec<_> = Role::ALL
            .into_iter()
            .map(|role| (role.name(), Rights::Role(role).duties().name()))
            .collect();
        assert_eq!(
            told,
            [
                ("owner", "several"),
                ("admin", "several"),
                ("operator", "system"),
                ("viewer", "none"),
                ("auditor", "audit"),
                ("system_administrator", "system"),
                ("security_administrator", "security"),
                ("platform_operator", "system"),
                ("anyone", "none"),
                ("system", "system"),
            ]
        );
    }

    #[test]
    fn a_role_of_ones_own_belongs_where_its_permissions_do() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            Permissions::check(&names).unwrap().duties()
        };
        assert_eq!(of(&["vm.read", "role.read", "me.modify"]), Duties::None);
        assert_eq!(of(&["vm.*"]), Duties::System);
        assert_eq!(of(&["user.*", "role_binding.create"]), Duties::Security);
        assert_eq!(of(&["audit.read", "user.list"]), Duties::Audit);
        assert_eq!(of(&["audit.read", "vm.operate"]), Duties::Several);
    }
}
