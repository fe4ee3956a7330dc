//! Platform operators in a tenant's content: every call is in the log, or is not made.
//!
//! Here, because here every request of every service comes by with its passport open, whatever is asked and whether it reads
//! or changes: an endpoint cannot forget it, and need not know. The gateway would be the other such place, yet it writes
//! nothing; the extractors see only what has a policy and a handler. The entry is written before the handler runs, so what
//! cannot be recorded does not happen. A change leaves its own entry besides, marked like this one.

use actix_web::dev::ServiceRequest;
use auth::access::NOT_IN_FORCE;
use auth::action::{Action, tenant_access};
use auth::passport::{Bearer, Passport};
use db::AuditOutcome;
use fault::Kind;
use serde_json::json;

use crate::gate::Gate;

/// Longer queries are cut.
const QUERY_CHARACTERS: usize = 400;

/// Records a call by an operator's access; refuses, and records that, where the access is not in force.
pub(crate) async fn record(gate: &Gate, passport: &Passport, request: &ServiceRequest) -> Result<(), fault::Error> {
    let (caller, barred) = match &passport.bearer {
        Bearer::Barred(caller) => (caller, true),
        Bearer::Caller(caller) if caller.access().is_some() => (caller, false),
        _ => return Ok(()),
    };
    let Some(db) = &gate.db else {
        let detail = "Nothing of a tenant's is reached here by an operator's access.";
        return Err(fault::Error::new(Kind::Forbidden, detail));
    };
    let action = tenant_access::Use::INFO.name;
    let object: String = format!("path:{}", request.path()).chars().take(400).collect();
    if barred {
        let refusal = fault::Error::new(Kind::Forbidden, NOT_IN_FORCE);
        let code = refusal.kind().row().code;
        db.refuse(caller, action, object, AuditOutcome::Denied, code).await?;
        return Err(refusal);
    }
    let query: String = request.query_string().chars().take(QUERY_CHARACTERS).collect();
    let about = json!({"method": request.method().as_str(), "query": query});
    db.record_use(caller, action, object, about).await
}
