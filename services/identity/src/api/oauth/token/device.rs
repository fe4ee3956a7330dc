use secrecy::ExposeSecret;
use web::Origin;

use super::{TokenRequest, missing, must_have};
use crate::api::oauth::granted::{self, Granted};
use crate::oauth::device::Told;
use crate::oauth::{Client, Code, GrantType, Refusal};
use crate::once;
use crate::state::Identity;
use crate::store;

fn bad() -> Refusal {
    Refusal::new(
        Code::InvalidGrant,
        "The device_code is not good, or no longer, or not this client's.",
    )
}

/// Answers a device that asks whether somebody has decided.
pub(super) async fn poll(
    identity: &Identity,
    origin: &Origin,
    client: &Client,
    body: &TokenRequest,
) -> Result<Granted, Refusal> {
    must_have(client, GrantType::DeviceCode)?;
    let code = body.device_code.as_ref().ok_or_else(|| missing("device_code"))?;

    let code = once::digest(code.expose_secret());
    let mut tx = identity.begin_sign_in().await?;
    let asking = store::device_grants::claim(&mut tx, &code).await?;
    let told = asking
        .filter(|asking| asking.client == client.id)
        .map(|asking| asking.told(tx.now()));
    drop(tx);
    if let Some(Told::Allowed(code)) = told {
        super::code::prepare(identity, &code).await?;
    }

    let mut tx = identity.begin_sign_in().await?;
    let asking = store::device_grants::claim(&mut tx, &code).await?;
    // Another client learns nothing, and slows nobody down.
    let asking = asking.filter(|asking| asking.client == client.id).ok_or_else(bad)?;
    let told = asking.told(tx.now());
    let allowed = match told {
        Told::Allowed(code) => code,
        Told::Pending => {
            store::device_grants::note(&mut tx, &asking, asking.wait_seconds).await?;
            tx.commit().await?;
            return Err(Refusal::new(
                Code::AuthorizationPending,
                "Nobody has decided yet; ask again.",
            ));
        }
        Told::SlowDown(wait) => {
            store::device_grants::note(&mut tx, &asking, wait).await?;
            tx.commit().await?;
            let description = format!("Wait {wait} seconds between two questions.");
            return Err(Refusal::new(Code::SlowDown, description));
        }
        Told::Denied => {
            store::device_grants::remove(&mut tx, &asking).await?;
            tx.commit().await?;
            return Err(Refusal::new(Code::AccessDenied, "The person has said no."));
        }
        Told::Expired => {
            return Err(Refusal::new(
                Code::ExpiredToken,
                "Nobody has decided in time; start again.",
            ));
        }
    };

    let kept = store::oauth_codes::claim(&mut tx, &allowed).await?;
    let right = kept.filter(|kept| !kept.used && kept.allowed.client == client.id && tx.now() < kept.expires_at);
    let kept = right.ok_or_else(bad)?;
    let granted = granted::begin(&mut tx, identity, origin, client, (kept.tenant, &kept.allowed)).await?;
    store::oauth_codes::spend(&mut tx, &kept, Some(granted.session.id)).await?;
    store::device_grants::remove(&mut tx, &asking).await?;
    tx.commit().await?;
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::oauth::{App, Device};
    use crate::testing::{PASSWORD, settings, start, start_on, turn_in};

    #[tokio::test]
    async fn a_device_gets_a_session_of_whoever_let_it_in() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let device = Device::ask(&test).await;
        assert_eq!(
            device.poll(&test).await.expect(400).json["error"],
            "authorization_pending"
        );
        device.decide(&ada, true).await;
        clock.advance(Duration::from_secs(4));
        let got = device.poll(&test).await.expect(200).json;
        assert_eq!(got["scope"], "all email openid profile");
        let cli = test.enter(&got).await.unwrap();
        assert_eq!(
            cli.get("/api/v1/me").await.expect(200).json["user"]["email"],
            "ada@acme.example"
        );
        cli.post("/api/v1/projects", json!({"name": "x"})).await.expect(201);
        assert_eq!(
            device.poll(&test).await.expect(400).json["error"],
            "invalid_grant",
            "once"
        );
        let next = device.renew(&test, &got).await.expect(200).json;
        turn_in(&test.client, &next).await.expect(401);
        let sessions = ada.get("/api/v1/me/sessions").await.expect(200).json;
        let devices: Vec<_> = sessions["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["device"].clone())
            .collect();
        assert!(devices.contains(&json!("Yunshu CLI")), "{devices:?}");
    }

    #[tokio::test]
    async fn whoever_asks_too_often_waits_longer() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let device = Device::ask(&test).await;
        let error = async || device.poll(&test).await.expect(400).json["error"].clone();
        assert_eq!(error().await, "authorization_pending");
        assert_eq!(error().await, "slow_down");
        clock.advance(Duration::from_secs(5));
        assert_eq!(error().await, "slow_down", "ten seconds now");
        clock.advance(Duration::from_secs(15));
        assert_eq!(error().await, "authorization_pending");
        device.decide(&ada, true).await;
        assert_eq!(error().await, "slow_down", "also with an answer there");
        clock.advance(Duration::from_secs(20));
        device.poll(&test).await.expect(200);
    }

    #[tokio::test]
    async fn a_no_and_the_end_of_its_time_are_told() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let (refused, late) = (Device::ask(&test).await, Device::ask(&test).await);
        refused.decide(&ada, false).await;
        assert_eq!(refused.poll(&test).await.expect(400).json["error"], "access_denied");
        assert_eq!(refused.poll(&test).await.expect(400).json["error"], "invalid_grant");
        clock.advance(Duration::from_mins(10));
        assert_eq!(late.poll(&test).await.expect(400).json["error"], "expired_token");
        let body = json!({"user_code": late.user, "approve": true});
        ada.post("/api/v1/oauth/device/decision", body).await.expect(404);
    }

    #[tokio::test]
    async fn another_client_polls_in_vain() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let grants = json!({"kind": "public", "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
                            "redirect_uris": []});
        let app = App::register(&ada, grants).await;
        let device = Device::ask(&test).await;
        device.decide(&ada, true).await;
        let stolen = Device {
            client: app.id.clone(),
            ..device.clone()
        };
        assert_eq!(stolen.poll(&test).await.expect(400).json["error"], "invalid_grant");
        device.poll(&test).await.expect(200);
    }

    #[tokio::test]
    async fn of_fifty_questions_at_once_one_gets_tokens() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let device = Device::ask(&test).await;
        device.decide(&ada, true).await;
        let all = futures::future::join_all((0..50).map(|_| device.poll(&test))).await;
        assert_eq!(all.iter().filter(|reply| reply.status == 200).count(), 1);
    }

    #[tokio::test]
    async fn what_was_allowed_and_not_come_for_ends_with_whoever_allowed_it() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let ada = test.enter(&tokens).await.unwrap();
        let device = Device::ask(&test).await;
        device.decide(&ada, true).await;
        test.disable(&owner).await;
        assert_eq!(device.poll(&test).await.expect(400).json["error"], "invalid_grant");
    }
}
