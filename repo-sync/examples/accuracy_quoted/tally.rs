//! What is counted while files are compared.

use std::path::Path;
use std::time::{Duration, Instant};

use codegraph::quoted::Kind;
use repo_sync::lower::Lowerer;

use crate::class::Class;
use crate::compare::{Difference, differences};
use crate::term::Terms;

/// Counts of some files.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    accepted: u32,
    refused: u32,
    /// Files with an error node, of those accepted.
    broken: u32,
    /// Files with a difference, of those accepted.
    unequal: u32,
    lines: usize,
    nodes: usize,
    took: Duration,
    errors: Vec<String>,
    refusals: Vec<String>,
    differences: Vec<(Class, String)>,
}

impl Tally {
    /// A file that the reference does not accept.
    pub(crate) fn refused(&mut self, path: &Path) {
        self.refused += 1;
        self.refusals.push(path.display().to_string());
    }

    /// Lowers a file and compares.
    pub(crate) fn file(&mut self, path: &Path, text: &str, terms: &Terms<'_>, lowerer: &mut Lowerer) {
        self.accepted += 1;
        self.lines += text.lines().count();
        let start = Instant::now();
        let lowered = lowerer.lower(text);
        self.took += start.elapsed();
        let nodes = lowered.quoted.nodes();
        self.nodes += nodes.len();
        if !lowered.errors.is_empty() || nodes.iter().any(|node| node.kind == Kind::Error) {
            self.broken += 1;
            for error in &lowered.errors {
                let (line, column, message) = (error.line, error.column, &error.message);
                self.errors
                    .push(format!("{}:{line}:{column}: {message}", path.display()));
            }
        }
        let found = differences(&lowered.quoted, terms);
        self.unequal += u32::from(!found.is_empty());
        for Difference { line, column, what } in found {
            let class = Class::of(text, line);
            let shown = format!("{}:{line}:{column}: {what}", path.display());
            self.differences.push((class, shown));
        }
    }

    /// Adds other files.
    pub(crate) fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.broken += other.broken;
        self.unequal += other.unequal;
        self.lines += other.lines;
        self.nodes += other.nodes;
        self.took += other.took;
        self.errors.extend(other.errors);
        self.refusals.extend(other.refusals);
        self.differences.extend(other.differences);
    }

    /// The counts in one line.
    pub(crate) fn row(&self) -> String {
        format!(
            "{} files accepted, {} refused, {} lines, {} nodes, {} with an error node, {} unequal",
            self.accepted, self.refused, self.lines, self.nodes, self.broken, self.unequal
        )
    }

    /// A line for each file that was refused, each error node and each difference, by class.
    pub(crate) fn print_differences(&mut self) {
        for path in &self.refusals {
            println!("refused by the reference: {path}");
        }
        for error in &self.errors {
            println!("error node: {error}");
        }
        self.differences.sort();
        for (class, line) in &self.differences {
            println!("difference ({class:?}): {line}");
        }
    }

    /// The figures, one JSON object a line.
    pub(crate) fn print_figures(&self) {
        let speed = self.lines as f64 / self.took.as_secs_f64().max(1e-9);
        println!("{speed:.0} lines/s parsed and lowered on one core");
        let share = |count: u32| f64::from(count) * 100.0 / f64::from(self.accepted.max(1));
        let (broken, unequal) = (share(self.broken), share(self.unequal));
        figure("files with an error node", broken, "% of files", Some(0.05));
        figure(
            "files whose quoted form differs",
            unequal,
            "% of files",
            Some(0.5),
        );
        figure("files compared", f64::from(self.accepted), "files", None);
        figure("lines compared", self.lines as f64, "lines", None);
        let refused = f64::from(self.refused);
        figure("files that the reference refuses", refused, "files", None);
        figure("time to parse and lower", 1e9 / speed, "ns/line", None);
    }
}

fn figure(name: &str, value: f64, unit: &str, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
    println!("{{\"name\": \"{name}\", \"value\": {value}, \"unit\": \"{unit}\", \"goal\": {goal}}}");
}
