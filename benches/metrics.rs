//! The kinds of measurements, their units, and the spread of repeated values.

/// One kind of measurement. The order is that of the tables.
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

/// The value at this rank, in percent.
pub fn percentile(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * rank / 100.0).ceil() as usize;
    sorted[index.clamp(1, sorted.len()) - 1]
}
