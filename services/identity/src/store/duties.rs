//! Duties that are apart: `identity.tenants.duties_apart`, which bindings follow by foreign key.

use auth::action::policy;
use auth::{Action, Duty};
use crypto::{KeyError, TenantKeys};
use db::{Change, Granted, Read, Result};
use ids::{BindingId, GroupId, ServiceAccountId, UserId};

use crate::binding::Subject;
use crate::duty::Held;
use crate::policy::Policy;
use crate::store::sealed::USER_NAME;

/// As many bindings as are told of at once; more come to light once these are gone.
const MOST: i64 = 200;

/// Are they apart in the caller's tenant?
pub async fn are_apart<A: Action>(tx: &mut Read<A>) -> Result<bool> {
    let tenant = tx.tenant_id();
    let apart = sqlx::query_scalar("select duties_apart from identity.tenants where tenant_id = $1")
        .bind(tenant)
        .fetch_one(tx.sql())
        .await?;
    Ok(apart)
}

/// Keeps them apart from now on, or no longer. It waits for bindings under way, and those that come later wait for it;
/// the constraints refuse it where somebody stands in the way.
pub async fn set_apart(
    tx: &mut Change<policy::Modify>,
    policy: &Granted<Policy, policy::Modify>,
    apart: bool,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update identity.tenants set duties_apart = $2, updated_at = $3 where tenant_id = $1 and duties_apart <> $2",
    )
    .bind(policy.tenant)
    .bind(apart)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    user_id: Option<UserId>,
    group_id: Option<GroupId>,
    account_id: Option<ServiceAccountId>,
    name: Option<String>,
    name_sealed: Option<Vec<u8>>,
    binding_id: BindingId,
    role: String,
    duty: String,
}

impl HeldRow {
    fn open(self, keys: Result<&TenantKeys, KeyError>) -> Result<Option<Held>, KeyError> {
        let of_person = |user: UserId| USER_NAME.open(keys?, user.as_uuid(), self.name_sealed.as_deref());
        let person = self.user_id.map(of_person).transpose()?;
        let subject = self.user_id.map(Subject::User);
        let subject = subject.or_else(|| self.group_id.map(Subject::Group));
        let subject = subject.or_else(|| self.account_id.map(Subject::ServiceAccount));
        Ok(subject.map(|subject| Held {
            subject,
            name: person.or(self.name).unwrap_or_default(),
            binding: self.binding_id,
            role: self.role,
            duty: self.duty,
        }))
    }
}

/// The bindings of whoever combines duties or holds one through a group, in the order of their subjects.
pub async fn mixed<A: Action>(tx: &mut Read<A>) -> Result<Vec<Held>> {
    let tenant = tx.tenant_id();
    let rows: Vec<HeldRow> = sqlx::query_as(
        "select b.user_id, b.group_id, b.account_id, b.binding_id, b.duty, coalesce(b.role, r.name) as role,
                coalesce(g.name, a.name) as name, u.name_sealed
         from identity.role_bindings b
         left join identity.roles r using (tenant_id, role_id)
         left join identity.users u on u.tenant_id = b.tenant_id and u.user_id = b.user_id
         left join identity.groups g on g.tenant_id = b.tenant_id and g.group_id = b.group_id
         left join identity.service_accounts a on a.tenant_id = b.tenant_id and a.account_id = b.account_id
         where b.tenant_id = $1 and b.duty <> 'none' and b.subject_id in (
             select x.subject_id from identity.role_bindings x where x.tenant_id = $1 and x.duty <> 'none'
             group by x.subject_id
             having count(distinct x.duty) > 1 or bool_or(x.duty = 'several' or x.group_id is not null))
         order by b.subject_id, b.binding_id limit $2",
    )
    .bind(tenant)
    .bind(MOST)
    .fetch_all(tx.sql())
    .await?;
    let opened = rows.into_iter().filter_map(|row| row.open(tx.keys()).transpose());
    Ok(opened.collect::<Result<_, KeyError>>()?)
}

/// The duties whose role nobody carries who may sign in, on the whole tenant and without conditions.
pub async fn lacking<A: Action>(tx: &mut Read<A>) -> Result<Vec<Duty>> {
    let tenant = tx.tenant_id();
    let roles = Duty::ALL.map(|duty| duty.administrator().name());
    let carried: Vec<String> = sqlx::query_scalar(
        "select distinct b.role from identity.role_bindings b join identity.users u using (tenant_id, user_id)
         where b.tenant_id = $1 and b.role = any($2) and b.project_id is null and b.until is null
           and b.networks = '{}' and b.factor_minutes is null and u.enabled",
    )
    .bind(tenant)
    .bind(roles)
    .fetch_all(tx.sql())
    .await?;
    let lacks = |duty: &Duty| !carried.iter().any(|role| role == duty.administrator().name());
    Ok(Duty::ALL.into_iter().filter(lacks).collect())
}

#[cfg(test)]
mod tests {
    use auth::action::role_binding;
    use auth::{Caller, Condition, Role};
    use db::{Answer, Ask, Changed, Created, Db, Exit, Status};
    use ids::TenantId;
    use testkit::{ROUNDS, RUNNERS, TestTenant, race};

    use super::*;
    use crate::api::policies::duties::DutiesPolicyView;
    use crate::api::role_bindings::RoleBindingView;
    use crate::binding::RoleBinding;
    use crate::store;
    use crate::store::role_bindings::Bound;
    use crate::testing::{Test, start};

    /// Binds a role to somebody, past what the endpoint asks before.
    async fn bind(
        mut tx: Change<role_binding::Create>,
        user: UserId,
        role: Role,
    ) -> Result<Answer<RoleBindingView>, Exit> {
        let tenant = tx.tenant()?;
        let subject = Subject::User(user);
        assert!(store::role_bindings::has_subject(&mut tx, subject).await?);
        let there = (None, &Condition::NONE);
        let made = store::role_bindings::insert(&mut tx, &tenant, subject, Bound::BuiltIn(role), there).await;
        let (id, created_at) = made.map_err(|error| crate::duty::told(&error).unwrap_or_else(|| error.into()))?;
        let bound = RoleBinding {
            tenant: tenant.id,
            id,
            subject,
            role: None,
            binding: auth::Binding::role(role, None),
            created_at,
        };
        tx.finish(Status::Created, Created(RoleBindingView::from(&bound))).await
    }

    async fn begin<A: Action>(db: &Db, caller: &Caller) -> Change<A> {
        db.change::<A>(Ask::plain(caller.clone())).await.ok().unwrap()
    }

    async fn duties_of(test: &Test, tenant: TenantId, user: UserId) -> Vec<String> {
        sqlx::query_scalar(
            "select distinct duty from identity.role_bindings where tenant_id = $1 and user_id = $2 and duty <> 'none'",
        )
        .bind(tenant)
        .bind(user)
        .fetch_all(&mut test.bench.superuser().await)
        .await
        .unwrap()
    }

    async fn keep_apart(test: &Test, tenant: &TestTenant) {
        test.bench
            .alter(
                "update identity.tenants set duties_apart = true where tenant_id = $1",
                tenant.id,
            )
            .await;
    }

    /// Without the exclusion constraint two of them win.
    #[tokio::test]
    async fn t18_of_fifty_who_bind_different_duties_to_one_person_those_of_one_win_a_thousand_times() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        keep_apart(&test, &tenant).await;
        let (db, caller) = (test.bench.crowd("identity"), tenant.caller(Role::Owner));
        let roles = [Role::Operator, Role::Auditor, Role::SecurityAdministrator];
        for round in 0..ROUNDS {
            let user = test
                .newcomer(&tenant, UserId::mint(), &format!("{round}@acme.example"))
                .await;
            let next = std::sync::atomic::AtomicUsize::new(0);
            let bound = race(
                async || {
                    let nth = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    (begin(&db, &caller).await, roles[nth % roles.len()])
                },
                async |(tx, role)| bind(tx, user, role).await.is_ok(),
            );
            let winners = bound.await.into_iter().filter(|bound| *bound).count();
            assert_eq!(winners, 1, "round {round}");
            assert_eq!(duties_of(&test, tenant.id, user).await.len(), 1, "round {round}");
        }
    }

    enum Runner {
        Binds(Change<role_binding::Create>),
        PutsApart(
            Change<policy::Modify>,
            Granted<Policy, policy::Modify>,
            Box<DutiesPolicyView>,
        ),
    }

    /// Without the foreign key to the tenant a binding that was under way stays behind.
    #[tokio::test]
    async fn t18_duties_are_put_apart_or_a_second_is_bound_and_never_both() {
        let test = start().await;
        let db = test.bench.crowd("identity");
        let (mut put_apart, mut bound_first) = (0, 0);
        for round in 0..ROUNDS / 10 {
            let tenant = test.bench.tenant(&format!("acme-{round}")).await;
            let ada = test.person(&tenant, "ada", Role::Operator).await;
            let caller = tenant.caller(Role::Owner);
            let next = std::sync::atomic::AtomicU32::new(0);
            let done = race(
                async || {
                    if next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) != round % RUNNERS {
                        return Runner::Binds(begin(&db, &caller).await);
                    }
                    let mut tx = begin::<policy::Modify>(&db, &caller).await;
                    let held = store::policies::hold(&mut tx).await.unwrap();
                    let before = DutiesPolicyView::of(&mut tx, &held).await.unwrap();
                    Runner::PutsApart(tx, held, Box::new(before))
                },
                async |runner| match runner {
                    Runner::Binds(tx) => bind(tx, ada.id, Role::Auditor).await.is_ok(),
                    Runner::PutsApart(mut tx, held, before) => {
                        if set_apart(&mut tx, &held, true).await.is_err() {
                            return false;
                        }
                        let after = DutiesPolicyView::of(&mut tx, &held).await.unwrap();
                        tx.finish(Status::Ok, Changed(*before, after)).await.is_ok()
                    }
                },
            );
            assert_eq!(done.await.into_iter().filter(|done| *done).count(), 1, "round {round}");
            let apart: bool = sqlx::query_scalar("select duties_apart from identity.tenants where tenant_id = $1")
                .bind(tenant.id)
                .fetch_one(&mut test.bench.superuser().await)
                .await
                .unwrap();
            let duties = duties_of(&test, tenant.id, ada.id).await.len();
            assert_eq!(duties, if apart { 1 } else { 2 }, "round {round}");
            if apart {
                put_apart += 1;
            } else {
                bound_first += 1;
            }
        }
        assert!(
            put_apart > 0 && bound_first > 0,
            "{put_apart} against {bound_first}: one side always won"
        );
    }
}
