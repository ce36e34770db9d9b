//! The measurements of one run, and their ratios to the floor.

use std::collections::BTreeMap;

use crate::{
    bare::Bare,
    durable::Steps,
    metrics::{Metric, Spread},
    streams::Stream,
};

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

    /// The values of all rounds.
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
    /// Runtimes that were not measured, with the reason.
    pub left_out: Vec<String>,
    /// In bytes.
    pub binary: u64,
    /// Names and bytes.
    pub images: Vec<(String, u64)>,
    /// Streamed answers, and how large they were, in bytes.
    pub streams: Vec<Stream>,
    pub streamed: usize,
    /// Steps of durable functions, and how many each loop had.
    pub steps: Vec<Steps>,
    pub steps_each: usize,
}

impl Results {
    pub fn floor(&self) -> &Row {
        &self.rows[0]
    }

    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}
