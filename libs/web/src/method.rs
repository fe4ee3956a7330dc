//! 404 or 405: a path that exists under another method is told so.

use actix_web::dev::ResourceDef;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use fault::Kind;
use utoipa::openapi::{OpenApi, PathItem};

/// The paths of a service and the methods each answers to, read from its `OpenAPI` document.
pub(crate) struct Paths(Vec<(ResourceDef, String)>);

impl Paths {
    pub fn of(api: &OpenApi) -> Self {
        let paths = api.paths.paths.iter();
        // In a template such as `{vm}:start` the parameter ends at the colon.
        Self(
            paths
                .map(|(path, item)| (ResourceDef::new(path.replace('}', ":[^/:]+}")), methods(item)))
                .collect(),
        )
    }

    pub fn refuse(&self, request: &HttpRequest) -> HttpResponse {
        let matching = self.0.iter().filter(|(path, _)| path.is_match(request.path()));
        // Where a literal path and a parameter both fit, the path means the literal.
        let nearest = matching.min_by_key(|(path, _)| path.pattern().map_or(0, |pattern| pattern.matches('{').count()));
        let Some((_, allowed)) = nearest else {
            return fault::Error::not_found("page").error_response();
        };
        let detail = format!("This path answers to {allowed}.");
        let mut answer = fault::Error::new(Kind::MethodNotAllowed, detail).error_response();
        if let Ok(value) = allowed.parse() {
            answer.headers_mut().insert(ALLOW, value);
        }
        answer
    }
}

fn methods(item: &PathItem) -> String {
    let known = [
        ("GET", item.get.is_some()),
        ("PUT", item.put.is_some()),
        ("POST", item.post.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    known
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect::<Vec<_>>()
        .join(", ")
}
