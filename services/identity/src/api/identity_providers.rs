//! Identity providers of a tenant: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod read;
mod rules;
pub mod test;

use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::{GroupId, IdOrName, IdentityProviderId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::provider::{Provider, Rule, Trust, check_words};

/// A provider's path.
#[derive(Debug, Deserialize)]
pub struct InProvider {
    /// Id or name.
    pub provider: IdOrName<IdentityProviderId>,
}

/// Who is put into a group.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroupRule {
    /// Whoever brings this value of the claim; left out: whoever comes by this provider.
    #[schema(example = "engineering", max_length = 200)]
    pub value: Option<String>,
    /// The group's id or name.
    #[schema(example = "developers", max_length = 63)]
    pub group: String,
}

/// Who is put into a group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupRule {
    /// Whoever brings this value of the claim; null: whoever comes by this provider.
    #[schema(example = "engineering")]
    pub value: Option<String>,
    /// The group's name.
    #[schema(example = "developers")]
    pub group: String,
    /// The group's id.
    pub group_id: GroupId,
}

/// What a provider says when a second factor was shown there, and is believed.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BelievedFactor {
    /// One of these as `acr`.
    #[schema(example = json!(["phr"]), max_items = 20)]
    pub acr: Vec<String>,
    /// Or one of these within `amr`.
    #[schema(example = json!(["mfa", "otp", "hwk"]), max_items = 20)]
    pub amr: Vec<String>,
}

impl BelievedFactor {
    fn check(&self) -> Result<Trust, FieldError> {
        Ok(Trust {
            acr: check_words("/second_factor/acr", &self.acr)?,
            amr: check_words("/second_factor/amr", &self.amr)?,
        })
    }
}

/// An identity provider: people it vouches for sign in to the tenant by it. Of its client's secret nothing is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IdentityProviderView {
    /// Its id.
    pub id: IdentityProviderId,
    /// Its name, unique in the tenant.
    #[schema(example = "corporate")]
    pub name: String,
    /// What people are shown.
    #[schema(example = "Example Corp.")]
    pub display_name: String,
    /// Who it is, to the last slash.
    #[schema(example = "https://id.example.com/realms/corp")]
    pub issuer: String,
    /// Who this tenant is there.
    #[schema(example = "yunshu")]
    pub client_id: String,
    /// Is there a secret for the client? If not, it is a public one, which PKCE alone protects.
    #[schema(example = true)]
    pub has_secret: bool,
    /// What is asked of it beside `openid`.
    #[schema(example = json!(["email", "profile"]))]
    pub scopes: Vec<String>,
    /// May people sign in by it?
    #[schema(example = true)]
    pub enabled: bool,
    /// Does whoever comes by it for the first time become a person of the tenant?
    #[schema(example = false)]
    pub create_users: bool,
    /// The claim that names groups, or a JSON pointer to one inside another.
    #[schema(example = "groups")]
    pub groups_claim: Option<String>,
    /// Who is put into which group at each sign-in, and taken out again.
    pub groups: Vec<GroupRule>,
    /// What it says when a second factor was shown there, and is believed.
    pub second_factor: BelievedFactor,
    /// Where it sends people back to: to be allowed there.
    #[schema(example = "https://cloud.example/sign-in/callback")]
    pub redirect_uri: String,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl IdentityProviderView {
    fn of(provider: &Provider, rules: &[Rule], redirect: &str) -> Self {
        let rule = |rule: &Rule| GroupRule {
            value: (!rule.value.is_empty()).then(|| rule.value.clone()),
            group: rule.group_name.clone(),
            group_id: rule.group,
        };
        Self {
            id: provider.id,
            name: provider.name.clone(),
            display_name: provider.display_name.clone(),
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            has_secret: provider.sealed.is_some(),
            scopes: provider.scopes.clone(),
            enabled: provider.enabled,
            create_users: provider.create_users,
            groups_claim: provider.groups_claim.clone(),
            groups: rules.iter().map(rule).collect(),
            second_factor: BelievedFactor {
                acr: provider.trust.acr.clone(),
                amr: provider.trust.amr.clone(),
            },
            redirect_uri: redirect.to_owned(),
            generation: provider.generation,
            created_at: provider.created_at,
            updated_at: provider.updated_at,
        }
    }
}

impl db::Subject for IdentityProviderView {
    fn object(&self) -> String {
        format!("identity_provider:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/identity-providers/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}

/// The claim that names groups; empty: none.
fn check_claim(text: &str) -> Result<Option<String>, FieldError> {
    if text.is_empty() {
        return Ok(None);
    }
    crate::provider::check_line("/groups_claim", text, 200).map(Some)
}
