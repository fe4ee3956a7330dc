//! Every path of audit: the only list. It feeds actix and the `OpenAPI` document.

use web::{Routes, scope};

use crate::api::{checkpoints, compliance, events, exports, heads, holds, keys, proofs, register, retention};

/// Puts the routes into a server.
pub fn mount(config: &mut Routes<'_>) {
    config.service(
        scope("/api/v1")
            .service(events::list::list_audit_events)
            .service(events::read::read_audit_event)
            .service(exports::read_audit_export)
            .service(checkpoints::list::list_audit_checkpoints)
            .service(checkpoints::read::read_audit_checkpoint)
            .service(proofs::inclusion::read_audit_inclusion_proof)
            .service(proofs::consistency::read_audit_consistency_proof)
            .service(heads::list::list_audit_heads)
            .service(heads::read::read_audit_head)
            .service(register::checkpoints::list_audit_register_checkpoints)
            .service(register::checkpoint::read_audit_register_checkpoint)
            .service(register::consistency::read_audit_register_consistency_proof)
            .service(register::leaves::list_audit_register_leaves)
            .service(keys::list_audit_keys)
            .service(retention::read::read_audit_retention)
            .service(retention::modify::modify_audit_retention)
            .service(holds::list::list_audit_holds)
            .service(holds::create::create_audit_hold)
            .service(holds::lift::lift_audit_hold)
            .service(compliance::read::read_audit_compliance)
            .service(compliance::pack::read_audit_evidence_pack)
            .service(compliance::register::read_processing_register)
            .service(compliance::breach::read_audit_breach_pack),
    );
}
