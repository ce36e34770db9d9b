//! What has been measured, and how it compares.

use std::collections::BTreeMap;

use crate::{bare::Bare, streams::Stream};

/// What is measured. The order is that of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    Init,
    Throttled,
    First,
    Latency,
    LatencyP99,
    LatencyP999,
    Cycle,
    CycleP99,
    CycleP999,
    Rate,
    RateOfFour,
    Medium,
    Large,
    TreeAtStart,
    TreeHalfway,
    TreeAfter,
    OwnAtStart,
    OwnHalfway,
    OwnAfter,
    Processor,
    Calls,
}

impl Metric {
    pub const ALL: [Self; 21] = [
        Self::Init,
        Self::Throttled,
        Self::First,
        Self::Latency,
        Self::LatencyP99,
        Self::LatencyP999,
        Self::Cycle,
        Self::CycleP99,
        Self::CycleP999,
        Self::Rate,
        Self::RateOfFour,
        Self::Medium,
        Self::Large,
        Self::TreeAtStart,
        Self::TreeHalfway,
        Self::TreeAfter,
        Self::OwnAtStart,
        Self::OwnHalfway,
        Self::OwnAfter,
        Self::Processor,
        Self::Calls,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Init => "init until `/next`",
            Self::Throttled => "init with 0.29 of a processor",
            Self::First => "first event",
            Self::Latency => "latency p50",
            Self::LatencyP99 => "latency p99",
            Self::LatencyP999 => "latency p99.9",
            Self::Cycle => "cycle p50",
            Self::CycleP99 => "cycle p99",
            Self::CycleP999 => "cycle p99.9",
            Self::Rate => "one at a time",
            Self::RateOfFour => "four at a time",
            Self::Medium => "100 KiB",
            Self::Large => "6 MiB",
            Self::TreeAtStart => "memory of all processes, at the start",
            Self::TreeHalfway => "memory of all processes, halfway",
            Self::TreeAfter => "memory of all processes, in the end",
            Self::OwnAtStart => "memory of the first process, at the start",
            Self::OwnHalfway => "memory of the first process, halfway",
            Self::OwnAfter => "memory of the first process, in the end",
            Self::Processor => "processor time",
            Self::Calls => "system calls",
        }
    }

    /// A value as text, with its unit.
    pub fn text(self, value: f64) -> String {
        self.number(value) + self.unit()
    }

    /// Values as text, with their unit.
    pub fn range(self, low: f64, high: f64) -> String {
        format!("{}–{}{}", self.number(low), self.number(high), self.unit())
    }

    fn number(self, value: f64) -> String {
        match self {
            Self::Rate | Self::RateOfFour => format!("{value:.0}"),
            _ if self.is_memory() || self == Self::Calls => format!("{value:.1}"),
            _ if value >= 100.0 => format!("{value:.0}"),
            _ if value >= 10.0 => format!("{value:.1}"),
            _ if value >= 1.0 => format!("{value:.2}"),
            _ => format!("{value:.3}"),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Rate | Self::RateOfFour => "/s",
            Self::Calls => "",
            _ if self.is_memory() => " MiB",
            _ => " ms",
        }
    }

    fn is_memory(self) -> bool {
        matches!(
            self,
            Self::TreeAtStart
                | Self::TreeHalfway
                | Self::TreeAfter
                | Self::OwnAtStart
                | Self::OwnHalfway
                | Self::OwnAfter
        )
    }

    /// Whether more is better.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::Rate | Self::RateOfFour)
    }

    /// Whether it is one of the few slowest events: far from the same in two runs.
    pub fn is_tail(self) -> bool {
        matches!(self, Self::LatencyP99 | Self::LatencyP999 | Self::CycleP99 | Self::CycleP999)
    }
}

/// The median, and the quartiles below and above it.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(values: &[f64]) -> Option<Self> {
        let rank = |rank| percentile(values, rank);
        (!values.is_empty()).then(|| Self { low: rank(25.0), median: rank(50.0), high: rank(75.0) })
    }
}

/// One runtime: for each metric the values of the rounds, or the one value of the whole run.
pub struct Row {
    pub name: &'static str,
    /// Whether it is this project's.
    pub ours: bool,
    values: BTreeMap<Metric, Vec<f64>>,
    /// Of all rounds, in ms.
    pub latencies: Vec<f64>,
    pub cycles: Vec<f64>,
}

impl Row {
    pub fn new(name: &'static str, ours: bool) -> Self {
        Self { name, ours, values: BTreeMap::new(), latencies: Vec::new(), cycles: Vec::new() }
    }

    pub fn push(&mut self, metric: Metric, value: f64) {
        self.values.entry(metric).or_default().push(value);
    }

    /// What the rounds gave.
    pub fn values(&self, metric: Metric) -> &[f64] {
        self.values.get(&metric).map_or(&[], Vec::as_slice)
    }

    pub fn median(&self, metric: Metric) -> Option<f64> {
        Spread::of(self.values(metric)).map(|spread| spread.median)
    }

    /// How many times the floor's it is, round by round; for a rate, how many times it goes into the floor's.
    pub fn ratio(&self, metric: Metric, floor: &Self) -> Option<Spread> {
        let pairs = self.values(metric).iter().zip(floor.values(metric));
        let ratios: Vec<_> =
            pairs.map(|(own, floor)| if metric.is_rate() { floor / own } else { own / floor }).collect();
        Spread::of(&ratios)
    }
}

/// The whole comparison.
pub struct Results {
    /// The floor comes first.
    pub rows: Vec<Row>,
    /// Warm events of each.
    pub events: usize,
    /// Events that each had all by itself.
    pub alone: usize,
    pub bare: Bare,
    /// What was not measured, and why.
    pub left_out: Vec<String>,
    /// In bytes.
    pub binary: u64,
    /// Names and bytes.
    pub images: Vec<(String, u64)>,
    /// Streamed answers, and how large they were, in bytes.
    pub streams: Vec<Stream>,
    pub streamed: usize,
}

impl Results {
    pub fn floor(&self) -> &Row {
        &self.rows[0]
    }

    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

/// The value at this rank, in percent.
pub fn percentile(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * rank / 100.0).ceil() as usize;
    sorted[index.clamp(1, sorted.len()) - 1]
}
