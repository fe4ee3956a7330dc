//! The services behind the gateway: which instances each role has, and which of them to ask.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_http::uri::{Authority, Scheme};
use url::{Host, Url};

use crate::breaker::{Breaker, Pass};
use crate::routes::Role;

/// Where each role's instances are: base URLs, `https://host:port`, or within one process `http://127.0.0.1:port`.
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
#[error("{0} is no base URL of a service: write {1}")]
pub struct NotABase(pub Url, &'static str);

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
    /// `secure`: with TLS; without, they are on loopback.
    pub fn new(upstreams: &Upstreams, secure: bool) -> Result<Self, NotABase> {
        Ok(Self {
            identity: Group::new(&upstreams.identity, secure)?,
            compute: Group::new(&upstreams.compute, secure)?,
            audit: Group::new(&upstreams.audit, secure)?,
            notify: Group::new(&upstreams.notify, secure)?,
            portal: Group::new(&upstreams.portal, secure)?,
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
    fn new(bases: &[Url], secure: bool) -> Result<Self, NotABase> {
        let instances = bases.iter().map(|base| Instance::new(base, secure));
        let instances = instances.collect::<Result<_, _>>()?;
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
    fn new(base: &Url, secure: bool) -> Result<Self, NotABase> {
        let (scheme, mend) = if secure {
            (Scheme::HTTPS, "https://host:port")
        } else {
            (
                Scheme::HTTP,
                "http://127.0.0.1:port, or https://host:port and set [mesh]",
            )
        };
        let refused = || NotABase(base.clone(), mend);
        let strange = !matches!(base.path(), "" | "/") || base.query().is_some();
        if base.scheme() != scheme.as_str() || strange || !(secure || is_loopback(base)) {
            return Err(refused());
        }
        let authority = base.authority().parse().map_err(|_| refused())?;
        Ok(Self {
            scheme,
            authority,
            breaker: Breaker::new(),
        })
    }
}

fn is_loopback(base: &Url) -> bool {
    match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(count: u16) -> Group {
        let bases: Vec<Url> = (1..=count)
            .map(|port| format!("http://127.0.0.1:{port}").parse().unwrap())
            .collect();
        Group::new(&bases, false).unwrap()
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
        assert!(Group::new(&[], false).unwrap().pick(&[], now).is_err());
    }

    #[test]
    fn a_base_is_scheme_host_and_port() {
        for (base, plain, secure) in [
            ("http://127.0.0.1:80", true, false),
            ("http://[::1]:80/", true, false),
            ("http://compute.cloud.svc:8080/", false, false),
            ("https://compute.cloud.svc:8080/", false, true),
            ("https://127.0.0.1:1", false, true),
            ("http://127.0.0.1:1/api", false, false),
            ("https://127.0.0.1:1/?x", false, false),
        ] {
            let base: Url = base.parse().unwrap();
            let taken = [false, true].map(|secure| Instance::new(&base, secure).is_ok());
            assert_eq!(taken, [plain, secure], "{base}");
        }
    }
}
