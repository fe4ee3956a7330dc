//! Sessions as their people, and those who look after them, see them: wire types and endpoints.

pub mod delete_mine;
pub mod delete_my_others;
pub mod delete_users;
pub mod list_mine;
pub mod list_users;

use auth::Caller;
use chrono::{DateTime, Utc};
use db::Subject;
use ids::{SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use web::{Listing, Window};

use crate::session::Device;

/// A session's path.
#[derive(Debug, Deserialize)]
pub struct InSession {
    /// Its id.
    pub session: SessionId,
}

/// A sign-in that is not over.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActiveSession {
    /// Its id.
    pub id: SessionId,
    /// Is it the one this was asked with?
    #[schema(example = true)]
    pub current: bool,
    /// What the device called itself when it was last heard.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64)")]
    pub device: String,
    /// How it was begun, and confirmed since (RFC 8176).
    #[schema(example = json!(["pwd"]))]
    pub methods: Vec<String>,
    /// From where it was begun.
    #[schema(example = "192.0.2.7")]
    pub address: Option<String>,
    /// From where it was last heard.
    #[schema(example = "192.0.2.7")]
    pub used_from: Option<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When its tokens were last renewed.
    pub used_at: DateTime<Utc>,
    /// When it ends if it is not used.
    pub expires_at: DateTime<Utc>,
    #[serde(skip)]
    user: UserId,
}

impl ActiveSession {
    fn of(device: &Device, user: UserId, caller: &Caller) -> Self {
        Self {
            id: device.session,
            current: caller.session() == Some(device.session),
            device: device.agent.clone(),
            methods: device.methods.clone(),
            address: device.begun_from.clone(),
            used_from: device.used_from.clone(),
            created_at: device.created_at,
            used_at: device.used_at,
            expires_at: device.expires_at,
            user,
        }
    }
}

impl Subject for ActiveSession {
    fn object(&self) -> String {
        format!("session:{}", self.id)
    }

    /// The log outlives the person: it knows them by id alone.
    fn record(&self) -> Value {
        json!({"id": self.id, "user_id": self.user})
    }
}

/// Sessions that were ended together.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EndedSessions {
    /// Whose they were.
    pub user_id: UserId,
    /// How many.
    #[schema(example = 3)]
    pub ended: u64,
}

impl Subject for EndedSessions {
    fn object(&self) -> String {
        format!("user:{}", self.user_id)
    }
}

/// How to list sessions.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListSessions {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
}

impl ListSessions {
    fn window(&self, tenant: TenantId, user: UserId) -> Result<Window, fault::Error> {
        let listing = Listing {
            limit: self.limit,
            page_token: self.page_token.as_deref(),
            filter: ("sessions", user),
        };
        Window::parse(tenant, &listing)
    }
}

/// The person who asks; machines have no sessions.
fn oneself(caller: &Caller) -> Result<UserId, fault::Error> {
    caller.user().ok_or_else(|| fault::Error::not_found("person"))
}
