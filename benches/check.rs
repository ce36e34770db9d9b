//! The ratios of a run for programs, and what has become worse since the run that was kept.

use std::collections::BTreeMap;

use crate::{metrics::Metric, results::Results};

/// By how much a ratio may grow.
const ALLOWED: f64 = 1.2;

/// For each runtime the ratios to the floor, by their titles.
pub type Ratios = BTreeMap<String, BTreeMap<String, f64>>;

/// The ratios of this run.
pub fn ratios(results: &Results) -> Ratios {
    let floor = results.floor();
    let of = |row: &crate::results::Row| {
        let ratios = Metric::ALL.iter().filter_map(|metric| Some((*metric, row.ratio(*metric, floor)?)));
        // to three digits after the point: a change in the file shall be a change in a figure
        ratios.map(|(metric, ratio)| (key(metric), (ratio.median * 1000.0).round() / 1000.0)).collect()
    };
    let rows = results.rows.iter().filter(|row| !std::ptr::eq(*row, floor));
    rows.map(|row| (row.name.to_owned(), of(row))).collect()
}

/// A line for each ratio of ours that has become worse by more than is allowed. The slowest few events are left out:
/// they differ by more than that between any two runs.
pub fn worse(kept: &Ratios, results: &Results) -> Vec<String> {
    let now = ratios(results);
    let mut lines = Vec::new();
    for metric in Metric::ALL.into_iter().filter(|metric| !metric.is_tail()) {
        for name in results.rows.iter().filter(|row| row.ours).map(|row| row.name) {
            let ratio_in = |ratios: &Ratios| ratios.get(name)?.get(&key(metric)).copied();
            let pair = ratio_in(kept).zip(ratio_in(&now));
            if let Some((kept, now)) = pair
                && now > kept * ALLOWED
            {
                let percent = (now / kept - 1.0) * 100.0;
                lines.push(format!("{name}: {}: × {kept:.2} has become × {now:.2} (+{percent:.0} %)", key(metric)));
            }
        }
    }
    lines
}

fn key(metric: Metric) -> String {
    metric.title().replace('`', "")
}
