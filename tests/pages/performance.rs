//! The sums of the page on performance.

use std::fs;

use crate::support::repository;

/// A price in USD, and what a million events take in requests.
const GIGABYTE_SECOND: f64 = 0.000_016_666_7;
const REQUESTS: f64 = 0.20;

/// The rows of the table with this head, without their names.
fn rows(page: &str, head: &str) -> Vec<Vec<f64>> {
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no {head}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let number = |cell: &str| {
        let (number, unit) = cell.trim().split_once(' ').unwrap();
        number.parse::<f64>().unwrap() * if unit == "s" { 1000.0 } else { 1.0 }
    };
    rows.map(|row| row.trim_matches('|').split('|').skip(1).map(number).collect()).collect()
}

#[test]
fn what_a_million_events_cost_follows_from_their_time() {
    let page = fs::read_to_string(repository().join("docs/performance.md")).unwrap();
    assert!(page.contains(&format!("{GIGABYTE_SECOND:.10} ")), "the price");
    let table = rows(
        &page,
        "| | Processor time | Billed | Time of a million events | All with requests | 10 000 cold starts |",
    );
    assert_eq!(table.len(), 5);
    for row in table {
        let [time, billed, of_time, all, starts] = row[..] else { panic!("{row:?}") };
        let cost = |milliseconds: f64, times: f64| milliseconds / 1000.0 * 0.5 * GIGABYTE_SECOND * times;
        assert!((billed - (time / 0.29).ceil()).abs() < 0.5, "{row:?}");
        assert!((of_time - cost(billed, 1e6)).abs() < 0.0006, "{row:?}");
        assert!((all - of_time - REQUESTS).abs() < 0.006, "{row:?}");
        assert!(starts > 0.0 && starts < 0.1, "{row:?}");
    }
}
