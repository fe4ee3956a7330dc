use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use auth::action::audit;
use chrono::{DateTime, Utc};
use ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Read, Refusals};

use crate::csv;
use crate::register::{Row, rows};
use crate::state::Audit;
use crate::store;

const HEADING: [&str; 9] = [
    "table", "column", "kind", "form", "why", "purpose", "kept", "seen_by", "erased",
];

/// How the register is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegisterFormat {
    /// A JSON object.
    #[default]
    Json,
    /// Comma-separated values with a heading.
    Csv,
}

/// How to write it.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadProcessingRegister {
    /// How the register is written.
    #[serde(default)]
    #[param(inline)]
    format: RegisterFormat,
}

/// What the platform holds, why, how long, for whom, and how it goes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegisterView {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Whose data is meant.
    pub tenant_id: TenantId,
    /// What of this tenant's the log holds now.
    pub log: RegisteredLog,
    /// Every column that may hold content, by name.
    pub columns: Vec<RegisteredColumn>,
}

/// What the log holds of the tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegisteredLog {
    /// Entries.
    #[schema(example = 1200)]
    pub entries: i64,
    /// For so many days it keeps what they tell.
    #[schema(example = 365)]
    pub days: i32,
    /// Legal holds that are on.
    #[schema(example = 0)]
    pub holds: i64,
}

/// A column.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegisteredColumn {
    /// Its table.
    #[schema(example = "audit.events")]
    pub table: &'static str,
    /// Its name.
    #[schema(example = "changes")]
    pub column: &'static str,
    /// What it holds: `secret`, `personal`, `personal_sealed` or `operational`.
    #[schema(example = "personal_sealed")]
    pub kind: &'static str,
    /// How it stands there: `clear`, `sealed_by_tenant`, `sealed_by_platform`, `blind_index`, `wrapped` or `hash`.
    #[schema(example = "sealed_by_tenant")]
    pub form: &'static str,
    /// The purpose of the key that seals it, or why it is in the clear.
    #[schema(example = "audit")]
    pub why: Option<&'static str>,
    /// What its table is kept for; null where there is nothing to answer for.
    #[schema(example = "proving who did, tried or read what")]
    pub purpose: Option<&'static str>,
    /// How long.
    #[schema(example = "a day")]
    pub kept: Option<&'static str>,
    /// Who sees what of it is not secret.
    #[schema(example = "owners and auditors of the tenant")]
    pub seen_by: Option<&'static str>,
    /// How it goes.
    #[schema(example = "by age")]
    pub erased: Option<&'static str>,
}

impl From<Row> for RegisteredColumn {
    fn from(row: Row) -> Self {
        Self {
            table: row.table,
            column: row.column,
            kind: row.kind,
            form: row.form,
            why: row.why,
            purpose: row.about.map(|about| about.purpose),
            kept: row.about.map(|about| about.kept),
            seen_by: row.about.map(|about| about.seen_by),
            erased: row.about.map(|about| about.erased),
        }
    }
}

/// Reads the register of processing.
#[utoipa::path(
    operation_id = "read_processing_register",
    tag = "audit",
    description = "What the platform holds (GDPR, Art. 30): every column that may hold content, whether it is secret, personal or \
                   sealed, what it is kept for, how long, who sees it and how it goes; made of the list that a test holds against \
                   the database. What the tenant does with its data beside that is the tenant's to add. Needs `audit.read`.",
    params(ReadProcessingRegister),
    responses(
        (status = 200, description = "The register", content((RegisterView = "application/json"), (String = "text/csv"))),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/audit/compliance/register")]
pub async fn read_processing_register(
    ask: Read<audit::Read, ReadProcessingRegister>,
    audit: Data<Audit>,
) -> Result<HttpResponse, fault::Error> {
    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let view = RegisterView {
        at: tx.now(),
        tenant_id: tenant.id,
        log: RegisteredLog {
            entries: store::compliance::entries(&mut tx, &tenant).await?,
            days: store::retention::read(&mut tx, &tenant).await?.days,
            holds: store::retention::holds_on(&mut tx, &tenant).await?,
        },
        columns: rows().into_iter().map(RegisteredColumn::from).collect(),
    };

    Ok(match ask.query.format {
        RegisterFormat::Json => HttpResponse::Ok().json(view),
        RegisterFormat::Csv => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
            .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"register.csv\""))
            .body(table(&view)),
    })
}

fn table(view: &RegisterView) -> String {
    let mut out = csv::line(HEADING);
    for row in &view.columns {
        let texts = [row.why, row.purpose, row.kept, row.seen_by, row.erased].map(Option::unwrap_or_default);
        let [why, purpose, kept, seen_by, erased] = texts;
        out.push_str(&csv::line([
            row.table, row.column, row.kind, row.form, why, purpose, kept, seen_by, erased,
        ]));
    }
    out
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;
    use db::contents::TAGS;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/audit/compliance/register";

    #[tokio::test]
    async fn every_tagged_column_is_in_the_register_as_json_and_csv() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
        test.holds(&tenant, 1).await;
        let owner = test.owner(&tenant);
        let seen = owner.get(PATH).await.expect(200);
        assert_eq!(seen.json["tenant_id"], json!(tenant.id));
        assert_eq!(seen.json["log"], json!({"entries": 1, "days": 365, "holds": 0}));
        let columns = seen.json["columns"].as_array().unwrap();
        let file = owner.get(&format!("{PATH}?format=csv")).await.expect(200);
        assert_eq!(file.text.split_terminator("\r\n").count(), columns.len() + 1);
        for (name, _) in TAGS {
            let (table, column) = name.rsplit_once('.').unwrap();
            assert!(
                columns
                    .iter()
                    .any(|row| row["table"] == table && row["column"] == column),
                "{name} is missing"
            );
            assert!(file.text.contains(&format!("\"{table}\",\"{column}\",")), "{name}");
        }
        let changes = columns
            .iter()
            .find(|row| row["table"] == "audit.events" && row["column"] == "changes");
        assert_eq!(changes.unwrap()["kind"], "personal_sealed");
        owner.get(&format!("{PATH}?format=xml")).await.expect(400);
    }

    #[tokio::test]
    async fn t01_it_counts_nothing_of_others_and_admins_may_not() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        test.holds(&theirs, 1).await;
        let seen = test.owner(&mine).get(PATH).await.expect(200);
        assert_eq!(seen.json["log"]["entries"], 0);
        let admin = test.client.caller(&mine.caller(Role::Admin));
        admin.get(PATH).await.expect(403);
    }
}
