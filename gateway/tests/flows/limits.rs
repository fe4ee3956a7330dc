//! Too much, too many, too often.

use auth::Role;
use cache::{Address, Cache};
use clock::Clock;
use gateway::Rate;

use crate::stack::{Stack, settings};

#[tokio::test]
async fn t48_bodies_have_a_limit_however_they_are_sent() {
    let stack = Stack::start();
    let (_, token) = stack.session(Role::Owner);
    let client = stack.client();
    let vms = stack.url("/api/v1/projects/p/vms");
    let login = stack.url("/api/v1/auth/login");
    for (url, size, status) in [
        (&vms, 1 << 20, 200),
        (&vms, (1 << 20) + 1, 413),
        (&login, 64 << 10, 200),
        (&login, (64 << 10) + 1, 413),
    ] {
        let before = stack.seen().len();
        let sized = client
            .post(url)
            .bearer_auth(&token)
            .body(vec![b'x'; size])
            .send()
            .await
            .unwrap();
        assert_eq!(sized.status(), status, "{url} {size}");
        let pieces = futures::stream::iter(vec![b'x'; size].chunks(10_000).map(<[u8]>::to_vec).collect::<Vec<_>>());
        let pieces = futures::StreamExt::map(pieces, Ok::<_, std::io::Error>);
        let body = reqwest::Body::wrap_stream(pieces);
        let chunked = client.post(url).bearer_auth(&token).body(body).send().await.unwrap();
        assert_eq!(chunked.status(), status, "{url} {size} chunked");
        let arrived = stack.seen().len() - before;
        assert_eq!(
            arrived,
            if status == 200 { 2 } else { 0 },
            "nothing cut short counts as arrived"
        );
    }
}

#[tokio::test]
async fn t48_compressed_bodies_are_not_taken() {
    let stack = Stack::start();
    let bomb = vec![0; 1_000];
    for encoding in ["gzip", "br", "zstd", "identity", "nonsense"] {
        let request = stack
            .client()
            .post(stack.url("/api/v1/auth/login"))
            .header("Content-Encoding", encoding);
        assert_eq!(
            request.body(bomb.clone()).send().await.unwrap().status(),
            415,
            "{encoding}"
        );
    }
    assert!(stack.seen().is_empty());
}

#[tokio::test]
async fn heads_have_limits() {
    let stack = Stack::start();
    let client = stack.client();
    let long = client
        .get(stack.url(&format!("/?{}", "q".repeat(9_000))))
        .send()
        .await
        .unwrap();
    assert_eq!(long.status(), 400);
    let wide = client
        .get(stack.url("/"))
        .header("X-Wide", "w".repeat(17_000))
        .send()
        .await
        .unwrap();
    assert_eq!(wide.status(), 431);
    for (count, status) in [(80, 431), (120, 431), (30, 200)] {
        let mut many = client.get(stack.url("/"));
        for n in 0..count {
            many = many.header(format!("X-H{n}"), "1");
        }
        assert_eq!(many.send().await.unwrap().status(), status, "{count}");
    }
    let huge = client
        .get(stack.url("/"))
        .header("X-Huge", "w".repeat(200_000))
        .send()
        .await;
    assert!(huge.map_or(true, |answer| answer.status() == 431));
    assert_eq!(stack.seen().len(), 1);
}

#[tokio::test]
async fn t10_a_flood_is_told_to_wait_and_how_long() {
    let mut settings = settings();
    settings.rates.address = Rate {
        per_second: 1,
        burst: 5,
    };
    let stack = Stack::with(settings);
    for left in (0..5).rev() {
        let answer = stack.client().get(stack.url("/")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["ratelimit-remaining"], left.to_string());
        assert_eq!(answer.headers()["ratelimit-policy"], "\"address\";q=5;w=5");
    }
    let answer = stack.client().get(stack.url("/")).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(answer.headers()["ratelimit"], "\"address\";r=0;t=1");
    assert_eq!(answer.headers()["ratelimit-limit"], "5");
    assert_eq!(answer.headers()["ratelimit-reset"], "1");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(stack.seen().len(), 5);
}

#[tokio::test]
async fn t11_guessing_has_a_tighter_rate_than_the_rest() {
    let mut settings = settings();
    settings.rates.auth = Rate {
        per_second: 1,
        burst: 3,
    };
    let stack = Stack::with(settings);
    let client = stack.client();
    let login = stack.url("/api/v1/auth/login");
    for _ in 0..3 {
        assert_eq!(client.post(&login).body("{}").send().await.unwrap().status(), 200);
    }
    for path in ["/api/v1/auth/login", "/api/v1/auth/signup", "/api/v1/auth/%6Cogin"] {
        assert_eq!(
            client.post(stack.url(path)).body("{}").send().await.unwrap().status(),
            429,
            "{path}"
        );
    }
    let refresh = client
        .post(stack.url("/api/v1/auth/refresh"))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(refresh.status(), 200, "a session goes on");
}

#[tokio::test]
async fn t10_one_tenants_flood_is_its_own() {
    let mut settings = settings();
    settings.rates.tenant = Rate {
        per_second: 1,
        burst: 4,
    };
    let stack = Stack::with(settings);
    let client = stack.client();
    let (_, noisy) = stack.session(Role::Owner);
    let mut refused = 0;
    for _ in 0..20 {
        let answer = client
            .get(stack.url("/api/v1/me"))
            .bearer_auth(&noisy)
            .send()
            .await
            .unwrap();
        refused += usize::from(answer.status() == 429);
    }
    assert!(refused >= 12, "{refused}");
    for _ in 0..9 {
        let (_, quiet) = stack.session(Role::Owner);
        let answer = client
            .get(stack.url("/api/v1/me"))
            .bearer_auth(&quiet)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
}

fn redis(url: &str) -> Cache {
    let address = Address {
        url: url.parse().unwrap(),
        password: None,
    };
    Cache::redis(&address, Clock::system()).unwrap()
}

#[tokio::test]
async fn t10_gateways_that_share_a_redis_count_a_tenant_together() {
    let url = std::env::var("YUNSHU_TEST_REDIS").expect(
        "YUNSHU_TEST_REDIS is not set: run `cargo run -p xtask -- redis-test start`, then `source .local/test.env` (./dev test does both)",
    );
    let limited = || {
        let mut settings = settings();
        settings.rates.tenant = Rate {
            per_second: 1,
            burst: 30,
        };
        settings
    };
    let gateways = [
        Stack::counting(limited(), redis(&url)),
        Stack::counting(limited(), redis(&url)),
    ];
    let (first, second) = (&gateways[0], &gateways[1]);
    let (claims, token) = first.session(Role::Owner);
    let standing = first.behind.sessions.lock().unwrap()[&claims.sid].clone();
    second.behind.sessions.lock().unwrap().insert(claims.sid, standing);
    let other = second.sign(&claims);
    let mut served = 0;
    for _ in 0..30 {
        for (gateway, token) in [(first, &token), (second, &other)] {
            let asked = gateway.client().get(gateway.url("/api/v1/me")).bearer_auth(token);
            served += usize::from(asked.send().await.unwrap().status() == 200);
        }
    }
    // Thirty at once and one a second.
    assert!((30..=45).contains(&served), "{served}");
}

#[tokio::test]
async fn t39_without_its_redis_a_gateway_serves_and_counts_alone() {
    let mut settings = settings();
    settings.rates.tenant = Rate {
        per_second: 1,
        burst: 4,
    };
    // Nobody listens on port 1.
    let stack = Stack::counting(settings, redis("redis://127.0.0.1:1"));
    let (_, token) = stack.session(Role::Owner);
    let mut seen = Vec::new();
    for _ in 0..20 {
        let asked = stack.client().get(stack.url("/api/v1/me")).bearer_auth(&token);
        seen.push(asked.send().await.unwrap().status().as_u16());
    }
    assert_eq!(seen[..4], [200; 4]);
    assert!(
        seen[4..].iter().filter(|status| **status == 429).count() >= 12,
        "{seen:?}"
    );
}
