use std::collections::BTreeMap;

use fault::{Kind, Problem};
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// The refusals every operation may answer with, for its documentation.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut by_status: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
        for kind in Kind::ALL {
            by_status.entry(kind.row().status).or_default().push(kind.row().title);
        }
        by_status
            .into_iter()
            .map(|(status, titles)| (status.to_string(), response(&titles.join("; "))))
            .collect()
    }
}

fn response(title: &str) -> RefOr<Response> {
    let schema = utoipa::openapi::Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new()
        .description(title)
        .content("application/problem+json", content)
        .build()
        .into()
}
