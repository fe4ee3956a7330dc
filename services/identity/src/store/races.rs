//! What may be used once, used by fifty transactions at once, a thousand times over. The endpoints' own tests do the same
//! through HTTP, fewer times; this is where it is decided who wins, and each test names the words that decide it.

use std::net::IpAddr;

use clock::Clock;
use db::{Db, Reason, SystemTx};
use ids::{ChallengeId, UserId};
use testkit::{ROUNDS, RUNNERS, race};

use super::{ceremonies, factors, recovery_codes, sent_codes, sessions};
use crate::factor::passkey::ceremony::{self, Ceremony};
use crate::factor::passkey::{PasskeySettings, RelyingParty};
use crate::factor::recovery::Code;
use crate::factor::sent::{self, Bound, For};
use crate::refresh::{Family, RefreshToken};
use crate::session::Turn;
use crate::testing::device::ORIGIN;
use crate::testing::{Owner, PASSWORD, Test, start_patient};

struct Track {
    test: Test,
    owner: Owner,
    user: UserId,
    db: Db,
}

async fn track() -> Track {
    let test = start_patient(&Clock::held_at(Clock::system().now())).await;
    let owner = test.sign_up("acme").await;
    let user = sqlx::query_scalar("select user_id from identity.users where tenant_id = $1")
        .bind(owner.tenant)
        .fetch_one(&mut test.bench.superuser().await)
        .await
        .unwrap();
    let db = test.bench.crowd("identity");
    Track { test, owner, user, db }
}

impl Track {
    async fn begin(&self) -> SystemTx {
        self.db.system(Reason::SignIn).await.unwrap()
    }

    /// How many of those who `spend` at once find that they did.
    async fn winners(&self, spend: impl AsyncFn(&mut SystemTx) -> db::Result<bool>) -> usize {
        let runners = race(
            async || self.begin().await,
            async |mut tx| {
                let won = spend(&mut tx).await.unwrap();
                if won {
                    tx.commit().await.unwrap();
                }
                won
            },
        );
        runners.await.into_iter().filter(|won| *won).count()
    }
}

/// Without `last_step < $3` in `spend_step` each of them spends it.
#[tokio::test]
async fn t13_of_fifty_who_spend_a_step_one_does_a_thousand_times() {
    let track = track().await;
    track.test.enrol(&track.owner).await;
    let mut tx = track.begin().await;
    let factor = factors::confirmed(&mut tx, track.owner.tenant, track.user)
        .await
        .unwrap()
        .remove(0);
    drop(tx);
    let next = track.test.bench.clock.now().timestamp() / 30 + 1;
    for step in next..next + i64::from(ROUNDS) {
        let spend = async |tx: &mut SystemTx| factors::spend_at_sign_in(tx, &factor, step).await;
        assert_eq!(track.winners(spend).await, 1, "step {step}");
        // And never again, nor the one before.
        if step % 100 == 0 {
            for late in [step, step - 1] {
                let spend = async |tx: &mut SystemTx| factors::spend_at_sign_in(tx, &factor, late).await;
                assert_eq!(track.winners(spend).await, 0, "step {late}");
            }
        }
    }
}

/// Without `used_at is null` in `spend_one` each of them spends it.
#[tokio::test]
async fn t13_of_fifty_who_spend_a_recovery_code_one_does_a_thousand_times() {
    let track = track().await;
    let (tenant, user) = (track.owner.tenant, track.user);
    let codes: Vec<Code> = (0..ROUNDS).map(|_| Code::make()).collect();
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| code.hash().to_vec()).collect();
    sqlx::query(
        "insert into identity.recovery_codes (tenant_id, user_id, hash, created_at)
         select $1, $2, hash, now() from unnest($3::bytea[]) as hash",
    )
    .bind(tenant)
    .bind(user)
    .bind(hashes)
    .execute(&mut track.test.bench.superuser().await)
    .await
    .unwrap();
    for (round, code) in codes.iter().enumerate() {
        let spend = async |tx: &mut SystemTx| recovery_codes::spend_at_sign_in(tx, tenant, user, code).await;
        assert_eq!(track.winners(spend).await, 1, "round {round}");
    }
}

/// Without `and hash = $5` and the deletion being one statement in `spend_one` several find the code. Who looks without having
/// paid is another test's: here all have, so that it is the spending alone that decides.
#[tokio::test]
async fn t13_of_fifty_who_spend_a_sent_code_one_does_a_thousand_times() {
    let track = track().await;
    track.test.enrol(&track.owner).await;
    let mut tx = track.begin().await;
    let factor = factors::confirmed(&mut tx, track.owner.tenant, track.user)
        .await
        .unwrap()
        .remove(0);
    drop(tx);
    for round in 0..ROUNDS {
        let keys = track.db.keys(factor.tenant).await.unwrap();
        let bound = Bound {
            tenant: factor.tenant,
            user: factor.user,
            to: For::SignIn(ChallengeId::mint()),
            factor: factor.id,
        };
        let locked = bound.lock(&keys, &sent::Code::make()).unwrap();
        let mut tx = track.begin().await;
        assert!(sent_codes::keep(&mut tx, &bound, &locked).await.unwrap());
        tx.commit().await.unwrap();
        let spend = async |tx: &mut SystemTx| sent_codes::spend_at_sign_in(tx, &bound, locked.hash).await;
        assert_eq!(track.winners(spend).await, 1, "round {round}");
    }
}

/// Without `tries < $5` in `pay` and its being one statement more than five of fifty look at a code.
#[tokio::test]
async fn t11_of_fifty_who_try_a_sent_code_five_are_looked_at_a_thousand_times() {
    let track = track().await;
    track.test.enrol(&track.owner).await;
    let mut tx = track.begin().await;
    let factor = factors::confirmed(&mut tx, track.owner.tenant, track.user)
        .await
        .unwrap()
        .remove(0);
    drop(tx);
    for round in 0..ROUNDS {
        let keys = track.db.keys(factor.tenant).await.unwrap();
        let bound = Bound {
            tenant: factor.tenant,
            user: factor.user,
            to: For::SignIn(ChallengeId::mint()),
            factor: factor.id,
        };
        let locked = bound.lock(&keys, &sent::Code::make()).unwrap();
        let mut tx = track.begin().await;
        sent_codes::keep(&mut tx, &bound, &locked).await.unwrap();
        tx.commit().await.unwrap();
        let pay = async |tx: &mut SystemTx| Ok(sent_codes::pay(tx, &bound).await?.is_some());
        assert_eq!(track.winners(pay).await, 5, "round {round}");
    }
}

/// Without its being one statement that takes the question away in `ceremonies::remove` several answers to it are looked at.
#[tokio::test]
async fn t13_of_fifty_who_answer_a_question_one_is_looked_at_a_thousand_times() {
    let track = track().await;
    let kek = &track.test.bench.kek;
    let party = RelyingParty::new(&PasskeySettings::default(), ORIGIN).unwrap().unwrap();
    let (_, asked) = party.ask(&[]).unwrap();
    let network = "192.0.2.1".to_owned();
    let begun = Ceremony::SignIn { network, asked };
    for round in 0..ROUNDS {
        let token = ceremony::token().digest();
        let mut tx = track.begin().await;
        ceremonies::insert(&mut tx, kek, token, &begun).await.unwrap();
        tx.commit().await.unwrap();
        let take = async |tx: &mut SystemTx| Ok(ceremonies::take(tx, kek, token).await.unwrap().is_some());
        assert_eq!(track.winners(take).await, 1, "round {round}");
    }
}

/// Without `for update` in `sessions::claim` several find the token unused, and each puts a successor in its place.
#[tokio::test]
async fn t15_of_fifty_who_turn_a_token_in_one_rotates_it_a_thousand_times() {
    let track = track().await;
    let tokens = track.test.sign_in(&track.owner.email, PASSWORD).await.expect(200).json;
    let mut token = RefreshToken::parse(tokens["refresh_token"].as_str().unwrap()).unwrap();
    let mut tx = track.begin().await;
    let session = sessions::claim(&mut tx, token.tenant, token.session)
        .await
        .unwrap()
        .unwrap();
    drop(tx);
    let family = Family::open(&track.db.keys(session.tenant).await.unwrap(), &session).unwrap();
    let from = Some(IpAddr::from([192, 0, 2, 1]));
    for round in 0..ROUNDS {
        let next = family.next(&token);
        let turns = race(
            async || track.begin().await,
            async |mut tx| {
                let session = sessions::claim(&mut tx, token.tenant, token.session)
                    .await
                    .unwrap()
                    .unwrap();
                let turn = session.turn_in(&token.hash(), from, tx.now());
                if turn == Turn::Rotate {
                    let until = session.expires_at;
                    sessions::rotate(&mut tx, &session, &next.hash(), from, until)
                        .await
                        .unwrap();
                    tx.commit().await.unwrap();
                }
                turn
            },
        );
        let turns = turns.await;
        let count = |which: Turn| turns.iter().filter(|turn| **turn == which).count();
        let (rotated, again) = (count(Turn::Rotate), count(Turn::Again));
        assert_eq!((rotated, again), (1, RUNNERS as usize - 1), "round {round}");
        token = next;
    }
}
