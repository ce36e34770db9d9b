//! The picture: how the latency of warm events is spread, and how long init takes, for each runtime.
//!
//! Plain SVG without a background; its style has tones for light and for dark pages.

use std::fmt::Write;

use crate::{
    metrics::{Metric, Spread, percentile},
    results::{Results, Row},
};

const WIDTH: f64 = 960.0;
const TOP: f64 = 56.0;
const LINE: f64 = 30.0;
/// Half of a box's height.
const HALF: f64 = 7.0;

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #57606a }
.title, .name { fill: #24292f }
.title { font-weight: 600 }
.grid { stroke: #8c959f; stroke-opacity: .3 }
.ours { color: #0969da }
.other { color: #818b98 }
.whisker { stroke: currentColor; stroke-width: 1.5 }
.box { fill: currentColor; fill-opacity: .3; stroke: currentColor }
.median { stroke: currentColor; stroke-width: 3 }
.far { fill: none; stroke: currentColor }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 }
  .title, .name { fill: #f0f6fc }
  .ours { color: #4493f8 }
}
";

/// One half of the picture: an axis of powers of ten, in ms.
struct Panel {
    left: f64,
    right: f64,
    low: i32,
    high: i32,
}

impl Panel {
    /// Around these values.
    fn around(left: f64, right: f64, values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).log10().floor() as i32;
        let high = values.fold(f64::MIN_POSITIVE, f64::max).log10().ceil() as i32;
        Self { left, right, low, high: high.max(low + 1) }
    }

    fn x(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.left + part * (self.right - self.left)
    }

    fn axis(&self, svg: &mut String, title: &str, bottom: f64) {
        let _ = writeln!(svg, r#"<text class="title" x="{}" y="20">{title}</text>"#, self.left);
        for power in self.low..=self.high {
            let value = 10_f64.powi(power);
            let x = self.x(value);
            let _ = writeln!(svg, r#"<path class="grid" d="M{x:.1} {TOP}V{bottom}"/>"#);
            let _ = writeln!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{value}</text>"#, TOP - 10.0);
        }
    }

    /// A box from quartile to quartile with the median in it, and a line beyond it from end to end.
    fn spread(&self, svg: &mut String, y: f64, spread: Spread, ends: (f64, f64)) {
        let [low, median, high, from, to] =
            [spread.low, spread.median, spread.high, ends.0, ends.1].map(|value| self.x(value));
        let _ = writeln!(svg, r#"<path class="whisker" d="M{from:.1} {y}H{to:.1}"/>"#);
        let (top, width, height) = (y - HALF, (high - low).max(1.0), 2.0 * HALF);
        let _ =
            writeln!(svg, r#"<rect class="box" x="{low:.1}" y="{top}" width="{width:.1}" height="{height}" rx="2"/>"#);
        let _ = writeln!(svg, r#"<path class="median" d="M{median:.1} {top}v{height}"/>"#);
    }
}

/// The whole picture.
pub fn draw(results: &Results) -> String {
    let bottom = TOP + LINE * results.rows.len() as f64;
    let height = bottom + 34.0;
    let rank = |row: &Row, rank| percentile(&row.latencies, rank);
    let latencies = results.rows.iter().flat_map(|row| [rank(row, 1.0), rank(row, 99.9)]);
    let inits = results.rows.iter().flat_map(|row| row.values(Metric::Init).iter().copied());
    let warm = Panel::around(300.0, 590.0, latencies);
    let init = Panel::around(680.0, 880.0, inits);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
        <title>Warm latency and init of each runtime</title>\n<style>\n{STYLE}</style>\n"
    );
    warm.axis(&mut svg, "Latency of a warm event, ms", bottom);
    init.axis(&mut svg, "Init until /next, ms", bottom);
    for (index, row) in results.rows.iter().enumerate() {
        line(&mut svg, row, [&warm, &init], TOP + LINE * (index as f64 + 0.5));
    }
    let legend = "bar: median; box: quartiles; line: p1 to p99, for init least to most; ring: p99.9";
    let _ = writeln!(svg, r#"<text x="{}" y="{}">{legend}</text>"#, warm.left, height - 8.0);
    svg + "</svg>\n"
}

/// One runtime.
fn line(svg: &mut String, row: &Row, [warm, init]: [&Panel; 2], y: f64) {
    let (class, name) = (if row.ours { "ours" } else { "other" }, row.name.replace('`', ""));
    let baseline = y + 4.5;
    let _ = writeln!(svg, r#"<g class="{class}"><text class="name" x="0" y="{baseline}">{name}</text>"#);
    let inits = row.values(Metric::Init);
    let rank = |rank| percentile(&row.latencies, rank);
    let panels = [
        (warm, Metric::Latency, row.latencies.as_slice(), (rank(1.0), rank(99.0))),
        (init, Metric::Init, inits, (percentile(inits, 0.0), percentile(inits, 100.0))),
    ];
    for (panel, metric, values, ends) in panels {
        if let Some((spread, median)) = Spread::of(values).zip(row.median(metric)) {
            panel.spread(svg, y, spread, ends);
            let (x, text) = (panel.right + 12.0, metric.text(median));
            let _ = writeln!(svg, r#"<text x="{x}" y="{baseline}">{text}</text>"#);
        }
    }
    let _ = writeln!(svg, r#"<circle class="far" cx="{:.1}" cy="{y}" r="3"/></g>"#, warm.x(rank(99.9)));
}
