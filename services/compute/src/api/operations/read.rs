use std::time::Duration;

use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::operation;
use ids::OperationId;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;
use web::{Found, Read, Refusals};

use super::OperationView;
use crate::state::Compute;
use crate::store;

/// The path of an operation.
#[derive(Debug, Deserialize)]
pub struct OperationPath {
    operation: String,
}

/// How long to wait for an operation's end.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WaitFor {
    /// Answer at its end, but after this time at the latest: `1s` to `30s`.
    #[param(example = "30s", pattern = "^([1-9]|[12][0-9]|30)s$")]
    wait: Option<String>,
}

impl WaitFor {
    fn check(&self) -> Result<Duration, fault::Error> {
        let Some(text) = &self.wait else {
            return Ok(Duration::ZERO);
        };
        let seconds = text
            .strip_suffix('s')
            .filter(|digits| digits.len() <= 2 && !digits.starts_with(['0', '+']));
        let seconds = seconds
            .and_then(|digits| digits.parse().ok())
            .filter(|seconds| (1..=30).contains(seconds));
        seconds
            .map(Duration::from_secs)
            .ok_or_else(|| fault::Error::invalid("?wait", "must be from 1s to 30s"))
    }
}

/// How often it is looked while waiting, besides after each commit of this process: another one may have ended it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads a long operation.
#[utoipa::path(
    operation_id = "read_operation",
    tag = "operations",
    description = "One operation; with `wait`, once it ended or the time is over. Needs `operation.read` in its project.",
    params(("operation" = OperationId, Path, description = "Id"), WaitFor),
    responses((status = 200, description = "The operation", body = OperationView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/operations/{operation}")]
pub async fn read_operation(
    ask: Read<operation::Read, WaitFor>,
    path: Path<OperationPath>,
    compute: Data<Compute>,
) -> Result<Found<OperationView>, fault::Error> {
    let deadline = Instant::now() + ask.query.check()?;
    let id: OperationId = path
        .operation
        .parse()
        .map_err(|_| fault::Error::not_found("operation"))?;

    // It listens from before the first look, so that an end in between is not slept over; and no transaction waits.
    let mut bell = compute.db.wake().listen();
    loop {
        let mut tx = ask.begin(&compute.db).await?;
        let operation = store::operations::lookup(&mut tx, id).await?;
        drop(tx);
        if operation.progress.is_over() || Instant::now() >= deadline || compute.shutdown.is_cancelled() {
            return Ok(Found(OperationView::from(&*operation)));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        tokio::select! {
            () = bell.wait(left.min(LOOK_EVERY)) => {}
            () = compute.shutdown.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::vms::testing::{VMS, seen, small, stocked};

    #[tokio::test]
    async fn a_wait_ends_with_the_operation() {
        let world = stocked().await;
        let host = world.host("h1").await;
        let made = world.owner.post(VMS, small("web")).await.expect(202);
        let path = made.header("operation-location").to_owned();
        world.until("web", "building").await;
        assert_eq!(world.owner.get(&path).await.expect(200).json["status"], "running");
        let wait = format!("{path}?wait=30s");
        let running = seen(&made.json, 1, "running", &Value::Null);
        let start = Instant::now();
        let (ended, _) = tokio::join!(world.owner.get(&wait), world.report(&host, &running));
        assert_eq!(
            (&ended.json["status"], &ended.json["progress"]),
            (&json!("succeeded"), &json!(100))
        );
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it did not wait for the time to be over"
        );
        world.owner.get(&format!("{path}?wait=1h")).await.expect(400);
        world.owner.get("/api/v1/operations/none").await.expect(404);
        world
            .owner
            .get(&format!("/api/v1/operations/{}", OperationId::mint()))
            .await
            .expect(404);
    }

    #[test]
    fn a_wait_has_one_spelling() {
        let check = |text: &str| {
            WaitFor {
                wait: Some(text.to_owned()),
            }
            .check()
        };
        assert_eq!(check("30s").unwrap(), Duration::from_secs(30));
        for bad in ["0s", "31s", "30", "s", "-1s", "+5s", "05s", "1m", "1.5s", ""] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
