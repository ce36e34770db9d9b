//! The comparison of the page on performance: every runtime answers the same events in one run, in turns, so that noise
//! hits all alike. `make bench` builds the programs, runs the comparison, and writes the results into `benches/` and
//! that page.
//!
//! Settings, all of them environment variables:
//!
//! * `BENCH_EVENTS` (2000): warm events of each runtime; the rounds of everything else follow from it.
//! * `BENCH_ONLY`: only the runtimes whose names contain this text, and the floor; prints the results and writes
//!   nothing.
//! * `BENCH_INTO`: the directory to write to, with `benches/` and `docs/performance.md` below it; without it, nothing
//!   is written.
//! * `BENCH_AGAINST`: a `RESULTS.json`; fail if one of our ratios is worse than there by more than 20 %.

// counts and times are far from where their conversions lose anything
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, unreachable_pub)]

#[path = "../tests/support/api/mod.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod api;
mod bare;
mod check;
mod contenders;
mod durable;
mod goals;
#[path = "../tests/support/http.rs"]
#[allow(dead_code, clippy::unwrap_used)]
mod http;
mod metrics;
mod plot;
mod report;
mod results;
mod rounds;
mod runtime;
mod streams;
mod throttle;

use std::{env, error::Error, fs, path::Path, process::Command, process::ExitCode};

use contenders::{FLOOR, Programs};
use results::Results;
use rounds::Plan;
use rustix::process::{getpid, set_child_subreaper};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let events = env::var("BENCH_EVENTS").map_or(Ok(2000), |text| text.parse());
    let events = events.ok().filter(|&events| events > 0).ok_or("BENCH_EVENTS: a number above 0 is needed")?;
    let results = measure(&Plan { events });
    println!("{}", report::results(&results));
    if let Some(directory) = env::var_os("BENCH_INTO").filter(|_| env::var_os("BENCH_ONLY").is_none()) {
        write(Path::new(&directory), &results)?;
    }
    let Some(kept) = env::var_os("BENCH_AGAINST") else { return Ok(ExitCode::SUCCESS) };
    let worse = check::worse(&serde_json::from_slice(&fs::read(kept)?)?, &results);
    if worse.is_empty() {
        println!("no ratio of ours has become worse by more than 20 %");
        return Ok(ExitCode::SUCCESS);
    }
    println!("worse by more than 20 %:\n{}", worse.join("\n"));
    Ok(ExitCode::FAILURE)
}

fn measure(plan: &Plan) -> Results {
    // so that the processor time of what a runtime leaves behind is counted too
    set_child_subreaper(Some(getpid())).expect("any process may");
    let programs = Programs::find();
    let (mut contenders, mut left_out) = programs.contenders();
    if let Ok(only) = env::var("BENCH_ONLY") {
        contenders.retain(|contender| contender.name == FLOOR || contender.name.contains(&only));
    }
    if which::which("strace").is_err() {
        left_out.push("system calls: no strace".to_owned());
    }
    let images = images();
    if images.is_empty() {
        left_out.push("image sizes: no Docker engine with the images of `docker buildx bake`".to_owned());
    }
    let (rows, bare) = rounds::run(&contenders, plan, programs.pwsh.as_deref());
    eprintln!("bench: streamed answers");
    let streamed = plan.streamed();
    Results {
        rows,
        events: plan.events,
        alone: plan.alone(),
        bare,
        left_out,
        binary: fs::metadata(programs.bootstrap()).map_or(0, |metadata| metadata.len()),
        images,
        streams: streams::run(&programs, plan.streams(), streamed),
        streamed,
        steps: durable::run(&programs, plan.streams(), plan.steps()),
        steps_each: plan.steps(),
    }
}

/// The images that the engine has, without the base that they are on.
fn images() -> Vec<(String, u64)> {
    let size = |tag: &str| {
        let inspect = ["image", "inspect", "--format", "{{.Size}}", tag];
        let output = Command::new("docker").args(inspect).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u64>().ok()
    };
    let image = env::var("IMAGE").unwrap_or_else(|_| "lambda-script-runtime".to_owned());
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let mut images = Vec::new();
    for base in ["al2", "al2023"] {
        let Some(below) = size(&format!("public.ecr.aws/lambda/provided:{base}")) else { continue };
        for variant in ["bash", "lisp", "powershell-runtime", "all"] {
            let tag = format!("{image}:{variant}-{base}-{architecture}");
            if let Some(size) = size(&tag) {
                images.push((format!("image `{variant}`, over its base `{base}`"), size.saturating_sub(below)));
            }
        }
    }
    images
}

fn write(directory: &Path, results: &Results) -> Result<(), Box<dyn Error>> {
    let benches = directory.join("benches");
    fs::create_dir_all(&benches)?;
    fs::write(benches.join("RESULTS.md"), report::results(results))?;
    let ratios = serde_json::to_string_pretty(&check::ratios(results))?;
    fs::write(benches.join("RESULTS.json"), ratios + "\n")?;
    fs::write(benches.join("results.svg"), plot::draw(results))?;
    let page = Path::new("docs/performance.md");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page))?;
    let text = report::page(&text, results).ok_or("docs/performance.md: the marks around the figures are gone")?;
    fs::create_dir_all(directory.join("docs"))?;
    fs::write(directory.join(page), text)?;
    Ok(())
}
