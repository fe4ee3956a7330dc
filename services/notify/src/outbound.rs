//! The one way to receivers: `libs/egress`, and https unless the operator develops.

use chrono::TimeDelta;
use egress::{Egress, Error, TargetError};
use fault::FieldError;
use http::header::CONTENT_TYPE;

use crate::settings::WebhookSettings;

/// Reaches receivers.
pub struct Outbound {
    egress: Egress,
    plain_http: bool,
    /// For how long a delivery may be on its way before others take it for lost.
    pub lease: TimeDelta,
}

impl Outbound {
    /// Checks the settings.
    pub fn new(settings: &WebhookSettings) -> Result<Self, String> {
        let egress = Egress::new(settings.limits()?).map_err(|error| format!("no TLS client: {error}"))?;
        Ok(Self {
            egress,
            plain_http: settings.plain_http,
            lease: TimeDelta::seconds(30 + 2 * i64::from(settings.patience_s)),
        })
    }

    /// An address as it is kept. Whether its name leads to a public address is seen each time it is connected to.
    pub fn check(&self, url: &str) -> Result<String, FieldError> {
        let wrong = |rule: String| Err(FieldError::new("/url", rule));
        if !self.plain_http && !url.starts_with("https://") {
            return wrong("must begin with https://".to_owned());
        }
        let target = match self.egress.target(url) {
            Ok(target) => target,
            Err(TargetError::Port) => {
                let ports: Vec<_> = self.egress.limits().ports.iter().map(u16::to_string).collect();
                return wrong(format!("must use a port this platform calls: {}", ports.join(", ")));
            }
            Err(TargetError::Address) => {
                return wrong("must name a public address; addresses inside networks are never called".to_owned());
            }
            Err(TargetError::Unreadable) => {
                return wrong("must be an absolute https URL of 2,048 characters at most".to_owned());
            }
            Err(error @ (TargetError::Scheme | TargetError::Credentials)) => return wrong(error.to_string()),
        };
        let url = target.url();
        if url.fragment().is_some() {
            return wrong("must have no fragment (`#…`): it is never sent".to_owned());
        }
        let url = url.as_str();
        if url.len() > egress::Target::LONGEST || http::Uri::try_from(url).is_err() {
            return wrong("must be an absolute https URL of 2,048 characters at most".to_owned());
        }
        Ok(url.to_owned())
    }

    /// Posts a signed body; the status of the answer, of which nothing else is read. Redirects are not followed.
    pub async fn post(
        &self,
        url: &str,
        (id, timestamp, signatures): (String, i64, String),
        body: Vec<u8>,
    ) -> Result<u16, Error> {
        if !self.plain_http && !url.starts_with("https://") {
            return Err(TargetError::Scheme.into());
        }
        let request = http::Request::post(url)
            .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures)
            .body(body)
            .map_err(|_| TargetError::Unreadable)?;
        Ok(self.egress.tell(request).await?.as_u16())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t50_an_address_is_public_https_and_nothing_else() {
        let outbound = Outbound::new(&WebhookSettings::default()).unwrap();
        assert_eq!(
            outbound.check("https://hooks.example/a?b=c").unwrap(),
            "https://hooks.example/a?b=c"
        );
        for (bad, rule) in [
            ("http://hooks.example/", "must begin with https://"),
            ("https://127.0.0.1/", "must name a public address"),
            ("https://169.254.169.254/latest", "must name a public address"),
            ("https://[::ffff:10.0.0.1]/", "must name a public address"),
            ("https://0x7f.1/", "must name a public address"),
            ("https://a:b@hooks.example/", "must not carry a user"),
            (
                "https://hooks.example:5432/",
                "must use a port this platform calls: 443",
            ),
            ("https://hooks.example/#a", "must have no fragment"),
            ("file:///etc/passwd", "must begin with https://"),
            ("hooks.example", "must begin with https://"),
            ("https://exa mple/", "must be an absolute"),
            (
                &format!("https://hooks.example/{}", "a".repeat(2048)),
                "must be an absolute",
            ),
        ] {
            let said = outbound.check(bad).unwrap_err();
            assert!(said.detail.starts_with(rule), "{bad}: {said:?}");
        }
    }
}
