use actix_web::post;
use actix_web::web::Data;
use auth::action::email;
use chrono::{DateTime, Utc};
use db::{Done, Outcome, Status, Subject};
use ids::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use crate::api::auth::budget;
use crate::api::factors::signed_in;
use crate::errand::{Errand, email_letter, email_notice};
use crate::guess;
use crate::once::Token;
use crate::person::Email;
use crate::state::Identity;
use crate::store::{self, email_changes};

/// The address that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The new e-mail address.
    #[schema(example = "ada@king.example", format = "email", max_length = 254)]
    pub email: String,
}

/// That letters are on their way. The address stays as it is until the new one is confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmailAsked {
    /// The person.
    pub user_id: UserId,
    /// Until when the new address can be confirmed.
    pub expires_at: DateTime<Utc>,
}

impl Subject for EmailAsked {
    fn object(&self) -> String {
        format!("user:{}", self.user_id)
    }

    fn record(&self) -> Value {
        json!({})
    }
}

/// Asks for another e-mail address.
#[utoipa::path(
    operation_id = "change_email",
    tag = "me",
    description = "Sends a letter to the new address with a link that is good once, for 24 hours; until it is confirmed \
                   nothing changes. The old address gets a notice with a link by which the change can be undone, before it is \
                   confirmed and for 72 hours after. What was asked for before and not confirmed is void. Asks for a factor \
                   shown of late.",
    params(DryRun, Once),
    request_body(content = ChangeEmail, description = "The new address"),
    responses((status = 200, description = "The letters are on their way", body = EmailAsked), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/email")]
pub async fn change_email(ask: Change<email::Modify, ChangeEmail>, identity: Data<Identity>) -> Outcome<EmailAsked> {
    let (user, _) = signed_in(ask.caller())?;
    let new = Email::check("/email", &ask.body.email).map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    if !identity.mailer.is_set_up() {
        let detail =
            "No letters can be sent from here, so no address can be confirmed; the operator sets `identity.mail`.";
        return Err(fault::Error::conflict(detail).into());
    }
    if !ask.is_dry_run() {
        pay(&identity, &ask, &new).await?;
    }

    let lookup = identity.lookup.key().await?;
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let old = Email::stored(store::people::email(&mut tx, &tenant, user).await?);
    if old == new {
        return Err(fault::Error::invalid("/email", "is the address you have").into());
    }
    let name = store::tenants::name(&mut tx, &tenant).await?;
    let (token, undo) = (Token::make("yec_"), Token::make("yeu_"));
    let digests = (token.digest(), undo.digest());
    email_changes::insert(&mut tx, &tenant, user, (&old, &new), digests, lookup).await?;

    let portal = identity.mailer.portal();
    let letter = email_letter(new.as_str(), portal, &name, &token.reveal());
    let notice = email_notice(old.as_str(), portal, &name, &undo.reveal());
    for letter in [letter, notice] {
        let errand = Errand::Letter(letter);
        store::errands::insert_with(&mut tx, &identity.kek, &errand, email_changes::LIVES).await?;
    }

    let asked = EmailAsked {
        user_id: user,
        expires_at: tx.now() + email_changes::LIVES,
    };
    let answer = tx.finish(Status::Ok, Done(asked)).await?;
    identity.errands.notify_one();
    Ok(answer)
}

/// Letters to one address are few, whoever asks for them.
async fn pay(identity: &Identity, ask: &Change<email::Modify, ChangeEmail>, to: &Email) -> Result<(), fault::Error> {
    let network = guess::network(ask.caller().address());
    let budgets = guess::letters(&identity.guesses, to, &network);
    let mut tx = identity.begin_sign_in().await?;
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        let detail = "Too many letters were asked for; wait as long as Retry-After says.";
        return Err(budget::too_many(wait, detail));
    }
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::{Value, json};
    use testkit::{Bench, Reply, TestTenant};

    use crate::testing::letters::Letters;
    use crate::testing::{Owner, PASSWORD, Test, settings, start, start_on, turn_in};

    const PATH: &str = "/api/v1/me/email";
    const NEW: &str = "ada@king.example";

    struct House {
        test: Test,
        letters: Letters,
        owner: Owner,
        tokens: Value,
    }

    impl House {
        async fn build(clock: &Clock) -> Self {
            let (test, letters) = Letters::start(clock).await;
            let owner = test.sign_up("acme").await;
            let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
            Self {
                test,
                letters,
                owner,
                tokens,
            }
        }

        /// Asks for an address: the token to confirm it with, and the one to undo it with.
        async fn ask(&self, email: &str) -> (String, String) {
            let before = self.letters.count();
            let ada = self.test.enter_now(&self.tokens).await;
            ada.post(PATH, json!({"email": email})).await.expect(200);
            let letters = self.letters.wait(before + 2).await;
            let find = |prefix: &str, to: &str| {
                let of = letters
                    .iter()
                    .skip(before)
                    .find(|letter| letter.to == to && letter.text.contains(prefix));
                of.and_then(|letter| letter.token(prefix)).unwrap()
            };
            (find("yec_", &email.to_lowercase()), find("yeu_", &self.owner.email))
        }

        async fn send(&self, what: &str, token: &str) -> Reply {
            let body = json!({"token": token});
            self.test.client.post(&format!("/api/v1/auth/email/{what}"), body).await
        }

        async fn lets_in(&self, email: &str) -> bool {
            self.test.sign_in(email, PASSWORD).await.status == 200
        }
    }

    #[tokio::test]
    async fn the_new_address_counts_once_its_reader_has_said_so() {
        let house = House::build(&Clock::system()).await;
        let (confirm, undo) = house.ask("Ada@King.example").await;
        assert!(
            house.lets_in(&house.owner.email).await && !house.lets_in(NEW).await,
            "nothing has changed yet"
        );
        for secret in [&confirm, &undo] {
            for table in ["identity.email_changes", "identity.errands", "bus.outbox"] {
                assert!(!house.test.dump(table).await.contains(secret.as_str()), "t24: {table}");
            }
        }
        let answer = house.send("confirm", &confirm).await.expect(200);
        assert_eq!(answer.json["status"], "changed");
        assert!(!house.lets_in(&house.owner.email).await && house.lets_in(NEW).await);
        turn_in(&house.test.client, &house.tokens).await.expect(200);
        let again = house.send("confirm", &confirm).await.expect(401);
        let made_up = house.send("confirm", "yec_none").await.expect(401);
        assert_eq!(again.without_request(), made_up.without_request());
        let log = house.test.bench.audit(house.owner.tenant).await;
        let changed = ("email.modify".to_owned(), "success".to_owned());
        assert_eq!(
            log.iter().filter(|entry| **entry == changed).count(),
            2,
            "asked and confirmed"
        );
        let outbox = house.test.dump("bus.outbox").await;
        assert!(
            !outbox.contains("king.example") && !outbox.contains("ada@"),
            "the log knows people by id alone"
        );
    }

    #[tokio::test]
    async fn t14_the_old_address_can_undo_it_before_and_after_and_ends_every_session() {
        for confirmed in [false, true] {
            let house = House::build(&Clock::system()).await;
            let (confirm, undo) = house.ask(NEW).await;
            if confirmed {
                house.send("confirm", &confirm).await.expect(200);
            }
            let kept = house.send("undo", &undo).await.expect(200);
            assert_eq!(kept.json["status"], "kept");
            assert!(house.lets_in(&house.owner.email).await && !house.lets_in(NEW).await);
            turn_in(&house.test.client, &house.tokens).await.expect(401);
            house.send("undo", &undo).await.expect(401);
            house.send("confirm", &confirm).await.expect(401);
        }
    }

    #[tokio::test]
    async fn t14_a_thief_who_changes_it_twice_does_not_keep_it() {
        let house = House::build(&Clock::system()).await;
        let (first, undo) = house.ask(NEW).await;
        house.send("confirm", &first).await.expect(200);
        let ada = house.test.enter_now(&house.tokens).await;
        ada.post(PATH, json!({"email": "third@king.example"})).await.expect(200);
        let letters = house.letters.wait(4).await;
        let token = |prefix: &str, to: &str| {
            let of = letters
                .iter()
                .find(|letter| letter.to == to && letter.token(prefix).is_some());
            of.unwrap().token(prefix).unwrap()
        };
        house
            .send("confirm", &token("yec_", "third@king.example"))
            .await
            .expect(200);
        house.send("undo", &undo).await.expect(200);
        assert!(house.lets_in(&house.owner.email).await);
        house.send("undo", &token("yeu_", NEW)).await.expect(401);
        assert!(house.lets_in(&house.owner.email).await);
    }

    #[tokio::test]
    async fn of_twenty_confirmations_at_once_one_wins_and_a_later_wish_voids_an_earlier() {
        let house = House::build(&Clock::system()).await;
        let (void, _) = house.ask("first@king.example").await;
        let (confirm, _) = house.ask(NEW).await;
        house.send("confirm", &void).await.expect(401);
        let tries = (0..20).map(|_| house.send("confirm", &confirm));
        let replies = futures::future::join_all(tries).await;
        let told = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((told(200), told(401)), (1, 19));
    }

    #[tokio::test]
    async fn an_address_that_is_taken_meanwhile_is_said_to_its_reader_alone() {
        let house = House::build(&Clock::system()).await;
        let tenant = TestTenant {
            id: house.owner.tenant,
            name: "acme".to_owned(),
            project: ids::ProjectId::mint(),
        };
        house.test.newcomer(&tenant, ids::UserId::mint(), NEW).await;
        let (confirm, _) = house.ask(NEW).await;
        let taken = house.send("confirm", &confirm).await.expect(409);
        assert_eq!(taken.code(), "already_exists");
        assert!(!taken.text.contains("Somebody") && !taken.text.contains(NEW));
        assert!(house.lets_in(&house.owner.email).await);
        let elsewhere = house.test.sign_up("other").await;
        let (confirm, _) = house.ask(&elsewhere.email).await;
        house.send("confirm", &confirm).await.expect(200);
    }

    #[tokio::test]
    async fn letters_are_good_for_a_day_and_regret_for_three_and_old_reset_letters_die() {
        let clock = Clock::held_at(Clock::system().now());
        let house = House::build(&clock).await;
        let (late, _) = house.ask(NEW).await;
        clock.advance(Duration::from_hours(24));
        house.send("confirm", &late).await.expect(401);
        let tokens = house.test.sign_in(&house.owner.email, PASSWORD).await.expect(200).json;
        let house = House { tokens, ..house };
        let body = json!({"email": house.owner.email});
        let before = house.letters.count();
        house
            .test
            .client
            .post("/api/v1/auth/password-reset", body)
            .await
            .expect(202);
        let reset = house.letters.wait(before + 1).await;
        let reset = reset.iter().find_map(|letter| letter.token("ypr_")).unwrap();
        let (confirm, undo) = house.ask("second@king.example").await;
        house.send("confirm", &confirm).await.expect(200);
        let choose = json!({"token": reset, "password": "seven lamps in the harbour"});
        house
            .test
            .client
            .post("/api/v1/auth/password-reset/confirm", choose)
            .await
            .expect(401);
        clock.advance(Duration::from_hours(72));
        house.send("undo", &undo).await.expect(401);
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_and_letters_are_few() {
        let house = House::build(&Clock::system()).await;
        let ada = house.test.enter_now(&house.tokens).await;
        for bad in [
            json!({"email": "no"}),
            json!({"email": house.owner.email}),
            json!({"email": NEW, "user": 1}),
        ] {
            ada.post(PATH, bad).await.expect(400);
        }
        ada.post(&format!("{PATH}?dry_run=true"), json!({"email": NEW}))
            .await
            .expect(200);
        assert_eq!(house.test.dump("identity.email_changes").await, "");
        for _ in 0..3 {
            ada.post(PATH, json!({"email": NEW})).await.expect(200);
        }
        let refused = ada.post(PATH, json!({"email": NEW})).await.expect(429);
        assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
        let without = start().await;
        let owner = without.sign_up("acme").await;
        let tokens = without.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let ada = without.enter(&tokens).await.unwrap();
        ada.post(PATH, json!({"email": NEW})).await.expect(409);
    }

    #[tokio::test]
    async fn t14_an_old_session_shows_its_factor_first() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        clock.advance(Duration::from_mins(16));
        let refused = test
            .enter_now(&tokens)
            .await
            .post(PATH, json!({"email": NEW}))
            .await
            .expect(403);
        assert_eq!(refused.code(), "step_up_required");
    }
}
