//! Who is let through, and as whom.

use std::sync::atomic::Ordering;
use std::time::Duration;

use auth::token::Signer;
use auth::{Binding, Role};
use reqwest::StatusCode;

use crate::stack::{Stack, settings};

async fn status(stack: &Stack, path: &str, token: &str) -> StatusCode {
    stack
        .client()
        .get(stack.url(path))
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .status()
}

#[tokio::test]
async fn only_the_listed_operations_need_no_token() {
    let stack = Stack::start();
    let client = stack.client();
    for (method, path, open) in [
        ("POST", "/api/v1/auth/signup", true),
        ("POST", "/api/v1/auth/login", true),
        ("POST", "/api/v1/auth/refresh", true),
        ("POST", "/api/v1/auth/logout", false),
        ("GET", "/api/v1/auth/login", false),
        ("GET", "/.well-known/jwks.json", true),
        ("GET", "/", true),
        ("GET", "/assets/app.js", true),
        ("GET", "/api/v1/openapi.json", true),
        ("GET", "/api/v1/me", false),
        ("GET", "/api/v1/events", false),
        ("GET", "/api/v1/system/pools", false),
    ] {
        // A bad token changes nothing where none is needed.
        for token in [None, Some("rubbish")] {
            let mut request = client.request(method.parse().unwrap(), stack.url(path));
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.unwrap();
            let expected = if open { 200 } else { 401 };
            assert_eq!(answer.status(), expected, "{method} {path} {token:?}");
            assert_eq!(
                answer.headers().contains_key("www-authenticate"),
                !open,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn t16_hostile_tokens_are_401_and_reach_nobody() {
    let stack = Stack::start();
    let (good, token) = stack.session(Role::Owner);
    let (head, rest) = token.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();

    let mut hostile = vec![
        String::new(),
        "a.b.c".to_owned(),
        "x".repeat(5_000),
        format!("{head}.{body}."),
        format!("{head}.{body}.{}", signature.chars().rev().collect::<String>()),
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{body}."),
        Signer::open(&Signer::generate().unwrap()).unwrap().sign(&good).unwrap(),
    ];
    for change in [
        |claims: &mut auth::token::Claims| claims.exp = claims.iat - 60,
        |claims: &mut auth::token::Claims| claims.nbf = claims.iat + 600,
        |claims: &mut auth::token::Claims| claims.aud = "elsewhere".to_owned(),
        |claims: &mut auth::token::Claims| claims.iss = "https://evil.example".to_owned(),
    ] {
        let mut claims = good.clone();
        change(&mut claims);
        hostile.push(stack.sign(&claims));
    }
    for token in hostile {
        assert_eq!(status(&stack, "/api/v1/me", &token).await, 401, "{token:.60}");
    }
    let client = stack.client();
    for header in ["Basic eDp5", "Bearer", &token, &format!("Token {token}")] {
        let answer = client
            .get(stack.url("/api/v1/me"))
            .header("Authorization", header)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{header:.40}");
    }
    let twice = client
        .get(stack.url("/api/v1/me"))
        .bearer_auth(&token)
        .bearer_auth("rubbish")
        .send()
        .await
        .unwrap();
    assert_eq!(twice.status(), 401, "two credentials are none");
    assert!(stack.seen().is_empty());
    assert_eq!(
        status(&stack, "/api/v1/me", &token).await,
        200,
        "the token itself was good"
    );
}

#[tokio::test]
async fn t16_unknown_keys_do_not_hammer_identity() {
    let stack = Stack::start();
    let (claims, token) = stack.session(Role::Owner);
    assert_eq!(status(&stack, "/api/v1/me", &token).await, 200);
    let stranger = Signer::open(&Signer::generate().unwrap())
        .unwrap()
        .sign(&claims)
        .unwrap();
    for _ in 0..20 {
        assert_eq!(status(&stack, "/api/v1/me", &stranger).await, 401);
    }
    assert_eq!(
        stack.behind.jwks_asked.load(Ordering::SeqCst),
        1,
        "asked once within the pause"
    );
}

#[tokio::test]
async fn t17_a_rotated_key_is_found_and_a_withdrawn_one_forgotten() {
    let stack = Stack::start();
    let (claims, old) = stack.session(Role::Owner);
    assert_eq!(status(&stack, "/api/v1/me", &old).await, 200);

    *stack.behind.signer.lock().unwrap() = Signer::open(&Signer::generate().unwrap()).unwrap();
    let new = stack.sign(&claims);
    stack.clock.advance(Duration::from_secs(4));
    assert_eq!(status(&stack, "/api/v1/me", &new).await, 200);
    assert_eq!(
        status(&stack, "/api/v1/me", &old).await,
        401,
        "identity no longer publishes it"
    );
}

#[tokio::test]
async fn t17_a_logout_or_lost_role_is_felt_within_five_seconds() {
    let stack = Stack::start();
    let (claims, token) = stack.session(Role::Owner);
    assert_eq!(status(&stack, "/api/v1/me", &token).await, 200);

    let bindings = vec![Binding::role(Role::Viewer, None)];
    stack
        .behind
        .sessions
        .lock()
        .unwrap()
        .get_mut(&claims.sid)
        .unwrap()
        .bindings = bindings;
    stack.clock.advance(Duration::from_secs(5));
    assert_eq!(status(&stack, "/api/v1/me", &token).await, 200);
    let passport = stack.seen().pop().unwrap().passport.unwrap();
    let auth::passport::Bearer::Caller(caller) = passport.bearer else {
        panic!()
    };
    assert_eq!(caller.bindings()[0].rights.name(), "viewer");

    stack.behind.sessions.lock().unwrap().get_mut(&claims.sid).unwrap().live = false;
    assert_eq!(
        status(&stack, "/api/v1/me", &token).await,
        200,
        "believed for a few seconds"
    );
    stack.clock.advance(Duration::from_secs(5));
    assert_eq!(status(&stack, "/api/v1/me", &token).await, 401);

    stack.behind.sessions.lock().unwrap().remove(&claims.sid);
    stack.clock.advance(Duration::from_secs(5));
    assert_eq!(status(&stack, "/api/v1/me", &token).await, 401, "no such session");
}

#[tokio::test]
async fn t17_while_identity_is_away_its_last_word_counts_for_a_while() {
    let mut settings = settings();
    settings.trust.session_away_ms = 60_000;
    let stack = Stack::with(settings);
    let (_, token) = stack.session(Role::Owner);
    let (_, stranger) = stack.session(Role::Owner);
    let path = "/api/v1/projects/p/vms";
    assert_eq!(status(&stack, path, &token).await, 200);

    stack.behind.identity_away.store(true, Ordering::SeqCst);
    stack.clock.advance(Duration::from_secs(50));
    assert_eq!(status(&stack, path, &token).await, 200, "the last word");
    assert_eq!(status(&stack, path, &stranger).await, 503, "no word about this one");
    stack.clock.advance(Duration::from_secs(11));
    assert_eq!(status(&stack, path, &token).await, 503, "too long ago");

    stack.behind.identity_away.store(false, Ordering::SeqCst);
    assert_eq!(status(&stack, path, &token).await, 200);
}

#[tokio::test]
async fn t17_cached_keys_serve_an_hour() {
    let mut settings = settings();
    settings.trust.session_away_ms = 3 * 3_600_000;
    let stack = Stack::with(settings);
    let (_, token) = stack.session(Role::Owner);
    let path = "/api/v1/projects/p/vms";
    assert_eq!(status(&stack, path, &token).await, 200);
    stack.behind.identity_away.store(true, Ordering::SeqCst);
    stack.clock.advance(Duration::from_secs(3_500));
    assert_eq!(status(&stack, path, &token).await, 200);
    stack.clock.advance(Duration::from_secs(200));
    let answer = stack
        .client()
        .get(stack.url(path))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_busy_session_is_asked_about_once() {
    let stack = Stack::start();
    let (_, token) = stack.session(Role::Owner);
    for _ in 0..20 {
        assert_eq!(status(&stack, "/api/v1/me", &token).await, 200);
    }
    assert_eq!(stack.behind.sessions_asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn t17_sessions_in_use_are_asked_about_together_before_their_words_are_old() {
    let mut settings = settings();
    settings.trust.session_ms = 800;
    let stack = Stack::with(settings);
    let path = "/api/v1/me";
    let busy: Vec<_> = (0..20).map(|_| stack.session(Role::Owner)).collect();
    let (_, idle) = stack.session(Role::Owner);
    for token in busy.iter().map(|(_, token)| token).chain([&idle]) {
        assert_eq!(status(&stack, path, token).await, 200);
    }
    let renewed = || stack.behind.renewed.load(Ordering::SeqCst);
    let alone = || stack.behind.sessions_asked.load(Ordering::SeqCst);
    let until = async |goal: u32| {
        let wait = async {
            while renewed() < goal {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
    };
    assert_eq!((alone(), renewed()), (21, 0), "words as new as these need nothing");

    stack.clock.advance(Duration::from_millis(500));
    until(21).await;
    stack
        .behind
        .sessions
        .lock()
        .unwrap()
        .get_mut(&busy[0].0.sid)
        .unwrap()
        .live = false;
    stack.behind.sessions.lock().unwrap().remove(&busy[1].0.sid);
    stack.clock.advance(Duration::from_millis(500));
    until(40).await;
    // The words of before would still be good enough to be believed, but for what was told.
    let answers = async || {
        let mut answers = Vec::new();
        for (_, token) in &busy[..3] {
            answers.push(status(&stack, path, token).await.as_u16());
        }
        answers
    };
    let felt = async {
        while answers().await != [401, 401, 200] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), felt).await.unwrap();
    assert_eq!(alone(), 21, "nobody was asked for by themselves");

    // Who has not come for a while is not asked about, nor who may not come at all.
    stack.clock.advance(Duration::from_secs(19));
    for (_, token) in &busy[2..] {
        assert_eq!(status(&stack, path, token).await, 200);
    }
    let (before, asked) = (renewed(), alone());
    stack.clock.advance(Duration::from_millis(1_500));
    until(before + 18).await;
    stack.clock.advance(Duration::from_millis(500));
    until(before + 36).await;
    assert_eq!(alone(), asked);
    assert_eq!(status(&stack, path, &idle).await, 200);
    assert_eq!(alone(), asked + 1);
}
