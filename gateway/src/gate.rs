//! What happens to a request, in order: rate, shape, route, credential, service.

mod relay;
mod step;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use actix_http::header::{self, HeaderMap, HeaderValue};
use actix_http::{ConnectionType, HttpMessage, Request, Response, StatusCode};
use actix_web::ResponseError;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::answer::Outbound;
use crate::conn::Conn;
use crate::cors::Cors;
use crate::credential::Credentials;
use crate::headers::Manners;
use crate::limit::Limits;
use crate::pages::OpenApi;
use crate::proxy::Proxy;
use crate::routes::{Goal, Role, Rule};
use crate::settings::Settings;
use crate::visit::Record;
use relay::gather;
use step::Step;

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
    let mut record = Record::begin(&request, conn.address, conn.secure);
    let id = record.visit.id;
    let payload = request.take_payload();
    let work = async {
        let step = Step {
            worker: &worker,
            request: &request,
            conn: &conn,
        };
        let answer = step.answer(&mut record.visit, payload).await;
        answer.unwrap_or_else(|error| gather(error.error_response()))
    };
    let mut answer = fault::request::scope(id, work).await;

    let headers = answer.headers_mut();
    worker
        .manners(&conn, record.visit.rule, request.headers())
        .apply(headers);
    worker
        .shared
        .cors
        .apply(worker.shared.cors.allowed(request.headers()).as_ref(), headers);
    record.visit.apply(headers);
    if worker.shared.shutdown.is_cancelled() {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    if answer.head().connection_type() == ConnectionType::Close {
        conn.close();
    }
    record.answered(answer.status().as_u16());
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
