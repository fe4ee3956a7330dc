//! The services behind the gateway: which instances each role has, and which of them to ask.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_http::uri::{Authority, Scheme};
use url::Url;

use crate::breaker::{Breaker, Pass};
use crate::routes::Role;

/// Where each role's instances are: base URLs, `http://host:port`.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    pub identity: Vec<Url>,
    pub compute: Vec<Url>,
    pub audit: Vec<Url>,
    pub notify: Vec<Url>,
    pub portal: Vec<Url>,
}

/// A base URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no base URL of a service: write http://host:port")]
pub struct NotABase(pub Url);

impl Role {
    /// Every role, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Identity, Self::Compute, Self::Audit, Self::Notify, Self::Portal];

    /// Its name in settings and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Compute => "compute",
            Self::Audit => "audit",
            Self::Notify => "notify",
            Self::Portal => "portal",
        }
    }
}

/// All instances of all roles, shared by the workers.
pub struct Fleet {
    identity: Group,
    compute: Group,
    audit: Group,
    notify: Group,
    portal: Group,
}

impl Fleet {
    pub fn new(upstreams: &Upstreams) -> Result<Self, NotABase> {
        Ok(Self {
            identity: Group::new(&upstreams.identity)?,
            compute: Group::new(&upstreams.compute)?,
            audit: Group::new(&upstreams.audit)?,
            notify: Group::new(&upstreams.notify)?,
            portal: Group::new(&upstreams.portal)?,
        })
    }

    pub const fn group(&self, role: Role) -> &Group {
        match role {
            Role::Identity => &self.identity,
            Role::Compute => &self.compute,
            Role::Audit => &self.audit,
            Role::Notify => &self.notify,
            Role::Portal => &self.portal,
        }
    }
}

/// The instances of one role.
pub struct Group {
    instances: Vec<Instance>,
    next: AtomicUsize,
}

/// One instance.
pub struct Instance {
    pub scheme: Scheme,
    pub authority: Authority,
    breaker: Breaker,
}

impl Group {
    fn new(bases: &[Url]) -> Result<Self, NotABase> {
        let instances = bases.iter().map(Instance::new).collect::<Result<_, _>>()?;
        Ok(Self {
            instances,
            next: AtomicUsize::new(0),
        })
    }

    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The next instance in turn that takes requests and was not `tried`; or how long until one may.
    pub fn pick(&self, tried: &[&Authority], now: Instant) -> Result<(&Instance, Pass), Duration> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.instances.len();
        let mut wait = Duration::from_secs(5);
        let in_turn = self
            .instances
            .iter()
            .cycle()
            .skip(turn.checked_rem(count).unwrap_or(0))
            .take(count);
        for instance in in_turn.filter(|instance| !tried.contains(&&instance.authority)) {
            match instance.breaker.pass(now) {
                Ok(pass) => return Ok((instance, pass)),
                Err(closed) => wait = wait.min(closed),
            }
        }
        Err(wait)
    }
}

impl Instance {
    fn new(base: &Url) -> Result<Self, NotABase> {
        let refused = || NotABase(base.clone());
        if base.scheme() != "http" || !matches!(base.path(), "" | "/") || base.query().is_some() {
            return Err(refused());
        }
        let authority = base.authority().parse().map_err(|_| refused())?;
        Ok(Self {
            scheme: Scheme::HTTP,
            authority,
            breaker: Breaker::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(count: u16) -> Group {
        let bases: Vec<Url> = (1..=count)
            .map(|port| format!("http://127.0.0.1:{port}").parse().unwrap())
            .collect();
        Group::new(&bases).unwrap()
    }

    #[test]
    fn instances_take_turns_and_the_dead_are_passed_over() {
        let (group, now) = (group(3), Instant::now());
        let turns: Vec<_> = (0..6)
            .map(|_| group.pick(&[], now).unwrap().0.authority.as_str())
            .collect();
        assert_eq!(turns[..3], turns[3..]);
        for _ in 0..5 {
            group.instances[0].breaker.pass(now).unwrap().failed(now);
        }
        for _ in 0..6 {
            assert_ne!(group.pick(&[], now).unwrap().0.authority, "127.0.0.1:1");
        }
    }

    #[test]
    fn who_was_tried_is_not_tried_again() {
        let (group, now) = (group(2), Instant::now());
        let first = group.pick(&[], now).unwrap().0;
        let second = group.pick(&[&first.authority], now).unwrap().0;
        assert_ne!(first.authority, second.authority);
        assert!(group.pick(&[&first.authority, &second.authority], now).is_err());
        assert!(Group::new(&[]).unwrap().pick(&[], now).is_err());
    }

    #[test]
    fn a_base_is_scheme_host_and_port() {
        for (base, good) in [
            ("http://127.0.0.1:80", true),
            ("http://compute.cloud.svc:8080/", true),
            ("https://127.0.0.1:1", false),
            ("http://127.0.0.1:1/api", false),
        ] {
            assert_eq!(Instance::new(&base.parse().unwrap()).is_ok(), good, "{base}");
        }
    }
}
