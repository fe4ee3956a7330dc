use std::net::IpAddr;

use url::{Host, Url};

use crate::Limits;

/// A URL whose form may be asked for. Whether its name leads to a public address is seen when it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

/// What is wrong with the text of a URL. Says nothing about any network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It cannot be read.
    #[error("must be an absolute URL")]
    Unreadable,
    /// Neither `http` nor `https`.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// `user:password@` before the host.
    #[error("must not carry a user or password")]
    Credentials,
    /// A port that is not allowed.
    #[error("must use an allowed port")]
    Port,
    /// The host is the number of an address that is not public.
    #[error("must name a public address")]
    Address,
}

impl Target {
    /// The longest text that is read, in bytes.
    pub const LONGEST: usize = 2048;

    /// Checks scheme, credentials, port, and the address where the host is one.
    pub(crate) fn parse(text: &str, limits: &Limits) -> Result<Self, TargetError> {
        if text.len() > Self::LONGEST {
            return Err(TargetError::Unreadable);
        }
        Self::check(Url::parse(text).map_err(|_| TargetError::Unreadable)?, limits)
    }

    /// Where a redirect of this target leads, checked anew.
    pub(crate) fn follow(&self, location: &str, limits: &Limits) -> Result<Self, TargetError> {
        Self::check(self.0.join(location).map_err(|_| TargetError::Unreadable)?, limits)
    }

    fn check(url: Url, limits: &Limits) -> Result<Self, TargetError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        if !url
            .port_or_known_default()
            .is_some_and(|port| limits.ports.contains(&port))
        {
            return Err(TargetError::Port);
        }
        // A connector takes a number for what it is and asks no resolver: this is its check.
        let number = match url.host().ok_or(TargetError::Unreadable)? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        if number.is_some_and(|address| !limits.admits(address)) {
            return Err(TargetError::Address);
        }
        Ok(Self(url))
    }

    /// The URL.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_public;

    fn parse(text: &str) -> Result<Target, TargetError> {
        Target::parse(text, &Limits::default())
    }

    #[test]
    fn t50_what_the_operator_opened_is_open_and_nothing_beside_it() {
        let limits = Limits {
            opened: vec!["10.7.0.0/16".parse().unwrap()],
            ..Limits::default()
        };
        assert!(Target::parse("https://10.7.1.2/", &limits).is_ok());
        for closed in ["https://10.8.1.2/", "https://127.0.0.1/", "https://[::ffff:10.7.1.2]/"] {
            assert_eq!(Target::parse(closed, &limits), Err(TargetError::Address), "{closed}");
        }
    }

    #[test]
    fn t50_every_spelling_of_a_closed_address_is_refused() {
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://0/",
            "http://0.0.0.0/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://10.0.0.1/",
            "http://192.168.0.1/",
            "http://100.100.100.200/",
            "http://①②⑦.⓪.⓪.①/",
            "http://127。0。0。1/",
            "http://[fd00:ec2::254]/",
            "http://%31%32%37.0.0.1/",
        ] {
            assert_eq!(parse(text), Err(TargetError::Address), "{text}");
        }
    }

    #[test]
    fn t50_only_plain_web_addresses_are_taken() {
        for (text, error) in [
            ("file:///etc/passwd", TargetError::Scheme),
            ("gopher://example.org/", TargetError::Scheme),
            ("ftp://example.org/", TargetError::Scheme),
            ("http://user@example.org/", TargetError::Credentials),
            ("http://example.org:pass@example.net/", TargetError::Credentials),
            ("http://example.org:22/", TargetError::Port),
            ("http://example.org:5432/", TargetError::Port),
            ("https://example.org:6379/", TargetError::Port),
            ("http:///", TargetError::Unreadable),
            ("/etc/passwd", TargetError::Unreadable),
            ("http://1.2.3.4.5/", TargetError::Unreadable),
            ("http://exa mple.org/", TargetError::Unreadable),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        for text in [
            "https://example.org/a",
            "http://example.org:443/",
            "http://11.0.0.1/",
            "https://bücher.example/",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn t50_a_redirect_is_checked_like_the_first_url() {
        let from = parse("https://example.org/a/b").unwrap();
        for (location, error) in [
            ("http://127.0.0.1/", TargetError::Address),
            ("//169.254.169.254/", TargetError::Address),
            ("file:///etc/passwd", TargetError::Scheme),
            ("https://example.org:22/", TargetError::Port),
            ("https://me@example.org/", TargetError::Credentials),
        ] {
            assert_eq!(from.follow(location, &Limits::default()), Err(error), "{location}");
        }
        assert_eq!(
            from.follow("../c", &Limits::default()).unwrap().url().as_str(),
            "https://example.org/c"
        );
    }

    proptest::proptest! {
        #[test]
        fn t50_no_text_makes_a_number_pass_that_is_not_public(text in "\\PC{0,60}") {
            for text in [format!("http://{text}/"), text] {
                if let Ok(target) = parse(&text) {
                    match target.url().host() {
                        Some(Host::Ipv4(address)) => proptest::prop_assert!(is_public(address.into())),
                        Some(Host::Ipv6(address)) => proptest::prop_assert!(is_public(address.into())),
                        Some(Host::Domain(name)) => proptest::prop_assert!(name.parse::<IpAddr>().is_err()),
                        None => proptest::prop_assert!(false, "a target without a host"),
                    }
                }
            }
        }
    }
}
