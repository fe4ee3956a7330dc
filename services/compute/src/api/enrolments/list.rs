use actix_web::get;
use actix_web::web::Data;
use auth::action::host;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::EnrolmentView;
use crate::state::Compute;
use crate::store;

/// How to list permissions to enrol.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEnrolments {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
}

/// Lists permissions to enrol.
#[utoipa::path(
    operation_id = "list_enrolments",
    tag = "hosts",
    description = "The permissions to enrol a host, newest first, without their tokens. Needs `host.list`.",
    params(ListEnrolments),
    responses((status = 200, description = "A page of permissions", body = Page<EnrolmentView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/hosts/enrolments")]
pub async fn list_enrolments(
    ask: Read<host::List, ListEnrolments>,
    compute: Data<Compute>,
) -> Result<Page<EnrolmentView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: "enrolments",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;

    let rows = store::enrolments::list(&mut tx, &platform, &window).await?;
    Ok(window.page(rows, |row| vec![row.id.to_string()], |row| EnrolmentView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn newest_first_with_what_became_of_each() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        let host = test.host(&operator, "fast", "one").await;
        operator
            .post("/api/v1/system/hosts/enrolments", json!({"pool": "fast"}))
            .await
            .expect(201);
        let first = operator
            .get("/api/v1/system/hosts/enrolments?limit=1")
            .await
            .expect(200);
        assert_eq!(first.json["items"][0]["status"], "open");
        let token = first.json["next_page"].as_str().unwrap();
        let path = format!("/api/v1/system/hosts/enrolments?limit=1&page_token={token}");
        let second = operator.get(&path).await.expect(200);
        assert_eq!(second.json["items"][0]["status"], "used");
        assert_eq!(second.json["items"][0]["host_id"], json!(host.id));
        assert_eq!(second.json["next_page"], json!(null));
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        owner.get("/api/v1/system/hosts/enrolments").await.expect(403);
    }
}
