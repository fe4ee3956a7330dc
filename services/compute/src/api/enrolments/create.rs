use actix_web::post;
use actix_web::web::Data;
use auth::action::host;
use chrono::{DateTime, Utc};
use db::{Created, Outcome, Status, Subject};
use ids::{IdOrName, PoolId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::EnrolmentView;
use crate::check::Check;
use crate::host::enrolment::{LONGEST_S, Token};
use crate::state::Compute;
use crate::store;

/// A permission to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEnrolment {
    /// The pool the host will be in, by id or name.
    #[schema(value_type = String, example = "default")]
    pub pool: IdOrName<PoolId>,
    /// How long it may be used, 1 to 900 seconds.
    #[serde(default = "longest")]
    #[schema(example = 600, minimum = 1, maximum = 900)]
    pub expires_in: u16,
}

const fn longest() -> u16 {
    LONGEST_S
}

/// A one-use permission to enrol a host, with its token. The token is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnrolmentToken {
    /// Give it to `yunshu-hypervisor --enrol`. A secret.
    #[schema(example = "yhe_Vt2m0hY1vJ3mT1d0b7m6cJXc2nYbq0Zr8m1yQ0sJxkA")]
    pub token: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// What there is to know of it later.
    pub enrolment: EnrolmentView,
}

impl Subject for EnrolmentToken {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.enrolment.object()
    }

    fn record(&self) -> serde_json::Value {
        self.enrolment.record()
    }
}

/// Permits a host to enrol.
#[utoipa::path(
    operation_id = "create_enrolment",
    tag = "hosts",
    description = "Makes a token with which one host can enrol into a pool. It is shown once, works once, and ends after 15 \
                   minutes at most. Needs `host.enrol`: platform operators only.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; the token shown then opens nothing"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: a secret is not shown twice"),
    ),
    request_body(content = CreateEnrolment, description = "The permission to be"),
    responses((status = 201, description = "Created", body = EnrolmentToken), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/hosts/enrolments")]
pub async fn create_enrolment(
    ask: Change<host::Enrol, CreateEnrolment>,
    compute: Data<Compute>,
) -> Outcome<EnrolmentToken> {
    let mut check = Check::default();
    check.that(
        (1..=LONGEST_S).contains(&ask.body.expires_in),
        "/expires_in",
        "must be from 1 to 900",
    );
    check.done()?;
    let token = Token::make();

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let pool = store::pools::lookup(&mut tx, &ask.body.pool).await?;

    let (digest, expires_in) = (token.digest(), ask.body.expires_in);
    let made = store::enrolments::insert(&mut tx, &platform, pool.id, &digest, expires_in).await?;
    let enrolment = EnrolmentView::from(&made);

    let shown = EnrolmentToken {
        token: token.reveal(),
        expires_at: enrolment.expires_at,
        enrolment,
    };
    tx.finish(Status::Created, Created(shown)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{sha256, start};

    const PATH: &str = "/api/v1/system/hosts/enrolments";

    #[tokio::test]
    async fn t53_the_token_is_shown_once_and_only_its_digest_kept() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        let made = operator
            .post_once(PATH, "key", json!({"pool": "fast", "expires_in": 60}))
            .await
            .expect(201);
        let token = made.json["token"].as_str().unwrap().to_owned();
        assert_eq!(
            (&made.json["enrolment"]["status"], &made.json["enrolment"]["pool"]),
            (&json!("open"), &json!("fast"))
        );
        let again = operator
            .post_once(PATH, "key", json!({"pool": "fast", "expires_in": 60}))
            .await
            .expect(409);
        assert!(!again.text.contains(&token));
        assert!(!operator.get(PATH).await.expect(200).text.contains(&token));
        let everything = test
            .dump(&["compute.enrolments", "compute.replies", "bus.outbox"])
            .await;
        assert!(everything.contains(&sha256(token.as_bytes())), "its digest is kept");
        assert!(!everything.contains(&token), "it is not");
    }

    #[tokio::test]
    async fn it_ends_after_a_quarter_of_an_hour_at_most() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        for expires_in in [json!(0), json!(901), json!(-1), json!("60"), json!(70_000)] {
            let refused = operator
                .post(PATH, json!({"pool": "fast", "expires_in": expires_in}))
                .await
                .expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], "/expires_in");
        }
        operator.post(PATH, json!({"pool": "fast"})).await.expect(201);
        operator.post(PATH, json!({"pool": "none"})).await.expect(404);
    }

    #[tokio::test]
    async fn a_dry_run_shows_a_token_that_opens_nothing_and_an_owner_gets_none() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        operator
            .post(&format!("{PATH}?dry_run=true"), json!({"pool": "fast"}))
            .await
            .expect(200);
        assert_eq!(operator.get(PATH).await.expect(200).json["items"], json!([]));
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        owner.post(PATH, json!({"pool": "fast"})).await.expect(403);
    }
}
