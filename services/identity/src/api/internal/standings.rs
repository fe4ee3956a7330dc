use std::collections::HashMap;

use actix_web::web::{Data, Json};
use auth::{Changed, Credential, Known, MOST_KNOWN, Standing};
use web::AsPlatform;

use crate::state::Identity;
use crate::store;

/// Which of these sessions and API keys have another standing by now than the gateway knows.
pub async fn read_changed(
    _: AsPlatform,
    known: Json<Vec<Known>>,
    identity: Data<Identity>,
) -> Result<Json<Vec<Changed>>, fault::Error> {
    if known.len() > MOST_KNOWN {
        return Err(fault::Error::invalid("", format!("at most {MOST_KNOWN} at a time")));
    }
    let (mut sessions, mut keys) = (Vec::new(), Vec::new());
    for Known { credential, .. } in known.iter() {
        match credential {
            Credential::Session(id) => sessions.push(*id),
            Credential::ApiKey(id) => keys.push(*id),
            // Good to the second: each is asked for by itself.
            Credential::None | Credential::OperatorAccess(_) => {}
        }
    }
    let mut tx = identity.begin_sign_in().await?;
    let mut now: HashMap<Credential, Standing> = HashMap::new();
    let people = store::standings::sessions(&mut tx, &sessions).await?;
    sessions.retain(|id| !people.contains_key(id));
    now.extend(
        people
            .into_iter()
            .map(|(id, standing)| (Credential::Session(id), standing)),
    );
    if !sessions.is_empty() {
        let machines = store::standings::account_sessions(&mut tx, &sessions).await?;
        now.extend(
            machines
                .into_iter()
                .map(|(id, standing)| (Credential::Session(id), standing)),
        );
    }
    if !keys.is_empty() {
        let keys = store::standings::api_keys(&mut tx, &keys).await?;
        now.extend(
            keys.into_iter()
                .map(|(id, standing)| (Credential::ApiKey(id), standing)),
        );
    }
    let another = |known: Known| {
        let standing = now.remove(&known.credential);
        let same = standing
            .as_ref()
            .is_some_and(|standing| standing.print() == known.print);
        (!same).then_some(Changed {
            credential: known.credential,
            standing,
        })
    };
    Ok(Json(known.into_inner().into_iter().filter_map(another).collect()))
}

#[cfg(test)]
mod tests {
    use auth::api_key::ApiKey;
    use auth::passport::Bearer;
    use auth::{Changed, Credential, Known, MOST_KNOWN, Standing};
    use ids::{ApiKeyId, OperatorAccessId, SessionId};
    use serde_json::{Value, json};

    use crate::testing::{PASSWORD, start};

    const PATH: &str = "/internal/standings";

    fn known(credential: Credential, standing: &Standing) -> Known {
        Known {
            credential,
            print: standing.print(),
        }
    }

    #[tokio::test]
    async fn t17_only_what_has_changed_is_told_and_what_is_gone_is_told_as_gone() {
        let test = start().await;
        let gateway = test.client.bearer(Bearer::Platform("gateway".to_owned()));
        let ask = async |of: &[Known]| -> Vec<Changed> {
            let answer = gateway.post(PATH, json!(of)).await.expect(200);
            serde_json::from_value(answer.json).unwrap()
        };
        let mut asked = Vec::new();
        for name in ["acme", "globex"] {
            let owner = test.sign_up(name).await;
            let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
            let claims = test.check(&tokens).await;
            let standing = test.standing(&claims).await.unwrap();
            asked.push((owner, Credential::Session(claims.sid), standing));
        }
        let ada = test.enter_new("initech").await;
        let made = ada
            .post("/api/v1/me/api-keys", json!({"name": "a"}))
            .await
            .expect(201)
            .json;
        let key = ApiKey::parse(made["key"].as_str().unwrap()).unwrap().id;
        let by_key = test.standing_of_key(&key.to_string(), "").await.unwrap();

        let all: Vec<Known> = asked
            .iter()
            .map(|(_, credential, standing)| known(*credential, standing))
            .chain([known(Credential::ApiKey(key), &by_key)])
            .collect();
        assert_eq!(ask(&all).await, [], "nothing has changed");

        test.unbind(&asked[0].0).await;
        test.disable(&asked[1].0).await;
        let path = format!("/api/v1/me/api-keys/{key}");
        ada.delete(&path).await.expect(204);
        let changed = ask(&all).await;
        let [unbound, disabled, revoked] = changed.as_slice() else {
            panic!("{changed:?}")
        };
        let (unbound, disabled) = (unbound.standing.as_ref().unwrap(), disabled.standing.as_ref().unwrap());
        assert_eq!((unbound.live, unbound.bindings.len()), (true, 0));
        assert_eq!((disabled.live, disabled.tenant), (false, asked[1].2.tenant));
        assert!(!revoked.standing.as_ref().unwrap().live);

        let never = [
            Credential::Session(SessionId::mint()),
            Credential::ApiKey(ApiKeyId::mint()),
            Credential::OperatorAccess(OperatorAccessId::mint()),
        ];
        let of: Vec<Known> = never.iter().map(|credential| known(*credential, &by_key)).collect();
        let gone: Vec<Changed> = never
            .map(|credential| Changed {
                credential,
                standing: None,
            })
            .into();
        assert_eq!(ask(&of).await, gone);
    }

    #[tokio::test]
    async fn t09_nobody_but_the_platform_may_ask_and_not_for_too_many() {
        let test = start().await;
        let owner = test.enter_new("acme").await;
        test.client.post(PATH, json!([])).await.expect(404);
        owner.post(PATH, json!([])).await.expect(404);
        let gateway = test.client.bearer(Bearer::Platform("gateway".to_owned()));
        gateway.post(PATH, json!([])).await.expect(200);
        let one = json!({"credential": Credential::Session(SessionId::mint()), "print": ""});
        let many = |count| Value::Array(vec![one.clone(); count]);
        gateway.post(PATH, many(MOST_KNOWN)).await.expect(200);
        gateway.post(PATH, many(MOST_KNOWN + 1)).await.expect(400);
        gateway.post(PATH, json!([{"credential": 1}])).await.expect(400);
    }
}
