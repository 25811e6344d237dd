//! Text for Graphviz.

use std::fmt::Write;

use super::{Drawing, Shape, text};

pub(super) fn written(drawing: &Drawing) -> String {
    let mut dot = String::from("digraph {\n");
    if !drawing.title.is_empty() {
        let _ = writeln!(
            dot,
            "  label={};\n  labelloc=t;",
            quoted(&text::line(&drawing.title))
        );
    }
    dot.push_str("  node [fontname=monospace, shape=box];\n  edge [fontname=monospace];\n");
    for (number, figure) in drawing.boxes.iter().enumerate() {
        let shape = match figure.shape {
            Shape::Plain => "",
            Shape::Terminal => ", style=rounded",
            Shape::Decision => ", shape=hexagon",
        };
        let label = quoted(&text::lines(&figure.label).join("\n"));
        let _ = writeln!(dot, "  n{number} [label={label}{shape}];");
    }
    for (_, arrow) in drawing.arrows_drawn() {
        let _ = write!(
            dot,
            "  n{} -> n{} [color={}",
            arrow.from,
            arrow.to,
            quoted(arrow.tone.colour())
        );
        if !arrow.label.is_empty() {
            let _ = write!(dot, ", label={}", quoted(&text::line(&arrow.label)));
        }
        dot.push_str(if arrow.tone.dashed() {
            ", style=dashed];\n"
        } else {
            "];\n"
        });
    }
    dot.push_str("}\n");
    dot
}

/// A quoted string of the DOT language; lines are set flush left.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let lines = if escaped.contains('\n') {
        escaped.replace('\n', "\\l") + "\\l"
    } else {
        escaped
    };
    format!("\"{lines}\"")
}
