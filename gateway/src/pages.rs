//! What the gateway answers itself.

use std::fmt::Write;
use std::time::Duration;

use actix_http::header::{self, HeaderMap};
use actix_http::uri::PathAndQuery;
use actix_http::{Method, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use auth::passport::Bearer;
use bytes::Bytes;
use fault::{Error, Kind};
use futures::future::join_all;
use ids::RequestId;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::body::Inbound;
use crate::gate::Worker;
use crate::proxy::Ask;
use crate::routes::{Page, Role};

const READY_DEADLINE: Duration = Duration::from_secs(2);

/// The merged API document, as it is sent.
pub struct OpenApi {
    bytes: Bytes,
    etag: String,
}

impl OpenApi {
    pub fn new(document: &serde_json::Value) -> Self {
        let bytes = Bytes::from(document.to_string());
        let digest = Sha256::digest(&bytes)
            .iter()
            .take(16)
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        Self {
            bytes,
            etag: format!("\"{digest}\""),
        }
    }

    fn answer(&self, headers: &HeaderMap) -> HttpResponse {
        let same = headers
            .get(header::IF_NONE_MATCH)
            .is_some_and(|tag| tag.as_bytes() == self.etag.as_bytes());
        let mut answer = HttpResponse::build(if same { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
        answer
            .insert_header((header::ETAG, self.etag.as_str()))
            .insert_header((header::CACHE_CONTROL, "no-cache"));
        if same {
            answer.finish()
        } else {
            answer.content_type("application/json").body(self.bytes.clone())
        }
    }
}

/// Answers one of our own pages.
pub async fn answer(worker: &Worker, page: Page, path: &str, method: &Method, headers: &HeaderMap) -> HttpResponse {
    if method != Method::GET && method != Method::HEAD {
        return not_allowed("GET, HEAD");
    }
    match page {
        Page::Healthz => HttpResponse::Ok().json(json!({"status": "ok"})),
        Page::Readyz => readyz(worker).await,
        Page::OpenApi => worker.shared.openapi.answer(headers),
        Page::Problem => problem(path.rsplit('/').next().unwrap_or_default()),
    }
}

/// 405, with the methods that are.
pub fn not_allowed(methods: &'static str) -> HttpResponse {
    let mut answer = Error::new(Kind::MethodNotAllowed, format!("Only {methods} are answered here.")).error_response();
    answer
        .headers_mut()
        .insert(header::ALLOW, header::HeaderValue::from_static(methods));
    answer
}

/// Ready is who can answer for every role: one ready instance of each is enough.
async fn readyz(worker: &Worker) -> HttpResponse {
    let states = join_all(Role::ALL.map(|role| async move { (role, role_ready(worker, role).await) })).await;
    let ready = states.iter().all(|(_, ready)| *ready);
    let roles: serde_json::Map<_, _> = states
        .iter()
        .map(|(role, ready)| {
            (
                role.name().to_owned(),
                json!(if *ready { "ready" } else { "not_ready" }),
            )
        })
        .collect();
    let body = json!({"status": if ready { "ready" } else { "not_ready" }, "roles": roles});
    if ready {
        return HttpResponse::Ok().json(body);
    }
    HttpResponse::ServiceUnavailable()
        .insert_header((header::RETRY_AFTER, "1"))
        .json(body)
}

async fn role_ready(worker: &Worker, role: Role) -> bool {
    let bearer = Bearer::Platform("gateway".to_owned());
    let (name, value) = worker.shared.credentials.passport(bearer, None, RequestId::mint());
    let mut headers = HeaderMap::new();
    headers.insert(name, value);
    let ask = Ask {
        method: Method::GET,
        path: PathAndQuery::from_static("/readyz"),
        headers,
        body: Inbound::none(),
        deadline: READY_DEADLINE,
    };
    let asked = worker.proxy.fleet().group(role).instances().iter();
    let answers = join_all(asked.map(|instance| worker.proxy.ask_at(role, instance, &ask))).await;
    answers.iter().flatten().any(|answer| answer.status() == StatusCode::OK)
}

/// The page behind a problem's `type`.
fn problem(code: &str) -> HttpResponse {
    let Some(row) = Kind::ALL.iter().map(|kind| kind.row()).find(|row| row.code == code) else {
        return Error::not_found("kind of problem").error_response();
    };
    // Every word of the table is ours, so there is nothing to escape.
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title} ({status})</title>\n\
         <h1>{title}</h1>\n<p>Status <code>{status}</code>, code <code>{code}</code>.</p>\n<p>{mend}</p>\n</html>\n",
        title = row.title,
        status = row.status,
        mend = row.mend,
    );
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "max-age=3600"))
        .body(body)
}
