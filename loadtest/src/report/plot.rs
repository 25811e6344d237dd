//! Two plots in one SVG: latency by percentile on the scale of HdrHistogram (each nine takes the same room), and
//! throughput with the 99th percentile over time.

use std::fmt::Write as _;

use super::Report;
use crate::measure::latency::ms;

const WIDTH: f64 = 960.0;
const PANEL: f64 = 300.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 80.0;
const TOP: f64 = 50.0;
/// Percentiles that get a line.
const MARKS: [(f64, &str); 6] = [
    (0.0, "0"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.9999, "99.99"),
    (0.99999, "99.999 %"),
];
/// Points of the curve.
const POINTS: u32 = 240;
const BLUE: &str = "#2060b0";
const RED: &str = "#b03030";

/// The picture.
pub(super) fn svg(report: &Report) -> String {
    let height = 2.0 * (PANEL + TOP) + 40.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    // Writing to a string does not fail.
    let _ = latency(&mut out, report);
    let _ = throughput(&mut out, report);
    out.push_str("</svg>\n");
    out
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, colour: &str, text: &str) -> std::fmt::Result {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
    )
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64)) -> std::fmt::Result {
    writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>",
        from.0, from.1, to.0, to.1
    )
}

fn curve(out: &mut String, colour: &str, points: &[(f64, f64)]) -> std::fmt::Result {
    write!(
        out,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\""
    )?;
    for (x, y) in points {
        write!(out, "{x:.1},{y:.1} ")?;
    }
    writeln!(out, "\"/>")
}

/// The next of 1, 2, 5, 10, 20, 50, ... that is not less.
fn round_up(value: f64) -> f64 {
    let mut step = 1e-3;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if step * factor >= value || step > 1e12 {
                return step * factor;
            }
        }
        step *= 10.0;
    }
}

fn latency(out: &mut String, report: &Report) -> std::fmt::Result {
    let (bottom, right) = (TOP + PANEL, WIDTH - RIGHT);
    let title = format!(
        "{}: latency from the due time, ms (logarithmic), by percentile",
        report.name
    );
    text(out, LEFT, TOP - 16.0, "start", "black", &title)?;
    let low = ms(&report.latency_us, 0.0).max(0.001).log10().floor();
    let high = ms(&report.latency_us, 1.0)
        .max(0.01)
        .log10()
        .ceil()
        .max(low + 1.0);
    let nines = MARKS.len() as f64 - 1.0;
    let x = |quantile: f64| LEFT + (right - LEFT) * (-(1.0 - quantile).log10() / nines);
    let y = |ms: f64| bottom - PANEL * (ms.max(1e-4).log10() - low) / (high - low);
    for (quantile, name) in MARKS {
        line(out, (x(quantile), TOP), (x(quantile), bottom))?;
        text(out, x(quantile), bottom + 16.0, "middle", "black", name)?;
    }
    for power in 0..=(high - low) as i32 {
        let value = 10_f64.powf(low + f64::from(power));
        line(out, (LEFT, y(value)), (right, y(value)))?;
        text(
            out,
            LEFT - 6.0,
            y(value) + 4.0,
            "end",
            "black",
            &format!("{value}"),
        )?;
    }
    let points: Vec<(f64, f64)> = (0..=POINTS)
        .map(|i| 1.0 - 10_f64.powf(-nines * f64::from(i) / f64::from(POINTS)))
        .map(|quantile| (x(quantile), y(ms(&report.latency_us, quantile))))
        .collect();
    curve(out, BLUE, &points)
}

fn throughput(out: &mut String, report: &Report) -> std::fmt::Result {
    let (top, right) = (2.0 * TOP + PANEL + 30.0, WIDTH - RIGHT);
    let bottom = top + PANEL;
    let intervals: Vec<_> = report
        .seen
        .intervals
        .iter()
        .filter(|i| i.length.as_millis() >= 500)
        .map(|i| {
            let rate = i.acked as f64 / i.length.as_secs_f64() / 1_000.0;
            (i.end.as_secs_f64(), rate, ms(&i.latency_us, 0.99))
        })
        .collect();
    let greatest = |f: fn(&(f64, f64, f64)) -> f64| intervals.iter().map(f).fold(0.001, f64::max);
    let (long, fast, slow) = (
        greatest(|i| i.0),
        round_up(greatest(|i| i.1)),
        round_up(greatest(|i| i.2)),
    );
    let title = format!("thousand {}s/s acknowledged", report.item);
    text(out, LEFT, top - 16.0, "start", BLUE, &title)?;
    text(out, right, top - 16.0, "end", RED, "p99, ms")?;
    let x = |s: f64| LEFT + (right - LEFT) * s / long;
    let y = |part: f64| bottom - PANEL * part;
    for i in 0..=5 {
        let part = f64::from(i) / 5.0;
        line(out, (LEFT, y(part)), (right, y(part)))?;
        text(
            out,
            LEFT - 6.0,
            y(part) + 4.0,
            "end",
            BLUE,
            &format!("{:.4}", fast * part),
        )?;
        text(
            out,
            right + 6.0,
            y(part) + 4.0,
            "start",
            RED,
            &format!("{:.3}", slow * part),
        )?;
        let second = long * part;
        text(
            out,
            x(second),
            bottom + 16.0,
            "middle",
            "black",
            &format!("{second:.0} s"),
        )?;
    }
    let rates: Vec<_> = intervals.iter().map(|i| (x(i.0), y(i.1 / fast))).collect();
    curve(out, BLUE, &rates)?;
    let slowest: Vec<_> = intervals.iter().map(|i| (x(i.0), y(i.2 / slow))).collect();
    curve(out, RED, &slowest)
}
