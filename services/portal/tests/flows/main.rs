//! The portal as a browser meets it: through HTTP, from files on disk.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests of one loopback service"
)]

use std::fs;
use std::path::PathBuf;

use auth::passport::{Bearer, HEADER, Key, LIFETIME_SECONDS, Passport};
use clock::Clock;
use ids::RequestId;
use portal::{Deps, Service, Settings};
use reqwest::{Method, Response};
use tokio_util::sync::CancellationToken;

struct Running {
    base: String,
    key: Key,
    build: PathBuf,
    shutdown: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
        let _ = fs::remove_dir_all(&self.build);
    }
}

fn build_in(build: PathBuf) -> PathBuf {
    fs::create_dir_all(build.join("assets")).unwrap();
    for (path, content) in [
        ("index.html", "<!doctype html>entry"),
        ("index.html.br", "entry in brotli"),
        ("index.html.gz", "entry in gzip"),
        ("reference.html", "<!doctype html>reference"),
        ("favicon.svg", "<svg/>"),
        ("assets/app-1a2b.js", "plain script"),
        ("assets/app-1a2b.js.br", "script in brotli"),
    ] {
        fs::write(build.join(path), content).unwrap();
    }
    build
}

fn settings(assets: PathBuf) -> Settings {
    Settings {
        assets,
        listen: ([127, 0, 0, 1], 0).into(),
        workers: 1,
    }
}

fn start() -> Running {
    let build = build_in(std::env::temp_dir().join(format!("portal-{}", RequestId::mint())));
    let key = Key::random();
    let deps = Deps {
        key: key.clone(),
        clock: Clock::system(),
    };
    let service = Service::build(&settings(build.clone()), deps).unwrap();
    let base = format!("http://{}", service.address());
    let shutdown = CancellationToken::new();
    tokio::spawn(service.run(shutdown.clone()));
    Running {
        base,
        key,
        build,
        shutdown,
    }
}

impl Running {
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let expires = Clock::system().now().timestamp() + LIFETIME_SECONDS;
        let passport = Passport {
            bearer: Bearer::Anonymous,
            address: None,
            request: RequestId::mint(),
            expires,
        };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client
            .request(method, format!("{}{path}", self.base))
            .header(HEADER, self.key.seal(&passport));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str) -> (u16, String, String) {
        let answer = self.ask(Method::GET, path, &[]).await;
        (
            answer.status().as_u16(),
            header(&answer, "content-type"),
            answer.text().await.unwrap(),
        )
    }
}

fn header(answer: &Response, name: &str) -> String {
    answer
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default()
}

#[tokio::test]
async fn addresses_of_the_application_lead_to_its_entry_page() {
    let portal = start();
    for path in [
        "/",
        "/index.html",
        "/sign-in",
        "/projects/default/vms/0199-x",
        "/projects/a.b/vms",
    ] {
        let (status, kind, body) = portal.get(path).await;
        assert_eq!((status, body.as_str()), (200, "<!doctype html>entry"), "{path}");
        assert_eq!(kind, "text/html; charset=utf-8", "{path}");
    }
    assert_eq!(portal.get("/reference").await.2, "<!doctype html>reference");
    assert_eq!(portal.get("/favicon.svg").await.1, "image/svg+xml");
}

#[tokio::test]
async fn a_missing_file_is_not_a_page() {
    let portal = start();
    for path in ["/assets/app-old.js", "/assets/", "/robots.txt", "/%2e%2e/etc/x.json"] {
        let (status, kind, body) = portal.get(path).await;
        assert_eq!(
            (status, kind.as_str()),
            (404, "application/problem+json"),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn compressed_forms_go_to_those_who_take_them() {
    let portal = start();
    for (accept, encoding, body) in [
        ("gzip, deflate, br, zstd", "br", "entry in brotli"),
        ("GZIP", "gzip", "entry in gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", "entry in gzip"),
        ("br; q=0.000, gzip;q=0", "", "<!doctype html>entry"),
        ("identity", "", "<!doctype html>entry"),
        ("broken", "", "<!doctype html>entry"),
    ] {
        let answer = portal.ask(Method::GET, "/", &[("accept-encoding", accept)]).await;
        assert_eq!(header(&answer, "content-encoding"), encoding, "{accept}");
        assert_eq!(header(&answer, "vary"), "accept-encoding");
        assert_eq!(answer.text().await.unwrap(), body, "{accept}");
    }
    let script = portal
        .ask(Method::GET, "/assets/app-1a2b.js", &[("accept-encoding", "gzip")])
        .await;
    assert_eq!(
        script.text().await.unwrap(),
        "plain script",
        "there is no gzip form of it"
    );
    assert_eq!(
        portal.get("/assets/app-1a2b.js.br").await.0,
        404,
        "a form is not a file of its own"
    );
}

#[tokio::test]
async fn what_a_browser_may_keep() {
    let portal = start();
    let script = portal.ask(Method::GET, "/assets/app-1a2b.js", &[]).await;
    assert_eq!(header(&script, "cache-control"), "public, max-age=31536000, immutable");
    let entry = portal.ask(Method::GET, "/projects/x/vms", &[]).await;
    assert_eq!(header(&entry, "cache-control"), "no-cache");

    let etag = header(&entry, "etag");
    let again = portal
        .ask(Method::GET, "/", &[("if-none-match", &format!("\"other\", W/{etag}"))])
        .await;
    assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag.clone()));
    assert_eq!(again.text().await.unwrap(), "");
    let brotli = portal
        .ask(Method::GET, "/", &[("if-none-match", &etag), ("accept-encoding", "br")])
        .await;
    assert_eq!(brotli.status().as_u16(), 200, "another form, another tag");
}

#[tokio::test]
async fn only_reading_is_answered() {
    let portal = start();
    let head = portal.ask(Method::HEAD, "/", &[]).await;
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length").as_str()),
        (200, "20")
    );
    let post = portal.ask(Method::POST, "/", &[]).await;
    assert_eq!(
        (post.status().as_u16(), header(&post, "allow").as_str()),
        (405, "GET, HEAD")
    );
    assert_eq!(portal.get("/healthz").await.2, "ok\n");
    assert_eq!(portal.get("/readyz").await.2, "ready\n");
}

#[tokio::test]
async fn a_missing_build_is_said_with_its_mend() {
    let deps = || Deps {
        key: Key::random(),
        clock: Clock::system(),
    };
    let error = Service::build(&settings("/nowhere/dist".into()), deps())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("/nowhere/dist") && error.contains("npm run build"),
        "{error}"
    );
    assert!(
        Service::build(
            &Settings {
                workers: 0,
                ..settings("/".into())
            },
            deps()
        )
        .is_err()
    );
}
