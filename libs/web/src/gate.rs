//! The middleware around every route of a service: opens the passport, puts the request id around the handling, and
//! records refusals and what platform operators do in a tenant.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, ResponseError};
use auth::passport::{Bearer, HEADER, Key, Passport};
use clock::Clock;
use db::{AuditOutcome, Db, Exit};
use fault::Kind;

use crate::extract::Asked;
use crate::lent;

/// What the middleware needs.
pub(crate) struct Gate {
    pub key: Key,
    pub clock: Clock,
    pub db: Option<Db>,
}

/// Handles one request.
pub(crate) async fn pass(
    gate: Arc<Gate>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let passport = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| gate.key.open(value, gate.clock.now().timestamp()).ok());
    let health = matches!(request.path(), "/healthz" | "/readyz");
    let Some(passport) = passport else {
        if health {
            return next.call(request).await.map(ServiceResponse::map_into_left_body);
        }
        let refusal = fault::Error::unauthenticated("Requests reach this service through the gateway only.");
        return Ok(request.into_response(refusal.error_response()).map_into_right_body());
    };
    let id = passport.request;
    request.extensions_mut().insert(passport.clone());
    fault::request::scope(id, async move {
        if let Err(refusal) = lent::record(&gate, &passport, &request).await {
            return Ok(request.into_response(refusal.error_response()).map_into_right_body());
        }
        let response = next.call(request).await?;
        match refusal(&gate, &passport, &response).await {
            // The log could not take the refusal: nothing was changed, and nobody may probe unseen.
            Err(error) => Ok(response.into_response(error.error_response()).map_into_right_body()),
            Ok(()) => Ok(response.map_into_left_body()),
        }
    })
    .await
}

async fn refusal<B>(gate: &Gate, passport: &Passport, response: &ServiceResponse<B>) -> Result<(), fault::Error> {
    let (Some(db), Bearer::Caller(caller)) = (&gate.db, &passport.bearer) else {
        return Ok(());
    };
    let Some(error) = response.response().error().and_then(fault_of) else {
        return Ok(());
    };
    let request = response.request();
    let changing = !request.method().is_safe();
    let outcome = match error.0 {
        Kind::Forbidden
        | Kind::StepUpRequired
        | Kind::FactorEnrolmentRequired
        | Kind::PasswordExpired
        | Kind::NotFound => AuditOutcome::Denied,
        _ if changing => AuditOutcome::Failed,
        _ => return Ok(()),
    };
    // Without an action no handler was reached: there was nothing to be refused.
    let Some(Asked(action)) = request.extensions().get::<Asked>().copied() else {
        return Ok(());
    };
    if matches!(error.0, Kind::Unavailable | Kind::KeyUnavailable) {
        return Ok(());
    }
    let object: String = format!("path:{}", request.path()).chars().take(400).collect();
    db.refuse(caller, action.name, object, outcome, error.1).await
}

fn fault_of(error: &actix_web::Error) -> Option<(Kind, &'static str)> {
    let fault = error
        .as_error::<fault::Error>()
        .or_else(|| match error.as_error::<Exit>() {
            Some(Exit::Error(fault)) => Some(fault),
            _ => None,
        })?;
    Some((fault.kind(), fault.kind().row().code))
}
