//! The tables as a page for people: the part of `docs/code-graph/tables.md` below its mark.

use std::fmt::Write as _;

use crate::table::{SCHEMA_VERSION, Table};
use crate::words::VOCABULARIES;

/// The line of `docs/code-graph/tables.md` below which everything comes from here.
pub const MARK: &str = "<!-- Below: made by `cargo run -p tables --example page`. -->";

/// The tables with their columns, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut text = format!("{MARK}\n\nSchema version {SCHEMA_VERSION}.\n");
    for table in Table::ALL {
        let about = table.about();
        let key: Vec<String> = about.key.iter().map(|column| format!("`{column}`")).collect();
        let _ = write!(
            text,
            "\n## `{}`\n\n{}\nKey: {}.\n\n| column | type | meaning |\n|---|---|---|\n",
            about.name,
            flowing(about.about),
            key.join(", ")
        );
        for column in about.columns {
            let empty = if column.nullable { ", may be empty" } else { "" };
            let unit = column.unit.map_or_else(String::new, |unit| format!(" ({unit})"));
            let of = column.of.map_or_else(String::new, |of| format!(" Names `{of}`."));
            let _ = writeln!(
                text,
                "| `{}` | {}{empty} | {}{unit}{of} |",
                column.name,
                column.kind.sql(),
                flowing(column.about).replace('|', "\\|")
            );
        }
    }
    for (at, vocabulary) in VOCABULARIES.iter().enumerate() {
        let columns = VOCABULARIES
            .iter()
            .filter(|other| other.words == vocabulary.words);
        let columns: Vec<String> = columns.map(|other| format!("`{}`", other.column)).collect();
        if VOCABULARIES
            .iter()
            .take(at)
            .any(|other| other.words == vocabulary.words)
        {
            continue;
        }
        let _ = write!(
            text,
            "\n## Words of {}\n\n| word | means |\n|---|---|\n",
            columns.join(" and ")
        );
        for (word, means) in vocabulary.words {
            let _ = writeln!(text, "| `{word}` | {} |", means.replace('|', "\\|"));
        }
    }
    text
}

/// Doc comments come with a blank before each line.
fn flowing(about: &str) -> &str {
    about.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the page in `docs/`. Guarantee: what stands below its mark is what the description says now.
    #[test]
    fn the_page_is_up_to_date() {
        let written = include_str!("../../../docs/code-graph/tables.md");
        let below = written.find(MARK).map(|at| &written[at..]);
        assert!(
            below == Some(page().as_str()),
            "write what `cargo run -p tables --example page` prints into docs/code-graph/tables.md, below the mark"
        );
    }

    /// Scenario: all descriptions together. Guarantee: names and words are plain, each once, and what a column names is a
    /// column of a table.
    #[test]
    fn descriptions_fit_together() {
        for table in Table::ALL {
            let about = table.about();
            let has = |name: &str| about.columns.iter().filter(|column| column.name == name).count() == 1;
            assert!(about.columns.iter().all(|column| has(column.name)), "{table}");
            assert!(about.key.iter().all(|name| has(name)), "{table}");
            for of in about.columns.iter().filter_map(|column| column.of) {
                let (target, column) = of.split_once('.').unwrap();
                let target = Table::ALL.iter().find(|table| table.name() == target).unwrap();
                let mut columns = target.about().columns.iter();
                assert!(columns.any(|one| one.name == column), "{of}");
            }
        }
        for vocabulary in VOCABULARIES {
            let mut words: Vec<&str> = vocabulary.words.iter().map(|(word, _)| *word).collect();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), vocabulary.words.len(), "{}", vocabulary.column);
        }
    }
}
