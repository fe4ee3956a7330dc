use auth::{AccessKind, Caller, PLATFORM, Principal};
use serde_json::Value;

use crate::{AuditEvent, AuditOutcome, Db, Reason};

impl Db {
    /// Writes that a platform operator is about to do something by an access: into the tenant's log, and for one that was
    /// opened in an emergency into the platform's in the same commit. Whoever asks goes on only if this succeeds.
    pub async fn record_use(
        &self,
        caller: &Caller,
        action: &str,
        object: String,
        about: Value,
    ) -> Result<(), fault::Error> {
        let Some(access) = caller.access() else { return Ok(()) };
        let written = async {
            if let Err(error) = self.keys(caller.tenant()).await {
                // The platform's seals it then.
                tracing::warn!(tenant = %caller.tenant(), %error, "no keys for what an operator does");
            }
            let mut tx = self.system(Reason::OperatorAccess).await?;
            let entry = AuditEvent::of(caller, tx.now(), action, object, AuditOutcome::Success, about);
            tx.record(caller.tenant(), &entry)?;
            if access.kind == AccessKind::BreakGlass {
                tx.record(PLATFORM, &at_home(caller, entry))?;
            }
            tx.commit().await?;
            Ok::<_, fault::Error>(())
        };
        written.await.map_err(|error| {
            let detail =
                "What operators do in a tenant must be in its log, and the log cannot be written at the moment.";
            fault::Error::unavailable(detail, 2).private(error)
        })
    }
}

/// The entry as the platform's own log has it: by a person of the platform, on that tenant.
fn at_home(caller: &Caller, mut entry: AuditEvent) -> AuditEvent {
    entry.id = ids::EventId::mint();
    if let Principal::Operator(user) = caller.principal() {
        entry.actor = Principal::User(*user).to_string();
    }
    if let Some(fields) = entry.changes.as_object_mut() {
        fields.insert("tenant_id".to_owned(), serde_json::json!(caller.tenant()));
    }
    entry
}
