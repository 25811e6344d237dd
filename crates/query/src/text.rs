//! Answers as text for a terminal.

use std::fmt::Write as _;

use crate::answer::{CapturedValue, Closed, ErrorInfo, Item, Place, TraceAnswer, TraceListing};

/// Colours and widths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Use ANSI colours.
    pub colour: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A trace as a tree: relative time, node, call with clause, result, place and source line, values.
pub fn render_trace(answer: &TraceAnswer, style: Style) -> String {
    let mut out = String::new();
    let nodes = answer.nodes.join(", ");
    let _ = writeln!(
        out,
        "trace {}  {} events, {} calls on {} nodes ({nodes}), {}, {} errors",
        answer.trace,
        answer.events,
        answer.calls,
        answer.nodes.len(),
        duration(answer.duration_us),
        answer.errors
    );
    for shift in &answer.clock_shifts {
        let _ = writeln!(
            out,
            "clock of {} is off by {} s; its times are shifted, order is by HLC",
            shift.node,
            decimal(-shift.shift_us, 1_000_000)
        );
    }
    if answer.complete {
        let _ = writeln!(out, "complete");
    }
    for missing in &answer.missing {
        let _ = writeln!(out, "{} {}", style.paint("33", "missing:"), missing.text);
    }
    let width = answer
        .nodes
        .iter()
        .map(|n| short_node(n).len())
        .max()
        .unwrap_or_default();
    for item in &answer.items {
        write_item(&mut out, item, width, style);
    }
    out
}

fn write_item(out: &mut String, item: &Item, width: usize, style: Style) {
    let time = format!("{:>10}", decimal(item.start_us, 1_000));
    let node = format!("{:<width$}", short_node(&item.node));
    let indent = "  ".repeat(item.depth.min(40) as usize);
    let head = match &item.frame {
        Some(frame) => {
            let mut head = style.paint("1", &item.name);
            if item.clause > 0 {
                let _ = write!(head, " clause {}", item.clause);
            }
            if !frame.shape.is_empty() {
                let _ = write!(head, " {}", frame.shape);
            }
            if !frame.result.is_empty() {
                let _ = write!(head, " -> {}", frame.result);
            }
            if frame.state_changed {
                head.push_str(", state changed");
            }
            match frame.closed {
                Closed::Observed => {
                    let _ = write!(head, " ({})", duration(frame.duration_us));
                }
                Closed::TailCall => {}
                Closed::ExceptionInferred => head.push_str(&style.paint("31", " -> exception (inferred)")),
            }
            head
        }
        None => format!("{} {}", point_name(item, style), item.name),
    };
    let _ = writeln!(out, "{time} ms  {}  {indent}{head}", style.paint("36", &node));
    let margin = format!("{:>10}     {:<width$}  {indent}    ", "", "");
    if let Some(place) = &item.place {
        let _ = writeln!(out, "{margin}{}", style.paint("2", &place_text(place)));
    }
    if let Some(error) = &item.error {
        write_error(out, error, &margin, style);
    }
    for value in &item.values {
        let _ = writeln!(out, "{margin}{}", value_text(value));
    }
}

fn point_name(item: &Item, style: Style) -> String {
    match item.kind.as_str() {
        "error" | "exception" => style.paint("31", &item.kind),
        "branch" => "took".to_owned(),
        other => other.to_owned(),
    }
}

fn place_text(place: &Place) -> String {
    let mut text = String::new();
    if !place.file.is_empty() {
        let _ = write!(text, "{}:{}", place.file, place.line);
        if place.column > 0 {
            let _ = write!(text, ":{}", place.column);
        }
    }
    if !place.source_line.is_empty() {
        let _ = write!(text, "  | {}", place.source_line.trim());
    }
    if let Some(why) = &place.unmapped {
        let _ = write!(
            text,
            "{}[unmapped: {why}]",
            if text.is_empty() { "" } else { "  " }
        );
    }
    text
}

fn write_error(out: &mut String, error: &ErrorInfo, margin: &str, style: Style) {
    let what = style.paint("31", &format!("({}) {}", error.exception, error.message));
    let _ = writeln!(out, "{margin}{what}");
    if !error.process.is_empty() {
        let _ = writeln!(out, "{margin}in process {}", error.process);
    }
    for entry in error.stacktrace.iter().take(8) {
        let _ = writeln!(out, "{margin}  at {} {}:{}", entry.mfa, entry.file, entry.line);
    }
}

fn value_text(value: &CapturedValue) -> String {
    let cut = if value.cut { " (cut)" } else { "" };
    let redacted = if value.redacted { " (redacted)" } else { "" };
    if value.name.is_empty() {
        format!("{} = {}{cut}{redacted}", value.role, value.text)
    } else {
        format!("{} {} = {}{cut}{redacted}", value.role, value.name, value.text)
    }
}

/// A list of traces, one a line.
pub fn render_traces(listing: &TraceListing, style: Style) -> String {
    let mut out = String::new();
    for row in &listing.traces {
        let errors = match row.errors {
            0 => String::new(),
            n => style.paint("31", &format!("  {n} error{}", if n == 1 { "" } else { "s" })),
        };
        let nodes: Vec<&str> = row.nodes.iter().map(|n| short_node(n)).collect();
        let _ = writeln!(
            out,
            "{}  {}  {:>9}  {:>4} events  {:<24}  {}{errors}",
            row.trace,
            clock_time(row.start_unix_us),
            duration(row.duration_us),
            row.events,
            if row.name.is_empty() { "-" } else { &row.name },
            nodes.join(","),
        );
    }
    for missing in &listing.missing {
        let _ = writeln!(out, "{} {}", style.paint("33", "missing:"), missing.text);
    }
    if listing.traces.is_empty() {
        out.push_str("no traces match\n");
    }
    out
}

fn short_node(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// UTC time of day with milliseconds.
fn clock_time(unix_us: u64) -> String {
    let ms = unix_us / 1_000;
    let (s, ms) = (ms / 1_000, ms % 1_000);
    format!("{:02}:{:02}:{:02}.{ms:03}", s / 3_600 % 24, s / 60 % 60, s % 60)
}

fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{} ms", decimal(us as i64, 1_000)),
        _ => format!("{} s", decimal(us as i64, 1_000_000)),
    }
}

/// `value / unit` with three decimals, exactly.
fn decimal(value: i64, unit: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    let unit = unit.unsigned_abs();
    format!("{sign}{}.{:03}", value / unit, value % unit * 1_000 / unit)
}
