//! A platform operator in a tenant's content: who is handed over to services, as whom, and for how long.

use std::time::Duration;

use auth::access::HEADER;
use auth::action::{Action, pool, vm};
use auth::passport::Bearer;
use auth::token::Claims;
use auth::{AccessKind, Binding, Caller, Credential, OperatorAccess, PLATFORM, Permissions, Principal, Role, Standing};
use chrono::TimeDelta;
use ids::{OperatorAccessId, TenantId, UserId};

use crate::stack::{Stack, eventually, settings};

const PATH: &str = "/api/v1/projects/p/vms";

/// An operator, signed in.
struct Operator {
    claims: Claims,
    token: String,
}

fn operator(stack: &Stack) -> Operator {
    let claims = Claims {
        tenant: PLATFORM,
        ..Stack::claims()
    };
    let standing = Standing::of(
        PLATFORM,
        Principal::User(UserId::from_uuid(claims.sub)),
        vec![Binding::role(Role::PlatformOperator, None)],
        None,
    );
    stack.behind.sessions.lock().unwrap().insert(claims.sid, standing);
    let token = stack.sign(&claims);
    Operator { claims, token }
}

/// An access of this operator's to a new tenant, in force for an hour.
fn access(stack: &Stack, operator: &Operator) -> (OperatorAccessId, TenantId) {
    let (id, tenant) = (OperatorAccessId::mint(), TenantId::mint());
    let standing = Standing {
        until: Some(stack.clock.now() + TimeDelta::hours(1)),
        access: Some(OperatorAccess {
            id,
            kind: AccessKind::Consent,
            reason: "a broken disk".to_owned(),
        }),
        ..Standing::of(
            tenant,
            Principal::Operator(UserId::from_uuid(operator.claims.sub)),
            vec![Binding::role(Role::Viewer, None)],
            None,
        )
    };
    stack.behind.accesses.lock().unwrap().insert(id, standing);
    (id, tenant)
}

async fn ask(stack: &Stack, token: &str, access: &str) -> (u16, String) {
    let request = stack.client().get(stack.url(PATH)).bearer_auth(token);
    let answer = request.header(HEADER, access).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn bearer(stack: &Stack) -> Bearer {
    stack.seen().pop().unwrap().passport.unwrap().bearer
}

fn caller(stack: &Stack) -> Caller {
    match bearer(stack) {
        Bearer::Caller(caller) => caller,
        other => panic!("{other:?}"),
    }
}

/// Is what was named last not in force? The attempt reaches a service, which refuses and records it.
fn is_barred(stack: &Stack) -> bool {
    matches!(bearer(stack), Bearer::Barred(own) if own.tenant() == PLATFORM)
}

#[tokio::test]
async fn t18_by_an_access_the_operator_is_in_the_tenant_with_its_role_alone() {
    let stack = Stack::start();
    let operator = operator(&stack);
    let (id, tenant) = access(&stack, &operator);
    assert_eq!(ask(&stack, &operator.token, &id.to_string()).await.0, 200);
    let inside = caller(&stack);
    assert_eq!(inside.tenant(), tenant);
    assert_eq!(inside.credential(), Credential::OperatorAccess(id));
    assert_eq!(
        inside.principal(),
        &Principal::Operator(UserId::from_uuid(operator.claims.sub))
    );
    assert!(inside.may_somewhere(vm::Read::INFO) && !inside.may_somewhere(vm::Create::INFO));
    assert!(!inside.may_somewhere(pool::List::INFO));
    assert_eq!(inside.access().unwrap().reason, "a broken disk");
    let seen = stack.seen().pop().unwrap();
    assert_eq!(seen.header(HEADER), None, "services go by the passport");

    let plain = stack.client().get(stack.url(PATH)).bearer_auth(&operator.token);
    assert_eq!(plain.send().await.unwrap().status(), 200);
    let outside = caller(&stack);
    assert_eq!((outside.tenant(), outside.access()), (PLATFORM, None));
    assert!(
        !outside.may_somewhere(vm::Read::INFO),
        "without the header nothing has changed"
    );
}

#[tokio::test]
async fn t18_whatever_is_wrong_with_the_access_reads_the_same() {
    let stack = Stack::start();
    let (one, other) = (operator(&stack), operator(&stack));
    let (mine, _) = access(&stack, &one);
    let (theirs, _) = access(&stack, &other);
    let (ended, _) = access(&stack, &one);
    stack.behind.accesses.lock().unwrap().get_mut(&ended).unwrap().live = false;
    let named = [
        theirs.to_string(),
        ended.to_string(),
        OperatorAccessId::mint().to_string(),
        "nonsense".to_owned(),
        String::new(),
        format!("{mine}, {mine}"),
    ];
    for access in &named {
        ask(&stack, &one.token, access).await;
        assert!(is_barred(&stack), "{access}");
    }
    // That somebody else has tried does not stand in its owner's way, and the other way round.
    ask(&stack, &other.token, &theirs.to_string()).await;
    assert!(caller(&stack).access().is_some());
    ask(&stack, &one.token, &theirs.to_string()).await;
    assert!(is_barred(&stack), "not even while its standing is remembered");
    let twice = stack.client().get(stack.url(PATH)).bearer_auth(&one.token);
    let twice = twice.header(HEADER, mine.to_string()).header(HEADER, mine.to_string());
    twice.send().await.unwrap();
    assert!(is_barred(&stack), "named twice");

    // A tenant's own people have no use for it, whosever it is.
    let (_, owner) = stack.session(Role::Owner);
    let before = stack.seen().len();
    let mut answers = Vec::new();
    for access in [mine.to_string(), named[2].clone(), named[3].clone()] {
        let (status, text) = ask(&stack, &owner, &access).await;
        let request = text.split("\"request_id\":\"").nth(1).unwrap()[..36].to_owned();
        answers.push((status, text.replace(&request, "-")));
    }
    assert_eq!(answers[0].0, 403, "{}", answers[0].1);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(stack.seen().len(), before, "no service is troubled");
}

#[tokio::test]
async fn t18_it_ends_by_the_clock_between_two_calls_and_by_word_within_five_seconds() {
    let stack = Stack::start();
    let operator = operator(&stack);
    let (short, _) = access(&stack, &operator);
    stack.behind.accesses.lock().unwrap().get_mut(&short).unwrap().until =
        Some(stack.clock.now() + TimeDelta::seconds(1));
    let (ended, _) = access(&stack, &operator);
    let inside = async |id: OperatorAccessId| {
        ask(&stack, &operator.token, &id.to_string()).await;
        !is_barred(&stack)
    };
    assert!(inside(short).await && inside(ended).await);
    stack.clock.advance(Duration::from_secs(1));
    assert!(!inside(short).await, "to the second, whatever is remembered");
    stack.behind.accesses.lock().unwrap().get_mut(&ended).unwrap().live = false;
    stack.clock.advance(Duration::from_secs(4));
    assert!(!inside(ended).await);
}

#[tokio::test]
async fn t18_an_access_is_not_trusted_longer_because_identity_is_away() {
    let stack = Stack::start();
    let operator = operator(&stack);
    let (id, _) = access(&stack, &operator);
    assert_eq!(ask(&stack, &operator.token, &id.to_string()).await.0, 200);
    stack
        .behind
        .identity_away
        .store(true, std::sync::atomic::Ordering::SeqCst);
    stack.clock.advance(Duration::from_secs(6));
    let plain = stack.client().get(stack.url(PATH)).bearer_auth(&operator.token);
    assert_eq!(plain.send().await.unwrap().status(), 200, "their session is");
    assert_eq!(ask(&stack, &operator.token, &id.to_string()).await.0, 503);
}

#[tokio::test]
async fn t18_whoever_is_no_operator_any_more_or_no_person_stays_outside() {
    let stack = Stack::start();
    let tamper = async |change: fn(&mut Standing)| {
        let operator = operator(&stack);
        let (id, _) = access(&stack, &operator);
        change(
            stack
                .behind
                .sessions
                .lock()
                .unwrap()
                .get_mut(&operator.claims.sid)
                .unwrap(),
        );
        ask(&stack, &operator.token, &id.to_string()).await
    };
    let changes: [fn(&mut Standing); 3] = [
        |lost_role| lost_role.bindings = vec![Binding::role(Role::Auditor, None)],
        |program| program.scope = Some(Permissions::stored(vec!["vm.read".to_owned()])),
        |owes| owes.owes = vec![auth::Owed::Factor],
    ];
    for (at, change) in changes.into_iter().enumerate() {
        tamper(change).await;
        assert!(is_barred(&stack), "{at}");
    }
    assert_eq!(tamper(|disabled| disabled.live = false).await.0, 401);

    let (key, text) = stack.api_key(Role::PlatformOperator, |key| key.tenant = PLATFORM);
    let own = operator(&stack);
    let (id, _) = access(&stack, &own);
    let person = Principal::User(UserId::from_uuid(own.claims.sub));
    stack.behind.api_keys.lock().unwrap().get_mut(&key).unwrap().principal = person;
    ask(&stack, &text, &id.to_string()).await;
    assert!(is_barred(&stack), "a key that somebody found");
}

#[tokio::test]
async fn t18_an_open_stream_ends_with_the_access() {
    let mut settings = settings();
    settings.trust.session_ms = 50;
    let stack = Stack::start_at(settings, clock::Clock::system(), |_| {});
    let operator = operator(&stack);
    let (id, _) = access(&stack, &operator);
    let request = stack.client().get(stack.url("/api/v1/events?events=2"));
    let request = request.bearer_auth(&operator.token).header(HEADER, id.to_string());
    let mut stream = request.send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    stack.behind.accesses.lock().unwrap().get_mut(&id).unwrap().live = false;
    eventually("the stream ends", async || !matches!(stream.chunk().await, Ok(Some(_)))).await;
}
