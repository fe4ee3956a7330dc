use actix_web::post;
use actix_web::web::{Data, Json};
use auth::action::session;
use auth::{Action, Caller};
use db::{AuditEvent, AuditOutcome};
use ids::OauthClientId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use web::{Open, Origin, Refusals};

use super::{SignedIn, record_refusal};
use crate::refresh::{Family, RefreshToken};
use crate::session::{Session, Turn};
use crate::state::Identity;
use crate::store;
use crate::store::sessions::Why;

/// A refresh token to turn in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token that came with the last sign-in or renewal.
    #[schema(value_type = String, example = "yrt_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGis", max_length = 512)]
    pub refresh_token: SecretString,
}

fn ended() -> fault::Error {
    fault::Error::unauthenticated("The refresh token is not good, or no longer; sign in again.")
}

/// Turns a refresh token in for the next pair of tokens.
#[utoipa::path(
    operation_id = "refresh_session",
    tag = "auth",
    description = "Each refresh token is good once. When the answer is lost, the same client may ask again within ten seconds \
                   and gets the same successor; at any other time a second use shows that somebody has a copy, and the \
                   session ends.",
    request_body(content = Refresh, description = "The refresh token"),
    responses((status = 200, description = "The next pair of tokens", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/refresh")]
pub async fn refresh_session(ask: Open<Refresh>, identity: Data<Identity>) -> Result<Json<SignedIn>, fault::Error> {
    let token = RefreshToken::parse(ask.body.refresh_token.expose_secret()).map_err(|_| ended())?;
    // A client's tokens are turned in where the client proves who it is.
    let renewed = renew(&identity, &ask.origin, &token, None).await?;
    let (session, next) = renewed.ok_or_else(ended)?;

    identity.hand_out(&session, &next).await
}

/// Turns a refresh token in that belongs to this client, or to none; none if it is not good.
pub(in crate::api) async fn renew(
    identity: &Identity,
    origin: &Origin,
    token: &RefreshToken,
    client: Option<OauthClientId>,
) -> Result<Option<(Session, RefreshToken)>, fault::Error> {
    let from = origin.address;
    identity.at_the_door(token.tenant).await?;
    let mut tx = identity.begin_sign_in().await?;
    let session = store::sessions::claim(&mut tx, token.tenant, token.session).await?;
    let Some(mut session) = session.filter(|session| session.client == client) else {
        return Ok(None);
    };
    let family = Family::open(&tx.keys(session.tenant)?, &session)?;
    if !family.made(token) {
        return Ok(None);
    }

    let next = family.next(token);
    let object = format!("session:{}", session.id);
    match session.turn_in(&token.hash(), from, tx.now()) {
        Turn::Again => {}
        Turn::Over => return Ok(None),
        Turn::Rotate => {
            let policy = store::policies::at_sign_in(&mut tx, session.tenant).await?;
            let expires_at = policy.lifetimes(identity.lifetimes).expires(tx.now(), session.ends_at);
            store::sessions::rotate(&mut tx, &session, &next.hash(), from, expires_at).await?;
            store::devices::note(&mut tx, &session, origin).await?;
            let caller = Caller::newcomer(session.tenant, session.user, Vec::new(), from, origin.request);
            let (action, success) = (session::Refresh::INFO.name, AuditOutcome::Success);
            tx.record(
                session.tenant,
                &AuditEvent::of(&caller, tx.now(), action, object, success, json!({})),
            )?;
        }
        Turn::Reuse => {
            tracing::warn!(session = %session.id, tenant = %session.tenant, "a refresh token was used twice");
            store::sessions::revoke(&mut tx, session.tenant, session.id, Why::Reuse).await?;
            let what = (object, "refresh_token_reused");
            record_refusal(&mut tx, session.tenant, origin, session::Refresh::INFO, what)?;
            tx.commit().await?;
            return Ok(None);
        }
    }
    session.owes = store::sessions::owes(&mut tx, session.id).await?;
    tx.commit().await?;
    Ok(Some((session, next)))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use clock::Clock;
    use serde_json::{Value, json};
    use testkit::Bench;

    use crate::testing::{Owner, PASSWORD, Test, secret_of, settings, start, start_on, turn_in};

    const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9));

    async fn signed_in(clock: &Clock) -> (Test, Owner, Value) {
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        (test, owner, tokens)
    }

    #[tokio::test]
    async fn a_token_is_turned_in_for_the_next_pair_of_the_same_session() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let first = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let second = turn_in(&test.client, &first).await.expect(200).json;
        assert_eq!(second["status"], "authenticated");
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert_eq!(test.check(&first).await.sid, test.check(&second).await.sid);
        turn_in(&test.client, &second).await.expect(200);
        let renewed = ("session.refresh".to_owned(), "success".to_owned());
        assert_eq!(
            test.bench
                .audit(owner.tenant)
                .await
                .iter()
                .filter(|entry| **entry == renewed)
                .count(),
            2
        );
    }

    #[tokio::test]
    async fn t15_a_lost_answer_is_given_again_to_the_same_client_for_ten_seconds() {
        let clock = Clock::held_at(Clock::system().now());
        let (test, _, first) = signed_in(&clock).await;
        let second = turn_in(&test.client, &first).await.expect(200).json;
        clock.advance(Duration::from_secs(10));
        let again = turn_in(&test.client, &first).await.expect(200).json;
        assert_eq!(second["refresh_token"], again["refresh_token"]);
        turn_in(&test.client, &second).await.expect(200);
        turn_in(&test.client, &first).await.expect(401);
        turn_in(&test.client, &second).await.expect(401);
    }

    #[tokio::test]
    async fn t15_a_late_second_use_ends_the_family() {
        let clock = Clock::held_at(Clock::system().now());
        let (test, owner, first) = signed_in(&clock).await;
        let second = turn_in(&test.client, &first).await.expect(200).json;
        clock.advance(Duration::from_secs(11));
        turn_in(&test.client, &first).await.expect(401);
        turn_in(&test.client, &second).await.expect(401);
        assert!(
            test.enter(&second).await.is_none(),
            "its access tokens are dead as well"
        );
        let last = test.bench.audit(owner.tenant).await.pop();
        assert_eq!(last, Some(("session.refresh".to_owned(), "denied".to_owned())));
    }

    #[tokio::test]
    async fn t15_a_thief_and_the_owner_in_either_order_end_the_family() {
        for thief_first in [true, false] {
            let clock = Clock::held_at(Clock::system().now());
            let (test, _, stolen) = signed_in(&clock).await;
            let (owner, thief) = (test.client.clone(), test.client.at(ELSEWHERE));
            let (one, other) = if thief_first {
                (&thief, &owner)
            } else {
                (&owner, &thief)
            };
            let got = turn_in(one, &stolen).await.expect(200).json;
            // At once: the moment for lost answers is for the same client only.
            turn_in(other, &stolen).await.expect(401);
            turn_in(one, &got).await.expect(401);
        }
    }

    #[tokio::test]
    async fn t15_fifty_simultaneous_renewals_get_one_successor() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let replies = futures::future::join_all((0..50).map(|_| turn_in(&test.client, &tokens))).await;
        assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
        let next = &replies[0].json["refresh_token"];
        assert!(replies.iter().all(|reply| reply.json["refresh_token"] == *next));
        let renewed = ("session.refresh".to_owned(), "success".to_owned());
        assert_eq!(
            test.bench
                .audit(owner.tenant)
                .await
                .iter()
                .filter(|entry| **entry == renewed)
                .count(),
            1
        );
        turn_in(&test.client, &replies[0].json).await.expect(200);
    }

    #[tokio::test]
    async fn t15_inventing_tokens_around_a_session_ends_nothing() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let good = tokens["refresh_token"].as_str().unwrap();
        let made_up = format!("{}{}", &good[..60], "A".repeat(good.len() - 60));
        let other = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let other = other["refresh_token"].as_str().unwrap();
        let grafted = format!("{}{}", &good[..40], &other[40..]);
        for bad in [made_up.as_str(), grafted.as_str(), "", "yrt_", "junk"] {
            let refused = test
                .client
                .post("/api/v1/auth/refresh", json!({"refresh_token": bad}))
                .await
                .expect(401);
            assert!(!refused.text.contains(good), "t24");
        }
        turn_in(&test.client, &tokens).await.expect(200);
    }

    #[tokio::test]
    async fn a_session_ends_without_use_and_in_the_end() {
        let clock = Clock::held_at(Clock::system().now());
        let (test, owner, first) = signed_in(&clock).await;
        clock.advance(Duration::from_hours(24));
        turn_in(&test.client, &first).await.expect(401);

        let mut tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        for _ in 0..(30 * 24 / 20 - 1) {
            clock.advance(Duration::from_hours(20));
            tokens = turn_in(&test.client, &tokens).await.expect(200).json;
        }
        clock.advance(Duration::from_hours(20));
        turn_in(&test.client, &tokens).await.expect(401);
    }

    #[tokio::test]
    async fn who_is_disabled_gets_nothing_any_more() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        test.disable(&owner).await;
        turn_in(&test.client, &tokens).await.expect(401);
        assert!(test.enter(&tokens).await.is_none());
    }

    #[tokio::test]
    async fn t24_no_token_is_in_the_database() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let first = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let second = turn_in(&test.client, &first).await.expect(200).json;
        let dump = test.dump("identity.sessions").await + &test.dump("bus.outbox").await;
        for tokens in [&first, &second] {
            for name in ["refresh_token", "access_token"] {
                assert!(!dump.contains(tokens[name].as_str().unwrap()));
            }
            let secret = secret_of(tokens);
            assert!(!dump.contains(&secret), "{secret}");
        }
    }
}
