use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::oauth::{Code, Refusal, assertion};

/// What a client sends along to say, and to prove, who it is.
#[derive(Debug, Default)]
pub struct Shown {
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub client_assertion_type: Option<String>,
    pub client_assertion: Option<SecretString>,
    /// What stands after `Authorization: Basic`.
    pub basic: Option<SecretString>,
}

/// By what a client would prove itself.
pub enum Proof {
    Nothing,
    Secret(SecretString),
    Assertion(SecretString),
}

impl Shown {
    /// The client that this says it is of, and its one proof.
    pub fn read(self) -> Result<(String, Proof), Refusal> {
        let bad = |description: &'static str| Refusal::new(Code::InvalidRequest, description);
        let (named, proof) = match (self.basic, self.client_secret, self.client_assertion) {
            (None, None, None) => (None, Proof::Nothing),
            (Some(basic), None, None) => {
                let (id, secret) = pair(&basic).ok_or_else(|| bad("Authorization: Basic cannot be read."))?;
                (Some(id), Proof::Secret(secret))
            }
            (None, Some(secret), None) => (None, Proof::Secret(secret)),
            (None, None, Some(assertion)) => {
                if self.client_assertion_type.as_deref() != Some(assertion::TYPE) {
                    return Err(bad(
                        "Send client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
                    ));
                }
                (
                    assertion::claimed(assertion.expose_secret()),
                    Proof::Assertion(assertion),
                )
            }
            _ => return Err(bad("Prove who the client is in one way, not in several.")),
        };
        match (named, self.client_id) {
            (Some(named), Some(said)) if named != said => Err(bad("client_id and the proof name different clients.")),
            (Some(id), _) | (None, Some(id)) => Ok((id, proof)),
            (None, None) => Err(Refusal::new(
                Code::InvalidClient,
                "Say which client this is: client_id is missing.",
            )),
        }
    }
}

/// Both are percent-encoded before they are put together (RFC 6749, 2.3.1).
fn pair(basic: &SecretString) -> Option<(String, SecretString)> {
    let bytes = zeroize::Zeroizing::new(STANDARD.decode(basic.expose_secret()).ok()?);
    let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let decoded = |text: &str| {
        form_urlencoded::parse(format!("x={text}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
    };
    let plain = |text: &str| !text.contains(['&', '=']);
    if !plain(id) || !plain(secret) {
        return None;
    }
    Some((decoded(id)?, SecretString::from(decoded(secret)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &str) -> Shown {
        Shown {
            basic: Some(SecretString::from(STANDARD.encode(text))),
            ..Shown::default()
        }
    }

    #[test]
    fn a_client_proves_itself_in_one_way() {
        let (id, proof) = basic("a%20b:s%2Bt").read().unwrap();
        assert_eq!(id, "a b");
        assert!(matches!(proof, Proof::Secret(secret) if secret.expose_secret() == "s+t"));
        let both = Shown {
            client_secret: Some("x".into()),
            ..basic("a:b")
        };
        let two = Shown {
            client_id: Some("c".to_owned()),
            ..basic("a:b")
        };
        let untyped = Shown {
            client_assertion: Some("a.b.c".into()),
            ..Shown::default()
        };
        for bad in [both, two, untyped, basic("no colon"), Shown::default()] {
            assert!(bad.read().is_err());
        }
        let said = Shown {
            client_id: Some("c".to_owned()),
            ..Shown::default()
        };
        assert!(matches!(said.read(), Ok((id, Proof::Nothing)) if id == "c"));
    }
}
