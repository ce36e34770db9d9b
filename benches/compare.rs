//! The comparison of the README: every runtime answers the same events in one run, in turns, so that noise hits
//! all alike. `make bench` builds what it needs and runs it; `BENCH_EVENTS` sets the warm events (2 000),
//! `BENCH_ONLY` takes the rows whose name holds it.

// counts and times are far from where their conversions lose anything
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unreachable_pub
)]

#[path = "../tests/support/api.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod api;
mod measure;

use std::{
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use measure::{Contender, Runtime, percentile};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How many events a runtime answers before it is the next one's turn.
const TURN: usize = 50;
/// Between two events of the warm rows: callers do not wait for each other's answers.
const PAUSE: Duration = Duration::from_millis(2);
const STARTS: usize = 15;
const LARGE: usize = 15;

const FLOOR: &str = "native echo";

const BASH: &str = "handler() { printf '%s' \"$1\"; }\n";

const CAT: &str = "handler() { cat; }\n";

/// The Bash bootstrap of AWS's custom runtime tutorial, in its own order of steps.
const CURL_LOOP: &str = r#"set -euo pipefail
source "$LAMBDA_TASK_ROOT/function.sh"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -LD "$headers" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  answer=$(handler "$event")
  curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d "$answer" >/dev/null
  rm "$headers"
done
"#;

const LISP: &str = "(defun f (data headers) (declare (ignore headers)) data)\n";

const ROSWELL: &str = "(defun main (&rest argv)\n  (declare (ignore argv))\n  \
    (loop for line = (read-line *standard-input* nil) while line do (write-string line)))\n";

const POWERSHELL: &str = "function f { param($Data, $Context) $Data }\n";

fn contenders(programs: &Path) -> Vec<Contender> {
    let bootstrap = programs.join("bootstrap");
    let mut contenders = vec![
        Contender::new(FLOOR, &programs.join("examples/echo"), "", &[]),
        Contender::new("Bash function", &bootstrap, "function.handler", &[("function.sh", BASH)]),
        Contender::new("Bash function, `cat`", &bootstrap, "function.handler", &[("function.sh", CAT)]),
        Contender::new("Bash script", &bootstrap, "report.sh", &[("report.sh", "printf '%s' \"$1\"\n")]),
        Contender::new(
            "Bash, curl loop",
            Path::new("/bin/bash"),
            "",
            &[("function.sh", BASH), ("loop", CURL_LOOP)],
        )
        .argument("loop")
        .small_events_only(),
    ];
    let core = programs.parent().map(|target| target.join("lisp/runtime.core")).filter(|core| core.exists());
    if let Some(core) = core {
        let core = core.display().to_string();
        contenders.extend([
            Contender::new("Lisp function", &bootstrap, "main.f", &[("main.lisp", LISP)])
                .env("SCRIPT_RUNTIME_LISP_CORE", &core),
            Contender::new("Lisp script", &bootstrap, "echo.ros", &[("echo.ros", ROSWELL)])
                .env("SCRIPT_RUNTIME_LISP_CORE", &core),
        ]);
    }
    if pwsh().is_some() {
        contenders.push(Contender::new("PowerShell function", &bootstrap, "m.f", &[("m.psm1", POWERSHELL)]));
    }
    contenders
}

/// The start of a bare `pwsh`, in ms; `None` where there is none.
fn pwsh() -> Option<f64> {
    let program = std::env::var("SCRIPT_RUNTIME_PWSH").unwrap_or_else(|_| "pwsh".to_owned());
    let began = Instant::now();
    let arguments = ["-NoProfile", "-NonInteractive", "-Command", "1"];
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| began.elapsed().as_secs_f64() * 1000.0)
}

struct Row {
    name: &'static str,
    init: f64,
    first: f64,
    warm: Vec<f64>,
    busy: f64,
    cycle: f64,
    medium: f64,
    large: Option<f64>,
    own_memory: (f64, f64),
    tree_memory: f64,
    cpu: f64,
}

fn main() {
    let events =
        std::env::var("BENCH_EVENTS").map_or(2000, |text| text.parse().expect("BENCH_EVENTS: a number"));
    let this = std::env::current_exe().expect("the path of this program");
    let programs = this.ancestors().nth(2).expect("target/PROFILE/deps/PROGRAM");
    let mut contenders = contenders(programs);
    if let Ok(only) = std::env::var("BENCH_ONLY") {
        contenders.retain(|contender| contender.name == FLOOR || contender.name.contains(&only));
    }
    let rows = run(&contenders, events);
    print(&rows, events);
    let size = std::fs::metadata(programs.join("bootstrap")).map_or(0, |metadata| metadata.len());
    println!("\nbootstrap: {size} bytes");
    let bare: Vec<_> = (0..STARTS).filter_map(|_| pwsh()).collect();
    if !bare.is_empty() {
        println!("bare pwsh: {:.0} ms", percentile(&bare, 50.0));
    }
}

fn run(contenders: &[Contender], events: usize) -> Vec<Row> {
    let mut starts = vec![(Vec::new(), Vec::new()); contenders.len()];
    for _ in 0..STARTS {
        for (contender, (inits, firsts)) in contenders.iter().zip(&mut starts) {
            let mut runtime = contender.start();
            inits.push(runtime.init());
            firsts.push(runtime.event(KIB));
        }
    }
    let mut runtimes: Vec<_> = contenders.iter().map(Contender::start).collect();
    for runtime in &mut runtimes {
        runtime.init();
        for _ in 0..TURN {
            runtime.event(KIB);
        }
    }
    let before: Vec<_> = runtimes.iter().map(Runtime::own_memory).collect();
    let mut warm = vec![Vec::new(); contenders.len()];
    let mut busy = vec![Vec::new(); contenders.len()];
    let mut cycle = vec![Vec::new(); contenders.len()];
    let mut cpu = vec![Duration::ZERO; contenders.len()];
    for _ in 0..events.div_ceil(TURN) {
        for (index, runtime) in runtimes.iter_mut().enumerate() {
            let began = runtime.cpu_time();
            let turn = Instant::now();
            busy[index].extend((0..TURN).map(|_| runtime.event(KIB)));
            cycle[index].push(turn.elapsed().as_secs_f64() * 1000.0 / TURN as f64);
            cpu[index] += runtime.cpu_time().saturating_sub(began);
            warm[index].extend((0..TURN).map(|_| {
                thread::sleep(PAUSE);
                runtime.event(KIB)
            }));
        }
    }
    let memory: Vec<_> =
        runtimes.iter().map(|runtime| (runtime.own_memory(), runtime.tree_memory())).collect();
    let mut sized = vec![(Vec::new(), Vec::new()); contenders.len()];
    for _ in 0..LARGE {
        for ((runtime, contender), (medium, large)) in runtimes.iter_mut().zip(contenders).zip(&mut sized) {
            medium.push(runtime.event(100 * KIB));
            if !contender.only_small {
                large.push(runtime.event(6 * MIB));
            }
        }
    }
    (0..contenders.len())
        .map(|index| Row {
            name: contenders[index].name,
            init: percentile(&starts[index].0, 50.0),
            first: percentile(&starts[index].1, 50.0),
            cpu: cpu[index].as_secs_f64() * 1000.0 / warm[index].len() as f64,
            busy: percentile(&busy[index], 50.0),
            cycle: percentile(&cycle[index], 50.0),
            warm: warm[index].clone(),
            medium: percentile(&sized[index].0, 50.0),
            large: (!sized[index].1.is_empty()).then(|| percentile(&sized[index].1, 50.0)),
            own_memory: (before[index], memory[index].0),
            tree_memory: memory[index].1,
        })
        .collect()
}

fn print(rows: &[Row], events: usize) {
    let floor = &rows[0];
    println!(
        "{events} warm events of 1 KiB for each; medians; times in ms, ratios to the native echo in brackets\n"
    );
    println!(
        "| | init until `/next` | first event | warm p50 | p99 | p99.9 | back to back | time for each of a row | 100 KiB | 6 MiB | CPU per event | memory of the process, MiB | PSS of the tree, MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for row in rows {
        let ratio = |of: f64, to: f64| format!("{of:.2} (× {:.1})", of / to);
        let warm = |row: &Row, rank| percentile(&row.warm, rank);
        let large = row.large.map_or("–".to_owned(), |time| ratio(time, floor.large.unwrap_or(f64::NAN)));
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {large} | {:.2} | {:.1} → {:.1} | {:.1} |",
            row.name,
            ratio(row.init, floor.init),
            ratio(row.first, floor.first),
            ratio(warm(row, 50.0), warm(floor, 50.0)),
            ratio(warm(row, 99.0), warm(floor, 99.0)),
            ratio(warm(row, 99.9), warm(floor, 99.9)),
            ratio(row.busy, floor.busy),
            ratio(row.cycle, floor.cycle),
            ratio(row.medium, floor.medium),
            row.cpu,
            row.own_memory.0,
            row.own_memory.1,
            row.tree_memory,
        );
    }
}
