//! Pictures of graphs.

use codegraph::draw::{Arrow, BOXES_MAX, Drawing, Figure, Shape, Tone};
use proptest::prelude::*;

fn drawing(labels: &[&str], arrows: &[(u32, u32, &str, Tone)]) -> Drawing {
    Drawing {
        title: String::new(),
        boxes: labels
            .iter()
            .map(|label| Figure {
                label: (*label).to_owned(),
                shape: Shape::Plain,
            })
            .collect(),
        arrows: arrows
            .iter()
            .map(|&(from, to, label, tone)| Arrow {
                from,
                to,
                label: label.to_owned(),
                tone,
            })
            .collect(),
    }
}

/// The numbers of an attribute, in order of appearance in tags that begin so.
fn numbers(svg: &str, tag: &str, name: &str) -> Vec<f64> {
    svg.lines()
        .filter(|line| line.starts_with(tag))
        .filter_map(|line| {
            line.split(&format!(" {name}=\""))
                .nth(1)?
                .split('"')
                .next()?
                .parse()
                .ok()
        })
        .collect()
}

/// Left, top, right and bottom of each plain box.
fn boxes(svg: &str) -> Vec<[f64; 4]> {
    let get = |name| numbers(svg, "<rect", name);
    let (x, y, width, height) = (get("x"), get("y"), get("width"), get("height"));
    (0..x.len())
        .map(|at| [x[at], y[at], x[at] + width[at], y[at] + height[at]])
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Scenario: random graphs with any labels, cycles, loops and arrows into nowhere. Guarantee: a picture in which
    /// each box is there, no two overlap, all lie inside; every arrow with two ends has a head; the same again.
    #[test]
    fn boxes_do_not_overlap(
        labels in proptest::collection::vec("\\PC{0,12}(\n.{0,30})?", 1..25),
        arrows in proptest::collection::vec((0..26u32, 0..26u32, "[a-z<&\"]{0,6}"), 0..50),
    ) {
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        let arrows: Vec<_> = arrows.iter().map(|(a, b, l)| (*a, *b, l.as_str(), Tone::Flow)).collect();
        let drawing = drawing(&labels, &arrows);
        let svg = drawing.svg().unwrap();
        let boxes = boxes(&svg);
        prop_assert_eq!(boxes.len(), labels.len());
        let (width, height) = (numbers(&svg, "<svg", "width")[0], numbers(&svg, "<svg", "height")[0]);
        for (at, a) in boxes.iter().enumerate() {
            prop_assert!(a[0] >= 0.0 && a[1] >= 0.0 && a[2] <= width && a[3] <= height, "{:?}", a);
            for b in &boxes[..at] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                prop_assert!(apart, "{:?} {:?}", a, b);
            }
        }
        let whole = arrows.iter().filter(|(a, b, ..)| (*a.max(b) as usize) < labels.len()).count();
        prop_assert_eq!(svg.matches("<path fill=").count(), whole);
        prop_assert_eq!(drawing.dot().matches(" -> ").count(), whole);
        prop_assert_eq!(drawing.svg().unwrap(), svg);
    }

    /// Scenario: graphs without cycles. Guarantee: every arrow leads downwards.
    #[test]
    fn arrows_lead_down(arrows in proptest::collection::vec((0..15u32, 1..15u32), 0..30)) {
        let labels = vec!["x"; 30];
        let arrows: Vec<_> = arrows.iter().map(|(a, more)| (*a, a + more, "", Tone::Flow)).collect();
        let svg = drawing(&labels, &arrows).svg().unwrap();
        let boxes = boxes(&svg);
        for (from, to, ..) in arrows {
            prop_assert!(boxes[from as usize][3] < boxes[to as usize][1]);
        }
    }
}

/// Scenario: labels with markup, quotes, control characters and a great length. Guarantee: escaped, cut, no raw markup.
#[test]
fn labels_are_escaped_and_cut() {
    let long = "x".repeat(10_000);
    let drawing = drawing(
        &["<script>&\"\u{0}\u{7}", &long, "a \\ \"b\""],
        &[(0, 1, "</svg>", Tone::No)],
    );
    let svg = drawing.svg().unwrap();
    assert!(svg.contains("&lt;script&gt;&amp;&quot;  <") && svg.contains("&lt;/svg&gt;"));
    assert!(!svg.contains("<script") && !svg.contains('\u{0}'));
    assert!(!svg.contains(&"x".repeat(65)) && svg.contains(&"x".repeat(64)));
    assert!(drawing.dot().contains(r#"label="a \\ \"b\"""#));
}

/// Scenario: a chain of a thousand boxes, one more than may be, and lines that pass too many layers. Guarantee: drawn
/// without recursion; refused with the numbers.
#[test]
fn what_nobody_could_look_at_is_refused() {
    let labels = vec!["x"; BOXES_MAX];
    let mut arrows: Vec<_> = (1..BOXES_MAX as u32)
        .map(|at| (at - 1, at, "", Tone::Flow))
        .collect();
    assert!(drawing(&labels, &arrows).svg().is_ok());
    arrows.extend((0..100).map(|at| (at, 999, "", Tone::Flow)));
    let refused = drawing(&labels, &arrows).svg().unwrap_err().to_string();
    assert!(
        refused.starts_with("1000 boxes and 1099 arrows are more"),
        "{refused}"
    );
    assert!(drawing(&vec!["x"; BOXES_MAX + 1], &[]).svg().is_err());
    assert!(Drawing::default().svg().is_ok());
}
