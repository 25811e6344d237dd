//! Labels: cut, measured, escaped.

/// Height of a line in pixels.
pub(super) const LINE: f64 = 17.0;
/// Width of a character of the 13-pixel monospaced font.
const CELL: f64 = 7.9;
const LINES_MAX: usize = 14;
const CELLS_MAX: usize = 64;

/// A label's lines as they are drawn.
pub(super) fn lines(label: &str) -> Vec<String> {
    let mut lines: Vec<String> = label.lines().take(LINES_MAX + 1).map(line).collect();
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX - 1);
        lines.push("...".to_owned());
    }
    lines
}

/// One line: control characters are spaces, what is too long ends in dots.
pub(super) fn line(text: &str) -> String {
    let mut cut = String::new();
    let mut width = 0;
    for char in text.chars() {
        let char = if allowed(char) { char } else { ' ' };
        width += cells(char);
        if width > CELLS_MAX {
            cut.push_str("...");
            break;
        }
        cut.push(char);
    }
    cut
}

/// Pixels that a drawn line takes at most.
pub(super) fn width(line: &str) -> f64 {
    line.chars().map(cells).sum::<usize>() as f64 * CELL
}

/// Characters of monospaced fonts are one or two cells wide; where it is not sure, two.
fn cells(char: char) -> usize {
    if (char as u32) < 0x1100 { 1 } else { 2 }
}

/// Whether XML 1.0 allows it in a line.
fn allowed(char: char) -> bool {
    !char.is_control() && !matches!(char, '\u{fffe}' | '\u{ffff}')
}

/// For XML's text and attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
