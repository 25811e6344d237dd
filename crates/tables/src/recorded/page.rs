//! The columns as a page for people: the part of `docs/export.md` below its mark.

use std::fmt::Write as _;

use super::{RECORDED_SCHEMA_VERSION, Recorded};

/// The line of `docs/export.md` below which everything comes from here.
pub const RECORDED_MARK: &str = "<!-- Below: made by `cargo run -p tables --example page -- recorded`. -->";

/// The tables with their columns, in Markdown.
#[must_use]
pub fn recorded_page() -> String {
    let mut text = format!("{RECORDED_MARK}\n\n## Columns\n\nSchema version {RECORDED_SCHEMA_VERSION}.\n");
    for table in Recorded::ALL {
        let _ = write!(
            text,
            "\n### `{table}`\n\n| column | type | meaning |\n|---|---|---|\n"
        );
        for column in table.columns() {
            let about = column.about.trim().replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | {} | {about} |", column.name, column.sql);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the page in `docs/`. Guarantee: what stands below its mark is what the columns are now.
    #[test]
    fn the_page_is_up_to_date() {
        let written = include_str!("../../../../docs/export.md");
        let below = written.find(RECORDED_MARK).map(|at| &written[at..]);
        assert!(
            below == Some(recorded_page().as_str()),
            "write what `cargo run -p tables --example page -- recorded` prints into docs/export.md, below the mark"
        );
    }
}
