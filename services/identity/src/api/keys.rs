//! API keys, whoever holds them: wire types, and how one is made.

use auth::action::project;
use auth::api_key::ApiKey;
use auth::{Action, Credential, Place};
use chrono::{DateTime, Utc};
use db::{Change, Granted, Subject};
use ids::{ApiKeyId, IdOrName, ProjectId};
use scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Listing, Window};

use crate::api_key::{Holder, Key, MOST, Reach, check_end, check_name, check_networks, check_scopes};
use crate::store;

/// An API key to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What you call it, 1 to 100 characters.
    #[schema(example = "nightly backup", min_length = 1, max_length = 100)]
    pub name: String,
    /// The only actions it is good for: names such as `vm.read`, or `vm.*` for all of a resource. Left out: all that its
    /// holder may do, but for changing credentials and rights. Such an action is had only by its whole name, never by `*`.
    #[schema(example = json!(["vm.read", "vm.list"]), min_items = 1, max_items = 200)]
    pub scopes: Option<Vec<String>>,
    /// The only project it is good for, by id or name.
    #[schema(value_type = Option<String>, example = "default")]
    pub project: Option<IdOrName<ProjectId>>,
    /// Seconds until it ends.
    #[schema(example = 2_592_000, minimum = 1)]
    pub expires_in: Option<u32>,
    /// When it ends; instead of `expires_in`. Neither: when it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// The only networks it may be used from, in CIDR form. Empty: any.
    #[serde(default)]
    #[schema(example = json!(["192.0.2.0/24"]), max_items = 50)]
    pub networks: Vec<String>,
}

/// An API key, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKeyView {
    /// Its id; also part of its text.
    pub id: ApiKeyId,
    /// What its holder calls it.
    #[schema(example = "nightly backup")]
    pub name: String,
    /// The only actions it is good for; null means all that its holder may do, but for changing credentials and rights.
    #[schema(example = json!(["vm.list", "vm.read"]))]
    pub scopes: Option<Vec<String>>,
    /// The only project it is good for.
    pub project_id: Option<ProjectId>,
    /// The only networks it may be used from; empty means any.
    #[schema(example = json!(["192.0.2.0/24"]))]
    pub networks: Vec<String>,
    /// When it ends, if not revoked before.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, give or take a minute.
    pub used_at: Option<DateTime<Utc>>,
    /// From where it was last used.
    #[schema(example = "192.0.2.17")]
    pub used_from: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed; use is no change.
    pub updated_at: DateTime<Utc>,
}

impl From<&Key> for ApiKeyView {
    fn from(key: &Key) -> Self {
        let (used_at, used_from) = key.used.clone().unzip();
        Self {
            id: key.id,
            name: key.name.clone(),
            scopes: key.reach.scopes.as_ref().map(|scopes| scopes.names().to_vec()),
            project_id: key.reach.project,
            networks: key.reach.networks.iter().map(ToString::to_string).collect(),
            expires_at: key.reach.expires_at,
            used_at,
            used_from: used_from.flatten(),
            created_at: key.created_at,
            updated_at: key.updated_at,
        }
    }
}

impl Subject for ApiKeyView {
    fn object(&self) -> String {
        format!("api_key:{}", self.id)
    }
}

/// A new API key with its text, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeySecret {
    /// Send it as `Authorization: Bearer`. A secret.
    #[schema(example = "ysk_0192f0c12d3e7a4b8c5d6e7f8091a2b3_\
                        9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a086f1c2d3e")]
    pub key: String,
    /// What there is to know of it later.
    pub api_key: ApiKeyView,
}

impl Subject for ApiKeySecret {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.api_key.object()
    }

    fn record(&self) -> serde_json::Value {
        self.api_key.record()
    }
}

/// How to list API keys.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListApiKeys {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
}

impl ListApiKeys {
    pub(super) const fn limit(&self) -> Option<u16> {
        self.limit
    }

    pub(super) fn page_token(&self) -> Option<&str> {
        self.page_token.as_deref()
    }

    pub(super) fn window(&self, holder: &Holder) -> Result<Window, fault::Error> {
        let listing = Listing {
            limit: self.limit,
            page_token: self.page_token.as_deref(),
            filter: ("api-keys", holder.principal.to_string()),
        };
        Window::parse(holder.tenant, &listing)
    }
}

/// A key to be, checked as far as its form goes.
pub(super) struct NewKey {
    name: String,
    reach: Reach,
    project: Option<IdOrName<ProjectId>>,
}

impl NewKey {
    pub(super) fn check(body: &CreateApiKey, now: DateTime<Utc>) -> Result<Self, fault::Error> {
        let name = check_name(&body.name);
        let scopes = body.scopes.as_deref().map(check_scopes).transpose();
        let networks = check_networks(&body.networks);
        let end = check_end(now, body.expires_in, body.expires_at);
        match (name, scopes, networks, end) {
            (Ok(name), Ok(scopes), Ok(networks), Ok(expires_at)) => Ok(Self {
                name,
                reach: Reach {
                    scopes,
                    project: None,
                    networks,
                    expires_at,
                },
                project: body.project.clone(),
            }),
            (name, scopes, networks, end) => {
                let wrong = [name.err(), scopes.err(), networks.err(), end.err()];
                Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()))
            }
        }
    }

    /// Makes it, if it is no more than the caller may do, nor than the key they ask with.
    pub(super) async fn make<A: Action>(
        mut self,
        tx: &mut Change<A>,
        holder: &Granted<Holder, A>,
    ) -> Result<ApiKeySecret, fault::Error> {
        if let Some(named) = &self.project {
            let found = tx.project(named).await?;
            if !tx
                .caller()
                .may(project::Read::INFO, Place::Project(found.tenant, found.id))
            {
                return Err(fault::Error::not_found("project"));
            }
            self.reach.project = Some(found.id);
        }
        let maker = match tx.caller().credential() {
            Credential::ApiKey(id) => Some(store::api_keys::reach(tx, id).await?.unwrap_or_default()),
            Credential::None | Credential::Session(_) | Credential::OperatorAccess(_) => None,
        };
        self.reach.must_be_within(tx.caller(), maker.as_ref())?;

        let (key, text) = ApiKey::generate().map_err(fault::Error::internal)?;
        let made = store::api_keys::insert(tx, holder, &key, &self.name, &self.reach).await?;
        let made = made.ok_or_else(|| fault::Error::conflict(format!("There are {MOST} keys already; revoke one.")))?;
        Ok(ApiKeySecret {
            key: text,
            api_key: ApiKeyView::from(&made),
        })
    }
}
