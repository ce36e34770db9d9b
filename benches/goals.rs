//! The goals, each against what has been measured.

use std::fmt::Write;

use crate::{
    contenders::{BASH, BASH_WORKER, CURL, FLOOR, LISP, LISP_WORKER, POWERSHELL, POWERSHELL_WORKER, RELAY, WORKER},
    metrics::{Metric, Spread},
    results::{Results, Row},
};

struct Goal {
    what: String,
    /// As people read it.
    limit: String,
    /// Text, and whether it is reached; `None` if it was not measured.
    measured: Option<(String, bool)>,
}

/// Each language with its yardstick, the bare interpreter, and its limits for latency and cycle.
const WARM: [(&str, &str, f64, f64); 4] = [
    (RELAY, WORKER, 1.25, 1.1),
    (LISP, LISP_WORKER, 1.4, 1.5),
    (POWERSHELL, POWERSHELL_WORKER, 1.3, 1.4),
    (BASH, BASH_WORKER, 1.5, 1.6),
];

/// The table of the goals.
pub fn table(results: &Results) -> String {
    let mut text = "| | goal | measured | |\n|---|---|---|---|\n".to_owned();
    for Goal { what, limit, measured } in goals(results) {
        let (measured, verdict) = match measured {
            Some((measured, true)) => (measured, "reached"),
            Some((measured, false)) => (measured, "**not reached**"),
            None => ("–".to_owned(), "not measured"),
        };
        let _ = writeln!(text, "| {what} | {limit} | {measured} | {verdict} |");
    }
    text
}

fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (name, bare, latency, cycle) in WARM {
        goals.push(of_bare(results, name, bare, Metric::Latency, latency));
        goals.push(of_bare(results, name, bare, Metric::Cycle, cycle));
    }
    for (name, bare, ..) in &WARM[1..] {
        goals.push(of_bare(results, name, bare, Metric::Large, 1.5));
    }
    let tail =
        results.row(POWERSHELL).and_then(|row| Some(row.median(Metric::LatencyP99)? / row.median(Metric::Latency)?));
    goals.push(at_most(4.0, times)(format!("{POWERSHELL}: latency p99, of its p50"), tail));
    for name in [BASH, LISP, POWERSHELL] {
        goals.push(faster_than_curl(results, name));
    }
    for (name, limit) in [(BASH, 5.0), (LISP, 12.0)] {
        goals.push(absolute(results, name, Metric::Init, limit));
    }
    goals.push(start_of_powershell(results));
    goals.push(absolute(results, POWERSHELL, Metric::Throttled, 1000.0));
    let first_of_floor = first_of_warm(results, FLOOR);
    for name in [BASH, LISP] {
        let what = format!("{name}: first event of its own warm p50, of the native echo's same ratio");
        let ratio = first_of_warm(results, name).zip(first_of_floor).map(|(ours, floor)| ours / floor);
        goals.push(at_most(1.4, times)(what, ratio));
    }
    goals.push(absolute(results, POWERSHELL, Metric::First, 2.0));
    for (name, limit) in [(POWERSHELL, 95.0), (LISP, 30.0), (BASH, 4.0)] {
        goals.push(absolute(results, name, Metric::TreeAfter, limit));
    }
    goals.push(growth_of_powershell(results));
    goals.extend(memory(results));
    for (name, ran, replayed) in [("Bash", 3.0, 1.0), ("PowerShell", 0.5, 0.3), ("Lisp", 0.5, 0.3)] {
        goals.extend(steps(results, name, ran, replayed));
    }
    let binary = results.binary as f64 / 1e6;
    goals.push(at_most(3.6, |size| format!("{size:.2} MB"))("the binary".to_owned(), Some(binary)));
    goals
}

/// A goal in times of the bare interpreter.
fn of_bare(results: &Results, name: &str, bare: &str, metric: Metric, limit: f64) -> Goal {
    let ratio = results.row(name).zip(results.row(bare));
    let ratio = ratio.and_then(|(ours, bare)| Some(ours.ratio(metric, bare)?.median));
    at_most(limit, times)(format!("{name}: {}, of \"{bare}\"", metric.title()), ratio)
}

/// A goal in the metric's own unit.
fn absolute(results: &Results, name: &str, metric: Metric, limit: f64) -> Goal {
    let median = results.row(name).and_then(|row| row.median(metric));
    at_most(limit, |value| metric.text(value))(format!("{name}: {}", metric.title()), median)
}

/// The first event of a runtime, in times of its warm ones.
pub fn first_of_warm(results: &Results, name: &str) -> Option<f64> {
    let row = results.row(name)?;
    paired(row.values(Metric::First), &[row.median(Metric::Latency)?])
}

fn faster_than_curl(results: &Results, name: &str) -> Goal {
    let of = |name| results.row(name).map(|row| row.values(Metric::Latency));
    let ratio = of(CURL).zip(of(name)).and_then(|(curl, ours)| paired(curl, ours));
    Goal {
        what: format!("{CURL}: latency p50, of \"{name}\""),
        limit: "at least × 20".to_owned(),
        measured: ratio.map(|ratio| (times(ratio), ratio >= 20.0)),
    }
}

fn start_of_powershell(results: &Results) -> Goal {
    let what = format!("{POWERSHELL}: init and first event, of the start of a bare `pwsh`");
    at_most(1.1, times)(what, results.row(POWERSHELL).and_then(|row| start(results, row)))
}

/// Init and first event, in times of a bare `pwsh`'s start.
fn start(results: &Results, row: &Row) -> Option<f64> {
    let both = row.values(Metric::Init).iter().zip(row.values(Metric::First));
    let both: Vec<_> = both.map(|(init, first)| init + first).collect();
    paired(&both, &results.bare.pwsh)
}

fn growth_of_powershell(results: &Results) -> Goal {
    let growth =
        results.row(POWERSHELL).and_then(|row| Some(row.median(Metric::TreeAfter)? - row.median(Metric::TreeHalfway)?));
    let what = format!("{POWERSHELL}: growth of all processes over the second half of {} events", results.alone);
    at_most(1.0, mebibytes)(what, growth)
}

/// The worst of ours.
fn memory(results: &Results) -> [Goal; 2] {
    let ours = || results.rows.iter().filter(|row| row.ours);
    let worst = |of: fn(f64, f64) -> f64| {
        let both = ours().filter_map(|row| Some(of(row.median(Metric::OwnHalfway)?, row.median(Metric::OwnAfter)?)));
        both.reduce(f64::max)
    };
    let events = results.alone;
    [
        at_most(3.0, mebibytes)(format!("`bootstrap` after {events} events, the largest"), worst(|_, after| after)),
        at_most(0.1, mebibytes)(
            "its growth over the second half of them".to_owned(),
            worst(|half, after| after - half),
        ),
    ]
}

/// The cost of a step, beside its own work.
fn steps(results: &Results, name: &str, ran: f64, replayed: f64) -> [Goal; 2] {
    let row = results.steps.iter().find(|steps| steps.name.starts_with(name));
    let median = |values: Option<&Vec<f64>>| Some(Spread::of(values?)?.median);
    let text = |time: f64| format!("{time:.2} ms");
    [
        at_most(ran, text)(format!("{name}: a durable step, run"), median(row.map(|row| &row.ran))),
        at_most(replayed, text)(format!("{name}: a durable step, replayed"), median(row.map(|row| &row.replayed))),
    ]
}

fn at_most(limit: f64, text: impl Fn(f64) -> String) -> impl Fn(String, Option<f64>) -> Goal {
    move |what, value| Goal {
        what,
        limit: format!("at most {}", text(limit)),
        measured: value.map(|value| (text(value), value <= limit)),
    }
}

fn mebibytes(size: f64) -> String {
    format!("{size:.2} MiB")
}

fn times(ratio: f64) -> String {
    format!("× {ratio:.2}")
}

/// The median of the ratios, round by round; one value goes with every round.
fn paired(values: &[f64], others: &[f64]) -> Option<f64> {
    let others = others.iter().cycle().take(if others.len() == 1 { values.len() } else { others.len() });
    let ratios: Vec<_> = values.iter().zip(others).map(|(value, other)| value / other).collect();
    Spread::of(&ratios).map(|spread| spread.median)
}
