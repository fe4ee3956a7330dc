//! What happens to a request, in order: rate, shape, route, credential, service.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::body::{BodySize, BoxBody};
use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_http::uri::PathAndQuery;
use actix_http::{ConnectionType, HttpMessage, Method, Request, Response, StatusCode};
use actix_web::{HttpResponse, ResponseError};
use auth::passport::Bearer;
use bytes::Bytes;
use fault::{Error, Kind};
use futures::{StreamExt, TryStreamExt};
use ids::SessionId;
use tokio_util::sync::CancellationToken;

use crate::answer::{BrokenOff, Outbound, Piped};
use crate::body::{Inbound, declared};
use crate::conn::Conn;
use crate::cors::Cors;
use crate::credential::Credentials;
use crate::headers::{Manners, inwards, outwards};
use crate::limit::{Limits, Outcome};
use crate::pages::{self, OpenApi};
use crate::path;
use crate::proxy::{Ask, Proxy, Reply};
use crate::routes::{self, GUESSABLE, Goal, Pace, Proof, Role, Rule};
use crate::settings::{Settings, ms};
use crate::visit::{Record, Visit};

/// What all workers share.
pub struct Shared {
    pub settings: Settings,
    pub credentials: Credentials,
    pub limits: Limits,
    pub cors: Cors,
    pub openapi: OpenApi,
    pub hsts: HeaderValue,
    pub shutdown: CancellationToken,
}

/// One worker thread: the shared part and connections of its own.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub proxy: Proxy,
}

/// Answers one request.
pub async fn handle(worker: Rc<Worker>, mut request: Request) -> Result<Response<Outbound>, Infallible> {
    let Some(conn) = request.conn_data::<Rc<Conn>>().cloned() else {
        // Every connection carries one; without it nothing can be said about the client.
        return Ok(Response::new(StatusCode::INTERNAL_SERVER_ERROR).set_body(Outbound::bytes(Bytes::new())));
    };
    let Some(busy) = conn.begin() else {
        // Sent after a request whose answer closes the connection; it ends together with this.
        return std::future::pending().await;
    };
    let mut visit = Visit::begin(&request, conn.address, conn.secure);
    let id = visit.id;
    let payload = request.take_payload();
    let work = async {
        let step = Step {
            worker: &worker,
            request: &request,
            conn: &conn,
        };
        let answer = step.answer(&mut visit, payload).await;
        answer.unwrap_or_else(|error| gather(error.error_response()))
    };
    let mut answer = fault::request::scope(id, work).await;

    let headers = answer.headers_mut();
    worker.manners(&conn, visit.rule, request.headers()).apply(headers);
    worker
        .shared
        .cors
        .apply(worker.shared.cors.allowed(request.headers()).as_ref(), headers);
    visit.apply(headers);
    if worker.shared.shutdown.is_cancelled() {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    if answer.head().connection_type() == ConnectionType::Close {
        conn.close();
    }
    let record = Record::new(
        visit,
        request.method().clone(),
        request.path(),
        answer.status().as_u16(),
    );
    Ok(answer.map_body(|_, body| body.follow(record, busy)))
}

impl Worker {
    fn manners(&self, conn: &Conn, rule: Option<&Rule>, headers: &HeaderMap) -> Manners {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        // A browser would keep it for every port of this machine, and the plain one of a developer is one of them.
        let local = host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
        let hsts = if local {
            HeaderValue::from_static("max-age=0")
        } else {
            self.shared.hsts.clone()
        };
        Manners {
            hsts: conn.secure.then_some(hsts),
            portal: rule.is_some_and(|rule| rule.goal == Goal::Service(Role::Portal)),
        }
    }
}

/// A request being worked on.
struct Step<'a> {
    worker: &'a Rc<Worker>,
    request: &'a Request,
    conn: &'a Rc<Conn>,
}

impl Step<'_> {
    async fn answer(&self, visit: &mut Visit, payload: actix_http::Payload) -> Result<Response<Outbound>, Error> {
        let shared = &self.worker.shared;
        let (method, headers) = (self.request.method(), self.request.headers());
        within(visit, shared.limits.address(self.conn.address))?;
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
        let body = self.body(path, payload)?;
        if GUESSABLE.contains(&path) {
            within(visit, shared.limits.auth(self.conn.address))?;
        }

        let proof = if routes::is_open(method, path) {
            Proof::None
        } else {
            to.proof
        };
        let bearer = shared
            .credentials
            .bearer(proof, headers, self.conn, visit, proxy)
            .await?;
        if let Some(tenant) = visit.tenant {
            within(visit, shared.limits.tenant(tenant))?;
        }
        let session = match &bearer {
            Bearer::Caller(caller) => caller.session(),
            _ => None,
        };

        let ask = self.ask(bearer, visit, body);
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
            Ok(reply) => Ok(self.relay(reply, to.pace, session)),
            Err(failure) => {
                let answer = gather(failure.public(role).error_response());
                Ok(if ask.body.is_none() { answer } else { close(answer) })
            }
        }
    }

    fn body(&self, path: &str, payload: actix_http::Payload) -> Result<Inbound, Error> {
        let (settings, headers) = (&self.worker.shared.settings, self.request.headers());
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Error::new(
                Kind::UnsupportedMediaType,
                "Send the body as it is, not compressed.",
            ));
        }
        let auth = path.starts_with("/api/v1/auth/");
        let limit = if auth {
            settings.sizes.auth_body_bytes
        } else {
            settings.sizes.body_bytes
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

    /// The answer as the client gets it.
    fn relay(&self, reply: Reply, pace: Pace, session: Option<SessionId>) -> Response<Outbound> {
        let Reply { response, slot } = reply;
        let shared = &self.worker.shared;
        let status = response.status();
        let length = declared(response.headers());
        let bare = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let mut answer = Response::new(status);
        outwards(response.headers(), answer.headers_mut());
        let stream = response.map_err(|_| BrokenOff::Service).inspect(move |_| {
            // The place is given back when the body is over.
            let _ = &slot;
        });
        let stream_of_events = pace == Pace::Stream && status == StatusCode::OK;
        let piped = Piped {
            stream: stream.boxed_local(),
            patience: (!stream_of_events).then(|| ms(shared.settings.deadlines.answer_ms)),
            until: stream_of_events.then(|| Box::pin(over(Rc::clone(self.worker), session)) as _),
            alarm: None,
        };
        let size = match length {
            _ if bare => BodySize::None,
            Some(length) => BodySize::Sized(length),
            None => BodySize::Stream,
        };
        answer.set_body(Outbound::piped(piped, size))
    }
}

/// When an event stream must end: at shutdown, or soon after its session.
async fn over(worker: Rc<Worker>, session: Option<SessionId>) {
    let shared = &worker.shared;
    let watch = async {
        let Some(session) = session else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(ms(shared.settings.trust.session_ms.max(500))).await;
            if !shared.credentials.is_live(session, &worker.proxy).await {
                return;
            }
        }
    };
    tokio::select! {
        () = shared.shutdown.cancelled() => {}
        () = watch => {}
    }
}

/// Takes note of a rate, and refuses when it is used up.
fn within(visit: &mut Visit, outcome: Outcome) -> Result<(), Error> {
    visit.noticed(outcome.room);
    outcome.refused.map_or(Ok(()), Err)
}

/// Nothing that comes after on this connection can be trusted, or is worth waiting for.
fn close(mut answer: Response<Outbound>) -> Response<Outbound> {
    answer.head_mut().set_connection_type(ConnectionType::Close);
    answer
}

/// Our own answers are whole when they are made.
fn gather(answer: HttpResponse) -> Response<Outbound> {
    let answer: Response<BoxBody> = answer.into();
    answer.map_body(|_, body| {
        use actix_http::body::MessageBody;
        Outbound::bytes(body.try_into_bytes().unwrap_or_default())
    })
}
