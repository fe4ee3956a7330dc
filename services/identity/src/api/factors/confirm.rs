use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::factor;
use db::{Changed, Outcome, Status, Subject};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::{FactorView, OneFactor, codes_for_the_first, signed_in};
use crate::api::auth::mfa::{Shown, factor_of};
use crate::factor::Kind;
use crate::factor::recovery::Code;
use crate::signin::Method;
use crate::state::Identity;
use crate::store;

/// A first code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmTotp {
    /// The six digits that the authenticator shows.
    #[schema(value_type = String, example = "287082", max_length = 64)]
    pub code: SecretString,
}

/// An authenticator that counts, and the codes for the day it is lost. They are shown this once.
#[derive(Serialize, ToSchema)]
pub struct ConfirmedTotp {
    /// The factor.
    pub factor: FactorView,
    /// Ten recovery codes, each good once, to be written down. Secrets. None if the caller has some from before.
    #[schema(example = json!(["7k3m-9qxd-0f2h-vw8c-1n5t-rj6b"]))]
    pub recovery_codes: Vec<String>,
}

impl Subject for ConfirmedTotp {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.factor.object()
    }

    fn record(&self) -> serde_json::Value {
        self.factor.record()
    }
}

/// Confirms an authenticator with its first code.
#[utoipa::path(
    operation_id = "confirm_totp",
    tag = "auth",
    description = "From now on signing in asks for a code of it. With a first factor come ten recovery codes, shown this \
                   once. Other sessions of the caller have to show the factor before they may do what asks for one.",
    params(
        ("factor" = String, Path, description = "Id"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; the codes shown then are nobody's"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: secrets are not shown twice"),
    ),
    request_body(content = ConfirmTotp, description = "The code"),
    responses((status = 200, description = "Confirmed", body = ConfirmedTotp), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/totp/{factor:[^:/]+}:confirm")]
pub async fn confirm_totp(
    ask: Change<factor::Modify, ConfirmTotp>,
    path: Path<OneFactor>,
    identity: Data<Identity>,
) -> Outcome<ConfirmedTotp> {
    let (user, session) = signed_in(ask.caller())?;
    let Shown::Totp(code) = Shown::totp("/code", &ask.body.code)? else {
        return Err(fault::Error::internal("a code of another kind").into());
    };

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let factor = store::factors::hold(&mut tx, &tenant, user, path.factor).await?;
    let factor = factor.ok_or_else(|| fault::Error::not_found("factor"))?;
    if factor.confirmed_at.is_some() {
        return Err(fault::Error::conflict("It is confirmed already.").into());
    }

    let step = factor_of(tx.keys()?, tx.now(), std::slice::from_ref(&factor), &code)?.map(|(_, step)| step);
    let step = step.ok_or_else(|| {
        fault::Error::invalid(
            "/code",
            "is not what the authenticator shows now; is the phone's clock right?",
        )
    })?;
    store::factors::spend(&mut tx, &tenant, &factor, step).await?;
    let confirmed = store::factors::confirm(&mut tx, &tenant, factor.id).await?;
    let codes = codes_for_the_first(&mut tx, &tenant, user).await?;
    store::sessions::show_anew(&mut tx, &tenant, user).await?;
    store::sessions::show(&mut tx, &tenant, session, Method::Factor(Kind::Totp)).await?;

    let shown = |factor, codes: &[Code]| ConfirmedTotp {
        factor: FactorView::from(factor),
        recovery_codes: codes.iter().map(Code::expose).collect(),
    };
    let (before, after) = (shown(&factor, &[]), shown(&confirmed, &codes));
    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::factor::totp::Shared;
    use crate::testing::{PASSWORD, settings, start, start_on};

    #[tokio::test]
    async fn a_first_code_makes_the_factor_count_and_gives_the_codes() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let elsewhere = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let ada = test.enrol(&owner).await;
        assert_eq!(ada.codes.len(), 10);
        let code = ada.phone.code(clock.now());
        let path = format!("/api/v1/me/mfa/totp/{}:confirm", ada.factor);
        ada.client.post(&path, json!({"code": code})).await.expect(409);
        // The other session has not shown what is now the strongest factor.
        let standing = test.standing(&test.check(&elsewhere).await).await.unwrap();
        assert_eq!(standing.factor_at, None);
        // The code that confirmed it is spent.
        let challenge = test.challenge(&owner).await;
        test.show("totp", &challenge, &code).await.expect(401);
        clock.advance(Duration::from_secs(30));
        let again = ada.phone.code(clock.now());
        test.show("totp", &challenge, &again).await.expect(200);
    }

    #[tokio::test]
    async fn a_second_factor_leaves_the_codes_that_are_written_down() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        let made = ada.client.post("/api/v1/me/mfa/totp", json!({})).await.expect(201).json;
        let tablet = Shared::scanned(made["secret"].as_str().unwrap());
        let path = format!("/api/v1/me/mfa/totp/{}:confirm", made["factor"]["id"].as_str().unwrap());
        let code = tablet.code(test.bench.clock.now());
        let confirmed = ada.client.post(&path, json!({"code": code})).await.expect(200).json;
        assert_eq!(confirmed["recovery_codes"], json!([]));
        test.show("recovery", &test.challenge(&owner).await, &ada.codes[0])
            .await
            .expect(200);
    }

    #[tokio::test]
    async fn wrong_codes_and_others_factors_are_refused() {
        let test = start().await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        let made = client.post("/api/v1/me/mfa/totp", json!({})).await.expect(201).json;
        let phone = Shared::scanned(made["secret"].as_str().unwrap());
        let path = format!("/api/v1/me/mfa/totp/{}:confirm", made["factor"]["id"].as_str().unwrap());
        let now = test.bench.clock.now();
        let wrong = phone.code(now + Duration::from_mins(50));
        let refused = client.post(&path, json!({"code": wrong})).await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/code");
        // T01: another tenant's factor is as one that does not exist.
        let tokens = test.sign_in(&other.email, PASSWORD).await.expect(200).json;
        let eve = test.enter(&tokens).await.unwrap();
        let right = json!({"code": phone.code(now)});
        let theirs = eve.post(&path, right.clone()).await.expect(404);
        let nobodys = format!("/api/v1/me/mfa/totp/{}:confirm", ids::FactorId::mint());
        let none = eve.post(&nobodys, right).await.expect(404);
        assert_eq!(theirs.json["detail"], none.json["detail"]);
    }
}
