use std::net::IpAddr;

use actix_web::get;
use actix_web::web::Data;
use auth::action::audit;
use chrono::{DateTime, Utc};
use ids::RequestId;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::AuditEventView;
use crate::filter::{Filter, Order, Outcome, Texts};
use crate::search::{self, Told};
use crate::state::Audit;
use crate::store::events::Stretch;

/// What of the log to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAuditEvents {
    /// How many at most, 1 to 1,000.
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    page_token: Option<String>,
    /// Not before this time.
    #[param(example = "2026-11-01T00:00:00Z")]
    since: Option<DateTime<Utc>>,
    /// Before this time.
    #[param(example = "2026-12-01T00:00:00Z")]
    until: Option<DateTime<Utc>>,
    /// Who acted; `user:*` for all that begin so.
    #[param(example = "user:*", max_length = 512)]
    actor: Option<String>,
    /// What was done or tried; `vm.*` for all that begin so.
    #[param(example = "vm.*", max_length = 512)]
    action: Option<String>,
    /// On what; `vm:*` for all that begin so.
    #[param(example = "vm:*", max_length = 512)]
    object: Option<String>,
    /// How it ended.
    #[param(inline)]
    outcome: Option<Outcome>,
    /// From which address.
    #[param(value_type = Option<String>, example = "192.0.2.7")]
    ip: Option<IpAddr>,
    /// In which request.
    #[param(inline)]
    request_id: Option<RequestId>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Order,
}

impl ListAuditEvents {
    fn filter(&self) -> Result<Filter, fault::Error> {
        let texts = Texts {
            actor: self.actor.as_deref(),
            action: self.action.as_deref(),
            object: self.object.as_deref(),
        };
        let filter = Filter {
            since: self.since,
            until: self.until,
            outcome: self.outcome,
            ip: self.ip,
            request_id: self.request_id,
            ..Filter::default()
        };
        filter.with(texts)
    }
}

/// Lists the audit log.
#[utoipa::path(
    operation_id = "list_audit_events",
    tag = "audit",
    description = "The tenant's audit log, newest first, a page at a time. Needs `audit.list`. Addresses are \
                   sealed: a page that looks for one may be short, or empty, and still go on. Reading it is itself \
                   recorded, once per caller, filter and minute.",
    params(ListAuditEvents),
    responses((status = 200, description = "A page of the log", body = Page<AuditEventView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/events")]
pub async fn list_audit_events(
    ask: Read<audit::List, ListAuditEvents>,
    audit: Data<Audit>,
) -> Result<Page<AuditEventView>, fault::Error> {
    let (query, caller) = (&ask.query, ask.caller());
    let filter = query.filter()?;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("audit", &filter, query.sort),
    };
    let window = Window::parse(caller.tenant(), &listing)?;
    let stretch = Stretch {
        order: query.sort,
        after: window.after(0)?.zip(window.after(1)?),
        limit: window.fetch(),
    };

    let about = serde_json::json!({ "filter": filter });
    let log = format!("tenant:{}", caller.tenant());
    audit
        .readings
        .record::<audit::List>(&audit.db, caller, log, about)
        .await?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let found = search::find(&mut tx, &tenant, &filter, stretch).await?;
    let place = |(time, seq): (DateTime<Utc>, i64)| vec![time.to_rfc3339(), seq.to_string()];
    // One more than fits says that there is more; only of a page that is short, what was looked at does.
    let rest = found.rest.map(place);
    let key = |(_, entry): &Told| place((entry.time, entry.seq));
    Ok(window.part(found.entries, rest, key, |(opened, entry)| {
        AuditEventView::of(entry, opened)
    }))
}

#[cfg(test)]
mod tests {
    use auth::action::{project, vm};
    use auth::{Binding, Caller, Credential, Moment, Principal, Role, Standing};
    use ids::{ApiKeyId, ProjectId, RequestId, UserId};
    use serde_json::{Value, json};

    use crate::testing::{column, start};

    const LOG: &str = "/api/v1/audit/events";

    #[tokio::test]
    async fn an_entry_shows_who_did_what_to_what_and_what_changed() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = tenant.caller(Role::Admin);
        test.wrote::<vm::Create>(&admin, "vm:one").await;
        test.holds(&tenant, 1).await;
        let shown = test
            .owner(&tenant)
            .get(&format!("{LOG}?action=vm.create"))
            .await
            .expect(200);
        let item = &shown.json["items"][0];
        assert_eq!(item["seq"], 1);
        assert_eq!(item["actor"], format!("user:{}", admin.user().unwrap()));
        assert_eq!(
            (&item["object"], &item["outcome"]),
            (&json!("vm:one"), &json!("success"))
        );
        assert_eq!(item["changes"], json!({"name": {"before": null, "after": "vm:one"}}));
        assert_eq!(item["request_id"], admin.request().to_string());
        assert_eq!(
            (&item["created_at"], &item["updated_at"]),
            (&item["time"], &item["time"])
        );
    }

    #[tokio::test]
    async fn an_entry_names_the_credential_it_was_made_with() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let person = Principal::User(UserId::mint());
        let standing = Standing::of(tenant.id, person, vec![Binding::role(Role::Owner, None)], None);
        let moment = Moment {
            now: test.bench.clock.now(),
            address: None,
            factor_at: None,
        };
        let key = ApiKeyId::mint();
        let by_key = standing.caller(Credential::ApiKey(key), &moment, RequestId::mint());
        test.wrote::<vm::Create>(&by_key.unwrap(), "vm:one").await;
        test.wrote::<vm::Create>(&Caller::worker(tenant.id, "placer"), "vm:one")
            .await;
        test.holds(&tenant, 2).await;
        let shown = test
            .owner(&tenant)
            .get(&format!("{LOG}?object=vm:one"))
            .await
            .expect(200);
        assert_eq!(
            column(&shown, "credential"),
            [&Value::Null, &json!(format!("api_key:{key}"))]
        );
    }

    #[tokio::test]
    async fn every_filter_narrows_and_a_star_widens() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let (ann, bob) = (tenant.caller(Role::Admin), tenant.caller(Role::Admin));
        test.wrote::<vm::Create>(&ann, "vm:one").await;
        test.wrote::<vm::Delete>(&bob, "vm:one").await;
        test.wrote::<project::Create>(&bob, "project:two").await;
        test.db
            .refuse(
                &ann,
                "vm.create",
                "path:/x".into(),
                db::AuditOutcome::Denied,
                "forbidden",
            )
            .await
            .unwrap();
        test.holds(&tenant, 4).await;
        let owner = test.owner(&tenant);
        let bob = bob.user().unwrap();
        let cases = [
            ("action=vm.create".to_owned(), json!([4, 1])),
            ("action=vm.*".to_owned(), json!([4, 2, 1])),
            (format!("actor=user:{bob}&sort=created_at"), json!([2, 3])),
            ("object=vm:one".to_owned(), json!([2, 1])),
            ("object=project:*&action=project.*".to_owned(), json!([3])),
            ("outcome=denied".to_owned(), json!([4])),
            (format!("request_id={}", ann.request()), json!([4, 1])),
            ("until=2020-01-01T00:00:00Z".to_owned(), json!([])),
            ("since=2020-01-01T00:00:00Z&action=vm.delete".to_owned(), json!([2])),
            ("ip=192.0.2.1".to_owned(), json!([])),
        ];
        for (query, expected) in cases {
            let reply = owner.get(&format!("{LOG}?{query}")).await.expect(200);
            assert_eq!(json!(column(&reply, "seq")), expected, "{query}");
        }
    }

    #[tokio::test]
    async fn every_page_follows_the_one_before_in_both_orders() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for number in 0..5 {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), &format!("vm:{number}"))
                .await;
        }
        test.holds(&tenant, 5).await;
        let owner = test.owner(&tenant);
        for (sort, expected) in [("created_at", [1, 2, 3, 4, 5]), ("-created_at", [5, 4, 3, 2, 1])] {
            let base = format!("{LOG}?action=vm.create&limit=2&sort={sort}");
            let mut seen = Vec::new();
            let mut next = Some(base.clone());
            while let Some(path) = next {
                let page = owner.get(&path).await.expect(200);
                seen.extend(column(&page, "seq").into_iter().map(|seq| seq.as_i64().unwrap()));
                next = page.json["next_page"]
                    .as_str()
                    .map(|token| format!("{base}&page_token={token}"));
            }
            assert_eq!(seen, expected, "{sort}");
        }
    }

    #[tokio::test]
    async fn t01_nobody_sees_another_tenants_log_and_tokens_do_not_travel() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        for _ in 0..3 {
            test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:canary").await;
        }
        test.holds(&theirs, 3).await;
        let me = test.owner(&mine);
        let shown = me.get(&format!("{LOG}?object=vm:*")).await.expect(200);
        assert!(
            !shown.text.contains("canary") && column(&shown, "seq").is_empty(),
            "{}",
            shown.text
        );
        let page = test.owner(&theirs).get(&format!("{LOG}?limit=1")).await.expect(200);
        let token = page.json["next_page"].as_str().unwrap();
        assert_eq!(
            me.get(&format!("{LOG}?limit=1&page_token={token}"))
                .await
                .expect(400)
                .code(),
            "invalid",
            "t02"
        );
    }

    #[tokio::test]
    async fn only_owners_and_auditors_of_the_whole_tenant_read_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for role in Role::ALL {
            let reply = test.client.caller(&tenant.caller(role)).get(LOG).await;
            let may = matches!(role, Role::Owner | Role::Auditor);
            assert_eq!(reply.status, if may { 200 } else { 403 }, "{role:?}: {}", reply.text);
        }
        let elsewhere = vec![Binding::role(Role::Auditor, Some(ProjectId::mint()))];
        test.client
            .caller(&tenant.caller_with(elsewhere))
            .get(LOG)
            .await
            .expect(403);
        test.client.get(LOG).await.expect(401);
    }

    #[tokio::test]
    async fn reading_is_recorded_once_per_caller_filter_and_minute() {
        let clock = clock::Clock::held_at("2026-11-21T10:00:00Z".parse().unwrap());
        let test = crate::testing::start_on(testkit::Bench::at(clock.clone()).await).await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.owner(&tenant);
        for _ in 0..5 {
            owner.get(&format!("{LOG}?action=vm.*")).await.expect(200);
        }
        owner.get(&format!("{LOG}?action=project.*")).await.expect(200);
        clock.advance(std::time::Duration::from_secs(30));
        owner.get(&format!("{LOG}?action=vm.*&limit=3")).await.expect(200);
        test.owner(&tenant).get(&format!("{LOG}?action=vm.*")).await.expect(200);
        assert_eq!(
            test.bench.audit(tenant.id).await.len(),
            3,
            "two filters of one caller, one of another"
        );
        clock.advance(std::time::Duration::from_secs(30));
        owner.get(&format!("{LOG}?action=vm.*")).await.expect(200);
        let entries = test.bench.audit(tenant.id).await;
        assert_eq!(entries.len(), 4, "a new minute");
        assert!(
            entries
                .iter()
                .all(|entry| *entry == ("audit.list".to_owned(), "success".to_owned()))
        );
    }

    #[tokio::test]
    async fn what_cannot_be_is_refused_by_name() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.owner(&tenant);
        for query in [
            "outcome=maybe",
            "since=yesterday",
            "limit=0",
            "limit=1001",
            "ip=here",
            "actor=",
            "nope=1",
        ] {
            assert_eq!(
                owner.get(&format!("{LOG}?{query}")).await.expect(400).code(),
                "invalid",
                "{query}"
            );
        }
        owner.get(&format!("{LOG}?actor=%00")).await.expect(400);
    }

    #[tokio::test]
    async fn t28_what_was_written_into_names_stays_data() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let evil = "vm:a\r\n\u{1b}[31m\u{202e}\"},{\"seq\":99";
        test.wrote::<vm::Create>(&tenant.caller(Role::Admin), evil).await;
        test.holds(&tenant, 1).await;
        let shown = test
            .owner(&tenant)
            .get(&format!("{LOG}?action=vm.create"))
            .await
            .expect(200);
        assert_eq!(column(&shown, "object"), [evil]);
        assert!(
            !shown.text.contains('\n') && !shown.text.contains('\u{1b}'),
            "{:?}",
            shown.text
        );
    }
}
