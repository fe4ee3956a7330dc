use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::webhook;
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{DeliveryView, InDelivery, must_be_enabled};
use crate::delivery::DeliveryState;
use crate::state::Notify;
use crate::store;

/// Delivers an event anew.
#[utoipa::path(
    operation_id = "redeliver_event",
    tag = "webhooks",
    description = "Sends the event again, now, with the same `webhook-id`, to the address and by the secret that the webhook has now. An \
                   event is kept for a week; one that is still to be sent need not be asked for. Needs `webhook.redeliver`.",
    params(
        ("webhook" = String, Path, description = "Id or name", example = "siem"),
        ("delivery" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "The delivery, pending again", body = DeliveryView), Refusals),
    security(("bearer" = [])),
)]
#[post("/webhooks/{webhook}/deliveries/{delivery:[^:/]+}:redeliver")]
pub async fn redeliver_event(
    ask: Change<webhook::Redeliver>,
    path: Path<InDelivery>,
    notify: Data<Notify>,
) -> Outcome<DeliveryView> {
    let mut tx = ask.begin(&notify.db).await?;
    let webhook = store::webhooks::hold(&mut tx, &path.webhook).await?;
    let before = store::deliveries::hold(&mut tx, &webhook, path.delivery).await?;
    must_be_enabled(&webhook)?;
    if before.state == DeliveryState::Pending {
        return Err(fault::Error::conflict("The delivery is still to be sent; wait for what becomes of it.").into());
    }
    if !store::deliveries::has_event(&mut tx, &before).await? {
        return Err(fault::Error::conflict("The event is not kept any more: events are kept for a week.").into());
    }
    store::deliveries::must_have_room(&mut tx, &webhook).await?;

    let after = store::deliveries::set_pending(&mut tx, &webhook, before.id).await?;
    store::webhooks::set_due(&mut tx, &webhook).await?;
    let effect = Changed(DeliveryView::from(before), DeliveryView::from(after));
    let answer = tx.finish(Status::Ok, effect).await?;
    notify.due.notify_one();
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;
    use testkit::eventually;

    use crate::testing::receiver::Receiver;
    use crate::testing::{Happened, WEBHOOKS, start_with};

    #[tokio::test]
    async fn what_arrived_is_sent_again_under_the_same_id_and_pages_follow_each_other() {
        let receiver = Receiver::start().await;
        let test = start_with(receiver.settings()).await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let body = json!({"name": "siem", "url": receiver.url("/200")});
        owner.post(WEBHOOKS, body).await.expect(201);
        for name in ["one", "two", "three"] {
            test.commit(&acme, &Happened::to(acme.project, name)).await;
        }
        receiver.wait(3).await;
        let path = format!("{WEBHOOKS}/siem/deliveries");
        let delivered = format!("{path}?limit=1&state=delivered");
        let all = eventually("all delivered", async || {
            let page = owner.get(&format!("{path}?state=delivered")).await.expect(200);
            let items = page.json["items"].as_array().unwrap().clone();
            (items.len() == 3).then_some(items)
        })
        .await;
        let (mut seen, mut next) = (Vec::new(), delivered.clone());
        loop {
            let page = owner.get(&next).await.expect(200);
            seen.push(page.json["items"][0].clone());
            let Some(token) = page.json["next_page"].as_str() else {
                break;
            };
            next = format!("{delivered}&page_token={token}");
        }
        assert_eq!(seen, all);
        owner.get(&format!("{path}?state=lost")).await.expect(400);
        let again = format!("{path}/{}:redeliver", all[0]["id"].as_str().unwrap());
        owner
            .post(&format!("{again}?dry_run=true"), json!({}))
            .await
            .expect(200);
        let asked = owner.post_once(&again, "k", json!({})).await.expect(200);
        owner.post_once(&again, "k", json!({})).await.expect(200);
        assert_eq!(
            (&asked.json["state"], &asked.json["attempts"]),
            (&json!("pending"), &json!(0))
        );
        let taken = receiver.wait(4).await;
        assert_eq!(taken[3].header("webhook-id"), all[0]["event_id"]);
        let said = ("webhook.redeliver".to_owned(), "success".to_owned());
        let log = test.bench.audit(acme.id).await;
        assert_eq!(log.iter().filter(|entry| **entry == said).count(), 1, "{log:?}");
        let auditor = test.client.caller(&acme.caller(Role::Auditor));
        auditor.get(&path).await.expect(200);
        auditor.post(&again, json!({})).await.expect(403);
    }
}
