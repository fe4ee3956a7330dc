use std::net::TcpListener;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Bytes, Data, Payload};
use actix_web::{App, HttpResponse, HttpServer};
use tokio_util::sync::CancellationToken;

use crate::judge::{Refusal, Witness};
use crate::ledger::Error;
use crate::request::MAX_BODY;

/// A body that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// More do not get in at the same time.
const CONNECTIONS: usize = 512;

/// Answers until `shutdown`; requests in flight end first.
pub async fn serve(witness: Data<Witness>, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(witness.clone())
            .route("/add-checkpoint", web::post().to(add))
            .route("/key", web::get().to(key))
            .route("/healthz", web::get().to(|| async { "ok\n" }))
    })
    .workers(1)
    .max_connections(CONNECTIONS)
    .disable_signals()
    .shutdown_timeout(PATIENCE.as_secs())
    .listen(listener)?
    .run();
    let handle = server.handle();
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => ended,
        () = shutdown.cancelled() => {
            let ((), ended) = tokio::join!(handle.stop(true), server);
            ended
        }
    }
}

/// Its public key, for those who are to verify.
async fn key(witness: Data<Witness>) -> String {
    format!("{}\n", witness.public())
}

async fn add(witness: Data<Witness>, body: Payload) -> HttpResponse {
    let body = match tokio::time::timeout(PATIENCE, body.to_bytes_limited(MAX_BODY)).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(_)) | Err(_)) => return HttpResponse::PayloadTooLarge().body("the body is too long\n"),
        Err(_) => return HttpResponse::RequestTimeout().body("the body takes too long\n"),
    };
    // The disk is waited for on a thread that may.
    match web::block(move || cosign(&witness, &body)).await {
        Ok(Ok(line)) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
            .body(line),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

fn cosign(witness: &Witness, body: &Bytes) -> Result<String, Refusal> {
    let body = std::str::from_utf8(body).map_err(|_| Refusal::Malformed("the body is not UTF-8"))?;
    witness.add(body)
}

fn refused(refusal: &Refusal) -> HttpResponse {
    let status = match refusal {
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::Unknown => StatusCode::NOT_FOUND,
        Refusal::Unsigned => StatusCode::FORBIDDEN,
        Refusal::Conflict(size) => {
            return HttpResponse::Conflict()
                .insert_header((CONTENT_TYPE, "text/x.tlog.size"))
                .body(format!("{size}\n"));
        }
        Refusal::Proof => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Ledger(Error::Full) => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::Ledger(error) => {
            tracing::error!(%error, "a checkpoint cannot be kept, and is not cosigned");
            return HttpResponse::InternalServerError().finish();
        }
    };
    HttpResponse::build(status).body(format!("{refusal}\n"))
}
