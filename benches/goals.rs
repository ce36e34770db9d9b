//! The goals, each against what has been measured.

use std::fmt::Write;

use crate::{
    contenders::{
        BASH, BASH_CAT, BASH_PROGRAM, BASH_WORKER, BY_HAND, CURL, FLOOR, LISP, LISP_WORKER, POWERSHELL,
        POWERSHELL_WORKER, RELAY, WORKER,
    },
    metrics::{Metric, Spread},
    results::{Results, Row},
};

struct Goal {
    what: String,
    /// As people read it.
    limit: String,
    /// Text, and whether it is reached; `None` if it was not measured.
    measured: Option<(String, bool)>,
    /// What the same takes with a bare interpreter, where there is such a row.
    bare: Option<f64>,
}

/// The interpreters of ours, each in a row of its own that does the least.
const BARE: [(&str, &str); 5] = [
    (RELAY, WORKER),
    (BASH, BASH_WORKER),
    (BASH_CAT, BASH_WORKER),
    (LISP, LISP_WORKER),
    (POWERSHELL, POWERSHELL_WORKER),
];

/// The table of the goals.
pub fn table(results: &Results) -> String {
    let mut text = "| | goal | measured | a bare interpreter | |\n|---|---|---|---|---|\n".to_owned();
    for Goal { what, limit, measured, bare } in goals(results) {
        let bare = bare.map(times).unwrap_or_default();
        let (measured, verdict) = match measured {
            Some((measured, true)) => (measured, "reached"),
            Some((measured, false)) => (measured, "**not reached**"),
            None => ("–".to_owned(), "not measured"),
        };
        let _ = writeln!(text, "| {what} | {limit} | {measured} | {bare} | {verdict} |");
    }
    text
}

fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (name, metric, limit) in [
        (RELAY, Metric::Latency, 0.7),
        (RELAY, Metric::Cycle, 0.8),
        (RELAY, Metric::Processor, 0.6),
        (LISP, Metric::Latency, 1.0),
        (LISP, Metric::Cycle, 1.2),
        (POWERSHELL, Metric::Latency, 1.5),
        (POWERSHELL, Metric::Cycle, 2.0),
    ] {
        goals.push(floors(results, name, metric, limit));
    }
    for (metric, limit) in [(Metric::Latency, 1.15), (Metric::Cycle, 1.3)] {
        let ratio = results.row(BASH).zip(results.row(BASH_WORKER));
        let ratio = ratio.and_then(|(ours, bare)| Some(ours.ratio(metric, bare)?.median));
        goals.push(at_most(limit, times)(format!("{BASH}: {}, of a bare Bash's", metric.title()), ratio));
    }
    let more = |name: &str| results.row(name).and_then(|row| row.median(Metric::Latency));
    let more = more(BASH_PROGRAM).zip(more(BY_HAND)).map(|(ours, by_hand)| ours - by_hand);
    let goal = at_most(0.3, |more| format!("{more:.2} ms"));
    goals.push(goal(format!("{BASH_PROGRAM}: latency p50 more than by hand"), more));
    goals.push(faster_than_curl(results));
    for (name, limit) in [(BASH, 5.0), (LISP, 12.0)] {
        goals.push(absolute(results, name, Metric::Init, limit));
    }
    goals.push(start_of_powershell(results));
    let first_of_floor = first_of_warm(results, FLOOR);
    for name in [BASH, LISP] {
        let what = format!("{name}: first event of its own warm p50, of the floor's same ratio");
        let ratio = |name| Some(first_of_warm(results, name)? / first_of_floor?);
        let goal = at_most(1.4, times)(what, ratio(name));
        goals.push(Goal { bare: bare_of(name).and_then(ratio), ..goal });
    }
    for (name, limit) in [(BASH, 10.0), (BASH_CAT, 10.0), (LISP, 3.0), (POWERSHELL, 10.0)] {
        goals.push(floors(results, name, Metric::Large, limit));
    }
    goals.push(absolute(results, POWERSHELL, Metric::First, 2.0));
    goals.push(absolute(results, POWERSHELL, Metric::Throttled, 1000.0));
    let tail = results
        .row(POWERSHELL)
        .and_then(|row| Some(row.median(Metric::LatencyP99)? / row.median(Metric::Latency)?));
    goals.push(at_most(4.0, times)(format!("{POWERSHELL}: latency p99, of its p50"), tail));
    for (name, limit) in [(POWERSHELL, 95.0), (LISP, 30.0), (BASH, 4.0)] {
        goals.push(absolute(results, name, Metric::TreeAfter, limit));
    }
    goals.push(growth_of_powershell(results));
    goals.extend(memory(results));
    let binary = results.binary as f64 / 1e6;
    goals.push(at_most(2.0, |size| format!("{size:.2} MB"))("the binary".to_owned(), Some(binary)));
    goals
}

/// A goal in times of the floor.
fn floors(results: &Results, name: &str, metric: Metric, limit: f64) -> Goal {
    let ratio = |name: &str| Some(results.row(name)?.ratio(metric, results.floor())?.median);
    let what = format!("{name}: {}, of the floor's", metric.title());
    Goal { bare: bare_of(name).and_then(ratio), ..at_most(limit, times)(what, ratio(name)) }
}

/// A goal in the metric's own unit.
fn absolute(results: &Results, name: &str, metric: Metric, limit: f64) -> Goal {
    let median = results.row(name).and_then(|row| row.median(metric));
    at_most(limit, |value| metric.text(value))(format!("{name}: {}", metric.title()), median)
}

fn bare_of(name: &str) -> Option<&'static str> {
    BARE.iter().find(|(ours, _)| *ours == name).map(|&(_, bare)| bare)
}

/// The first event of a runtime, in times of its warm ones.
pub fn first_of_warm(results: &Results, name: &str) -> Option<f64> {
    let row = results.row(name)?;
    paired(row.values(Metric::First), &[row.median(Metric::Latency)?])
}

fn faster_than_curl(results: &Results) -> Goal {
    let of = |name| results.row(name).map(|row| row.values(Metric::Latency));
    let ratio = of(CURL).zip(of(BASH)).and_then(|(curl, bash)| paired(curl, bash));
    Goal {
        what: format!("{CURL}: latency p50, of {BASH}'s"),
        limit: "at least × 25".to_owned(),
        measured: ratio.map(|ratio| (times(ratio), ratio >= 25.0)),
        bare: None,
    }
}

fn start_of_powershell(results: &Results) -> Goal {
    let start = |name| results.row(name).and_then(|row| start(results, row));
    let what = format!("{POWERSHELL}: init and first event, of a bare `pwsh`'s start");
    Goal { bare: start(POWERSHELL_WORKER), ..at_most(1.1, times)(what, start(POWERSHELL)) }
}

/// Init and first event, in times of a bare `pwsh`'s start.
fn start(results: &Results, row: &Row) -> Option<f64> {
    let both = row.values(Metric::Init).iter().zip(row.values(Metric::First));
    let both: Vec<_> = both.map(|(init, first)| init + first).collect();
    paired(&both, &results.bare.pwsh)
}

fn growth_of_powershell(results: &Results) -> Goal {
    let growth = results
        .row(POWERSHELL)
        .and_then(|row| Some(row.median(Metric::TreeAfter)? - row.median(Metric::TreeHalfway)?));
    let what =
        format!("{POWERSHELL}: growth of all processes over the second half of {} events", results.alone);
    at_most(1.0, mebibytes)(what, growth)
}

/// The worst of ours.
fn memory(results: &Results) -> [Goal; 2] {
    let ours = || results.rows.iter().filter(|row| row.ours);
    let worst = |of: fn(f64, f64) -> f64| {
        let both =
            ours().filter_map(|row| Some(of(row.median(Metric::OwnHalfway)?, row.median(Metric::OwnAfter)?)));
        both.reduce(f64::max)
    };
    let events = results.alone;
    [
        at_most(3.0, mebibytes)(
            format!("`bootstrap` after {events} events, the largest"),
            worst(|_, after| after),
        ),
        at_most(0.1, mebibytes)(
            "its growth over the second half of them".to_owned(),
            worst(|half, after| after - half),
        ),
    ]
}

fn at_most(limit: f64, text: impl Fn(f64) -> String) -> impl Fn(String, Option<f64>) -> Goal {
    move |what, value| Goal {
        what,
        limit: format!("at most {}", text(limit)),
        measured: value.map(|value| (text(value), value <= limit)),
        bare: None,
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
