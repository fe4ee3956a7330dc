//! How text messages leave: by one HTTP request each to the operator's provider.
//!
//! # What it guarantees
//! The request is the operator's: its address, the shape of its JSON, and the header that proves who sends. Number and text are
//! put into strings of that JSON after it was read, so that nothing in them is ever syntax. It goes through `libs/egress`: to
//! public addresses over `https` alone unless the operator has opened others, with no redirect followed, and with an end to what
//! an answer may weigh and take. Number, text and secret are told to nobody before a certificate has shown that it is the
//! provider. A repeat carries the same `Idempotency-Key`.
//!
//! # What it refuses
//! To say anything of what it sends: errors name what the provider answered, never number, text or secret.

use std::path::PathBuf;
use std::time::Duration;

use egress::{Egress, Limits};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ids::EventId;
use ipnetwork::IpNetwork;
use serde::Deserialize;
use serde_json::Value;
use url::{Host, Url};

use crate::errand::Text;
use crate::factor::sent::Phone;

/// More of an answer than this nobody reads.
const ANSWER: u64 = 64 << 10;

/// How text messages leave, as an operator sets it. Without `url` none do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsSettings {
    /// Where the provider takes messages by `POST`; `https` only.
    pub url: Option<String>,
    /// The request's body, JSON. `{to}`, `{text}` and `{id}` in its strings stand for number, text and the message's own id.
    pub body: String,
    /// The header that proves who sends.
    pub header: String,
    /// The file that holds that header's value, e.g. `Bearer …`.
    pub secret_file: Option<PathBuf>,
    /// Networks that are not public and hold the provider.
    pub networks: Vec<IpNetwork>,
    /// Certificates (PEM) of the authorities that vouch for the provider, beside the web's own.
    pub roots: Option<PathBuf>,
    /// Seconds that the provider may take for one answer.
    pub patience_s: u16,
    /// With what numbers must begin, e.g. `+49`; none: with any country. The dearest numbers are abroad.
    pub prefixes: Vec<String>,
    /// As many messages leave in a day at most, whoever they are for.
    pub per_day: u16,
    /// Plain `http` to this machine is taken too: for tests and development.
    pub plain_http: bool,
}

impl Default for SmsSettings {
    fn default() -> Self {
        Self {
            url: None,
            body: r#"{"to": "{to}", "text": "{text}"}"#.to_owned(),
            header: "authorization".to_owned(),
            secret_file: None,
            networks: Vec::new(),
            roots: None,
            patience_s: 10,
            prefixes: Vec::new(),
            per_day: 1_000,
            plain_http: false,
        }
    }
}

/// Sends text messages.
pub struct Texter {
    provider: Option<Provider>,
    prefixes: Vec<String>,
    per_day: u16,
}

struct Provider {
    egress: Egress,
    url: Url,
    body: Value,
    proof: Option<(HeaderName, HeaderValue)>,
}

/// A message did not leave.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The provider will never take it.
    #[error("the message is refused: {0}")]
    Refused(String),
    /// It may be taken later.
    #[error("the message could not be handed over: {0}")]
    Later(String),
}

impl Texter {
    /// Checks the settings.
    pub fn new(settings: &SmsSettings) -> Result<Self, String> {
        let provider = settings
            .url
            .as_deref()
            .map(|url| Provider::new(url, settings))
            .transpose()?;
        if settings.per_day < 2 {
            return Err("identity.sms.per_day must be at least 2".to_owned());
        }
        let prefixes = &settings.prefixes;
        let odd = prefixes.iter().find(|prefix| {
            let digits = prefix.strip_prefix('+').unwrap_or_default();
            digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())
        });
        if let Some(odd) = odd {
            return Err(format!("identity.sms.prefixes: `{odd}` is not `+` and digits"));
        }
        Ok(Self {
            provider,
            prefixes: prefixes.clone(),
            per_day: settings.per_day,
        })
    }

    /// Can messages leave at all?
    pub const fn is_set_up(&self) -> bool {
        self.provider.is_some()
    }

    /// Is this a number that the operator sends to?
    pub fn serves(&self, phone: &Phone) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| phone.expose().starts_with(prefix))
    }

    /// How many leave in a day at most.
    pub const fn per_day(&self) -> u16 {
        self.per_day
    }

    /// Hands a message over.
    pub async fn send(&self, id: EventId, text: &Text) -> Result<(), Error> {
        match &self.provider {
            Some(provider) => provider.send(id, text).await,
            None => Err(Error::Later("identity.sms says no url".to_owned())),
        }
    }
}

impl Provider {
    fn new(url: &str, settings: &SmsSettings) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("identity.sms.url: {error}"))?;
        if url.scheme() != "https" && !(settings.plain_http && url.scheme() == "http" && is_here(&url)) {
            let rule = "identity.sms.url: must be https; `plain_http` takes http to this machine alone";
            return Err(rule.to_owned());
        }
        let roots = settings.roots.as_ref().map(std::fs::read).transpose();
        let roots = roots.map_err(|error| format!("identity.sms.roots: {error}"))?;
        let total = Duration::from_secs(u64::from(settings.patience_s.max(1)));
        let limits = Limits {
            bytes: ANSWER,
            total,
            silence: total,
            ports: url.port_or_known_default().into_iter().collect(),
            redirects: 0,
            opened: settings.networks.clone(),
            roots: roots.unwrap_or_default(),
        };
        let egress = Egress::new(limits).map_err(|error| format!("identity.sms.roots: no TLS client: {error}"))?;
        egress
            .target(url.as_str())
            .map_err(|error| format!("identity.sms.url: {error}"))?;
        let body: Value =
            serde_json::from_str(&settings.body).map_err(|error| format!("identity.sms.body: {error}"))?;
        let shape = body.to_string();
        if !shape.contains("{to}") || !shape.contains("{text}") {
            return Err("identity.sms.body: must have strings with `{to}` and `{text}`".to_owned());
        }
        Ok(Self {
            egress,
            url,
            body,
            proof: proof(settings)?,
        })
    }

    async fn send(&self, id: EventId, text: &Text) -> Result<(), Error> {
        let body = filled(
            &self.body,
            &[("{to}", &text.to), ("{text}", &text.text), ("{id}", &id.to_string())],
        );
        let mut request = http::Request::post(self.url.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", id.to_string());
        if let Some((name, value)) = &self.proof {
            request = request.header(name, value);
        }
        let request = request
            .body(body.to_string().into_bytes())
            .map_err(|_| Error::Refused("no such request can be made".to_owned()))?;
        let answer = self.egress.call(request).await;
        let status = answer.map_err(|error| Error::Later(error.to_string()))?.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500.. => Err(Error::Later(format!("the provider answers {status}"))),
            _ => Err(Error::Refused(format!("the provider answers {status}"))),
        }
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The header that proves who sends. It is never printed.
fn proof(settings: &SmsSettings) -> Result<Option<(HeaderName, HeaderValue)>, String> {
    let Some(file) = &settings.secret_file else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let name = HeaderName::try_from(&settings.header).map_err(|error| format!("identity.sms.header: {error}"))?;
    let value = HeaderValue::from_str(text.trim());
    let mut value = value.map_err(|_| format!("{}: is no value of a header", file.display()))?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// The body with words in the place of their names. One pass: what is put in is not looked through again.
fn filled(body: &Value, words: &[(&str, &str)]) -> Value {
    match body {
        Value::String(text) => Value::String(put(text, words)),
        Value::Array(items) => items.iter().map(|item| filled(item, words)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), filled(value, words)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

fn put(text: &str, words: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some((name, word)) = words.iter().find(|(name, _)| rest.starts_with(name)) {
            out.push_str(word);
            rest = rest.get(name.len()..).unwrap_or_default();
        } else {
            out.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

#[cfg(test)]
mod tls;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Instant;

    use super::*;
    use crate::testing::carrier::{Answer, Carrier};

    fn text() -> Text {
        Text {
            to: "+4915112345678".to_owned(),
            text: "Yunshu code 31415926".to_owned(),
        }
    }

    #[test]
    fn t51_what_is_put_in_is_never_syntax_nor_looked_through_again() {
        let body = serde_json::json!({"to": ["{to}"], "message": {"text": "{text} ({id})", "flash": false, "{to}": 1}});
        let hostile = r#"","to":"+1900{to}{id}"#;
        let words = [("{to}", "+49151"), ("{text}", hostile), ("{id}", "7")];
        let told = filled(&body, &words).to_string();
        let read: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(read["message"]["text"], format!("{hostile} (7)"));
        assert_eq!(
            (&read["to"][0], &read["message"]["{to}"]),
            (&"+49151".into(), &1.into())
        );
    }

    #[test]
    fn nonsense_is_named_and_nothing_leaves_unless_set_up() {
        let refuse = |settings: SmsSettings| Texter::new(&settings).err().unwrap();
        let to = |url: &str| SmsSettings {
            url: Some(url.to_owned()),
            ..SmsSettings::default()
        };
        for (url, complaint) in [
            ("http://sms.example", "https"),
            ("no url", "identity.sms.url"),
            ("https://127.0.0.1/", "identity.sms.url"),
            ("https://[::ffff:10.0.0.1]/", "identity.sms.url"),
            ("https://me:secret@sms.example/", "identity.sms.url"),
        ] {
            assert!(refuse(to(url)).contains(complaint), "{url}");
        }
        for url in [
            "http://sms.example/",
            "http://10.0.0.1/",
            "http://localhost.example/",
            "ftp://127.0.0.1/",
        ] {
            let plain = SmsSettings {
                plain_http: true,
                networks: vec!["0.0.0.0/0".parse().unwrap()],
                ..to(url)
            };
            assert!(refuse(plain).contains("must be https"), "{url}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        for roots in ["/nowhere/roots.pem".into(), file.path().to_owned()] {
            let settings = SmsSettings {
                roots: Some(roots),
                ..to("https://sms.example")
            };
            assert!(refuse(settings).starts_with("identity.sms.roots"));
        }
        for body in ["{", r#"{"to": "{to}"}"#, r#"["{text}"]"#] {
            let settings = SmsSettings {
                body: body.to_owned(),
                ..to("https://sms.example")
            };
            assert!(refuse(settings).starts_with("identity.sms.body"), "{body}");
        }
        let odd = SmsSettings {
            prefixes: vec!["49".to_owned()],
            ..SmsSettings::default()
        };
        assert!(refuse(odd).contains("`49`"));
        assert!(!Texter::new(&SmsSettings::default()).unwrap().is_set_up());
        let home = SmsSettings {
            prefixes: vec!["+49".to_owned()],
            ..to("https://sms.example/v1")
        };
        let home = Texter::new(&home).unwrap();
        let phone = |text: &str| Phone::check("", text).unwrap();
        assert!(home.is_set_up() && home.serves(&phone("+4915112345678")) && !home.serves(&phone("+8813300000000")));
    }

    #[tokio::test]
    async fn a_message_arrives_as_the_operator_shaped_it_with_proof_and_id() {
        let carrier = Carrier::start().await;
        let mut secret = tempfile::NamedTempFile::new().unwrap();
        writeln!(secret, "Key canary-of-the-carrier").unwrap();
        let settings = SmsSettings {
            body: r#"{"from": "Yunshu", "messages": [{"to": "{to}", "body": "{text}", "ref": "{id}"}]}"#.to_owned(),
            header: "X-Api-Key".to_owned(),
            secret_file: Some(secret.path().to_owned()),
            ..carrier.settings()
        };
        let texter = Texter::new(&settings).unwrap();
        let id = EventId::mint();
        texter.send(id, &text()).await.unwrap();
        let got = carrier.taken();
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].header("x-api-key"), "Key canary-of-the-carrier");
        assert_eq!(got[0].header("idempotency-key"), id.to_string());
        let message = &got[0].body["messages"][0];
        assert_eq!(
            (&message["to"], &message["ref"]),
            (&text().to.into(), &id.to_string().into())
        );
        assert_eq!(message["body"], text().text);
    }

    #[tokio::test]
    async fn t52_a_hostile_provider_is_left_and_tells_nothing() {
        let inside = Carrier::start().await;
        let carrier = Carrier::start().await;
        let settings = SmsSettings {
            patience_s: 1,
            ..carrier.settings()
        };
        let texter = Texter::new(&settings).unwrap();
        let begin = Instant::now();
        for (answer, later) in [
            (Answer::Status(500), true),
            (Answer::Status(429), true),
            (Answer::Status(400), false),
            (Answer::Status(401), false),
            (Answer::Redirect(inside.url("/v1/messages")), false),
            (Answer::Huge, true),
            (Answer::Never, true),
            (Answer::HangUp, true),
        ] {
            carrier.answers(answer.clone());
            let error = texter.send(EventId::mint(), &text()).await.unwrap_err();
            assert_eq!(matches!(error, Error::Later(_)), later, "{answer:?}: {error}");
            let told = format!("{error} {error:?}");
            assert!(!told.contains("151123") && !told.contains("31415926"), "t24: {told}");
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "nobody waits for ever");
        assert!(inside.taken().is_empty(), "t50: no redirect is followed");
        carrier.answers(Answer::Status(202));
        texter.send(EventId::mint(), &text()).await.unwrap();
    }

    #[tokio::test]
    async fn t50_a_provider_inside_is_reached_only_where_the_operator_opened_it() {
        let carrier = Carrier::start().await;
        let by_name = carrier.url("/v1/messages").replace("127.0.0.1", "localhost");
        let closed = SmsSettings {
            url: Some(by_name),
            networks: Vec::new(),
            ..carrier.settings()
        };
        let texter = Texter::new(&closed).unwrap();
        assert!(matches!(
            texter.send(EventId::mint(), &text()).await,
            Err(Error::Later(_))
        ));
        assert!(carrier.taken().is_empty());
    }
}
