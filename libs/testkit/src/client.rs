use std::net::IpAddr;

use auth::Caller;
use auth::passport::{Bearer, HEADER, Key, LIFETIME_SECONDS, Passport};
use clock::Clock;
use ids::RequestId;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// Calls a service directly, with the passport the gateway would have signed.
#[derive(Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    key: Key,
    clock: Clock,
    bearer: Bearer,
    address: IpAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub json: Value,
}

impl Reply {
    /// The problem's stable code.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// A header's value, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Status, content type and body without what names the single request: for comparing refusals byte for byte.
    pub fn without_request(&self) -> (u16, String, String) {
        let request = self.json["request_id"].as_str().unwrap_or("no request id");
        (
            self.status.as_u16(),
            self.header("content-type").to_owned(),
            self.text.replace(request, "-"),
        )
    }

    /// This reply, if it has the status; else the test fails with all there is to see.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often the status is all that is asked")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

impl Client {
    pub(crate) fn new(base: String, key: Key, clock: Clock) -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests reach loopback, which egress refuses")]
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self {
            base,
            http,
            key,
            clock,
            bearer: Bearer::Anonymous,
            address: IpAddr::from([127, 0, 0, 1]),
        }
    }

    /// The same client as this caller.
    #[must_use]
    pub fn caller(&self, caller: &Caller) -> Self {
        self.bearer(Bearer::Caller(caller.clone()))
    }

    /// The same client as this bearer.
    #[must_use]
    pub fn bearer(&self, bearer: Bearer) -> Self {
        Self { bearer, ..self.clone() }
    }

    /// The same client as the gateway would see it from this address.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// The service's address, `http://127.0.0.1:port`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A header with a fresh passport.
    pub fn passport(&self) -> String {
        let expires = self.clock.now().timestamp() + LIFETIME_SECONDS;
        let address = Some(self.address);
        self.key.seal(&Passport {
            bearer: self.bearer.clone(),
            address,
            request: RequestId::mint(),
            expires,
        })
    }

    /// A request to be completed by hand.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .header(HEADER, self.passport())
    }

    /// Sends a request built by [`Client::request`].
    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let answer = request.send().await.expect("the service answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.expect("a whole body");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Reply {
            status,
            headers,
            text,
            json,
        }
    }

    /// Sends a request whose answer may be an endless stream: of such a one only the head is read.
    pub async fn head_of(&self, request: RequestBuilder) -> Reply {
        let answer = request.send().await.expect("the service answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let kind = headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let text = if kind.starts_with("text/event-stream") {
            String::new()
        } else {
            answer.text().await.expect("a whole body")
        };
        let json = serde_json::from_str(&text).unwrap_or_default();
        Reply {
            status,
            headers,
            text,
            json,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// POST with a JSON body and an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: Value) -> Reply {
        self.send(
            self.request(Method::POST, path)
                .header("idempotency-key", key)
                .json(&body),
        )
        .await
    }

    /// PATCH with a JSON body under `If-Match`.
    pub async fn patch(&self, path: &str, etag: &str, body: Value) -> Reply {
        self.send(self.request(Method::PATCH, path).header("if-match", etag).json(&body))
            .await
    }

    /// DELETE under `If-Match`.
    pub async fn delete_if(&self, path: &str, etag: &str) -> Reply {
        self.send(self.request(Method::DELETE, path).header("if-match", etag))
            .await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }
}
