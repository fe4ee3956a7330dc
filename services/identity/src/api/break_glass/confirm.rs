use actix_web::post;
use actix_web::web::{Data, Path};
use auth::AccessKind;
use auth::action::break_glass;
use chrono::TimeDelta;
use db::{Granted, Outcome, Platform, Status};
use fault::Kind;
use ids::UserId;
use web::{Change, DryRun, Once, Refusals};

use crate::access::{Access, operator};
use crate::api::operator_access::{OfAccess, OperatorAccessView};
use crate::api::tenant_access::changed;
use crate::errand::{Errand, emergency_letter};
use crate::state::Identity;
use crate::store;

/// How long it is worth telling: the emergency may be over by then, and is still news.
const NEWS: TimeDelta = TimeDelta::days(3);

/// Confirms an emergency.
#[utoipa::path(
    operation_id = "confirm_break_glass",
    tag = "operator-access",
    description = "The second person's word: from now on, for an hour, the operator who opened it is in the tenant's content. \
                   Nobody confirms their own, and whoever confirms has a second factor and has shown it of late. In both logs, and \
                   the tenant's owners and security administrators get a letter. \
                   409 when there is nothing to confirm any more. Needs `break_glass.confirm`.",
    params(
        ("access" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "The operator is let in", body = OperatorAccessView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/break-glass/{access}:confirm")]
pub async fn confirm_break_glass(
    ask: Change<break_glass::Confirm>,
    path: Path<OfAccess>,
    identity: Data<Identity>,
) -> Outcome<OperatorAccessView> {
    let tenant = path.tenant(&identity).await?;
    // For letters to its keepers. Where its keys are away, an emergency does not wait for them.
    identity.at_the_door(tenant).await?;

    let mut tx = ask.begin(&identity.db).await?;
    let platform = tx.platform()?;
    let held = path.hold_in(&mut tx, &platform, tenant).await?;
    let second = second(&mut tx, &held).await?;

    held.must_be(AccessKind::BreakGlass)?;
    held.must_wait()?;
    let granted = store::operator_access::set_confirmed(&mut tx, &platform, &held, second).await?;
    tx.tell(&platform, held.tenant);
    write_to_keepers(&mut tx, &platform, &identity, &granted).await?;

    let answer = tx.finish(Status::Ok, changed(&held, &granted)).await?;
    identity.errands.notify_one();
    Ok(answer)
}

/// Letters to those who keep the tenant, in the commit that lets the operator in. Where none can leave, the log has to do.
async fn write_to_keepers(
    tx: &mut db::Change<break_glass::Confirm>,
    platform: &Granted<Platform, break_glass::Confirm>,
    identity: &Identity,
    granted: &Access,
) -> Result<(), fault::Error> {
    if !identity.mailer.is_set_up() {
        return Ok(());
    }
    let (name, addresses) = store::owners::told(tx, platform, granted.tenant).await?;
    for to in addresses {
        let letter = emergency_letter(&to, identity.mailer.portal(), &name, granted);
        store::errands::insert_with(tx, &identity.kek, &Errand::Letter(letter), NEWS).await?;
    }
    Ok(())
}

/// Another operator, with a second factor that counts; a code that is sent does not. That it was shown of late, the action
/// asks for already: of several proofs it is the strongest that counts.
async fn second(tx: &mut db::Change<break_glass::Confirm>, access: &Access) -> Result<UserId, fault::Error> {
    let second = operator(tx.caller())?;
    if second == access.operator {
        let detail = "Two people open it: ask another operator to confirm.";
        return Err(fault::Error::new(Kind::Forbidden, detail));
    }
    let kinds = store::policies::kinds_of(tx, second).await?;
    if !store::policies::lookup(tx).await?.is_met_by(&kinds) {
        let detail = "Whoever confirms an emergency has a second factor: add one to your account first.";
        return Err(fault::Error::new(Kind::Forbidden, detail));
    }
    Ok(second)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::{PLATFORM, Role};
    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::letters::Letters;
    use crate::testing::{RACES, settings, start, start_on};

    #[tokio::test]
    async fn t18_those_who_keep_the_tenant_get_one_letter_whatever_is_called_afterwards() {
        let (test, letters) = Letters::start(&Clock::system()).await;
        let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let keeper = test.person(&acme, "keeper", Role::SecurityAdministrator).await;
        let former = test.person(&acme, "former", Role::Owner).await;
        let joined = test.person(&acme, "joined", Role::Viewer).await;
        test.join(&acme, joined.id, "owners", &auth::Binding::role(Role::Owner, None))
            .await;
        test.person(&acme, "admin", Role::Admin).await;
        test.person(&other, "owner", Role::Owner).await;
        sqlx::query("update identity.users set enabled = false where user_id = $1")
            .bind(former.id)
            .execute(&mut test.bench.superuser().await)
            .await
            .unwrap();
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let access = first.opens(&acme).await;
        let path = format!("/api/v1/system/break-glass/{access}:confirm");
        first.confirms(&access).await.expect(403);
        second
            .client
            .post(&format!("{path}?dry_run=true"), json!({}))
            .await
            .expect(200);
        assert_eq!(test.dump("identity.errands").await, "", "nothing was decided");

        let granted = second.client.post_once(&path, "key", json!({})).await.expect(200).json;
        second.client.post_once(&path, "key", json!({})).await.expect(200);
        second.confirms(&access).await.expect(409);
        let operator = test.let_in(&access).await;
        for _ in 0..3 {
            operator.get("/api/v1/projects").await.expect(200);
        }
        testkit::eventually("nothing is left to send", async || {
            test.dump("identity.errands").await.is_empty().then_some(())
        })
        .await;
        let arrived = letters.wait(3).await;
        let mut to: Vec<&str> = arrived.iter().map(|letter| letter.to.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, [&joined.email, &keeper.email, &owner.email]);
        let until = granted["ends_at"].as_str().unwrap().get(..19).unwrap();
        for letter in &arrived {
            for told in [
                format!("operator:{}", first.id),
                format!("operator:{}", second.id),
                format!("/audit?actor=operator:{}", first.id),
                "a fire".to_owned(),
                "审计日志".to_owned(),
                until.to_owned(),
            ] {
                assert!(letter.text.contains(&told), "{told}: {}", letter.text);
            }
            assert!(
                !letter.text.contains("platform.example"),
                "operators have no names here"
            );
        }
    }

    #[tokio::test]
    async fn t18_an_access_that_does_not_come_about_writes_to_nobody_nor_does_consent() {
        let (test, letters) = Letters::start(&Clock::system()).await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let (access, asked) = (first.opens(&acme).await, first.asks(&acme).await);
        let approve = format!("/api/v1/operator-access/{asked}:approve");
        owner.client.post(&approve, json!({})).await.expect(200);

        // The commit fails after the letters were written: its entry cannot be.
        let mut sql = test.bench.superuser().await;
        sqlx::query("revoke insert on bus.outbox from yunshu_identity")
            .execute(&mut sql)
            .await
            .unwrap();
        assert!(second.confirms(&access).await.status.is_server_error());
        assert_eq!(test.dump("identity.errands").await, "");
        assert!(!test.access_standing(&access).await.unwrap().live);
        sqlx::query("grant insert on bus.outbox to yunshu_identity")
            .execute(&mut sql)
            .await
            .unwrap();
        assert_eq!(letters.count(), 0);
        second.confirms(&access).await.expect(200);
        assert_eq!(letters.wait(1).await.len(), 1);
    }

    #[tokio::test]
    async fn without_mail_an_emergency_is_confirmed_all_the_same() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        test.person(&acme, "owner", Role::Owner).await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let access = first.opens(&acme).await;
        second.confirms(&access).await.expect(200);
        assert_eq!(test.dump("identity.errands").await, "");
    }

    #[tokio::test]
    async fn t18_one_person_alone_opens_nothing_whatever_they_try() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let access = first.opens(&acme).await;
        first.confirms(&access).await.expect(403);
        let path = format!("/api/v1/system/break-glass/{access}:confirm");
        let stale = test.stale_operator(&second).post(&path, json!({})).await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
        let bare = test.operator_without_factor("bare").await;
        bare.confirms(&access).await.expect(403);
        test.person(&acme, "owner", Role::Owner)
            .await
            .client
            .post(&path, json!({}))
            .await
            .expect(403);
        assert!(!test.access_standing(&access).await.unwrap().live);

        // The table itself takes nobody's word for themselves, and no longer than an hour.
        let mut sql = test.bench.superuser().await;
        for (confirmed_by, minutes) in [(first.id, 60), (second.id, 61)] {
            let forced = sqlx::query(
                "update identity.operator_access set decision = 'granted', decided_at = requested_at, confirmed_by = $1,
                        ends_at = requested_at + make_interval(mins => $2)",
            )
            .bind(confirmed_by)
            .bind(minutes)
            .execute(&mut sql)
            .await;
            let error = db::Error::from(forced.unwrap_err());
            assert!(matches!(error, db::Error::Check(_)), "{error}");
        }
        assert!(!test.access_standing(&access).await.unwrap().live);
        let log = test.bench.audit(PLATFORM).await;
        let denied = ("break_glass.confirm".to_owned(), "denied".to_owned());
        assert_eq!(log.iter().filter(|entry| **entry == denied).count(), 3, "{log:?}");
    }

    #[tokio::test]
    async fn t18_of_two_who_confirm_at_once_one_does() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let (first, second, third) = (
            test.operator("root").await,
            test.operator("toor").await,
            test.operator("otro").await,
        );
        for _ in 0..RACES {
            let access = first.opens(&acme).await;
            let (one, other) = futures::future::join(second.confirms(&access), third.confirms(&access)).await;
            let mut codes = [one.status.as_u16(), other.status.as_u16()];
            codes.sort_unstable();
            assert_eq!(codes, [200, 409], "{} {}", one.text, other.text);
        }
    }

    #[tokio::test]
    async fn t18_it_lasts_an_hour_and_falls_with_its_operator() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let acme = test.bench.tenant("acme").await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let access = first.opens(&acme).await;
        let granted = second.confirms(&access).await.expect(200).json;
        assert_eq!(granted["ends_at"], json!(clock.now() + chrono::TimeDelta::hours(1)));
        let live = async || test.access_standing(&access).await.unwrap().live;
        assert!(live().await);
        test.rebind_operator(&first, Role::Viewer).await;
        assert!(!live().await, "no operator any more");
        test.rebind_operator(&first, Role::PlatformOperator).await;
        assert!(live().await);
        clock.advance(Duration::from_hours(1));
        assert!(!live().await);
        second.confirms(&access).await.expect(409);

        let other = first.opens(&acme).await;
        second.confirms(&other).await.expect(200);
        assert!(test.access_standing(&other).await.unwrap().live);
        test.disable_operator(&first).await;
        assert!(!test.access_standing(&other).await.unwrap().live, "disabled");
    }
}
