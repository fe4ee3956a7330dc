use actix_web::get;
use actix_web::web::Data;
use auth::action::image;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort};

use super::{ImageKind, ImageView};
use crate::state::Compute;
use crate::store::{self, Slice};

/// How to list images.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListImages {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "deb")]
    q: Option<String>,
    /// Only of this kind.
    #[param(inline)]
    kind: Option<ImageKind>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists images.
#[utoipa::path(
    operation_id = "list_images",
    tag = "images",
    description = "What machines can boot from, a page at a time.",
    params(ListImages),
    responses((status = 200, description = "A page of images", body = Page<ImageView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/images")]
pub async fn list_images(
    ask: Read<image::List, ListImages>,
    compute: Data<Compute>,
) -> Result<Page<ImageView>, fault::Error> {
    page(&ask, &compute).await
}

/// Lists images, for operators.
#[utoipa::path(
    operation_id = "list_system_images",
    tag = "images",
    description = "The same list as `GET /images`, where operators look for it.",
    params(ListImages),
    responses((status = 200, description = "A page of images", body = Page<ImageView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/images")]
pub async fn list_system_images(
    ask: Read<image::List, ListImages>,
    compute: Data<Compute>,
) -> Result<Page<ImageView>, fault::Error> {
    page(&ask, &compute).await
}

async fn page(ask: &Read<image::List, ListImages>, compute: &Compute) -> Result<Page<ImageView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("images", query),
    };
    let slice = Slice::parse(ask.caller(), &listing, query.q.as_deref(), query.sort)?;

    let mut tx = ask.begin(&compute.db).await?;

    let rows = store::images::list(&mut tx, query.kind.map(ImageKind::word), &slice).await?;
    Ok(slice.page(rows, |image| (image.id, &image.name)))
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    #[tokio::test]
    async fn by_kind_and_prefix() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let operator = test.operator(&tenant);
        test.image(&operator, "debian").await;
        test.image(&operator, "alpine").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        let count = async |query: &str| {
            let page = viewer.get(&format!("/api/v1/images{query}")).await.expect(200);
            page.json["items"].as_array().unwrap().len()
        };
        assert_eq!(count("").await, 2);
        assert_eq!(count("?kind=kernel&q=deb").await, 1);
        assert_eq!(count("?kind=disk").await, 0);
        viewer.get("/api/v1/images?kind=tape").await.expect(400);
        test.client.get("/api/v1/images").await.expect(401);
    }
}
