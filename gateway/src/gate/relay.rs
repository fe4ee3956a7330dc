use std::rc::Rc;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::{ConnectionType, Response, StatusCode};
use actix_web::HttpResponse;
use auth::Credential;
use futures::{StreamExt, TryStreamExt};

use super::Worker;
use crate::answer::{BrokenOff, Outbound, Piped};
use crate::body::declared;
use crate::headers::outwards;
use crate::proxy::Reply;
use crate::routes::Pace;
use crate::settings::ms;

/// The answer as the client gets it.
pub fn relay(worker: &Rc<Worker>, reply: Reply, pace: Pace, shown: Vec<Credential>) -> Response<Outbound> {
    let Reply { response, slot } = reply;
    let shared = &worker.shared;
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
        until: stream_of_events.then(|| Box::pin(over(Rc::clone(worker), shown)) as _),
        alarm: None,
    };
    let size = match length {
        _ if bare => BodySize::None,
        Some(length) => BodySize::Sized(length),
        None => BodySize::Stream,
    };
    answer.set_body(Outbound::piped(piped, size))
}

/// When an event stream must end: at shutdown, or soon after one of its credentials.
async fn over(worker: Rc<Worker>, shown: Vec<Credential>) {
    let shared = &worker.shared;
    let watch = async {
        if shown.is_empty() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(ms(shared.settings.trust.session_ms.max(500))).await;
            for credential in &shown {
                if !shared.credentials.is_live(*credential, &worker.proxy).await {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = shared.shutdown.cancelled() => {}
        () = watch => {}
    }
}

/// Nothing that comes after on this connection can be trusted, or is worth waiting for.
pub fn close(mut answer: Response<Outbound>) -> Response<Outbound> {
    answer.head_mut().set_connection_type(ConnectionType::Close);
    answer
}

/// Our own answers are whole when they are made.
pub fn gather(answer: HttpResponse) -> Response<Outbound> {
    let answer: Response<BoxBody> = answer.into();
    answer.map_body(|_, body| Outbound::bytes(body.try_into_bytes().unwrap_or_default()))
}
