use actix_web::post;
use actix_web::web::Data;
use auth::Principal;
use auth::action::session;
use db::{Done, Outcome, Status, Subject};
use ids::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, Once, Refusals};

use super::weaker::bound;
use crate::api::codes::{self, SentCode, Way};
use crate::api::factors::signed_in;
use crate::factor::Kind;
use crate::factor::sent::LIVES;
use crate::guess::Destination;
use crate::state::Identity;
use crate::store;

/// Which way a code is to come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendStepUp {
    /// `sms` or `email`, whichever the caller has.
    #[schema(example = "sms", max_length = 16)]
    pub kind: String,
}

/// A code that is on its way to the caller.
#[derive(Serialize, ToSchema)]
pub struct SentStepUp {
    /// Where it goes, and until when it is good.
    #[serde(flatten)]
    pub code: SentCode,
    #[serde(skip)]
    session: SessionId,
}

impl Subject for SentStepUp {
    fn object(&self) -> String {
        format!("session:{}", self.session)
    }

    /// Where somebody's codes go is not for the log.
    fn record(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// Has a code sent, to show a weaker factor again.
#[utoipa::path(
    operation_id = "send_step_up",
    tag = "auth",
    description = "The code goes to `/auth/step-up` as `sent_code`, in this session alone. For whoever has no stronger factor and \
                   need not have one. Three codes at most for one step-up; the last one alone is good, for ten minutes.",
    params(("dry_run" = Option<bool>, Query, description = "Only say what would happen; no code is sent"), Once),
    request_body(content = SendStepUp, description = "Which way"),
    responses((status = 200, description = "The code is on its way", body = SentStepUp), Refusals),
    security(("bearer" = [])),
)]
#[post("/auth/step-up:send")]
pub async fn send_step_up(
    ask: Change<session::Challenge, SendStepUp>,
    identity: Data<Identity>,
) -> Outcome<SentStepUp> {
    let (user, session) = signed_in(ask.caller())?;
    let kind =
        Kind::weaker(&ask.body.kind).ok_or_else(|| fault::Error::invalid("/kind", "must be `sms` or `email`"))?;
    codes::must_be_sendable(&identity, kind)?;

    identity.at_the_door(ask.caller().tenant()).await?;
    let mut paid = identity.begin_sign_in().await?;
    let (policy, factors, email) = codes::held(&mut paid, ask.caller(), user).await?;
    let carried = store::rights::bindings(&mut paid, ask.caller().tenant(), &Principal::User(user)).await?;
    let factor = factors.iter().find(|factor| factor.kind == kind);
    let factor = factor.ok_or_else(|| fault::Error::conflict("You have no such factor; show what you have."))?;
    codes::must_do(&policy, &carried, &factors).map_err(|detail| fault::Error::invalid("/kind", detail))?;
    let way = Way::of(&paid.keys(factor.tenant)?, factor, email)?;
    if !ask.is_dry_run() {
        codes::pay(
            &mut paid,
            &identity,
            (ask.caller().tenant(), user),
            (&way, Destination::Proven(factor.id)),
        )
        .await?;
    }
    paid.commit().await?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let bound = bound(tenant.id, session, factor);
    let (code, locked) = codes::made(tx.keys()?, &bound)?;
    if !store::sent_codes::keep_with(&mut tx, &bound, &locked).await? {
        return Err(fault::Error::conflict(codes::ENOUGH).into());
    }
    store::errands::insert_with(&mut tx, &identity.kek, &way.errand(&code), LIVES).await?;

    let shown = SentStepUp {
        code: way.sent(tx.now()),
        session,
    };
    let answer = tx.finish(Status::Ok, Done(shown)).await?;
    identity.errands.notify_one();
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use futures::future::join_all;
    use serde_json::json;
    use testkit::Client;

    use crate::testing::codes::{Reached, Sending, wrong};

    const PATH: &str = "/api/v1/auth/step-up";
    const SEND: &str = "/api/v1/auth/step-up:send";

    /// Somebody whose telephone was shown too long ago, in two sessions.
    async fn stale(sending: &Sending, clock: &Clock) -> (Reached, Client) {
        let owner = sending.sign_up("acme").await;
        let ada = sending.add_phone(&owner).await;
        let (challenge, code) = sending.half(&owner).await;
        let tokens = sending.test.show("sms", &challenge, &code).await.expect(200).json;
        clock.advance(Duration::from_mins(16));
        (ada, sending.test.enter_now(&tokens).await)
    }

    #[tokio::test]
    async fn t14_who_has_nothing_stronger_shows_a_code_again_in_its_own_session() {
        let clock = Clock::held_at(Clock::system().now());
        let sending = Sending::start(&clock).await;
        let (ada, desk) = stale(&sending, &clock).await;
        desk.post(PATH, json!({"password": crate::testing::PASSWORD}))
            .await
            .expect(400);
        desk.post(&format!("{SEND}?dry_run=true"), json!({"kind": "sms"}))
            .await
            .expect(200);
        assert_eq!(sending.carrier.taken().len(), 2);
        let sent = desk.post(SEND, json!({"kind": "sms"})).await.expect(200).json;
        assert_eq!(sent["sent_to"], "+49…78");
        let code = sending.texted(3).await.remove(2);
        // It is this session's: not another's, and no sign-in's.
        ada.client.post(PATH, json!({"sent_code": code})).await.expect(400);
        desk.post(PATH, json!({"sent_code": wrong(&code)})).await.expect(400);
        desk.post(PATH, json!({"sent_code": code})).await.expect(200);
        desk.post(PATH, json!({"sent_code": code})).await.expect(400);
        for (body, status) in [
            (json!({"kind": "email"}), 409),
            (json!({"kind": "totp"}), 400),
            (json!({"kind": "sms", "phone": "+4915112345678"}), 400),
        ] {
            desk.post(SEND, body).await.expect(status);
        }
        let log = sending.test.dump("bus.outbox").await;
        assert!(!log.contains(&code) && !log.contains("+49…78"), "t24");
    }

    #[tokio::test]
    async fn t13_fifty_equal_codes_step_up_one_session() {
        let clock = Clock::held_at(Clock::system().now());
        let sending = Sending::start(&clock).await;
        let (_, desk) = stale(&sending, &clock).await;
        desk.post(SEND, json!({"kind": "sms"})).await.expect(200);
        let code = sending.texted(3).await.remove(2);
        let replies = join_all((0..50).map(|_| desk.post(PATH, json!({"sent_code": code})))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 400));
    }

    #[tokio::test]
    async fn t11_a_code_takes_five_tries_though_each_is_refused() {
        let clock = Clock::held_at(Clock::system().now());
        let sending = Sending::start(&clock).await;
        let (_, desk) = stale(&sending, &clock).await;
        desk.post(SEND, json!({"kind": "sms"})).await.expect(200);
        let code = sending.texted(3).await.remove(2);
        for _ in 0..5 {
            desk.post(PATH, json!({"sent_code": wrong(&code)})).await.expect(400);
        }
        desk.post(PATH, json!({"sent_code": code})).await.expect(400);
        // Another code has tries of its own; there are three in ten minutes.
        desk.post(SEND, json!({"kind": "sms"})).await.expect(200);
        let code = sending.texted(4).await.remove(3);
        clock.advance(Duration::from_mins(10));
        desk.post(PATH, json!({"sent_code": code})).await.expect(400);
    }
}
