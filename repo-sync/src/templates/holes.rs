//! Where the Elixir of a template is.

use super::TemplateFormat;

/// What becomes of an expression's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoleKind {
    /// `<%= x %>` and `{x}`: it is written.
    Output,
    /// `<% x %>`: it is dropped.
    Statement,
}

/// A piece of Elixir in a template: the bytes between its delimiters, without spaces around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// What becomes of it.
    pub kind: HoleKind,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// Code points before it on its line, plus 1.
    pub column: u32,
}

/// The expressions of a template, in order. Comments (`<%# %>`, `<%!-- --%>`, `<!-- -->` of HEEx) and quotations (`<%%`)
/// hold none, nor do braces in `<script>` and `<style>`. What is not closed ends the list.
#[must_use]
pub fn holes(format: TemplateFormat, text: &str) -> Vec<Hole> {
    let mut scan = Scan {
        text,
        at: 0,
        found: Vec::new(),
    };
    // The element that braces have no meaning in.
    let mut raw: Option<&str> = None;
    while let Some(rest) = text.get(scan.at..).filter(|rest| !rest.is_empty()) {
        let heex = format == TemplateFormat::Heex;
        let more = if rest.starts_with("<%!--") {
            scan.skip("--%>")
        } else if rest.starts_with("<%#") || rest.starts_with("<%%") {
            scan.skip("%>")
        } else if rest.starts_with("<%") {
            scan.tag(rest)
        } else if heex && rest.starts_with("<!--") {
            scan.skip("-->")
        } else if heex && raw.is_none() && rest.starts_with('{') {
            scan.braces(rest)
        } else {
            if heex && rest.starts_with('<') {
                raw = element(rest, raw);
            }
            let next = rest
                .char_indices()
                .skip(1)
                .find(|(_, one)| matches!(one, '<' | '{'))
                .map_or(rest.len(), |(at, _)| at);
            scan.at += next;
            true
        };
        if !more {
            break;
        }
    }
    scan.found
}

/// The raw element that is open after a tag.
fn element<'a>(tag: &str, raw: Option<&'a str>) -> Option<&'a str> {
    for name in ["script", "style"] {
        let starts = |prefix: &str| {
            tag.strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| !rest.starts_with(|one: char| one.is_alphanumeric() || one == '-'))
        };
        if starts("</") {
            return None;
        }
        if starts("<") {
            return Some(if name == "script" { "script" } else { "style" });
        }
    }
    raw
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Hole>,
}

impl Scan<'_> {
    fn skip(&mut self, end: &str) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = rest.find(end);
        self.at += found.map_or(rest.len(), |at| at + end.len());
        found.is_some()
    }

    /// `<%`, `<%=`, and the markers that engines may give a meaning.
    fn tag(&mut self, rest: &str) -> bool {
        let marker = rest.get(2..3).filter(|marker| matches!(*marker, "=" | "|" | "/"));
        let start = self.at + 2 + marker.map_or(0, str::len);
        let Some(length) = self.text.get(start..).and_then(|inside| inside.find("%>")) else {
            return false;
        };
        let kind = if marker == Some("=") {
            HoleKind::Output
        } else {
            HoleKind::Statement
        };
        self.add(kind, start, start + length);
        self.at = start + length + 2;
        true
    }

    /// `{...}`, with the braces, strings and charlists inside it.
    fn braces(&mut self, rest: &str) -> bool {
        let (mut depth, mut quote, mut escaped) = (0u32, None, false);
        for (at, one) in rest.char_indices() {
            match (quote, one) {
                _ if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(open), _) if open == one => quote = None,
                (None, '"' | '\'') => quote = Some(one),
                (None, '{') => depth += 1,
                (None, '}') => {
                    depth -= 1;
                    if depth == 0 {
                        self.add(HoleKind::Output, self.at + 1, self.at + at);
                        self.at += at + 1;
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }

    fn add(&mut self, kind: HoleKind, start: usize, end: usize) {
        let inside = self.text.get(start..end).unwrap_or_default();
        let start = start + (inside.len() - inside.trim_start().len());
        let end = start + inside.trim().len();
        // Lines and columns are counted on from the hole before.
        let (from, mut line, mut column) = self
            .found
            .last()
            .map_or((0, 1, 1), |hole| (hole.start as usize, hole.line, hole.column));
        let between = self.text.get(from..start).unwrap_or_default();
        line += between.bytes().filter(|byte| *byte == b'\n').count() as u32;
        let last = between.rfind('\n').map(|at| at + 1);
        if last.is_some() {
            column = 1;
        }
        column += between
            .get(last.unwrap_or(0)..)
            .unwrap_or_default()
            .chars()
            .count() as u32;
        self.found.push(Hole {
            kind,
            start: start as u32,
            end: end as u32,
            line,
            column,
        });
    }
}
