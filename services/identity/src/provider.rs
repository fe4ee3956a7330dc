//! Other places that know people: `OpenID` providers, as a tenant sets them up.

pub mod settings;

use auth::action::identity_provider;
use auth::{Action, Info, Place};
use chrono::{DateTime, Utc};
use crypto::{KeyError, Purpose, TenantKeys};
use db::Resource;
use fault::FieldError;
use ids::{ExternalIdentityId, GroupId, IdentityProviderId, TenantId};
use secrecy::{ExposeSecret, SecretString};

/// As many as one tenant may have.
pub const MOST: usize = 20;
/// As many rules of groups as one provider may have.
pub const MOST_RULES: usize = 200;
const MOST_WORDS: usize = 20;

/// A provider that vouches for people of a tenant.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: IdentityProviderId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What people are shown.
    pub display_name: String,
    /// Who it is. Never changes: with the subject it is who somebody is.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// What we prove it with, encrypted.
    pub sealed: Option<Vec<u8>>,
    /// What is asked of it beside `openid`.
    pub scopes: Vec<String>,
    /// May people sign in by it?
    pub enabled: bool,
    /// Does whoever comes by it for the first time become a person of the tenant?
    pub create_users: bool,
    /// The claim that names groups.
    pub groups_claim: Option<String>,
    /// When it is believed that a second factor was shown there.
    pub trust: Trust,
    /// Counts its changes.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Resource for Provider {
    const NAME: &'static str = "identity_provider";
    const READ: &'static Info = identity_provider::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// What the `acr` and `amr` claims must say so that a second factor counts as shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// One of these as `acr`.
    pub acr: Vec<String>,
    /// Or one of these within `amr`.
    pub amr: Vec<String>,
}

impl Trust {
    /// Was a second factor shown, as the provider says and the tenant believes?
    pub fn covers(&self, acr: Option<&str>, amr: &[String]) -> bool {
        acr.is_some_and(|acr| self.acr.iter().any(|trusted| trusted == acr))
            || amr.iter().any(|method| self.amr.contains(method))
    }
}

/// Whoever brings this value is in this group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// A value of the claim; empty: everybody.
    pub value: String,
    /// The group.
    pub group: GroupId,
    /// What it is called.
    pub group_name: String,
}

/// A person of a tenant, as a provider knows them.
#[derive(Debug, Clone)]
pub struct ExternalIdentity {
    /// Its id.
    pub id: ExternalIdentityId,
    /// The provider's name.
    pub provider: String,
    /// What people are shown of it.
    pub provider_display_name: String,
    /// The provider's own name for them.
    pub subject: String,
    /// When they last signed in by it.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
}

/// Encrypts a client's secret for its place; none for a public client.
pub fn seal(
    keys: &TenantKeys,
    tenant: TenantId,
    id: IdentityProviderId,
    secret: Option<&SecretString>,
) -> Result<Option<Vec<u8>>, KeyError> {
    let row = id.to_string();
    let secret = secret
        .map(ExposeSecret::expose_secret)
        .filter(|secret| !secret.is_empty());
    secret
        .map(|secret| keys.seal(Purpose::Credentials, &place(tenant, &row), secret.as_bytes()))
        .transpose()
}

impl Provider {
    /// The client's secret.
    pub fn secret(&self, keys: &TenantKeys) -> Result<Option<SecretString>, KeyError> {
        let Some(sealed) = &self.sealed else {
            return Ok(None);
        };
        let row = self.id.to_string();
        let plain = keys.open(&place(self.tenant, &row), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| KeyError::Unreadable)?;
        Ok(Some(SecretString::from(text)))
    }
}

const fn place(tenant: TenantId, row: &str) -> crypto::Place<'_> {
    crypto::Place {
        tenant,
        table: "identity_providers",
        column: "sealed",
        row,
    }
}

/// One line of visible characters.
pub fn check_line(pointer: &str, text: &str, most: usize) -> Result<String, FieldError> {
    let text = text.trim();
    if !(1..=most).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        let rule = format!("must have 1 to {most} characters, none of them control characters");
        return Err(FieldError::new(pointer, rule));
    }
    Ok(text.to_owned())
}

/// What is sent to the provider as it is: ASCII that can be seen, without blanks.
pub fn check_words(pointer: &str, words: &[String]) -> Result<Vec<String>, FieldError> {
    let is_word = |word: &String| (1..=200).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic());
    if words.len() > MOST_WORDS || !words.iter().all(is_word) {
        let rule = format!("must be at most {MOST_WORDS} words of visible ASCII characters without blanks");
        return Err(FieldError::new(pointer, rule));
    }
    let mut unique = words.to_vec();
    unique.dedup();
    Ok(unique)
}

/// The client's id or secret: what fits into a form and a header.
pub fn check_credential(pointer: &str, text: &str, most: usize) -> Result<(), FieldError> {
    let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    fits.then_some(())
        .ok_or_else(|| FieldError::new(pointer, format!("must be 1 to {most} visible ASCII characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_counts_only_as_the_tenant_has_said() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let trust = Trust {
            acr: words(&["gold"]),
            amr: words(&["otp", "hwk"]),
        };
        assert!(trust.covers(Some("gold"), &[]));
        assert!(trust.covers(None, &words(&["pwd", "hwk"])));
        assert!(!trust.covers(Some("silver"), &words(&["pwd"])));
        assert!(!Trust::default().covers(Some(""), &words(&["mfa", "otp"])));
    }

    #[test]
    fn words_are_words() {
        let check = |word: &str| check_words("", &[word.to_owned()]).is_ok();
        assert!(check("profile") && check("https://x/y"));
        assert!(!check("") && !check("a b") && !check("ä") && !check("a\n"));
    }
}
