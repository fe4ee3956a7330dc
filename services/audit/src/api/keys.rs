//! The keys that the log is signed with.

use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::audit;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Listing, Page, Read, Refusals, Window};

use crate::state::Audit;
use crate::store::{self, trees::LogKey};

/// A key that signs checkpoints, or has signed them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogKeyView {
    /// Its name, its id in hexadecimal digits, and the key in base64, joined by `+` (C2SP signed-note): what verifiers are
    /// given to believe in.
    #[schema(example = "yunshu/audit+3c1f2a9d+AWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh")]
    pub id: String,
    /// Since when it signs.
    pub created_at: DateTime<Utc>,
    /// Until when it signed; null for the key in use.
    pub retired_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<LogKey> for LogKeyView {
    fn from(key: LogKey) -> Self {
        Self {
            id: key.key,
            created_at: key.from_time,
            retired_at: key.until_time,
            updated_at: key.until_time.unwrap_or(key.from_time),
        }
    }
}

/// Keys, the newest first. A page like any other; it has a name because nothing but this list tells of its items.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogKeys {
    /// The keys.
    pub items: Vec<LogKeyView>,
    /// Where to go on; null on the last page.
    pub next_page: Option<String>,
}

impl From<Page<LogKeyView>> for LogKeys {
    fn from(page: Page<LogKeyView>) -> Self {
        Self {
            items: page.items,
            next_page: page.next_page,
        }
    }
}

/// Which keys to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListLogKeys {
    /// How many at most, 1 to 1,000.
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    page_token: Option<String>,
}

/// Lists the keys of the audit log.
#[utoipa::path(
    operation_id = "list_audit_keys",
    tag = "audit",
    description = "The public keys that checkpoints are signed with, the newest first, and since when. Note the key where \
                   nobody of the platform can change it, and give it to the verifier: a log that was forged with another \
                   key is found then. Needs `audit.list`.",
    params(ListLogKeys),
    responses((status = 200, description = "A page of keys", body = LogKeys), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/keys")]
pub async fn list_audit_keys(
    ask: Read<audit::List, ListLogKeys>,
    audit: Data<Audit>,
) -> Result<Json<LogKeys>, fault::Error> {
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: "audit keys",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let before: Option<(DateTime<Utc>, String)> = window.after(0)?.zip(window.after(1)?);

    let mut tx = ask.begin(&audit.db).await?;
    let keys = store::trees::keys(&mut tx, before, window.fetch()).await?;
    let key = |key: &LogKey| vec![key.from_time.to_rfc3339(), key.key.clone()];
    Ok(Json(window.page(keys, key, LogKeyView::from).into()))
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::{column, start};

    const LIST: &str = "/api/v1/audit/keys";

    #[tokio::test]
    async fn the_key_in_use_comes_first_and_those_before_have_an_end() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.owner(&tenant);
        let mut sql = test.bench.superuser().await;
        sqlx::query("insert into audit.log_keys values ('old+00000000+x', '2020-01-01', '2021-01-01')")
            .execute(&mut sql)
            .await
            .unwrap();
        let first = owner.get(&format!("{LIST}?limit=1")).await.expect(200);
        assert_eq!(column(&first, "id"), [&test.log_key.to_string()]);
        assert!(first.json["items"][0]["retired_at"].is_null());
        let token = first.json["next_page"].as_str().unwrap();
        let second = owner.get(&format!("{LIST}?page_token={token}")).await.expect(200);
        assert_eq!(column(&second, "id"), ["old+00000000+x"]);
        assert_eq!(second.json["items"][0]["retired_at"], "2021-01-01T00:00:00Z");
        test.client
            .caller(&tenant.caller(Role::Viewer))
            .get(LIST)
            .await
            .expect(403);
    }
}
