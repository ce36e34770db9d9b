//! The measurements. In each round every runtime has its turn (A B C A B C), so that noise hits all alike.

use std::{path::Path, thread, time::Duration};

use tempfile::TempDir;

use crate::{
    bare::{self, Bare},
    metrics::{Metric, percentile},
    results::Row,
    runtime::{Contender, Runtime, body, milliseconds},
    throttle::Throttle,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How many events a runtime answers before it is the next one's turn.
const TURN: usize = 50;
/// Between two events of which the latency is measured: callers do not wait for each other's answers.
const PAUSE: Duration = Duration::from_millis(2);
/// The rounds of what takes long.
const LONG: usize = 20;
/// At the same time, where several are.
const CONCURRENCY: usize = 4;

/// How much is measured.
pub struct Plan {
    /// Warm events of each runtime.
    pub events: usize,
}

impl Plan {
    fn turn(&self) -> usize {
        TURN.min(self.events)
    }

    fn rounds(&self) -> usize {
        self.events.div_ceil(TURN)
    }

    fn long_rounds(&self) -> usize {
        LONG.min(self.rounds())
    }

    /// Streamed answers of each runtime, and how large they are, in bytes.
    pub fn streams(&self) -> usize {
        self.long_rounds().div_ceil(4)
    }

    pub fn streamed(&self) -> usize {
        if self.events < TURN { 20 * MIB } else { 200 * 1_000_000 }
    }

    /// Steps of a durable function in one loop: with more than one round, as many as an execution is likely to have.
    pub fn steps(&self) -> usize {
        if self.events < TURN { 20 } else { 1000 }
    }

    /// Events that a runtime has all by itself.
    pub fn alone(&self) -> usize {
        5 * self.events
    }
}

/// Measures all.
pub fn run(contenders: &[Contender], plan: &Plan, pwsh: Option<&Path>) -> (Vec<Row>, Bare) {
    let mut rows: Vec<_> = contenders.iter().map(|contender| Row::new(contender.name, contender.ours)).collect();
    eprintln!("bench: starts");
    let pwsh = starts(contenders, plan, pwsh, &mut rows);
    eprintln!("bench: starts with less of a processor");
    throttled(contenders, plan, &mut rows);
    eprintln!("bench: warm events");
    let subshell = warm(contenders, plan, &mut rows);
    eprintln!("bench: several at a time");
    several(contenders, plan, &mut rows);
    eprintln!("bench: large events");
    large(contenders, plan, &mut rows);
    for (contender, row) in contenders.iter().zip(&mut rows) {
        eprintln!("bench: alone: {}", contender.name);
        alone(contender, plan, row);
    }
    if which::which("strace").is_ok() {
        eprintln!("bench: system calls");
        calls(contenders, plan, &mut rows);
    }
    (rows, Bare { pwsh, subshell })
}

fn starts(contenders: &[Contender], plan: &Plan, pwsh: Option<&Path>, rows: &mut [Row]) -> Vec<f64> {
    let body = body(KIB);
    let mut bare = Vec::new();
    for _ in 0..plan.long_rounds() {
        for (contender, row) in contenders.iter().zip(&mut *rows) {
            let runtime = contender.start();
            row.push(Metric::Init, runtime.init());
            row.push(Metric::First, runtime.event(&body));
        }
        bare.extend(pwsh.map(bare::start_of));
    }
    bare
}

fn throttled(contenders: &[Contender], plan: &Plan, rows: &mut [Row]) {
    let Some(throttle) = Throttle::new() else { return };
    for _ in 0..plan.long_rounds().div_ceil(4) {
        for (contender, row) in contenders.iter().zip(&mut *rows) {
            let runtime = contender.start_in(&throttle.entrance());
            row.push(Metric::Throttled, runtime.init());
            runtime.stop();
        }
    }
}

/// Also gives the time of a bare subshell, round by round.
fn warm(contenders: &[Contender], plan: &Plan, rows: &mut [Row]) -> Vec<f64> {
    let body = body(KIB);
    let runtimes: Vec<_> = contenders.iter().map(|contender| warmed_up(contender.start(), plan, 1)).collect();
    let mut subshells = Vec::new();
    for _ in 0..plan.rounds() {
        for (runtime, row) in runtimes.iter().zip(&mut *rows) {
            let turn = runtime.row(plan.turn() + 1, &body);
            row.push(Metric::Cycle, percentile(&turn.cycles, 50.0));
            row.push(Metric::Rate, turn.per_second);
            row.cycles.extend(turn.cycles);
            let latencies: Vec<_> = (0..plan.turn())
                .map(|_| {
                    thread::sleep(PAUSE);
                    runtime.event(&body)
                })
                .collect();
            row.push(Metric::Latency, percentile(&latencies, 50.0));
            row.latencies.extend(latencies);
        }
        subshells.push(bare::subshell(plan.turn()));
    }
    for row in rows {
        row.push(Metric::LatencyP99, percentile(&row.latencies, 99.0));
        row.push(Metric::LatencyP999, percentile(&row.latencies, 99.9));
        row.push(Metric::CycleP99, percentile(&row.cycles, 99.0));
        row.push(Metric::CycleP999, percentile(&row.cycles, 99.9));
    }
    subshells
}

/// Ready for its next event, and no longer new to events.
fn warmed_up(runtime: Runtime, plan: &Plan, concurrency: usize) -> Runtime {
    runtime.wait_until_asked(concurrency);
    runtime.row(concurrency * plan.turn(), &body(KIB));
    runtime
}

fn several(contenders: &[Contender], plan: &Plan, rows: &mut [Row]) {
    let body = body(KIB);
    let runtimes: Vec<_> = contenders
        .iter()
        .map(|contender| {
            let several = (!contender.small_and_single).then(|| contender.start_concurrent(CONCURRENCY));
            several.map(|runtime| warmed_up(runtime, plan, CONCURRENCY))
        })
        .collect();
    for _ in 0..plan.long_rounds() {
        for (runtime, row) in runtimes.iter().zip(&mut *rows) {
            if let Some(runtime) = runtime {
                let turn = runtime.row(CONCURRENCY * plan.turn() + 1, &body);
                row.push(Metric::RateOfFour, turn.per_second);
            }
        }
    }
}

fn large(contenders: &[Contender], plan: &Plan, rows: &mut [Row]) {
    let (medium, large) = (body(100 * KIB), body(6 * MIB));
    let runtimes: Vec<_> = contenders.iter().map(|contender| warmed_up(contender.start(), plan, 1)).collect();
    // one round that does not count: the first event of a size makes room for it
    for round in 0..=plan.long_rounds() {
        for ((runtime, contender), row) in runtimes.iter().zip(contenders).zip(&mut *rows) {
            let sizes =
                [(Metric::Medium, Some(&medium)), (Metric::Large, (!contender.small_and_single).then_some(&large))];
            for (metric, body) in sizes {
                if let Some(body) = body {
                    let time = runtime.event(body);
                    if round > 0 {
                        row.push(metric, time);
                    }
                }
            }
        }
    }
}

/// Measures proportional memory while no other runtime shares pages.
fn alone(contender: &Contender, plan: &Plan, row: &mut Row) {
    let body = body(KIB);
    let few = plan.turn();
    let short = warmed_up(contender.start(), plan, 1).stop();
    let runtime = contender.start();
    runtime.event(&body);
    runtime.wait_until_asked(2);
    row.push(Metric::TreeAtStart, runtime.tree_memory());
    row.push(Metric::OwnAtStart, runtime.own_memory());
    let halves = [
        (Metric::OwnHalfway, Metric::TreeHalfway, plan.alone() / 2),
        (Metric::OwnAfter, Metric::TreeAfter, plan.alone()),
    ];
    let mut answered = 1;
    for (own, tree, until) in halves {
        while answered < until {
            let turn = (until - answered).min(2 * TURN);
            runtime.row(turn, &body);
            answered += turn;
        }
        runtime.wait_until_asked(until + 1);
        row.push(own, runtime.own_memory());
        row.push(tree, runtime.tree_memory());
    }
    let long = runtime.stop();
    row.push(Metric::Processor, milliseconds(long.saturating_sub(short)) / (answered - few) as f64);
}

fn calls(contenders: &[Contender], plan: &Plan, rows: &mut [Row]) {
    let directory = TempDir::new().expect("a temporary directory");
    let summary = directory.path().join("summary");
    let body = body(KIB);
    let traced = |contender: &Contender, events: usize| {
        let runtime = contender.start_traced(&summary);
        runtime.init();
        runtime.row(events, &body);
        runtime.stop();
        let text = std::fs::read_to_string(&summary).expect("what strace writes");
        let total = text.lines().find(|line| line.ends_with(" total")).expect("the last line of strace -c");
        total.split_whitespace().nth(3).and_then(|calls| calls.parse::<f64>().ok()).expect("a count of calls")
    };
    for (contender, row) in contenders.iter().zip(rows) {
        let (few, many) = (plan.turn(), 5 * plan.turn());
        let calls = traced(contender, many) - traced(contender, few);
        row.push(Metric::Calls, calls / (many - few) as f64);
    }
}
