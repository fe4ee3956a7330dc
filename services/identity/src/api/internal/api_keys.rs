use std::net::IpAddr;

use actix_web::web::{Data, Json, Path, Query};
use auth::Standing;
use ids::{ApiKeyId, TenantId};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use web::AsPlatform;

use crate::state::Identity;
use crate::store;

/// With what the gateway was asked to let somebody in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shown {
    /// SHA-256 of the secret that was shown, hexadecimal.
    proof: Option<String>,
    /// From where.
    from: Option<IpAddr>,
}

impl Shown {
    /// From where the key itself was used. Whoever knows only its id leaves no trace of a use.
    fn used(&self, standing: &Standing) -> Option<IpAddr> {
        let kept = auth::api_key::hex(&standing.secret?);
        let proven = bool::from(self.proof.as_deref()?.as_bytes().ct_eq(kept.as_bytes()));
        let good = proven && standing.live && auth::rights::admits(&standing.networks, self.from);
        self.from.filter(|_| good)
    }
}

/// What an API key may do now: 404 if it never was. The secret is compared by who asks; its hash comes along to note the use.
pub async fn read_standing(
    _: AsPlatform,
    key: Path<ApiKeyId>,
    shown: Query<Shown>,
    identity: Data<Identity>,
) -> Result<Json<Standing>, fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    let mut found = store::standings::api_keys(&mut tx, &[*key]).await?;
    drop(tx);
    let standing = found.remove(&*key).ok_or_else(|| fault::Error::not_found("API key"))?;
    if let Some(from) = shown.used(&standing) {
        note(&identity, standing.tenant, *key, from).await?;
    }
    Ok(Json(standing))
}

/// The tenant's keys are waited for a moment and no longer, wherever the tenant keeps them: somebody wants to come in.
async fn note(identity: &Identity, tenant: TenantId, key: ApiKeyId, from: IpAddr) -> Result<(), fault::Error> {
    if !identity.db.holds_keys(tenant) {
        drop(identity.db.gather_keys(vec![tenant]).await);
    }
    let mut tx = identity.begin_sign_in().await?;
    store::api_keys::note_use(&mut tx, tenant, key, from).await?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::api_key::ApiKey;
    use auth::passport::Bearer;
    use chrono::{DateTime, Utc};
    use clock::Clock;
    use ids::ApiKeyId;
    use serde_json::{Value, json};
    use testkit::Bench;

    use crate::testing::{settings, start, start_on};

    const PATH: &str = "/api/v1/me/api-keys";

    #[tokio::test]
    async fn a_use_is_noted_once_a_minute_and_only_of_the_key_itself() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let made = ada
            .post(PATH, json!({"name": "a", "networks": ["192.0.2.0/24"]}))
            .await
            .expect(201)
            .json;
        let path = format!("{PATH}/{}", made["api_key"]["id"].as_str().unwrap());
        let used = async || {
            let key = ada.get(&path).await.expect(200).json;
            (key["used_at"].clone(), key["used_from"].clone())
        };
        test.standing_of_key(made["api_key"]["id"].as_str().unwrap(), "")
            .await
            .unwrap();
        let wrong = format!("?proof={}&from=192.0.2.1", "0".repeat(64));
        test.standing_of_key(made["api_key"]["id"].as_str().unwrap(), &wrong)
            .await
            .unwrap();
        assert!(
            test.enter_by_key(&made["key"], "198.51.100.1").await.is_none(),
            "elsewhere"
        );
        assert_eq!(used().await, (Value::Null, Value::Null));
        test.enter_by_key(&made["key"], "192.0.2.1").await.unwrap();
        let first = used().await;
        assert_eq!(first.1, "192.0.2.1");
        clock.advance(Duration::from_secs(59));
        test.enter_by_key(&made["key"], "192.0.2.2").await.unwrap();
        assert_eq!(used().await, first);
        clock.advance(Duration::from_secs(1));
        test.enter_by_key(&made["key"], "192.0.2.3").await.unwrap();
        let later = used().await;
        assert_eq!(later.1, "192.0.2.3");
        let time = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        assert_eq!((time(&later.0) - time(&first.0)).num_seconds(), 60);
    }

    #[tokio::test]
    async fn t17_expiry_and_a_disabled_holder_end_it() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tokens = test
            .sign_in(&owner.email, crate::testing::PASSWORD)
            .await
            .expect(200)
            .json;
        let ada = test.enter(&tokens).await.unwrap();
        let make = async |body| ada.post(PATH, body).await.expect(201).json["key"].clone();
        let short = make(json!({"name": "short", "expires_in": 60})).await;
        let long = make(json!({"name": "long"})).await;
        assert!(test.enter_by_key(&short, "192.0.2.1").await.is_some());
        clock.advance(Duration::from_mins(1));
        assert!(test.enter_by_key(&short, "192.0.2.1").await.is_none());
        assert!(test.enter_by_key(&long, "192.0.2.1").await.is_some());
        test.unbind(&owner).await;
        let bare = test.enter_by_key(&long, "192.0.2.1").await.unwrap();
        bare.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
        test.disable(&owner).await;
        assert!(test.enter_by_key(&long, "192.0.2.1").await.is_none());
    }

    #[tokio::test]
    async fn t09_nobody_but_the_platform_may_ask() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let made = ada.post(PATH, json!({"name": "a"})).await.expect(201).json;
        let id = ApiKey::parse(made["key"].as_str().unwrap()).unwrap().id;
        let path = format!("/internal/api-keys/{id}");
        ada.get(&path).await.expect(404);
        test.client.get(&path).await.expect(404);
        let gateway = test.client.bearer(Bearer::Platform("gateway".to_owned()));
        gateway.get(&path).await.expect(200);
        let never = format!("/internal/api-keys/{}", ApiKeyId::mint());
        gateway.get(&never).await.expect(404);
    }
}
