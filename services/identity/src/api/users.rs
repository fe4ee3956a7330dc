//! The people of a tenant: wire types and endpoints.

pub mod delete;
pub mod export;
pub mod list;
pub mod modify;
pub mod read;

use chrono::{DateTime, Utc};
use db::{Effect, Subject};
use ids::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::user::User;

/// A person's path. By id only: an address in a path would be in every log.
#[derive(Debug, Deserialize)]
pub struct InUser {
    /// Id.
    pub user: UserId,
}

/// Somebody of the tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UserView {
    /// Their id.
    pub id: UserId,
    /// Their e-mail address, in lower case.
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// What they are called.
    #[schema(example = "Ada Lovelace")]
    pub display_name: String,
    /// May they sign in?
    #[schema(example = true)]
    pub enabled: bool,
    /// When they last signed in or used a key.
    pub seen_at: Option<DateTime<Utc>>,
    /// The roles they carry on the whole tenant, themselves and through groups, by name.
    #[schema(example = json!(["admin"]))]
    pub roles: Vec<String>,
    /// When they came.
    pub created_at: DateTime<Utc>,
    /// When they last changed.
    pub updated_at: DateTime<Utc>,
    /// Changes with the record and the roles, but not when they merely sign in: whoever read a person may then still change
    /// them.
    #[serde(skip)]
    etag: String,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        let roles: [u8; 32] = Sha256::digest(user.roles.join(" ")).into();
        let [a, b, c, d, ..] = roles;
        Self {
            id: user.id,
            email: user.email.clone(),
            display_name: user.display_name.clone(),
            enabled: user.enabled,
            seen_at: user.seen_at,
            roles: user.roles.clone(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            etag: format!("\"{}-{a:02x}{b:02x}{c:02x}{d:02x}\"", user.generation),
        }
    }
}

impl Subject for UserView {
    fn object(&self) -> String {
        format!("user:{}", self.id)
    }

    /// The log outlives the person and cannot be changed: it knows them by id alone.
    fn record(&self) -> Value {
        json!({"id": self.id, "enabled": self.enabled, "roles": self.roles})
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/users/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(self.etag.clone())
    }
}

/// Somebody before and after a change. The log is told that they are called otherwise, and not how.
pub struct Edited(pub UserView, pub UserView);

impl Effect for Edited {
    type Body = UserView;

    fn body(self) -> UserView {
        self.1
    }

    fn before(&self) -> Option<Value> {
        Some(self.0.record())
    }

    fn after(&self) -> Option<Value> {
        let mut after = self.1.record();
        if let (true, Some(fields)) = (self.0.display_name != self.1.display_name, after.as_object_mut()) {
            fields.insert("display_name".to_owned(), json!("(changed)"));
        }
        Some(after)
    }
}
