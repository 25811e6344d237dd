//! A layout as an SVG document.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::layout::{Area, LOOP, Layout, MARGIN, Route};
use super::{Arrow, Drawing, Figure, Shape, Tone, text};

const STYLE: &str = "svg{color:#1f2328;background:#fff}text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,\
monospace;fill:currentColor;white-space:pre}.b{fill:#8b949e;fill-opacity:.12;stroke:#8b949e;stroke-width:1.2}\
.e{fill:none;stroke-width:1.5}.l{text-anchor:middle;font-size:12px}\
@media(prefers-color-scheme:dark){svg{color:#e6edf3;background:#0d1117}}";
const ARROW: f64 = 8.0;

pub(super) fn written(drawing: &Drawing, layout: &Layout) -> String {
    let title = text::line(&drawing.title);
    let top = if title.is_empty() { 0.0 } else { 26.0 };
    let tones: BTreeSet<Tone> = drawing.arrows_drawn().map(|(_, arrow)| arrow.tone).collect();
    let legend = if tones.len() > 1 { 30.0 } else { 0.0 };
    let legend_width: f64 = tones.iter().map(|tone| text::width(tone.name()) + 50.0).sum();
    let least = f64::max(text::width(&title), legend_width) + 2.0 * MARGIN;
    let (width, height) = (layout.width.max(least), layout.height + top + legend);
    let left = (width - layout.width) / 2.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\">\n<style>{STYLE}</style>\n"
    );
    if !title.is_empty() {
        let title = text::escaped(&title);
        let _ = writeln!(
            svg,
            "<title>{title}</title>\n<text x=\"{MARGIN}\" y=\"26\" font-weight=\"600\">{title}</text>"
        );
    }
    let _ = writeln!(svg, "<g transform=\"translate({left:.1} {top:.1})\">");
    for ((_, arrow), route) in drawing.arrows_drawn().zip(&layout.routes) {
        line(&mut svg, drawing, arrow, route, layout);
    }
    for (figure, area) in drawing.boxes.iter().zip(&layout.boxes) {
        let inner = inner(figure, area);
        outline(&mut svg, figure.shape, &inner);
        let lines = text::lines(&figure.label);
        let widest = lines.iter().map(|line| text::width(line)).fold(0.0, f64::max);
        let first = inner.y - lines.len() as f64 * text::LINE / 2.0 + 12.5;
        for (at, line) in lines.iter().enumerate() {
            let (x, y) = (inner.x - widest / 2.0, first + at as f64 * text::LINE);
            let _ = writeln!(
                svg,
                "<text xml:space=\"preserve\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                text::escaped(line)
            );
        }
    }
    for ((_, arrow), route) in drawing.arrows_drawn().zip(&layout.routes) {
        if let Some((x, y)) = route.label {
            label(&mut svg, arrow, x, y);
        }
    }
    svg.push_str("</g>\n");
    if legend > 0.0 {
        let mut x = MARGIN;
        let y = height - 16.0;
        for tone in tones {
            let _ = writeln!(
                svg,
                "<path class=\"e\" {} d=\"M{x:.1} {y:.1}h22\"/>",
                stroke(tone)
            );
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + 28.0,
                y + 4.0,
                tone.name()
            );
            x += text::width(tone.name()) + 50.0;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// A box without the room for arrows to itself.
fn inner(figure: &Figure, area: &Area) -> Area {
    let widest = text::lines(&figure.label)
        .iter()
        .map(|line| text::width(line))
        .fold(0.0, f64::max);
    let padding = if figure.shape == Shape::Decision {
        40.0
    } else {
        24.0
    };
    Area {
        width: (widest + padding).max(36.0),
        ..*area
    }
}

fn outline(svg: &mut String, shape: Shape, area: &Area) {
    let (left, top) = (area.x - area.width / 2.0, area.y - area.height / 2.0);
    let (right, bottom) = (left + area.width, top + area.height);
    let round = match shape {
        Shape::Plain => 3.0,
        Shape::Terminal => (area.height / 2.0).min(15.0),
        Shape::Decision => {
            let y = area.y;
            let (l, r) = (left + 12.0, right - 12.0);
            let _ = writeln!(
                svg,
                "<path class=\"b\" d=\"M{left:.1} {y:.1}L{l:.1} {top:.1}H{r:.1}L{right:.1} {y:.1}L{r:.1} {bottom:.1}\
                 H{l:.1}Z\"/>"
            );
            return;
        }
    };
    let (width, height) = (area.width, area.height);
    let _ = writeln!(
        svg,
        "<rect class=\"b\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{round}\"/>"
    );
}

fn stroke(tone: Tone) -> String {
    let dashes = if tone.dashed() {
        " stroke-dasharray=\"5 3\""
    } else {
        ""
    };
    format!("stroke=\"{}\"{dashes}", tone.colour())
}

fn label(svg: &mut String, arrow: &Arrow, x: f64, y: f64) {
    let line = text::line(&arrow.label);
    let _ = writeln!(
        svg,
        "<text class=\"l\" x=\"{x:.1}\" y=\"{:.1}\" style=\"fill:{}\">{}</text>",
        y + 4.0,
        arrow.tone.colour(),
        text::escaped(&line)
    );
}

/// An arrow's line and head. Lines leave and arrive upright, so a head points straight down or up.
fn line(svg: &mut String, drawing: &Drawing, arrow: &Arrow, route: &Route, layout: &Layout) {
    let (Some(first), Some(last)) = (route.points.first(), route.points.last()) else {
        own(svg, drawing, arrow, layout);
        return;
    };
    let down = last.1 > first.1;
    let tip = *last;
    let base = (tip.0, tip.1 - if down { ARROW } else { -ARROW });
    let mut path = format!("M{:.1} {:.1}", first.0, first.1);
    let mut before = *first;
    for (at, point) in route.points.iter().enumerate().skip(1) {
        let to = if at + 1 == route.points.len() {
            base
        } else {
            *point
        };
        // Where a label lies the line is broken, so that the text stays free.
        let at_label = route.label.is_some_and(|(x, y)| {
            (x - before.0).abs() < 0.1 && (before.1 - y).abs() <= text::LINE && (to.1 - y).abs() <= text::LINE
        });
        if at_label && (to.0 - before.0).abs() < 0.1 {
            let _ = write!(path, "M{:.1} {:.1}", to.0, to.1);
        } else if (to.0 - before.0).abs() < 0.1 {
            let _ = write!(path, "V{:.1}", to.1);
        } else {
            let bend = f64::midpoint(before.1, to.1);
            let _ = write!(
                path,
                "C{:.1} {bend:.1} {:.1} {bend:.1} {:.1} {:.1}",
                before.0, to.0, to.0, to.1
            );
        }
        before = to;
    }
    let _ = writeln!(svg, "<path class=\"e\" {} d=\"{path}\"/>", stroke(arrow.tone));
    head(svg, arrow.tone, tip, base);
}

fn head(svg: &mut String, tone: Tone, tip: (f64, f64), base: (f64, f64)) {
    let across = if (tip.0 - base.0).abs() < 0.1 {
        (4.0, 0.0)
    } else {
        (0.0, 4.0)
    };
    let _ = writeln!(
        svg,
        "<path fill=\"{}\" d=\"M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z\"/>",
        tone.colour(),
        tip.0,
        tip.1,
        base.0 - across.0,
        base.1 - across.1,
        base.0 + across.0,
        base.1 + across.1
    );
}

/// An arrow from a box to itself, at its right side.
fn own(svg: &mut String, drawing: &Drawing, arrow: &Arrow, layout: &Layout) {
    let number = arrow.from as usize;
    let (Some(figure), Some(area)) = (drawing.boxes.get(number), layout.boxes.get(number)) else {
        return;
    };
    let inner = inner(figure, area);
    let x = inner.x + inner.width / 2.0;
    let (from, to) = (inner.y - 7.0, inner.y + 7.0);
    let out = x + LOOP;
    let base = x + ARROW;
    let _ = writeln!(
        svg,
        "<path class=\"e\" {} d=\"M{x:.1} {from:.1}C{out:.1} {:.1} {out:.1} {:.1} {base:.1} {to:.1}\"/>",
        stroke(arrow.tone),
        from - 8.0,
        to + 8.0
    );
    head(svg, arrow.tone, (x, to), (base, to));
    if !arrow.label.is_empty() {
        let text = text::line(&arrow.label);
        label(svg, arrow, x + LOOP - 4.0 + text::width(&text) / 2.0, inner.y);
    }
}
