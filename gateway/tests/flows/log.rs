//! The line that a request leaves in the log, and what it must not say.

use auth::Role;
use serde_json::Value;

use crate::stack::{Stack, eventually, log};

#[tokio::test]
async fn t24_a_line_per_request_and_no_secret_in_any() {
    let stack = Stack::start();
    let (claims, token) = stack.session(Role::Owner);
    let answer = stack
        .client()
        .post(stack.url("/api/v1/projects/p/vms?status=202&header=x:canary-in-query"))
        .bearer_auth(&token)
        .header("Idempotency-Key", "canary-in-header")
        .body("canary-in-body")
        .send()
        .await
        .unwrap();
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let forged = stack
        .client()
        .get(stack.url("/api/v1/me"))
        .bearer_auth("canary-in-token");
    assert_eq!(forged.send().await.unwrap().status(), 401);
    drop(answer);

    eventually("the line is written", async || log().contains(&id)).await;
    let log = log();
    let line = log.lines().find(|line| line.contains(&id)).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let fields = &line["fields"];
    assert_eq!(line["target"], "access");
    assert_eq!((&fields["method"], &fields["status"]), (&"POST".into(), &202.into()));
    assert_eq!(fields["route"], "/api/v1/projects/{}/vms/**");
    assert_eq!(fields["path"], "/api/v1/projects/p/vms");
    assert_eq!(fields["tenant"], claims.tenant.to_string());
    assert!(fields["ms"].is_u64());
    for secret in ["canary-in", &token, token.rsplit('.').next().unwrap()] {
        assert!(!log.contains(secret), "{secret}");
    }
}
