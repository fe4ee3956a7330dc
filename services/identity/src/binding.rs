//! Role bindings: who carries what, where and when.

use auth::action::role_binding;
use auth::{Action, Binding, Condition, Info, Place};
use chrono::{DateTime, Utc};
use db::Resource;
use fault::FieldError;
use ids::{BindingId, GroupId, RoleId, ServiceAccountId, TenantId, UserId};
use ipnetwork::IpNetwork;

/// As many networks as one condition may list.
const NETWORKS_MAX: usize = 50;
/// A day: a factor that may be older is no condition.
const FACTOR_MINUTES_MAX: u16 = 1440;

/// Who carries a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A person.
    User(UserId),
    /// Everybody in a group.
    Group(GroupId),
    /// A machine with an account of its own.
    ServiceAccount(ServiceAccountId),
}

impl Subject {
    /// The id, if it is a person's.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Group(_) | Self::ServiceAccount(_) => None,
        }
    }

    /// The id, if it is a group's.
    pub const fn group(self) -> Option<GroupId> {
        match self {
            Self::Group(id) => Some(id),
            Self::User(_) | Self::ServiceAccount(_) => None,
        }
    }

    /// The id, if it is a service account's.
    pub const fn account(self) -> Option<ServiceAccountId> {
        match self {
            Self::ServiceAccount(id) => Some(id),
            Self::User(_) | Self::Group(_) => None,
        }
    }
}

/// A role bound to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBinding {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: BindingId,
    /// Who carries it.
    pub subject: Subject,
    /// The role's id, if it is one of the tenant's own.
    pub role: Option<RoleId>,
    /// What it carries, where and when.
    pub binding: Binding,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Resource for RoleBinding {
    const NAME: &'static str = "role binding";
    const READ: &'static Info = role_binding::Read::INFO;

    fn place(&self) -> Place {
        match self.binding.project {
            Some(project) => Place::Project(self.tenant, project),
            None => Place::Tenant(self.tenant),
        }
    }
}

/// The condition, if each part is one; every complaint at once.
pub fn check_condition(
    until: Option<DateTime<Utc>>,
    networks: &[String],
    factor_minutes: Option<u16>,
    now: DateTime<Utc>,
) -> Result<Condition, Vec<FieldError>> {
    let mut wrong = Vec::new();
    if until.is_some_and(|until| until <= now) {
        wrong.push(FieldError::new("/condition/until", "must be in the future"));
    }
    if networks.len() > NETWORKS_MAX {
        let rule = format!("must list {NETWORKS_MAX} networks at most");
        wrong.push(FieldError::new("/condition/networks", rule));
    }
    let parsed: Vec<Option<IpNetwork>> = networks.iter().map(|text| network(text)).collect();
    for place in parsed.iter().enumerate().filter(|(_, parsed)| parsed.is_none()) {
        let pointer = format!("/condition/networks/{}", place.0);
        wrong.push(FieldError::new(
            pointer,
            "must be a network such as 10.0.0.0/8 or 2001:db8::/32",
        ));
    }
    if factor_minutes.is_some_and(|minutes| !(1..=FACTOR_MINUTES_MAX).contains(&minutes)) {
        let rule = format!("must be from 1 to {FACTOR_MINUTES_MAX}");
        wrong.push(FieldError::new("/condition/factor_minutes", rule));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    Ok(Condition {
        until,
        networks: parsed.into_iter().flatten().collect(),
        factor_minutes,
    })
}

/// The network, without the bits that only name a host in it.
fn network(text: &str) -> Option<IpNetwork> {
    let network: IpNetwork = text.parse().ok()?;
    IpNetwork::new(network.network(), network.prefix()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_condition_is_checked() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let networks = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let good = check_condition(None, &networks(&["10.1.2.3/8", "::1"]), Some(5), now).unwrap();
        let written: Vec<_> = good.networks.iter().map(ToString::to_string).collect();
        assert_eq!(written, ["10.0.0.0/8", "::1/128"]);
        let bad = check_condition(Some(now), &networks(&["10.0.0.0/8", "10.0.0.0/33", "x"]), Some(0), now);
        let places: Vec<_> = bad.unwrap_err().into_iter().map(|error| error.pointer).collect();
        assert_eq!(
            places,
            [
                "/condition/until",
                "/condition/networks/1",
                "/condition/networks/2",
                "/condition/factor_minutes"
            ]
        );
        assert!(check_condition(None, &vec!["10.0.0.0/8".to_owned(); 51], None, now).is_err());
    }
}
