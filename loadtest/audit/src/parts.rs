use std::fs;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::content::Contents;
use crate::figures::median;
use crate::options::Options;
use crate::ours::Crowd;
use crate::{backlog, ours, paced, peer};

/// The crowd that is held against the peer.
const CROWD: Crowd = Crowd {
    callers: 64,
    tenants: 4,
};
/// Others, for the shape of it.
const OTHERS: [Crowd; 4] = [
    Crowd {
        callers: 16,
        tenants: 4,
    },
    Crowd {
        callers: 256,
        tenants: 4,
    },
    Crowd {
        callers: 256,
        tenants: 64,
    },
    Crowd {
        callers: 64,
        tenants: 1,
    },
];
const GOAL_RATIO: f64 = 5.0;
const GOAL_P99_MS: f64 = 20.0;
const GOAL_VERIFIED: f64 = 500_000.0;

/// Every part that is wanted, though another one failed.
pub async fn measured(options: &Options) -> anyhow::Result<Value> {
    let contents = Arc::new(Contents::new());
    let mut said = Map::new();
    said.insert("cores".to_owned(), json!(std::thread::available_parallelism()?.get()));
    said.insert("load_before".to_owned(), load());
    let mut rate = None;
    if options.wants("append") {
        let part = append(options, &contents)
            .await
            .inspect(|part| rate = Some(figure(part, "/per_s")));
        said.insert("append".to_owned(), or_why(part));
    }
    if options.wants("crowds") {
        said.insert("crowds".to_owned(), or_why(crowds(options, &contents).await));
    }
    if options.wants("paced") {
        said.insert("paced".to_owned(), or_why(half_load(options, &contents, rate).await));
    }
    if options.wants("backlog") {
        match caught_up(options, &contents).await {
            Ok((backlog, verification)) => {
                said.insert("backlog".to_owned(), backlog);
                said.insert("verification".to_owned(), verification);
            }
            Err(error) => {
                said.insert("backlog".to_owned(), or_why(Err(error)));
            }
        }
    }
    said.insert("load_after".to_owned(), load());
    Ok(Value::Object(said))
}

fn say(line: &str) {
    eprintln!("  {line}");
}

fn or_why(part: anyhow::Result<Value>) -> Value {
    part.unwrap_or_else(|error| {
        say(&format!("{error:#}"));
        json!({"error": format!("{error:#}")})
    })
}

/// The figure at this place.
fn figure(told: &Value, at: &str) -> f64 {
    told.pointer(at).and_then(Value::as_f64).unwrap_or_default()
}

fn judge(told: &mut Value, goal: f64, reached: bool) {
    if let Some(told) = told.as_object_mut() {
        told.insert("goal".to_owned(), json!(goal));
        told.insert("reached".to_owned(), json!(reached));
    }
}

fn load() -> Value {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .take(3)
        .filter_map(|load| load.parse::<f64>().ok())
        .collect()
}

/// Ours and the peer in turns, A B B A.
async fn append(options: &Options, contents: &Arc<Contents>) -> anyhow::Result<Value> {
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        us.push(ours::turn(options, contents, CROWD).await?);
        them.push(peer::turn(options, contents).await?);
        them.push(peer::turn(options, contents).await?);
        us.push(ours::turn(options, contents, CROWD).await?);
    }
    let our = |figure: fn(&ours::Turn) -> f64| median(us.iter().map(figure).collect());
    let their = |figure: fn(&peer::Turn) -> f64| median(them.iter().map(figure).collect());
    let per_s = (
        our(|turn| turn.cost.per_s(turn.signed)),
        their(|turn| turn.cost.per_s(turn.rows)),
    );
    let per_cpu_s = (
        our(|turn| turn.cost.per_cpu_s(turn.signed)),
        their(|turn| turn.cost.per_cpu_s(turn.rows)),
    );
    let (ratio, cpu_ratio) = (per_s.0 / per_s.1, per_cpu_s.0 / per_cpu_s.1);
    say(&format!(
        "entries per second, signed for        {:8.0}   per CPU-second {:8.0}",
        per_s.0, per_cpu_s.0
    ));
    say(&format!(
        "  plain rows, {} clients              {:8.0}   per CPU-second {:8.0}",
        peer::CLIENTS,
        per_s.1,
        per_cpu_s.1
    ));
    say(&format!(
        "  ratio                               {ratio:8.2}   per CPU-second {cpu_ratio:8.2}   (goal {GOAL_RATIO})"
    ));
    let ours: Vec<Value> = us.into_iter().map(|turn| turn.told).collect();
    let theirs: Vec<Value> = them.into_iter().map(|turn| turn.told).collect();
    Ok(json!({
        "per_s": per_s.0, "per_cpu_s": per_cpu_s.0, "ratio": ratio, "cpu_ratio": cpu_ratio, "goal": GOAL_RATIO,
        "reached": ratio >= GOAL_RATIO, "peer": {"clients": peer::CLIENTS, "per_s": per_s.1, "per_cpu_s": per_cpu_s.1},
        "turns": {"ours": ours, "peer": theirs},
    }))
}

/// Counted when they are in the log: of many tenants, few have enough for a checkpoint in so short a time.
async fn crowds(options: &Options, contents: &Arc<Contents>) -> anyhow::Result<Value> {
    let mut told = Vec::new();
    for crowd in OTHERS {
        let turn = ours::turn(options, contents, crowd).await?;
        say(&format!(
            "  {:3} callers, {:2} tenants, in the log   {:8.0}   per CPU-second {:8.0}",
            crowd.callers,
            crowd.tenants,
            turn.cost.per_s(turn.logged),
            turn.cost.per_cpu_s(turn.logged)
        ));
        told.push(turn.told);
    }
    Ok(Value::Array(told))
}

/// Half of what was reached, or of what one turn reaches now.
async fn half_load(options: &Options, contents: &Arc<Contents>, reached: Option<f64>) -> anyhow::Result<Value> {
    let reached = if let Some(rate) = reached {
        rate
    } else {
        let turn = ours::turn(options, contents, CROWD).await?;
        turn.cost.per_s(turn.signed)
    };
    let mut told = paced::run(options, contents, (CROWD.tenants, reached / 2.0)).await?;
    let p99 = figure(&told, "/recording/p99_ms");
    say(&format!(
        "at half load, {:6.0} a second: recorded p50 {:.1} ms, p99 {p99:.1} ms (goal {GOAL_P99_MS})",
        reached / 2.0,
        figure(&told, "/recording/p50_ms")
    ));
    say(&format!(
        "  in the log p50 {:.0} ms, p99 {:.0} ms; signed for p50 {:.0} ms, p99 {:.0} ms",
        figure(&told, "/to_the_log/p50_ms"),
        figure(&told, "/to_the_log/p99_ms"),
        figure(&told, "/to_a_signed_checkpoint/p50_ms"),
        figure(&told, "/to_a_signed_checkpoint/p99_ms"),
    ));
    judge(&mut told, GOAL_P99_MS, p99 <= GOAL_P99_MS);
    Ok(told)
}

async fn caught_up(options: &Options, contents: &Arc<Contents>) -> anyhow::Result<(Value, Value)> {
    let backlog::CaughtUp { told, mut verification } = backlog::run(options, contents).await?;
    for (part, name) in [
        ("filling", "recorded, with no log that follows"),
        ("catching_up", "a backlog, logged and signed for"),
        ("export", "exported, opened and proven"),
    ] {
        say(&format!(
            "{name:<37} {:8.0}   per CPU-second {:8.0}",
            figure(&told, &format!("/{part}/per_s")),
            figure(&told, &format!("/{part}/per_cpu_s"))
        ));
    }
    let rate = figure(&verification, "/per_cpu_s");
    say(&format!(
        "{:<37} {rate:8.0}   on one core (goal {GOAL_VERIFIED})",
        "verified, content and all"
    ));
    judge(&mut verification, GOAL_VERIFIED, rate >= GOAL_VERIFIED);
    Ok((told, verification))
}
