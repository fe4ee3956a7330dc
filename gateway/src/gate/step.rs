use std::rc::Rc;

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_http::uri::PathAndQuery;
use actix_http::{HttpMessage, Method, Request, Response};
use actix_web::{HttpResponse, ResponseError};
use auth::passport::Bearer;
use fault::{Error, Kind};

use super::Worker;
use super::relay::{close, gather, relay};
use crate::answer::Outbound;
use crate::body::Inbound;
use crate::conn::Conn;
use crate::headers::inwards;
use crate::limit::Outcome;
use crate::proxy::Ask;
use crate::routes::{self, GUESSABLE, Goal, Pace, Proof, Role, Rule};
use crate::settings::ms;
use crate::visit::Visit;
use crate::{pages, path};

/// A request being worked on.
pub struct Step<'a> {
    pub worker: &'a Rc<Worker>,
    pub request: &'a Request,
    pub conn: &'a Rc<Conn>,
}

impl Step<'_> {
    /// The answer, or why there is none.
    pub async fn answer(&self, visit: &mut Visit, payload: actix_http::Payload) -> Result<Response<Outbound>, Error> {
        let shared = &self.worker.shared;
        let (method, headers) = (self.request.method(), self.request.headers());
        within(visit, shared.limits.address(self.conn.address).await)?;
        if let Some(refusal) = self.misshapen() {
            return Ok(close(gather(refusal)));
        }
        let path = path::read(self.request.uri(), shared.settings.sizes.uri_bytes)?;
        let found = routes::find(&path);
        visit.rule = Some(found);
        if let Some(preflight) = shared.cors.preflight(method, headers) {
            return Ok(gather(preflight));
        }
        match found.goal {
            Goal::Nowhere => Err(Error::not_found("path")),
            Goal::Own(page) => Ok(gather(pages::answer(self.worker, page, &path, method, headers).await)),
            Goal::Service(Role::Portal) if method != Method::GET && method != Method::HEAD => {
                Ok(gather(pages::not_allowed("GET, HEAD")))
            }
            Goal::Service(role) => self.to_service(role, found, &path, visit, payload).await,
        }
    }

    /// What HTTP allows and nobody here has a use for.
    fn misshapen(&self) -> Option<HttpResponse> {
        let (headers, sizes) = (self.request.headers(), &self.worker.shared.settings.sizes);
        if matches!(*self.request.method(), Method::TRACE | Method::CONNECT) {
            return Some(pages::not_allowed("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        }
        // The parser takes all that follows such a request for its body.
        let socket = headers
            .get_all(header::UPGRADE)
            .any(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        if socket {
            return Some(Error::new(Kind::Malformed, "There are no WebSockets here.").error_response());
        }
        if self.request.uri().authority().is_some() {
            let detail = "Ask for a path, not for a whole address: this is no proxy.";
            return Some(Error::new(Kind::Malformed, detail).error_response());
        }
        let bytes: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if bytes > sizes.header_bytes || headers.len() > sizes.headers {
            let detail = format!(
                "A request may have {} headers of {} bytes.",
                sizes.headers, sizes.header_bytes
            );
            return Some(Error::new(Kind::HeadersTooLarge, detail).error_response());
        }
        None
    }

    async fn to_service(
        &self,
        role: Role,
        to: &Rule,
        path: &str,
        visit: &mut Visit,
        payload: actix_http::Payload,
    ) -> Result<Response<Outbound>, Error> {
        let Worker { shared, proxy } = &**self.worker;
        let (method, headers) = (self.request.method(), self.request.headers());
        let body = self.body(to, path, payload)?;
        if GUESSABLE.contains(&path) {
            within(visit, shared.limits.auth(self.conn.address).await)?;
        }

        let proof = if routes::is_open(method, path) {
            Proof::None
        } else {
            to.proof
        };
        let (bearer, shown) = shared
            .credentials
            .bearer(proof, headers, self.conn, visit, proxy)
            .await?;
        if let Some(tenant) = visit.tenant {
            within(visit, shared.limits.tenant(tenant).await)?;
        }

        let mut ask = self.ask(bearer, visit, body);
        if let Some(proof) = basic(headers).filter(|_| routes::CLIENTS_OWN.contains(&path)) {
            ask.headers.insert(header::AUTHORIZATION, proof);
        }
        let asked = proxy.ask(role, &ask);
        let reply = if to.pace == Pace::LongPoll {
            tokio::select! {
                reply = asked => reply,
                () = shared.shutdown.cancelled() => return Err(Error::unavailable("Shutting down; ask again.", 1)),
            }
        } else {
            asked.await
        };
        match reply {
            Ok(reply) => Ok(relay(self.worker, reply, to.pace, shown)),
            Err(failure) => {
                let answer = gather(failure.public(role).error_response());
                Ok(if ask.body.is_none() { answer } else { close(answer) })
            }
        }
    }

    fn body(&self, to: &Rule, path: &str, payload: actix_http::Payload) -> Result<Inbound, Error> {
        let (settings, headers) = (&self.worker.shared.settings, self.request.headers());
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Error::new(
                Kind::UnsupportedMediaType,
                "Send the body as it is, not compressed.",
            ));
        }
        let limit = match to.proof {
            Proof::Certificate => settings.sizes.hypervisor_body_bytes,
            _ if path.starts_with("/api/v1/auth/") || path.starts_with("/api/v1/oauth/") => {
                settings.sizes.auth_body_bytes
            }
            _ => settings.sizes.body_bytes,
        };
        Ok(Inbound::of(
            headers,
            payload,
            self.conn,
            limit,
            ms(settings.deadlines.body_ms),
        )?)
    }

    /// The request as the service gets it.
    fn ask(&self, bearer: Bearer, visit: &Visit, body: Inbound) -> Ask {
        let shared = &self.worker.shared;
        let mut headers = HeaderMap::new();
        inwards(self.request.headers(), &mut headers);
        let (name, passport) = shared.credentials.passport(bearer, Some(self.conn), visit.id);
        headers.insert(name, passport);
        for (name, text) in [
            ("x-request-id", visit.id.to_string()),
            ("traceparent", visit.trace.parent()),
        ] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        if let Some(state) = &visit.trace.state {
            headers.insert(HeaderName::from_static("tracestate"), state.clone());
        }
        let times = &shared.settings.deadlines;
        let path = self
            .request
            .uri()
            .path_and_query()
            .cloned()
            .unwrap_or(PathAndQuery::from_static("/"));
        // The service can answer only when it has the body.
        let deadline = ms(times.answer_ms + if body.is_none() { 0 } else { times.body_ms });
        Ask {
            method: self.request.method().clone(),
            path,
            headers,
            body,
            deadline,
        }
    }
}

/// The one `Authorization: Basic` of a request. Any other kind is the gateway's to judge, and goes no further.
fn basic(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values.next().filter(|_| values.next().is_none())?;
    let is_basic = value.as_bytes().get(..6)?.eq_ignore_ascii_case(b"basic ");
    is_basic.then(|| value.clone())
}

/// Takes note of a rate, and refuses when it is used up.
fn within(visit: &mut Visit, outcome: Outcome) -> Result<(), Error> {
    visit.noticed(outcome.room);
    outcome.refused.map_or(Ok(()), Err)
}
