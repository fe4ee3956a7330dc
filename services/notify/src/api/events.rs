use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use auth::action::event;
use events::Position;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Read, Refusals};

use crate::event::CloudEvent;
use crate::state::Notify;
use crate::stream::Open;
use crate::wanted::Wanted;

/// What to stream.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamEvents {
    /// Only these types, divided by commas; `vm.*` for all of a resource.
    #[param(example = "vm.*,project.deleted")]
    types: Option<String>,
}

/// Streams events.
#[utoipa::path(
    operation_id = "stream_events",
    tag = "events",
    description = "What happens in the tenant to objects the caller may read, as server-sent events, from now on or behind \
                   `Last-Event-ID`. Each `data` is one CloudEvent, delivered at least once and in order. A stream ends \
                   after a quarter of an hour, when the caller's session ends, or when its reader is too slow; come back \
                   with the last `id`.",
    params(
        StreamEvents,
        ("Last-Event-ID" = Option<String>, Header, description = "The last `id` that was read", example = "7-3"),
    ),
    responses(
        (status = 200, description = "The stream", body = CloudEvent, content_type = "text/event-stream"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/events")]
pub async fn stream_events(
    ask: Read<event::Stream, StreamEvents>,
    request: HttpRequest,
    notify: Data<Notify>,
) -> Result<HttpResponse, fault::Error> {
    let wanted = Wanted::check(ask.query.types.as_deref())?;
    let after = last_event_id(&request)?;

    let seat = notify.hub.join(ask.caller().tenant())?;
    let open = Open::begin(notify.into_inner(), ask.caller().clone(), wanted, seat, after).await?;

    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, "text/event-stream"));
    answer.insert_header((CACHE_CONTROL, "no-store"));
    // Proxies of the nginx family hold streams back otherwise.
    answer.insert_header(("X-Accel-Buffering", "no"));
    Ok(answer.streaming(open.frames()))
}

fn last_event_id(request: &HttpRequest) -> Result<Option<Position>, fault::Error> {
    let Some(header) = request.headers().get("last-event-id") else {
        return Ok(None);
    };
    let position = header.to_str().ok().and_then(|text| text.trim().parse().ok());
    let detail = "must be the `id` of an event of this stream; leave it out to begin now";
    position
        .map(Some)
        .ok_or_else(|| fault::Error::invalid("Last-Event-ID", detail))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use auth::action::session;
    use auth::{Action, Binding, Caller, Credential, Moment, Principal, Role, Standing};
    use clock::Clock;
    use events::{Feed, Kafka};
    use ids::{EventId, ProjectId, RequestId, SessionId, UserId};
    use serde_json::json;
    use testkit::{Bench, TestTenant};

    use crate::settings::Settings;
    use crate::testing::{Gone, Happened, Test, start, start_apart, start_on, start_with};

    const STREAM: &str = "/api/v1/events";

    /// A viewer with a session, as the gateway hands one on.
    fn signed_in(tenant: &TestTenant) -> Caller {
        let viewer = vec![Binding::role(Role::Viewer, None)];
        let standing = Standing::of(tenant.id, Principal::User(UserId::mint()), viewer, None);
        let moment = Moment {
            now: Clock::system().now(),
            address: None,
            factor_at: None,
        };
        let session = Credential::Session(SessionId::mint());
        standing.caller(session, &moment, RequestId::mint()).unwrap()
    }

    #[tokio::test]
    async fn what_happens_is_heard_as_a_cloud_event() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let mut stream = test.listen(&tenant.caller(Role::Viewer), STREAM, None).await;
        let sent = Happened::to(tenant.project, "one");
        test.commit(&tenant, &sent).await;
        let heard = stream.next().await;
        assert_eq!(heard.event, "vm.created");
        assert_eq!(heard.data["specversion"], "1.0");
        assert_eq!(heard.data["type"], "vm.created");
        assert_eq!(heard.data["source"], "/yunshu");
        assert_eq!(heard.data["subject"], "vm:one");
        assert_eq!(heard.data["datacontenttype"], "application/json");
        assert_eq!(heard.data["data"], serde_json::to_value(&sent).unwrap());
    }

    #[tokio::test]
    async fn a_client_that_comes_back_misses_nothing_and_hears_nothing_twice() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = tenant.caller(Role::Viewer);
        let mut heard = Vec::new();
        let mut last = None;
        // Events are committed all the while; the client hangs up after every third.
        let commits = async {
            for number in 0..30 {
                test.commit(&tenant, &Happened::to(tenant.project, &number.to_string()))
                    .await;
            }
        };
        let reads = async {
            let first = test.listen(&viewer, STREAM, None).await;
            test.commit(&tenant, &Happened::to(tenant.project, "start")).await;
            let mut stream = first;
            while heard.len() < 31 {
                for _ in 0..3.min(31 - heard.len()) {
                    let event = stream.next().await;
                    heard.push(event.data["subject"].as_str().unwrap().to_owned());
                    last = Some(event.id);
                }
                stream = test.listen(&viewer, STREAM, last.as_deref()).await;
            }
        };
        // Reading begins first: the stream is open before the first commit.
        tokio::join!(reads, async {
            test.opened(1).await;
            commits.await;
        });
        let mut expected: Vec<_> = (0..30).map(|number| format!("vm:{number}")).collect();
        expected.push("vm:start".to_owned());
        expected.sort();
        heard.sort();
        assert_eq!(heard, expected);
    }

    #[tokio::test]
    async fn t01_only_what_the_caller_may_read_is_heard() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let other = ProjectId::mint();
        let narrow = mine.caller_with(vec![Binding::role(Role::Viewer, Some(mine.project))]);
        let mut stream = test.listen(&narrow, STREAM, None).await;
        test.commit(&theirs, &Happened::to(theirs.project, "theirs")).await;
        test.commit(&mine, &Happened::to(other, "elsewhere")).await;
        test.db
            .record::<auth::action::vm::Read>(&narrow, "vm:audited".into(), json!({}))
            .await
            .unwrap();
        test.commit(&mine, &Happened::to(mine.project, "mine")).await;
        let first = stream.next().await;
        assert_eq!(first.data["subject"], "vm:mine");
        let mut again = test.listen(&narrow, STREAM, Some("0-0")).await;
        assert_eq!(
            again.next().await.data["subject"],
            "vm:mine",
            "caught up with from the database"
        );
    }

    #[tokio::test]
    async fn only_the_types_asked_for_are_heard() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = tenant.caller(Role::Viewer);
        let mut some = test
            .listen(&viewer, &format!("{STREAM}?types=vm.deleted,project.*"), None)
            .await;
        let mut all = test.listen(&viewer, &format!("{STREAM}?types=vm.*"), None).await;
        test.commit(&tenant, &Happened::to(tenant.project, "one")).await;
        test.commit(&tenant, &Gone(Happened::to(tenant.project, "one"))).await;
        assert_eq!(all.next().await.event, "vm.created");
        assert_eq!(all.next().await.event, "vm.deleted");
        assert_eq!(some.next().await.event, "vm.deleted", "the first it hears");
        let refused = test
            .client
            .caller(&viewer)
            .get(&format!("{STREAM}?types=everything"))
            .await;
        assert_eq!(refused.expect(400).code(), "invalid");
    }

    #[tokio::test]
    async fn a_tenant_has_so_many_streams_and_no_more() {
        let settings = Settings {
            streams_per_tenant: 2,
            heartbeat_s: 1,
            ..Settings::default()
        };
        let test = start_with(settings).await;
        let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let viewer = acme.caller(Role::Viewer);
        let one = test.listen(&viewer, STREAM, None).await;
        let _two = test.listen(&viewer, STREAM, None).await;
        let refused = test.client.caller(&viewer).get(STREAM).await.expect(429);
        assert_eq!(refused.header("retry-after"), "5");
        let _elsewhere = test.listen(&other.caller(Role::Viewer), STREAM, None).await;
        drop(one);
        test.opened(2).await;
        let _again = test.listen(&viewer, STREAM, None).await;
    }

    #[tokio::test]
    async fn t17_a_stream_ends_with_its_session_and_with_no_other() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let (leaves, stays) = (signed_in(&tenant), signed_in(&tenant));
        let mut left = test.listen(&leaves, STREAM, None).await;
        let mut stayed = test.listen(&stays, STREAM, None).await;
        let begin = Instant::now();
        let session = format!("session:{}", leaves.session().unwrap());
        test.db
            .record::<session::Delete>(&leaves, session, json!({}))
            .await
            .unwrap();
        left.ended().await;
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());

        // A stolen session is found by a renewal that is refused, in nobody's name.
        test.commit(&tenant, &Happened::to(tenant.project, "one")).await;
        assert_eq!(stayed.next().await.data["subject"], "vm:one");
        let session = format!("session:{}", stays.session().unwrap());
        let (refresh, denied) = (session::Refresh::INFO.name, db::AuditOutcome::Denied);
        test.db
            .refuse(&leaves, refresh, session, denied, "refresh_token_reused")
            .await
            .unwrap();
        stayed.ended().await;
    }

    #[tokio::test]
    async fn t17_what_cannot_be_read_ends_every_stream_of_its_tenant_and_no_other() {
        let test = start().await;
        let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let mut streams = [
            test.listen(&signed_in(&acme), STREAM, None).await,
            test.listen(&signed_in(&acme), STREAM, None).await,
        ];
        let mut stays = test.listen(&signed_in(&other), STREAM, None).await;
        let insert = "insert into bus.outbox (tenant_id, event_id, kind, version, subject, data, time)
                      values ($1, gen_random_uuid(), 'audit.recorded', 2, 'entry:1', '{\"sealed\": \"AgEF\"}', now())";
        test.bench.alter(insert, acme.id).await;
        for stream in &mut streams {
            stream.ended().await;
        }
        test.commit(&other, &Happened::to(other.project, "one")).await;
        assert_eq!(stays.next().await.data["subject"], "vm:one");
    }

    #[tokio::test]
    async fn a_stream_speaks_while_nothing_happens_and_ends_in_time() {
        let settings = Settings {
            heartbeat_s: 1,
            lifetime_s: 3,
            ..Settings::default()
        };
        let test = start_with(settings).await;
        let tenant = test.bench.tenant("acme").await;
        let mut stream = test.listen(&tenant.caller(Role::Viewer), STREAM, None).await;
        stream.ended().await;
        assert_eq!(stream.read.matches(": alive\nid: ").count(), 2, "{}", stream.read);
        assert_eq!(test.streams(), 0);
    }

    #[tokio::test]
    async fn who_was_away_for_too_long_is_told() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, Settings::default()).await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = tenant.caller(Role::Viewer);
        test.commit(&tenant, &Happened::to(tenant.project, "removed")).await;
        clock.advance(events::KEEP_EVENTS * 2);
        test.commit(&tenant, &Happened::to(tenant.project, "kept")).await;
        let swept = Box::pin(test.sweep(&viewer)).await;
        let mut stream = test.listen(&viewer, STREAM, Some("1-1")).await;
        let first = stream.next().await;
        assert_eq!(
            (first.event.as_str(), first.id.as_str()),
            ("stream.reset", swept.to_string().as_str())
        );
        assert_eq!(stream.next().await.data["subject"], "vm:kept");
        let mut again = test.listen(&viewer, STREAM, Some(&first.id)).await;
        assert_eq!(again.next().await.data["subject"], "vm:kept", "told once");
    }

    #[tokio::test]
    async fn t41_every_stream_ends_at_shutdown() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let mut stream = test.listen(&tenant.caller(Role::Viewer), STREAM, None).await;
        test.bench.shutdown.cancel();
        stream.ended().await;
    }

    #[tokio::test]
    async fn a_place_that_is_none_is_refused() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        for bad in ["x", "1", "1--2", ""] {
            let request = viewer
                .request(reqwest::Method::GET, STREAM)
                .header("last-event-id", bad);
            assert_eq!(viewer.send(request).await.expect(400).code(), "invalid", "{bad}");
        }
        test.client.get(STREAM).await.expect(401);
    }

    /// How long it takes from a commit to a client that listens: best quarter and median.
    async fn lateness(test: &Test) -> (Duration, Duration) {
        let tenant = test.bench.tenant("acme").await;
        let mut stream = test.listen(&tenant.caller(Role::Viewer), STREAM, None).await;
        let mut took = Vec::new();
        for number in 0..40 {
            test.commit(&tenant, &Happened::to(tenant.project, &number.to_string()))
                .await;
            let committed = Instant::now();
            let heard = stream.next().await;
            assert_eq!(heard.data["subject"], format!("vm:{number}"), "each once, in order");
            took.push(committed.elapsed());
        }
        took.sort();
        let (quarter, median) = (took[took.len() / 4], took[took.len() / 2]);
        println!("commit to client: best quarter {quarter:?}, median {median:?}");
        (quarter, median)
    }

    // Transactions that other tests hold open on this server hold the feed back, so the best quarter is judged. Were nobody
    // woken, it would take over 60 ms: a quarter of the time between two looks.

    #[tokio::test]
    async fn from_commit_to_client_takes_milliseconds() {
        let (quarter, median) = lateness(&start().await).await;
        assert!(quarter < Duration::from_millis(50), "{quarter:?}, {median:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_another_process_commits_is_heard_as_soon() {
        let test = start_apart(Feed::postgres()).await;
        let (here, there) = (test.bench.db("notify"), test.db.clone());
        test.bench.run(async move {
            tokio::join!(here.ring_across(), there.ring_across());
            Ok(())
        });
        let (quarter, median) = lateness(&test).await;
        assert!(quarter < Duration::from_millis(50), "{quarter:?}, {median:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_the_bus_tells_of_is_heard_as_soon_and_without_it_late() {
        let brokers = std::env::var("YUNSHU_TEST_KAFKA").expect(
            "YUNSHU_TEST_KAFKA is not set: run `cargo run -p xtask -- kafka-test start`, then `source .local/test.env` (./dev test does both)",
        );
        let feed = |brokers: String| {
            Feed::kafka(Kafka {
                prefix: format!("t-{}", EventId::mint()),
                partitions: 3,
                ..Kafka::new(brokers)
            })
        };
        let told = feed(brokers);
        let test = start_apart(told.clone()).await;
        // Where it is committed there is the relay as well, and nothing else tells anybody.
        let relay = events::relay(told, test.db.clone(), test.bench.shutdown.clone());
        test.bench.run(async move {
            relay.await;
            Ok(())
        });
        let (quarter, median) = lateness(&test).await;
        assert!(quarter < Duration::from_millis(50), "{quarter:?}, {median:?}");

        // Nobody listens there: streams look by themselves, and miss nothing.
        let deaf = start_apart(feed("127.0.0.1:1".to_owned())).await;
        lateness(&deaf).await;
    }
}
