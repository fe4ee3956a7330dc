//! What the gateway answers itself.

use fault::Kind;
use serde_json::{Value, json};

use crate::stack::Stack;

#[tokio::test]
async fn health_is_our_own_and_readiness_everybodys() {
    let stack = Stack::start();
    let client = stack.client();
    assert_eq!(client.get(stack.url("/healthz")).send().await.unwrap().status(), 200);
    let ready = client.get(stack.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);

    stack.behind.not_ready.lock().unwrap().push("audit");
    let ready = client.get(stack.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.headers().contains_key("retry-after"));
    let body: Value = ready.json().await.unwrap();
    assert_eq!(body["roles"]["audit"], "not_ready");
    assert_eq!(body["roles"]["compute"], "ready");
    assert_eq!(client.get(stack.url("/healthz")).send().await.unwrap().status(), 200);
    assert!(stack.seen().is_empty(), "asked with the platform's own passport");
}

#[tokio::test]
async fn the_api_document_is_sent_once() {
    let stack = Stack::start();
    let first = stack
        .client()
        .get(stack.url("/api/v1/openapi.json"))
        .send()
        .await
        .unwrap();
    assert_eq!(first.headers()["content-type"], "application/json");
    let etag = first.headers()["etag"].clone();
    assert_eq!(first.json::<Value>().await.unwrap(), json!({"openapi": "3.1.0"}));
    let again = stack
        .client()
        .get(stack.url("/api/v1/openapi.json"))
        .header("If-None-Match", etag);
    assert_eq!(again.send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn every_kind_of_problem_has_its_page() {
    let stack = Stack::start();
    for kind in Kind::ALL {
        let row = kind.row();
        let page = stack
            .client()
            .get(stack.url(&format!("/problems/{}", row.code)))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200, "{}", row.code);
        let text = page.text().await.unwrap();
        assert!(text.contains(row.title) && text.contains(row.mend), "{text}");
    }
    let unknown = stack
        .client()
        .get(stack.url("/problems/no_such_thing"))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn what_is_only_read_is_only_read() {
    let stack = Stack::start();
    for (path, method) in [
        ("/healthz", "POST"),
        ("/", "POST"),
        ("/api/v1/openapi.json", "DELETE"),
        ("/", "TRACE"),
    ] {
        let request = stack.client().request(method.parse().unwrap(), stack.url(path));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method} {path}");
        assert!(answer.headers().contains_key("allow"));
    }
    assert!(stack.seen().is_empty());
}

#[tokio::test]
async fn a_problem_names_the_request() {
    let stack = Stack::start();
    let answer = stack.client().get(stack.url("/api/v1/me")).send().await.unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["request_id"], id.as_str());
    assert_eq!(body["type"], "/problems/unauthenticated");
}
