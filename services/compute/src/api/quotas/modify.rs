use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::quota;
use db::{Changed, Outcome, Status};
use fault::FieldError;
use ids::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use super::TenantQuotaView;
use super::read::QuotaPath;
use crate::quota::Limits;
use crate::state::Compute;
use crate::store;

/// What to change of a tenant's limits; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyQuota {
    /// Machines.
    #[schema(example = 20, minimum = 0)]
    pub vms: Option<i32>,
    /// Virtual processors.
    #[schema(example = 40, minimum = 0)]
    pub vcpus: Option<i32>,
    /// Memory in MiB.
    #[schema(example = 81920, minimum = 0)]
    pub memory_mib: Option<i64>,
    /// Disk in GiB.
    #[schema(example = 500, minimum = 0)]
    pub disk_gib: Option<i64>,
}

impl ModifyQuota {
    fn check(&self) -> Result<(), fault::Error> {
        let fields = [
            ("/vms", self.vms.map(i64::from)),
            ("/vcpus", self.vcpus.map(i64::from)),
            ("/memory_mib", self.memory_mib),
            ("/disk_gib", self.disk_gib),
        ];
        let negative = fields
            .into_iter()
            .filter(|(_, limit)| limit.is_some_and(|limit| limit < 0));
        let wrong: Vec<_> = negative
            .map(|(at, _)| FieldError::new(at, "must not be negative"))
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(fault::Error::invalid_fields(wrong))
        }
    }

    fn over(&self, limits: Limits) -> Limits {
        Limits {
            vms: self.vms.unwrap_or(limits.vms),
            vcpus: self.vcpus.unwrap_or(limits.vcpus),
            memory_mib: self.memory_mib.unwrap_or(limits.memory_mib),
            disk_gib: self.disk_gib.unwrap_or(limits.disk_gib),
        }
    }
}

/// Changes any tenant's limits.
#[utoipa::path(
    operation_id = "modify_tenant_quota",
    tag = "quotas",
    description = "Sets limits of a tenant. Limits below what is used take nothing away: nothing more is given. Send the \
                   `ETag` last read as `If-Match`. For platform operators: needs `quota.modify`.",
    params(
        ("tenant" = TenantId, Path, description = "The tenant's id"),
        DryRun,
        ("If-Match" = String, Header, description = "The ETag last read; it changes with what is used, too"),
    ),
    request_body(content = ModifyQuota, description = "What to change"),
    responses((status = 200, description = "The quota as it is now", body = TenantQuotaView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/system/quotas/{tenant}")]
pub async fn modify_tenant_quota(
    ask: Change<quota::Modify, ModifyQuota>,
    path: Path<QuotaPath>,
    compute: Data<Compute>,
) -> Outcome<TenantQuotaView> {
    ask.body.check()?;
    let tenant = path.tenant()?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let quota = store::quotas::hold_any(&mut tx, &platform, tenant, &compute.settings.quota).await?;
    let before = TenantQuotaView::of(tenant, &quota);
    tx.must_match(&before)?;

    let limits = ask.body.over(quota.limits);
    let after = store::quotas::set_limits(&mut tx, &platform, tenant, &limits).await?;

    tx.finish(Status::Ok, Changed(before, TenantQuotaView::of(tenant, &after)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::TenantId;
    use serde_json::json;

    use crate::api::vms::testing::{VMS, small, stocked};

    #[tokio::test]
    async fn an_operator_sets_limits_and_the_tenant_sees_them() {
        let world = stocked().await;
        let path = format!("/api/v1/system/quotas/{}", world.tenant.id);
        let read = world.operator.get(&path).await.expect(200);
        assert_eq!(
            (&read.json["generation"], &read.json["limits"]["vms"]),
            (&json!(0), &json!(20)),
            "the defaults"
        );
        let dry = world
            .operator
            .patch(&format!("{path}?dry_run=true"), "*", json!({"vms": 3}))
            .await
            .expect(200);
        assert_eq!(dry.json["limits"]["vms"], 3);
        assert_eq!(world.operator.get(&path).await.json["limits"]["vms"], 20);

        world.owner.post(VMS, small("a")).await.expect(202);
        let set = world.operator.patch(&path, "*", json!({"vms": 3})).await.expect(200);
        assert_eq!(
            (&set.json["limits"]["vms"], &set.json["limits"]["vcpus"]),
            (&json!(3), &json!(40))
        );
        let own = world.owner.get("/api/v1/quotas").await.expect(200);
        assert_eq!(own.json["items"][0], json!({"resource": "vms", "limit": 3, "used": 1}));
        world.operator.patch(&path, "*", json!({"vcpus": -1})).await.expect(400);
        world
            .operator
            .patch(&format!("/api/v1/system/quotas/{}", TenantId::mint()), "*", json!({}))
            .await
            .expect(404);
    }

    #[tokio::test]
    async fn of_many_who_read_one_state_one_changes_it() {
        let world = stocked().await;
        let path = format!("/api/v1/system/quotas/{}", world.tenant.id);
        let etag = world.operator.get(&path).await.expect(200).header("etag").to_owned();
        let changes = (1..=8).map(|n| world.operator.patch(&path, &etag, json!({"vms": n})));
        let replies = futures::future::join_all(changes).await;
        let count = |status| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(412)), (1, 7), "{replies:?}");
        let unguarded = world
            .operator
            .request(reqwest::Method::PATCH, &path)
            .json(&json!({"vms": 1}));
        world.operator.send(unguarded).await.expect(428);
    }

    #[tokio::test]
    async fn t18_no_tenant_role_reaches_it() {
        let world = stocked().await;
        let path = format!("/api/v1/system/quotas/{}", world.tenant.id);
        for role in [Role::Owner, Role::Admin, Role::Auditor] {
            let caller = world.test.client.caller(&world.tenant.caller(role));
            caller.get(&path).await.expect(403);
            caller.patch(&path, "*", json!({"vms": 1000})).await.expect(403);
        }
    }

    #[tokio::test]
    async fn the_entry_stands_in_the_operators_log() {
        let world = stocked().await;
        let path = format!("/api/v1/system/quotas/{}", world.tenant.id);
        world.operator.patch(&path, "*", json!({"vms": 3})).await.expect(200);
        assert!(world.test.audit(&world.tenant).await.is_empty());
    }
}
