//! Where an answer goes: redirect URIs, compared letter by letter (RFC 9700, 4.1.3).

use fault::FieldError;

const LONGEST: usize = 500;
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// A redirect URI that a client has registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The URI, if answers may be sent there: `https`, or `http` to the machine the browser runs on (RFC 8252, 7.3).
    pub fn check(pointer: &str, text: &str) -> Result<Self, FieldError> {
        let rule = "must be an https URI, or an http one of 127.0.0.1, [::1] or localhost, without fragment, user and \
                    wildcard, of 500 characters at most";
        let wrong = || FieldError::new(pointer, rule);
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}*#".contains(&byte));
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (authority, _) = cut(rest);
        let (host, port) = host_of(authority);
        let named = !host.is_empty() && port.is_none_or(|port| port.parse::<u16>().is_ok());
        let simple = host
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.[]:".contains(&byte));
        let allowed = scheme == "https" || scheme == "http" && LOOPBACK.contains(&host);
        if text.len() <= LONGEST && plain && named && simple && allowed {
            Ok(Self(text.to_owned()))
        } else {
            Err(wrong())
        }
    }

    /// What was checked before it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it the one that is asked for? A program on the person's own machine takes whatever port is free.
    pub fn is(&self, asked: &str) -> bool {
        if self.0 == asked {
            return true;
        }
        let parts = |text: &'_ str| -> Option<(String, String)> {
            let (authority, path) = cut(text.strip_prefix("http://")?);
            let (host, port) = host_of(authority);
            let numbered = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
            (LOOPBACK.contains(&host) && numbered).then(|| (host.to_owned(), path.to_owned()))
        };
        asked.len() <= LONGEST && parts(&self.0).is_some_and(|own| parts(asked) == Some(own))
    }
}

/// What stands before the path, and the path with all that follows.
fn cut(rest: &str) -> (&str, &str) {
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    rest.split_at_checked(at).unwrap_or((rest, ""))
}

fn host_of(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The URI with an answer in its query.
pub fn with(uri: &str, answer: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(answer)
        .finish();
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_https_or_to_the_persons_own_machine() {
        for good in [
            "https://app.example/cb",
            "https://app.example:8443/cb?x=1",
            "https://app.example",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8080/cb",
            "http://[::1]:1/cb",
            "http://localhost:3000/cb",
        ] {
            assert!(RedirectUri::check("/r", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "app.example/cb",
            "http://app.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost.evil.example/",
            "https://",
            "https:///cb",
            "https://user@app.example/cb",
            "https://app.example/cb#x",
            "https://*.example/cb",
            "https://app.example/c b",
            "https://app.example:99999/cb",
            "https://App.example/cb",
            "javascript://127.0.0.1/%0aalert(1)",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.example\\@evil.example/",
            &format!("https://app.example/{}", "a".repeat(500)),
        ] {
            assert!(RedirectUri::check("/r", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn they_are_compared_letter_by_letter_but_for_the_port_of_ones_own_machine() {
        let app = RedirectUri::check("/r", "https://app.example/cb").unwrap();
        assert!(app.is("https://app.example/cb"));
        for other in [
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://app.example/CB",
            "https://app.example:443/cb",
            "https://app.example/cb#",
            "https://app.example/%63b",
            "https://app.example/x/../cb",
            "http://app.example/cb",
            "https://app.example.evil.example/cb",
            "",
        ] {
            assert!(!app.is(other), "{other}");
        }
        let own = RedirectUri::check("/r", "http://127.0.0.1/cb").unwrap();
        assert!(own.is("http://127.0.0.1:49152/cb") && own.is("http://127.0.0.1/cb"));
        for other in [
            "http://localhost:49152/cb",
            "https://127.0.0.1:1/cb",
            "http://127.0.0.1:1/cb2",
            "http://127.0.0.1:x/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "http://127.0.0.1:1/cb?x",
        ] {
            assert!(!own.is(other), "{other}");
        }
    }

    #[test]
    fn an_answer_is_added_to_what_is_there() {
        assert_eq!(
            with("https://a.example/cb", &[("code", "a b")]),
            "https://a.example/cb?code=a+b"
        );
        assert_eq!(
            with("https://a.example/cb?x=1", &[("s", "&")]),
            "https://a.example/cb?x=1&s=%26"
        );
    }
}
