//! The tables, for people.

use std::fmt::Write;

use crate::{
    durable, goals,
    metrics::{Metric, Spread},
    results::{Results, Row},
    streams,
};

/// `make bench` replaces the text between these lines of the page on performance.
const MARKS: [&str; 2] = ["<!-- written by `make bench` -->\n", "<!-- until here -->\n"];

const SUMMARY: [Metric; 5] = [Metric::Init, Metric::Latency, Metric::Cycle, Metric::Large, Metric::TreeAfter];

/// A table with related metrics.
struct Section {
    title: &'static str,
    /// With `{events}` and `{alone}` for their numbers.
    text: &'static str,
    metrics: &'static [Metric],
}

const SECTIONS: [Section; 7] = [
    Section {
        title: "Start",
        text: "Init is the time from the start of the process to its first request for an event. The second column is \
            the same with 0.29 of a processor, the share of a function of 512 MB. The third is the latency of the \
            first event.",
        metrics: &[Metric::Init, Metric::Throttled, Metric::First],
    },
    Section {
        title: "Latency of a warm event",
        text: "The time from handing out an event of 1 KiB to reading the last byte of its answer. The next event \
            comes 2 ms later. {events} events.",
        metrics: &[Metric::Latency, Metric::LatencyP99, Metric::LatencyP999],
    },
    Section {
        title: "Cycle of a warm event",
        text: "The time from each answer to the next one, while the same events follow each other without a pause. It \
            includes the request for the next event, and the runtime's work after an answer. {events} events.",
        metrics: &[Metric::Cycle, Metric::CycleP99, Metric::CycleP999],
    },
    Section {
        title: "Events per second",
        text: "Events follow each other without a pause: one at a time, then four with \
            `AWS_LAMBDA_MAX_CONCURRENCY=4`. **÷** is the floor's rate divided by this one.",
        metrics: &[Metric::Rate, Metric::RateOfFour],
    },
    Section {
        title: "Latency of larger events",
        text: "The curl loop cannot take 6 MiB, because an argument is limited to 128 KiB.",
        metrics: &[Metric::Medium, Metric::Large],
    },
    Section {
        title: "Memory",
        text: "Proportional set size (PSS) after the first event and after {alone} events, while no other runtime is \
            running. The first process is `bootstrap`, or Bash for the curl loop.",
        metrics: &[Metric::TreeAtStart, Metric::TreeAfter, Metric::OwnAtStart, Metric::OwnAfter],
    },
    Section {
        title: "Cost of an event",
        text: "Processor time of all processes over {alone} events in a row, without the time of the start. It \
            includes processes that have ended. `strace -f -c` counts the system calls in separate runs.",
        metrics: &[Metric::Processor, Metric::Calls],
    },
];

/// `RESULTS.md`.
pub fn results(results: &Results) -> String {
    let mut text = head(results);
    let counts = [("{events}", results.events), ("{alone}", results.alone)];
    for Section { title, text: explanation, metrics } in SECTIONS {
        let explanation = counts
            .iter()
            .fold(explanation.to_owned(), |explanation, (mark, count)| explanation.replace(mark, &count.to_string()));
        let _ = write!(text, "\n## {title}\n\n{explanation}\n\n");
        table(&mut text, results, metrics, cell);
    }
    text += &streams::section(&results.streams, results.streamed);
    text += &durable::section(&results.steps, results.steps_each);
    let _ = write!(text, "\n## Sizes on disk\n\n| | |\n|---|---|\n");
    let sizes = std::iter::once(("`bootstrap`", results.binary));
    for (name, size) in sizes.chain(results.images.iter().map(|(name, size)| (name.as_str(), *size))) {
        let _ = writeln!(text, "| {name} | {:.2} MB |", size as f64 / 1e6);
    }
    if !results.left_out.is_empty() {
        let _ = write!(text, "\n## Left out\n\n");
    }
    for left_out in &results.left_out {
        let _ = writeln!(text, "* {left_out}");
    }
    text
}

fn head(results: &Results) -> String {
    format!(
        "# Results\n\nOne run of `make bench` on {}. All runtimes echo the same events, in turns (A B C A B C).\n\
        **×** is the ratio to the native echo, which is the floor. Each round is compared with the floor of the same \
        round; the figure is the median of the rounds, with the quartiles in brackets. The median value follows.\n\n![warm latency and init of each runtime](results.svg)\n\n\
        ## Goals\n\n{}\n{}",
        machine(),
        goals::table(results),
        limits(results)
    )
}

/// The yardsticks of the goals.
fn limits(results: &Results) -> String {
    let mut text = format!(
        "Each language is compared with its bare interpreter: a blocking client of our own in front of the same \
        interpreter, which takes the event and gives it back. The bare SBCL reads bytes and writes them; the bare \
        PowerShell turns JSON into a hashtable and back; the bare Bash forks, reads the event and prints it. Our own \
        rows do more: the environment, context and working directory of each event, a clean session, log lines in \
        order, errors with their place. A subshell that does nothing, `( : )`, takes {}",
        bare(&results.bare.subshell)
    );
    let cycles = results.floor().values(Metric::Cycle);
    let ratios: Vec<_> = results.bare.subshell.iter().zip(cycles).map(|(bare, floor)| bare / floor).collect();
    if let Some(ratio) = Spread::of(&ratios) {
        let _ = write!(text, ", × {} of the floor's cycle", digits(ratio.median));
    }
    if !results.bare.pwsh.is_empty() {
        let _ = write!(text, "; the start of a bare `pwsh` takes {}", bare(&results.bare.pwsh));
    }
    if let Some(ratio) = goals::first_of_warm(results, results.floor().name) {
        let _ = write!(text, "; the native echo's own first event is × {} of its warm p50", digits(ratio));
    }
    text + ".\n"
}

fn bare(values: &[f64]) -> String {
    Spread::of(values).map_or("–".to_owned(), |spread| Metric::Init.text(spread.median))
}

/// The page on performance with what has been measured.
pub fn page(text: &str, results: &Results) -> Option<String> {
    let (before, rest) = text.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    let mut figures = String::new();
    table(&mut figures, results, &SUMMARY, short_cell);
    let events = results.events;
    let machine = machine();
    Some(format!(
        "{before}{}\n{figures}\nOne run of `make bench` on {machine}: medians over {events} events. × is the \
        ratio to the native echo, the floor that `lambda_runtime` gives.\n\nThe goals, in the same \
        run:\n\n{}\n{}{after}",
        MARKS[0],
        goals::table(results),
        MARKS[1]
    ))
}

fn table(text: &mut String, results: &Results, metrics: &[Metric], cell: fn(&Row, Metric, &Row) -> String) {
    let titles: Vec<_> = metrics.iter().map(|metric| metric.title()).collect();
    let _ = writeln!(text, "| | {} |\n|---|{}", titles.join(" | "), "---|".repeat(titles.len()));
    for row in &results.rows {
        let cells: Vec<_> = metrics.iter().map(|metric| cell(row, *metric, results.floor())).collect();
        let _ = writeln!(text, "| {} | {} |", row.name, cells.join(" | "));
    }
}

/// A ratio with its spread, then the value; for the floor the value with its spread.
fn cell(row: &Row, metric: Metric, floor: &Row) -> String {
    let (Some(value), Some(ratio)) = (Spread::of(row.values(metric)), row.ratio(metric, floor)) else {
        return "–".to_owned();
    };
    let text = metric.text(value.median);
    let in_rounds = |spread: String| {
        if row.values(metric).len() > 1 { format!(" ({spread})") } else { String::new() }
    };
    if std::ptr::eq(row, floor) {
        return format!("{text}{}", in_rounds(metric.range(value.low, value.high)));
    }
    let spread = in_rounds(format!("{}–{}", digits(ratio.low), digits(ratio.high)));
    format!("{}{spread}, {text}", times(metric, ratio))
}

fn short_cell(row: &Row, metric: Metric, floor: &Row) -> String {
    let (Some(value), Some(ratio)) = (row.median(metric), row.ratio(metric, floor)) else {
        return "–".to_owned();
    };
    let text = metric.text(value);
    if std::ptr::eq(row, floor) { text } else { format!("{}, {text}", times(metric, ratio)) }
}

fn times(metric: Metric, ratio: Spread) -> String {
    let sign = if metric.is_rate() { '÷' } else { '×' };
    format!("{sign} {}", digits(ratio.median))
}

/// No more digits than mean something.
fn digits(ratio: f64) -> String {
    let after_the_point = if ratio >= 100.0 {
        0
    } else if ratio >= 10.0 {
        1
    } else {
        2
    };
    format!("{ratio:.after_the_point$}")
}

fn machine() -> String {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split('-').next().unwrap_or_default().trim();
    let information = read("/proc/cpuinfo");
    let model = information.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map(|(_, model)| format!(" ({model})"));
    format!("{processors} processors{} with Linux {kernel}", model.unwrap_or_default())
}
