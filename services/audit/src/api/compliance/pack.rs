use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use auth::action::audit;
use fault::Kind;
use serde::Serialize;
use serde_json::json;
use tlog::evidence::{FORMAT, Pack};
use tlog::note::Limits;
use tlog::{Checkpoint, Note};
use utoipa::ToSchema;
use web::{Read, Refusals};

use super::{known, view};
use crate::state::Audit;

/// What can be shown of standards, signed with the key of the log: `yunshu audit verify-pack` checks it offline.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidencePack {
    /// What it is.
    #[schema(example = "yunshu-evidence/1")]
    pub format: String,
    /// The evidence as a signed note (C2SP signed-note): one line of JSON per control.
    pub evidence: String,
    /// The newest checkpoint of the log then, with its cosignatures.
    pub checkpoint: String,
}

impl From<Pack> for EvidencePack {
    fn from(pack: Pack) -> Self {
        Self {
            format: pack.format,
            evidence: pack.evidence,
            checkpoint: pack.checkpoint,
        }
    }
}

/// Gives what can be shown of standards to take along.
#[utoipa::path(
    operation_id = "read_audit_evidence_pack",
    tag = "audit",
    description = "What `GET /audit/compliance` shows, as a file that is signed with the key that signs the log, and bound to its \
                   newest checkpoint. The signature proves who said it, and on which state of the log. 409 as long as nothing \
                   of the log is signed. Each is itself recorded. Needs `audit.read`.",
    responses((status = 200, description = "The file", body = EvidencePack), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/compliance/pack")]
pub async fn read_audit_evidence_pack(
    ask: Read<audit::Read>,
    audit: Data<Audit>,
) -> Result<HttpResponse, fault::Error> {
    let caller = ask.caller();
    let log = format!("tenant:{}", caller.tenant());
    audit
        .db
        .record::<audit::Read>(caller, log, json!({"export": "evidence"}))
        .await?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;
    let known = known(&audit, &mut tx, &tenant).await?;
    drop(tx);

    let signed = known.newest.first().ok_or_else(|| {
        let detail = "Nothing of the log is signed yet; the first checkpoint follows the first entry within seconds.";
        fault::Error::new(Kind::Conflict, detail)
    })?;
    let note = Note::parse(&signed.note, Limits::default()).map_err(fault::Error::internal)?;
    let checkpoint: Checkpoint = note.text.parse().map_err(fault::Error::internal)?;
    let controls = view(&known).controls.into_iter().map(serde_json::to_value);
    let controls: Vec<_> = controls.collect::<Result<_, _>>().map_err(fault::Error::internal)?;
    let text = tlog::evidence::text(&checkpoint, known.now.timestamp().unsigned_abs(), &controls);
    let pack = Pack {
        format: FORMAT.to_owned(),
        evidence: audit.log.attest(&text),
        checkpoint: signed.whole(),
    };
    let name = "attachment; filename=\"audit.evidence.json\"";
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_DISPOSITION, name))
        .json(EvidencePack::from(pack)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;
    use tlog::evidence::{Pack, verify};

    use crate::testing::start_paced;

    const PATH: &str = "/api/v1/audit/compliance/pack";

    #[tokio::test]
    async fn the_file_verifies_offline_and_is_about_the_newest_checkpoint() {
        let test = start_paced(1_000, 0).await;
        let tenant = test.bench.tenant("acme").await;
        let empty = test.bench.tenant("empty").await;
        test.owner(&empty).get(PATH).await.expect(409);
        test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
        test.signed(&tenant, 1).await;
        let file = test.owner(&tenant).get(PATH).await.expect(200);
        assert!(file.header("content-disposition").contains("audit.evidence.json"));
        let pack: Pack = serde_json::from_str(&file.text).unwrap();
        let read = verify(&pack, std::slice::from_ref(&test.log_key), &[], 0).unwrap();
        assert!(read.size >= 1 && read.origin.ends_with(&tenant.id.to_string()));
        assert_eq!(read.controls.len(), crate::compliance::CONTROLS.len());
        let entries = test.bench.audit(tenant.id).await;
        assert!(
            entries.contains(&("audit.read".to_owned(), "success".to_owned())),
            "{entries:?}"
        );
        let changed = Pack {
            evidence: pack.evidence.replacen("not_assessed", "met", 1),
            ..pack
        };
        assert!(
            verify(&changed, std::slice::from_ref(&test.log_key), &[], 0).is_err(),
            "t25"
        );
    }
}
