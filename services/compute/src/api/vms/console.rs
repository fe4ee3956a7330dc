use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::console;
use scope::Scope;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Read, Refusals};

use super::VmPath;
use crate::state::Compute;
use crate::store;

/// How much of the console to read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadConsole {
    /// How many of the last lines, 1 to 10,000.
    #[param(example = 200, minimum = 1, maximum = 10000)]
    tail: Option<u16>,
}

const DEFAULT_LINES: u16 = 200;
const MOST_LINES: u16 = 10_000;

/// Reads what the serial port printed.
#[utoipa::path(
    operation_id = "read_vm_console",
    tag = "vms",
    description = "The last lines that the machine's serial port printed, at most 64 KiB. Bytes that are not UTF-8 are \
                   replaced. Guests print secrets, so reading the machine is not enough: needs `console.read`.",
    params(VmPath, ReadConsole),
    responses((status = 200, description = "The last lines", body = String, content_type = "text/plain"), Refusals),
    security(("bearer" = [])),
)]
#[get("/projects/{project}/vms/{vm}/console")]
pub async fn read_vm_console(
    ask: Read<console::Read, ReadConsole>,
    path: Path<VmPath>,
    compute: Data<Compute>,
) -> Result<HttpResponse, fault::Error> {
    let lines = ask.query.tail.unwrap_or(DEFAULT_LINES);
    if !(1..=MOST_LINES).contains(&lines) {
        return Err(fault::Error::invalid(
            "?tail",
            format!("must be from 1 to {MOST_LINES}"),
        ));
    }

    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;

    let tail = store::consoles::lookup(&mut tx, &vm).await?;
    let text = String::from_utf8_lossy(&tail.bytes);
    // A browser that takes it for a page would run what a guest printed.
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(last_lines(&text, usize::from(lines)).to_owned()))
}

fn last_lines(text: &str, lines: usize) -> &str {
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let start = whole
        .rmatch_indices('\n')
        .nth(lines.saturating_sub(1))
        .map_or(0, |(at, _)| at + 1);
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::{Value, json};

    use super::last_lines;
    use crate::api::vms::testing::{VMS, seen, small, stocked};

    #[tokio::test]
    async fn what_the_host_ships_is_read_back_and_never_lies_open_in_the_database() {
        let world = stocked().await;
        let host = world.host("h1").await;
        let vm = world.owner.post(VMS, small("web")).await.expect(202).json;
        world.until("web", "building").await;
        assert_eq!(
            world.owner.get(&format!("{VMS}/web/console")).await.expect(200).text,
            ""
        );

        let mut said = seen(&vm, 1, "running", &Value::Null);
        // "hello\nsecret-42\n"
        said["console"] = json!({"stream": "s1", "offset": 0, "bytes": "aGVsbG8Kc2VjcmV0LTQyCg=="});
        let taken = world.report(&host, &said).await.expect(200);
        assert_eq!(taken.json["console"][0]["next"], 16);
        let taken = world.report(&host, &said).await.expect(200);
        assert_eq!(taken.json["console"][0]["next"], 16, "a repeated chunk adds nothing");

        let console = world.owner.get(&format!("{VMS}/web/console")).await.expect(200);
        assert_eq!(console.text, "hello\nsecret-42\n");
        assert_eq!(console.header("content-type"), "text/plain; charset=utf-8");
        let tail = world.owner.get(&format!("{VMS}/web/console?tail=1")).await.expect(200);
        assert_eq!(tail.text, "secret-42\n");
        for bad in ["tail=0", "tail=10001", "tail=x", "lines=1"] {
            assert_eq!(
                world.owner.get(&format!("{VMS}/web/console?{bad}")).await.status,
                400,
                "{bad}"
            );
        }
        let dump = world
            .test
            .dump(&["compute.consoles", "compute.vms", "bus.outbox"])
            .await;
        assert!(
            !dump.contains("secret-42") && !dump.contains("7365637265742d3432"),
            "t24"
        );
    }

    #[tokio::test]
    async fn who_may_read_the_machine_may_not_yet_read_its_console() {
        let world = stocked().await;
        world.owner.post(VMS, small("web")).await.expect(202);
        let viewer = world.test.client.caller(&world.tenant.caller(Role::Viewer));
        viewer.get(&format!("{VMS}/web")).await.expect(200);
        viewer.get(&format!("{VMS}/web/console")).await.expect(403);
    }

    #[test]
    fn the_last_lines_are_whole_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb\nc", 1), "c");
        assert_eq!(last_lines("a\n", 5), "a\n");
        assert_eq!(last_lines("", 1), "");
    }
}
