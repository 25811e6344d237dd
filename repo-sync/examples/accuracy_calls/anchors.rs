//! Expanded nodes against the tokens that Elixir's own parser sees.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use codegraph::quoted::{Flags, NodeId};
use repo_sync::Indexer;
use repo_sync::beam::anchor::{self, Linked};
use repo_sync::beam::{Beam, DebugInfo};

/// Nodes of one kind of lines.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) expected: usize,
    pub(crate) right: usize,
    pub(crate) wrong: usize,
}

impl Row {
    /// Tokens that were not found, and tokens of others that were.
    pub(crate) fn faults(&self) -> usize {
        self.expected - self.right + self.wrong
    }

    pub(crate) fn rate(&self) -> f64 {
        if self.expected == 0 {
            return 1.0;
        }
        self.right as f64 / self.expected as f64
    }
}

/// All figures.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) ascii: Row,
    pub(crate) other: Row,
    pub(crate) nodes: usize,
    pub(crate) tokens: usize,
    pub(crate) macros: usize,
    pub(crate) unmapped: usize,
    pub(crate) examples: Vec<String>,
}

impl Measured {
    pub(crate) fn faults(&self) -> usize {
        self.ascii.faults() + self.other.faults()
    }

    pub(crate) fn expected(&self) -> usize {
        self.ascii.expected + self.other.expected
    }
}

/// A name at a place of the source: line, column, text.
type Names<'a> = HashSet<(u32, u32, &'a str)>;

/// Links the expanded definitions of all compiled modules with their sources.
pub(crate) fn measure(out: &Path, files: &[PathBuf]) -> Measured {
    let mut measured = Measured::default();
    let text = std::fs::read_to_string(out.join("names.tsv")).unwrap_or_default();
    let mut names: BTreeMap<&str, Names<'_>> = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.splitn(4, '\t');
        if let (Some(file), Some(line), Some(column), Some(name)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
            && let (Ok(line), Ok(column)) = (line.parse(), column.parse())
        {
            names.entry(file).or_default().insert((line, column, name));
        }
    }
    let Ok(mut indexer) = Indexer::new() else {
        return measured;
    };
    let mut sources = BTreeMap::new();
    for path in files {
        if let Ok(text) = std::fs::read(path)
            && let Ok(document) = indexer.index(&text)
        {
            let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            sources.insert(path.display().to_string(), (text, document));
        }
    }
    let entries = std::fs::read_dir(out).into_iter().flatten().flatten();
    let mut beams: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    beams.retain(|path| path.extension().is_some_and(|end| end == "beam"));
    beams.sort();
    for path in beams {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(DebugInfo::Elixir(expanded)) = Beam::read(&bytes).and_then(|beam| beam.debug_info()) else {
            continue;
        };
        let (Some((source, document)), Some(names)) =
            (sources.get(&expanded.file), names.get(expanded.file.as_str()))
        else {
            continue;
        };
        for (node, linked) in anchor::link(&expanded, document, source) {
            measured.nodes += 1;
            match linked {
                Linked::Token { .. } => measured.tokens += 1,
                Linked::Macro { .. } | Linked::Line { .. } => measured.macros += 1,
                Linked::Unmapped(_) => measured.unmapped += 1,
            }
            one(&mut measured, &expanded, node, &linked, (source, document), names);
        }
    }
    measured
}

fn one(
    measured: &mut Measured,
    expanded: &repo_sync::beam::Expanded,
    node: NodeId,
    linked: &Linked,
    (source, document): (&[u8], &codegraph::SyntaxDocument),
    names: &Names<'_>,
) {
    let tree = &expanded.tree;
    let at = tree.node(node);
    if at.column == 0 || at.flags.has(Flags::MACRO_MADE) {
        return;
    }
    let tokens = anchor::tokens(tree, node);
    let line = document
        .line_range(at.line, source)
        .and_then(|(start, end)| source.get(start as usize..end as usize))
        .and_then(|line| std::str::from_utf8(line).ok())
        .unwrap_or_default();
    let ascii = line.is_ascii();
    let rest = line.get(at.column as usize - 1..).unwrap_or_default();
    // What the parser adds around interpolation has the place of `#{` or of a quote: no token. Behind `\\#{` and on other
    // than ASCII lines columns are no bytes: there the parser is believed.
    let is_added = ascii && !line.contains("\\#{") && rest.starts_with(['#', ':', '"', '\'', '~']);
    let is_added = is_added || (tokens == ["::"] && !line.contains("::"));
    let named = |token: &str| names.contains(&(at.line, at.column, token));
    let is_expected = tokens
        .iter()
        .any(|token| named(token) && (!is_added || (ascii && rest.starts_with(token))));
    let right = match linked {
        Linked::Token { bytes, .. } => {
            let token = source.get(bytes.0 as usize..bytes.1 as usize);
            let token = token.and_then(|token| std::str::from_utf8(token).ok());
            let token = token.unwrap_or_default().trim_matches('"');
            // Punctuation is no name, and is checked by its text alone; so is what `not in` is made of.
            let is_mark = matches!(token, "[" | "{" | "%" | "<<" | "not in");
            tokens.contains(&token) && (is_mark || named(token))
        }
        _ => false,
    };
    let row = if ascii {
        &mut measured.ascii
    } else {
        &mut measured.other
    };
    let mapped = matches!(linked, Linked::Token { .. });
    row.expected += usize::from(is_expected);
    row.right += usize::from(is_expected && right);
    row.wrong += usize::from(mapped && !right);
    if !right && (is_expected || mapped) {
        let name = tokens.join(" ");
        measured.examples.push(format!(
            "{}:{}:{} {name}",
            expanded.relative_file, at.line, at.column
        ));
    }
}
