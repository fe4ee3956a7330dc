//! API keys: what they are good for, and who may make which.

use auth::action::{ALL, api_key};
use auth::{Action, Caller, Info, Level, Permissions, Place, Principal};
use chrono::{DateTime, TimeDelta, Utc};
use db::Resource;
use fault::{FieldError, Kind};
use ids::{ApiKeyId, ProjectId, TenantId};
use ipnetwork::IpNetwork;

/// As many live keys as one principal may have.
pub const MOST: i64 = 100;

const NAME_MAX: usize = 100;
const NETWORKS_MAX: usize = 50;
/// Ten years: what is to last longer lasts until it is revoked.
const LONGEST: TimeDelta = TimeDelta::days(3660);

/// Whose keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Their tenant.
    pub tenant: TenantId,
    /// A person or a service account.
    pub principal: Principal,
}

impl Resource for Holder {
    const NAME: &'static str = "principal";
    const READ: &'static Info = api_key::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id, which is part of its text.
    pub id: ApiKeyId,
    /// What its holder calls it.
    pub name: String,
    /// What it is good for.
    pub reach: Reach,
    /// When and from where it was last used, give or take a minute.
    pub used: Option<(DateTime<Utc>, Option<String>)>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed; use is no change.
    pub updated_at: DateTime<Utc>,
}

/// What a key is good for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// The only actions; none means all that its holder may do.
    pub scopes: Option<Permissions>,
    /// The only project.
    pub project: Option<ProjectId>,
    /// The only networks it may be used from; empty means any.
    pub networks: Vec<IpNetwork>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What somebody calls a key.
pub fn check_name(name: &str) -> Result<String, FieldError> {
    let fits = (1..=NAME_MAX).contains(&name.chars().count()) && name.trim() == name;
    if fits && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        let rule = "must have 1 to 100 characters, none of them a control character, and no space at its ends";
        Err(FieldError::new("/name", rule))
    }
}

/// The scopes, if each is a permission; at least one.
pub fn check_scopes(names: &[String]) -> Result<Permissions, FieldError> {
    if !(1..=Permissions::MOST).contains(&names.len()) {
        let rule = "must have 1 to 200 entries; leave it out for all that the holder may do";
        return Err(FieldError::new("/scopes", rule));
    }
    Permissions::check(names).map_err(|error| FieldError::new("/scopes", error.to_string()))
}

/// The networks in CIDR form, without the bits of a host.
pub fn check_networks(texts: &[String]) -> Result<Vec<IpNetwork>, FieldError> {
    if texts.len() > NETWORKS_MAX {
        return Err(FieldError::new("/networks", "must have 50 entries at most"));
    }
    let one = |(at, text): (usize, &String)| {
        let parsed = text.parse::<IpNetwork>().ok();
        let network = parsed.and_then(|network| IpNetwork::new(network.network(), network.prefix()).ok());
        network.ok_or_else(|| FieldError::new(format!("/networks/{at}"), "is no network such as 192.0.2.0/24"))
    };
    texts.iter().enumerate().map(one).collect()
}

/// When a key ends that is said to end after so many seconds, or at a time.
pub fn check_end(
    now: DateTime<Utc>,
    seconds: Option<u32>,
    at: Option<DateTime<Utc>>,
) -> Result<Option<DateTime<Utc>>, FieldError> {
    let (pointer, end) = match (seconds, at) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(FieldError::new("/expires_at", "cannot stand beside `expires_in`")),
        (Some(seconds), None) => ("/expires_in", now + TimeDelta::seconds(i64::from(seconds))),
        (None, Some(at)) => ("/expires_at", at),
    };
    if end <= now || end - now > LONGEST {
        return Err(FieldError::new(pointer, "must end the key within ten years from now"));
    }
    Ok(Some(end))
}

impl Reach {
    /// Nobody makes a key for what they may not do. `maker` is the key with which it is asked for, if it is: a key makes
    /// none that is wider than itself.
    pub fn must_be_within(&self, caller: &Caller, maker: Option<&Self>) -> Result<(), fault::Error> {
        let named = |action: &&&Info| {
            action.level != Level::Platform && self.scopes.as_ref().is_some_and(|scopes| scopes.carry(action))
        };
        if let Some(beyond) = ALL.iter().filter(named).find(|action| !caller.may_somewhere(action)) {
            let detail = format!("You need the permission {} to make a key for it.", beyond.name);
            return Err(fault::Error::new(Kind::Forbidden, detail));
        }
        match maker.and_then(|maker| self.wider_than(maker)) {
            Some(field) => {
                let detail = format!("A key makes no key that is wider than itself: name its `{field}`, or less.");
                Err(fault::Error::new(Kind::Forbidden, detail))
            }
            None => Ok(()),
        }
    }

    /// In which field it exceeds another.
    fn wider_than(&self, other: &Self) -> Option<&'static str> {
        let allowed = |action: &&Info| {
            other
                .scopes
                .as_ref()
                .map_or(!action.by_name, |scopes| scopes.admit(action))
        };
        let scopes = match &self.scopes {
            Some(scopes) => ALL.iter().filter(|action| scopes.admit(action)).all(allowed),
            None => other.scopes.is_none(),
        };
        let inside = |network: &IpNetwork| {
            let holds = |outer: &IpNetwork| outer.contains(network.network()) && outer.prefix() <= network.prefix();
            other.networks.iter().any(holds)
        };
        let networks = other.networks.is_empty() || (!self.networks.is_empty() && self.networks.iter().all(inside));
        let ends = other
            .expires_at
            .is_none_or(|end| self.expires_at.is_some_and(|own| own <= end));
        let project = other.project.is_none() || self.project == other.project;
        let judged = [
            ("scopes", scopes),
            ("project", project),
            ("networks", networks),
            ("expires_at", ends),
        ];
        judged.into_iter().find(|(_, within)| !within).map(|(field, _)| field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn reach(scopes: Option<&[&str]>, networks: &[&str], end: Option<i64>) -> Reach {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Reach {
            scopes: scopes.map(|scopes| Permissions::stored(names(scopes))),
            project: None,
            networks: check_networks(&names(networks)).unwrap(),
            expires_at: end.map(at),
        }
    }

    #[test]
    fn t18_a_key_makes_none_that_is_wider_than_itself() {
        let maker = &["vm.*", "api_key.create", "role_binding.*"];
        let maker = reach(Some(maker), &["10.0.0.0/8"], Some(100));
        let fine = reach(Some(&["vm.read"]), &["10.1.0.0/16"], Some(100));
        assert_eq!(fine.wider_than(&maker), None);
        for (wider, field) in [
            (reach(None, &["10.0.0.0/8"], Some(1)), "scopes"),
            (
                reach(Some(&["vm.read", "quota.read"]), &["10.0.0.0/8"], Some(1)),
                "scopes",
            ),
            (
                reach(Some(&["role_binding.create"]), &["10.0.0.0/8"], Some(1)),
                "scopes",
            ),
            (reach(Some(&["vm.read"]), &[], Some(1)), "networks"),
            (reach(Some(&["vm.read"]), &["0.0.0.0/0"], Some(1)), "networks"),
            (
                reach(Some(&["vm.read"]), &["10.0.0.0/8", "11.0.0.0/8"], Some(1)),
                "networks",
            ),
            (reach(Some(&["vm.read"]), &["10.0.0.0/8"], Some(101)), "expires_at"),
            (reach(Some(&["vm.read"]), &["10.0.0.0/8"], None), "expires_at"),
        ] {
            assert_eq!(wider.wider_than(&maker), Some(field), "{wider:?}");
        }
        let home = ProjectId::mint();
        let narrow = Reach {
            project: Some(home),
            ..Reach::default()
        };
        assert_eq!(Reach::default().wider_than(&narrow), Some("project"));
        assert_eq!(narrow.wider_than(&Reach::default()), None);
    }

    #[test]
    fn what_makes_no_key_is_refused() {
        for bad in ["", " a", "a\n", &"x".repeat(101)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_scopes(&[]).is_err() && check_scopes(&["host.read".to_owned()]).is_err());
        assert!(check_networks(&["10.0.0.0/33".to_owned()]).is_err());
        let now = at(0);
        assert_eq!(check_end(now, Some(60), None).unwrap(), Some(at(60)));
        assert!(check_end(now, Some(60), Some(at(60))).is_err());
        assert!(check_end(now, None, Some(now)).is_err());
        assert!(check_end(now, Some(u32::MAX), None).is_err());
    }
}
