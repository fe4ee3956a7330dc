//! Who is let through with an API key, and as whom.

use std::time::Duration;

use auth::action::{Action, project, vm};
use auth::api_key::ApiKey;
use auth::passport::Bearer;
use auth::{Caller, Credential, Permissions, Place, Role};
use ids::ProjectId;

use crate::stack::{Stack, log};

const PATH: &str = "/api/v1/projects/p/vms";

async fn status(stack: &Stack, key: &str) -> u16 {
    let request = stack.client().get(stack.url(PATH)).bearer_auth(key);
    request.send().await.unwrap().status().as_u16()
}

fn caller(stack: &Stack) -> Caller {
    match stack.seen().pop().unwrap().passport.unwrap().bearer {
        Bearer::Caller(caller) => caller,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_key_comes_in_as_its_holder() {
    let stack = Stack::start();
    let (id, text) = stack.api_key(Role::Operator, |_| {});
    assert_eq!(status(&stack, &text).await, 200);
    let caller = caller(&stack);
    assert_eq!(caller.credential(), Credential::ApiKey(id));
    assert!(caller.may_somewhere(vm::Create::INFO));
    let seen = stack.seen().pop().unwrap();
    let secret = &text[37..101];
    assert!(
        seen.headers.iter().all(|(_, value)| !value.contains(secret)),
        "it goes no further"
    );
    let asked = stack.behind.keys_asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].contains("from=127.0.0.1") && !asked[0].contains(secret),
        "{asked:?}"
    );
    for _ in 0..10 {
        assert_eq!(status(&stack, &text).await, 200);
    }
    assert_eq!(
        stack.behind.keys_asked.lock().unwrap().len(),
        1,
        "a busy key is asked about once"
    );
    assert!(!log().contains(secret), "t19");
}

#[tokio::test]
async fn t19_noise_and_slips_of_the_pen_never_reach_identity() {
    let stack = Stack::start();
    let (_, text) = stack.api_key(Role::Operator, |_| {});
    let mut slip = text.clone().into_bytes();
    slip[50] = if slip[50] == b'0' { b'1' } else { b'0' };
    for noise in [
        String::from_utf8(slip).unwrap(),
        text[..text.len() - 1].to_owned(),
        format!("{text}0"),
        text.to_uppercase().replace("YSK", "ysk"),
        "ysk_".to_owned(),
        format!("ysk_{}", "0".repeat(3_000)),
    ] {
        assert_eq!(status(&stack, &noise).await, 401, "{noise:.60}");
    }
    assert!(stack.behind.keys_asked.lock().unwrap().is_empty());
    assert_eq!(status(&stack, &text).await, 200);
}

#[tokio::test]
async fn t19_who_knows_the_id_and_not_the_secret_stays_out_whoever_came_first() {
    let stack = Stack::start();
    let (id, text) = stack.api_key(Role::Operator, |_| {});
    let other = with_secret_of_another(&text);
    assert_eq!(ApiKey::parse(&other).unwrap().id, id);
    assert_eq!(status(&stack, &other).await, 401);
    assert_eq!(status(&stack, &text).await, 200);
    assert_eq!(
        status(&stack, &other).await,
        401,
        "not even while the key's standing is remembered"
    );
    let (_, unknown) = ApiKey::generate().unwrap();
    assert_eq!(status(&stack, &unknown).await, 401);
    assert_eq!(stack.seen().len(), 1);
}

/// The same id, another secret, and a checksum that is right.
fn with_secret_of_another(text: &str) -> String {
    let (_, other) = ApiKey::generate().unwrap();
    let body = format!("{}{}", &text[..37], &other[37..101]);
    format!("{body}{:08x}", crc32fast::hash(body.as_bytes()))
}

#[tokio::test]
async fn t17_a_revoked_key_is_refused_within_five_seconds() {
    let stack = Stack::start();
    let (id, text) = stack.api_key(Role::Operator, |_| {});
    assert_eq!(status(&stack, &text).await, 200);
    stack.behind.api_keys.lock().unwrap().get_mut(&id).unwrap().live = false;
    stack.clock.advance(Duration::from_secs(5));
    assert_eq!(status(&stack, &text).await, 401);
}

#[tokio::test]
async fn a_key_is_good_from_its_networks_alone() {
    let stack = Stack::start();
    let (_, here) = stack.api_key(Role::Operator, |key| {
        key.networks = vec!["127.0.0.0/8".parse().unwrap()];
    });
    let (_, elsewhere) = stack.api_key(Role::Operator, |key| {
        key.networks = vec!["192.0.2.0/24".parse().unwrap()];
    });
    assert_eq!(status(&stack, &here).await, 200);
    assert_eq!(status(&stack, &elsewhere).await, 401);
    let forged = stack.client().get(stack.url(PATH)).bearer_auth(&elsewhere);
    let forged = forged
        .header("X-Forwarded-For", "192.0.2.1")
        .header("Forwarded", "for=192.0.2.1");
    assert_eq!(forged.send().await.unwrap().status(), 401, "t09");
}

#[tokio::test]
async fn scopes_narrow_what_its_holder_may_do() {
    let stack = Stack::start();
    let scope = Permissions::check(&["vm.read".to_owned()]).unwrap();
    let (_, text) = stack.api_key(Role::Owner, |key| key.scope = Some(scope));
    assert_eq!(status(&stack, &text).await, 200);
    let caller = caller(&stack);
    let place = Place::Project(caller.tenant(), ProjectId::mint());
    assert!(caller.may(vm::Read::INFO, place) && !caller.may(vm::Create::INFO, place));
    assert!(!caller.may_somewhere(project::Create::INFO));
}

#[tokio::test]
async fn t14_a_key_shows_no_factor() {
    use auth::action::api_key;
    let stack = Stack::start();
    let scope = Permissions::check(&["api_key.create".to_owned()]).unwrap();
    let (_, text) = stack.api_key(Role::Owner, |key| {
        key.scope = Some(scope);
        key.step_up_minutes = Some(15);
    });
    assert_eq!(status(&stack, &text).await, 200);
    assert_eq!(caller(&stack).must_step_up(api_key::Create::INFO), Some(15));
}
