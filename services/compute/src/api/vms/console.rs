use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::console;
use scope::Scope;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Read, Refusals};

use super::VmPath;
use crate::service::Compute;
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
    params(
        ("project" = String, Path, description = "Id or name", example = "default"),
        ("vm" = String, Path, description = "Id or name", example = "web-1"),
        ReadConsole,
    ),
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
        return Err(fault::Error::invalid("?tail", format!("must be from 1 to {MOST_LINES}")));
    }

    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;

    let tail = store::consoles::lookup(&mut tx, &vm, &compute.kek).await?;
    let text = String::from_utf8_lossy(&tail.bytes);
    // A browser that takes it for a page would run what a guest printed.
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(last_lines(&text, usize::from(lines)).to_owned()))
}

fn last_lines(text: &str, lines: usize) -> &str {
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let start = whole.rmatch_indices('\n').nth(lines.saturating_sub(1)).map_or(0, |(at, _)| at + 1);
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::last_lines;

    #[test]
    fn the_last_lines_are_whole_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb\nc", 1), "c");
        assert_eq!(last_lines("a\n", 5), "a\n");
        assert_eq!(last_lines("", 1), "");
    }
}
