use actix_web::get;
use actix_web::web::{Data, Json, Path};
use auth::action::audit;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Read, Refusals};

use super::{HeadView, place, signed};
use crate::api::checkpoints::{OfSize, latest};
use crate::state::Audit;

/// In which state of the register.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProveHead {
    /// The size of a checkpoint of the register, or `latest`.
    #[serde(default = "latest")]
    #[param(example = "latest", max_length = 20)]
    register: String,
}

/// Proves that a checkpoint of the tenant's log is in the register of all logs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeadProof {
    /// The head.
    pub head: HeadView,
    /// What the log's leaves are recognised by, 32 bytes in base64. Who knows it sees how often the log was signed for.
    pub blind: String,
    /// The place of the leaf that fixes the blind.
    #[schema(example = 17)]
    pub begun: i64,
    /// When it was registered: from then on the log can stand in the register.
    pub begun_at: DateTime<Utc>,
    /// The hashes from that leaf to the root, in base64.
    pub begun_hashes: Vec<String>,
    /// The hashes from the head's leaf to the root, in base64.
    pub hashes: Vec<String>,
    /// The signed note of the register's checkpoint whose root they lead to, with its cosignatures.
    pub checkpoint: String,
}

/// Proves that a head is in the register.
#[utoipa::path(
    operation_id = "read_audit_head",
    tag = "audit",
    description = "The checkpoint of this size in the register of all logs, with the hashes that prove it (RFC 9162, 2.1.3). 404 \
                   where it is not registered, or not in that state of the register. Needs `audit.read`.",
    params(
        ("size" = String, Path, description = "How many entries it covers, or `latest`", example = "latest"),
        ProveHead,
    ),
    responses((status = 200, description = "The proof", body = HeadProof), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/heads/{size}")]
pub async fn read_audit_head(
    ask: Read<audit::Read, ProveHead>,
    path: Path<OfSize>,
    audit: Data<Audit>,
) -> Result<Json<HeadProof>, fault::Error> {
    let absent = || fault::Error::not_found("head");
    let size = path.parse().map_err(|_| absent())?;
    let of = crate::api::checkpoints::size(&ask.query.register);
    let of = of.map_err(|rule| fault::Error::invalid("?register", rule))?;
    let register = signed(&audit, of).await?.ok_or_else(absent)?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let placed = place(&audit, (&mut tx, &tenant), size, register).await?;
    let placed = placed.ok_or_else(absent)?;
    let texts = |hashes: &[tlog::Hash]| hashes.iter().map(ToString::to_string).collect();
    Ok(Json(HeadProof {
        blind: tlog::Hash::from(placed.begun.blind).to_string(),
        begun: placed.begun.index,
        begun_at: placed.begun.from_time,
        begun_hashes: texts(&placed.begun_proof),
        hashes: texts(&placed.proof),
        checkpoint: placed.signed.whole(),
        head: HeadView::from(placed.head),
    }))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;
    use serde_json::Value;
    use testkit::{Client, eventually};
    use tlog::register::{Head, Leaf, Watch};
    use tlog::{Checkpoint, Hash, Note, verify_consistency, verify_inclusion};

    use crate::testing::{column, start_paced};

    const HEADS: &str = "/api/v1/audit/heads";
    const REGISTER: &str = "/api/v1/audit/register";

    fn hash(value: &Value) -> Hash {
        value.as_str().unwrap().parse().unwrap()
    }

    fn hashes(value: &Value) -> Vec<Hash> {
        value.as_array().unwrap().iter().map(hash).collect()
    }

    fn said(note: &Value, key: &tlog::PublicKey) -> Checkpoint {
        let note = Note::parse(note.as_str().unwrap(), tlog::note::Limits::default()).unwrap();
        note.verify(key).unwrap();
        note.text.parse().unwrap()
    }

    async fn head(owner: &Client) -> Value {
        eventually("a head in the register", async || {
            let found = owner.get(&format!("{HEADS}?limit=5")).await.expect(200);
            let items = found.json["items"].as_array().unwrap().clone();
            items.into_iter().next()
        })
        .await
    }

    fn head_of(shown: &Value) -> Head {
        let time: chrono::DateTime<chrono::Utc> = shown["created_at"].as_str().unwrap().parse().unwrap();
        Head {
            time: time.timestamp().unsigned_abs(),
            size: shown["size"].as_u64().unwrap(),
            root: hash(&shown["root"]),
        }
    }

    #[tokio::test]
    async fn t26_a_head_is_proven_and_whoever_looks_through_the_register_finds_no_other() {
        let test = start_paced(1, 0).await;
        let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        for tenant in [&acme, &other] {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
        }
        let owner = test.owner(&acme);
        let shown = head(&owner).await;
        head(&test.owner(&other)).await;
        let size = shown["size"].as_i64().unwrap();
        let proof = owner.get(&format!("{HEADS}/{size}")).await.expect(200).json;
        assert_eq!(proof["head"], shown);
        let signed = said(&proof["checkpoint"], &test.log_key);
        assert_eq!(signed.origin, "test/audit/register");
        let (id, blind) = (acme.id.as_uuid().into_bytes(), *hash(&proof["blind"]).as_bytes());
        let is_in = |leaf: Leaf, index: &Value, path: &Value| {
            verify_inclusion(
                leaf.hash(),
                index.as_u64().unwrap(),
                signed.size,
                &hashes(path),
                signed.root,
            )
            .unwrap();
        };
        let said_head = head_of(&shown);
        is_in(
            Leaf::of_head(&id, &blind, &said_head),
            &shown["index"],
            &proof["hashes"],
        );
        is_in(Leaf::of_tenant(&id, &blind), &proof["begun"], &proof["begun_hashes"]);

        // The whole register, page by page.
        let newest = owner
            .get(&format!("{REGISTER}/checkpoints/latest"))
            .await
            .expect(200)
            .json;
        let signed = said(&newest["note"], &test.log_key);
        let mut watch = Watch::new(id, blind, (said_head.time, said_head.time + 600));
        let mut path = format!("{REGISTER}/leaves?limit=2&size={}", signed.size);
        loop {
            let page = owner.get(&path).await.expect(200);
            assert!(!page.text.contains(&other.id.to_string()), "{}", page.text);
            for (label, value) in column(&page, "label").into_iter().zip(column(&page, "value")) {
                let (label, value) = (hash(label), hash(value));
                watch.push(Leaf { label, value });
            }
            let Some(token) = page.json["next_page"].as_str() else {
                break;
            };
            path = format!("{REGISTER}/leaves?limit=2&size={}&page_token={token}", signed.size);
        }
        let all = owner.get(HEADS).await.expect(200);
        let before = |head: &&Value| head["index"].as_u64().unwrap() < signed.size;
        let told: Vec<Head> = all.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(before)
            .map(head_of)
            .collect();
        watch.finish(&signed, &told).unwrap();
    }

    #[tokio::test]
    async fn the_register_is_shown_to_only_grow() {
        let test = start_paced(1, 0).await;
        for name in ["one", "two"] {
            let tenant = test.bench.tenant(name).await;
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
            head(&test.owner(&tenant)).await;
        }
        let third = test.bench.tenant("three").await;
        let owner = test.owner(&third);
        let listed = owner.get(&format!("{REGISTER}/checkpoints?limit=2")).await.expect(200);
        let [new, old] = [0, 1].map(|at| said(&listed.json["items"][at]["note"], &test.log_key));
        let path = format!("{REGISTER}/consistency?from={}&to={}", old.size, new.size);
        let proof = owner.get(&path).await.expect(200).json;
        verify_consistency(old.size, new.size, &hashes(&proof["hashes"]), old.root, new.root).unwrap();
        let named = owner
            .get(&format!("{REGISTER}/checkpoints/{}", old.size))
            .await
            .expect(200);
        assert_eq!(named.json, listed.json["items"][1]);
        for absent in [
            "consistency?from=1000000",
            "consistency?from=1&to=1000000",
            "checkpoints/1000000",
        ] {
            owner.get(&format!("{REGISTER}/{absent}")).await.expect(404);
        }
        owner
            .get(&format!("{REGISTER}/consistency?from=1&to=x"))
            .await
            .expect(400);
    }

    #[tokio::test]
    async fn t01_anothers_head_reads_like_none() {
        let test = start_paced(1, 0).await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        let head = head(&test.owner(&theirs)).await;
        let owner = test.owner(&mine);
        let foreign = owner.get(&format!("{HEADS}/{}", head["size"])).await.expect(404);
        let absent = owner.get(&format!("{HEADS}/777")).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        for path in [
            "heads",
            "heads/1",
            "register/checkpoints",
            "register/checkpoints/1",
            "register/leaves?size=9",
        ] {
            viewer.get(&format!("/api/v1/audit/{path}")).await.expect(403);
        }
        viewer.get(&format!("{REGISTER}/consistency?from=1")).await.expect(403);
    }
}
