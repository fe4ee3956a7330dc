use actix_web::get;
use actix_web::web::{Data, Json};
use auth::token::Jwks;
use web::Refusals;

use crate::state::Identity;

/// Reads the public keys that access tokens are signed with.
#[utoipa::path(
    operation_id = "read_jwks",
    tag = "auth",
    description = "The JWK set (RFC 7517). A new key is here ten minutes before it signs; an old one stays until its \
                   tokens are dead.",
    responses((status = 200, description = "The keys, newest first", body = Jwks), Refusals),
    security(()),
)]
#[get("/.well-known/jwks.json")]
pub async fn read_jwks(identity: Data<Identity>) -> Result<Json<Jwks>, fault::Error> {
    Ok(Json(identity.keys.jwks().await?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::Value;
    use testkit::Bench;

    use crate::testing::{PASSWORD, Test, settings, start, start_on};

    async fn kids(test: &Test) -> Vec<String> {
        let keys = test.client.get("/.well-known/jwks.json").await.expect(200).json;
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }

    fn signed_by(tokens: &Value) -> String {
        let header = tokens["access_token"].as_str().unwrap().split('.').next().unwrap();
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header).unwrap();
        let header: Value = serde_json::from_slice(&bytes).unwrap();
        header["kid"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn only_public_halves_are_published() {
        let test = start().await;
        let keys = test.client.get("/.well-known/jwks.json").await.expect(200).json;
        let names: Vec<_> = keys["keys"][0].as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"], "no d: {keys}");
    }

    #[tokio::test]
    async fn all_processes_agree_on_the_first_key() {
        let bench = Bench::new().await;
        let (one, two) = (bench.db("identity"), bench.db("identity"));
        let keys = |db| crate::keys::Keys::new(db, bench.kek.clone(), String::new(), chrono::TimeDelta::days(1));
        let (one, two) = (keys(one), keys(two));
        let (one, two) = tokio::join!(one.jwks(), two.jwks());
        assert_eq!(one.unwrap(), two.unwrap());
    }

    #[tokio::test]
    async fn t17_keys_change_without_a_gap() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let old = kids(&test).await;
        clock.advance(Duration::from_hours(90 * 24));
        let both = kids(&test).await;
        assert_eq!((both.len(), &both[1]), (2, &old[0]), "the new one is published");
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(signed_by(&tokens), old[0], "and does not sign yet");
        clock.advance(Duration::from_secs(601));
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(signed_by(&tokens), both[0]);
        assert_eq!(kids(&test).await, both, "tokens of the old one live");
        clock.advance(Duration::from_secs(400));
        assert_eq!(kids(&test).await, both[..1]);
        let log = test.bench.audit(auth::PLATFORM).await;
        assert!(
            log.contains(&("signing_key.retire".to_owned(), "success".to_owned())),
            "{log:?}"
        );
    }

    #[tokio::test]
    async fn t17_without_the_database_the_keys_at_hand_go_on() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let before = kids(&test).await;
        let away = sqlx::query("revoke all on identity.signing_keys from yunshu_system");
        away.execute(&mut test.bench.superuser().await).await.unwrap();
        clock.advance(Duration::from_hours(1));
        assert_eq!(kids(&test).await, before);
        let fresh = start_on(test.bench, &settings()).await;
        fresh.client.get("/.well-known/jwks.json").await.expect(500);
    }

    #[tokio::test]
    async fn t24_private_keys_are_encrypted_and_die_with_retirement() {
        let test = start().await;
        kids(&test).await;
        let dump = test.dump("identity.signing_keys").await;
        // What every PKCS#8 form of an Ed25519 key contains: its algorithm's id.
        assert!(!dump.is_empty() && !dump.contains("06032b6570"), "{dump}");
    }
}
