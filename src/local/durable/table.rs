//! The operations of a run as a table.

use super::{
    execution::{Execution, Record},
    state::{State, callback_name},
};
use crate::durable::operation::{Kind, Operation, Status};

/// The width of the results and of the names, in characters.
const RESULT_WIDTH: usize = 60;
const NAME_WIDTH: usize = 40;

const HEAD: [&str; 5] = ["NAME", "KIND", "ATTEMPTS", "TIME", "RESULT"];

/// The table of the first execution, with the executions that it has invoked; empty without operations.
pub fn of(state: &State, now: f64) -> String {
    let Some(execution) = state.executions.first() else { return String::new() };
    let mut rows = Vec::new();
    add(state, execution, None, 0, now, &mut rows);
    if rows.is_empty() {
        return String::new();
    }
    rows.insert(0, HEAD.map(str::to_owned));
    let mut widths = [0; HEAD.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; HEAD.len()]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Adds the operations of a context, each with its inner operations.
fn add(
    state: &State,
    execution: &Execution,
    context: Option<&str>,
    depth: usize,
    now: f64,
    rows: &mut Vec<[String; HEAD.len()]>,
) {
    let own = execution.records().iter().skip(1);
    for record in own.filter(|record| record.operation.parent_id.as_deref() == context) {
        let operation = &record.operation;
        rows.push(row(record, depth, now));
        add(state, execution, Some(&operation.id), depth + 1, now, rows);
        let is_invoked = |other: &&Execution| {
            let parent = other.parent.as_ref();
            parent.is_some_and(|parent| parent.arn == execution.arn && parent.id == operation.id)
        };
        if let Some(invoked) = state.executions.iter().find(is_invoked) {
            add(state, invoked, None, depth + 1, now, rows);
        }
    }
}

fn row(record: &Record, depth: usize, now: f64) -> [String; HEAD.len()] {
    let operation = &record.operation;
    let name = operation.name.as_deref().map_or("-", callback_name);
    let end = operation.end_timestamp.unwrap_or(now);
    let took = operation.start_timestamp.map(|start| match end - start {
        // the start of a short step is recorded with its end
        none if none <= 0.0 && operation.kind == Kind::Step => "< 100 ms".to_owned(),
        took => duration(took.max(0.0)),
    });
    [
        format!("{}{}", "  ".repeat(depth), shortened(name, NAME_WIDTH)),
        kind(operation).to_owned(),
        attempts(operation),
        took.unwrap_or_default(),
        result(operation, now),
    ]
}

fn kind(operation: &Operation) -> &'static str {
    match (operation.kind, operation.sub_type.as_deref()) {
        (Kind::Step, Some("WaitForCondition")) => "until",
        (Kind::Step, _) => "step",
        (Kind::Wait, _) => "wait",
        (Kind::Callback, _) => "callback",
        (Kind::ChainedInvoke, _) => "invoke",
        (Kind::Context, _) => "context",
        (Kind::Execution, _) => "execution",
    }
}

fn attempts(operation: &Operation) -> String {
    let Some(details) = &operation.step_details else { return String::new() };
    let runs = matches!(operation.status, Status::Started);
    (details.attempt + u64::from(runs)).to_string()
}

fn result(operation: &Operation, now: f64) -> String {
    let (result, error) = operation.outcome();
    let error = error.map(|error| {
        let parts = [error.error_type.as_deref(), error.error_message.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    });
    let text = match operation.status {
        Status::Started => started(operation, now),
        Status::Pending => {
            let due = operation.step_details.as_ref().and_then(|details| details.next_attempt_timestamp);
            let due = due.map(|due| format!("next attempt in {}", duration((due - now).max(0.0))));
            [due, error].into_iter().flatten().collect::<Vec<_>>().join(", ")
        }
        Status::Ready => "next attempt is due".to_owned(),
        Status::Succeeded => result.unwrap_or_default().to_owned(),
        Status::Cancelled => "cancelled".to_owned(),
        Status::Failed | Status::TimedOut | Status::Stopped => error.unwrap_or_else(|| "failed".to_owned()),
    };
    shortened(&text, RESULT_WIDTH)
}

fn started(operation: &Operation, now: f64) -> String {
    let end = operation.wait_details.as_ref().and_then(|details| details.scheduled_end_timestamp);
    match (operation.kind, end) {
        (Kind::Wait, Some(end)) => format!("over in {}", duration((end - now).max(0.0))),
        (Kind::Step, _) => "not finished".to_owned(),
        _ => "open".to_owned(),
    }
}

/// A text on one line, shortened to the width.
fn shortened(text: &str, width: usize) -> String {
    let mut line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.chars().count() > width {
        line = line.chars().take(width - 3).collect::<String>() + "...";
    }
    line
}

/// A duration of this many seconds in two units at most.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    let units = [(days, "d"), (hours, "h"), (minutes, "m"), (whole % 60, "s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let parts = units[first..].iter().take(2).filter(|(count, _)| *count > 0);
    parts.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (seconds, text) in [
            (0.0004, "0 ms"),
            (0.12, "120 ms"),
            (1.0, "1.0 s"),
            (59.94, "59.9 s"),
            (60.0, "1 m"),
            (61.4, "1 m 1 s"),
            (3600.0, "1 h"),
            (3661.0, "1 h 1 m"),
            (86_400.0, "1 d"),
            (3.0 * 86_400.0 + 7205.0, "3 d 2 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn texts_become_one_short_line() {
        assert_eq!(shortened("a\n\tb", 10), "a  b");
        assert_eq!(shortened("\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}", 4), "\u{e4}...");
    }
}
