//! Repeated code, and measures.

use crate::cell::Word;
use crate::describe::rows;

rows! {
    /// A piece of code that is like others (`clones.md`). Pieces of one group have one `clone_id`.
    Clone "clone" key ["version", "clone_id", "piece"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// The group, the largest pieces first.
        clone_id: i64;
        /// The piece's place in its group.
        piece: i32, in "pieces, from 0";
        /// How alike: 1 (equal but for layout), 2 (but for names and literals), 3 (alike).
        clone_type: i32;
        /// How alike the group is: 1 of types 1 and 2.
        likeness: f64, in "0 to 1";
        /// What it is: `function`, `clause`, `block`.
        kind: Word<'a>;
        /// Nodes of its quoted form.
        nodes: i64, in "nodes";
        /// Its file.
        file: Word<'a>;
        /// Its first line.
        line: i32, in "line, from 1";
        /// Its last line.
        end_line: i32, in "line, from 1";
        /// The function that it is, or stands in; empty outside of functions.
        function_id: Option<i64>, of "function.function_id";
    }

    /// A measure of a function or of a module. Rules: `metrics.md`.
    Metric "metric" key ["version", "module_id", "function_id", "metric"] {
        /// The version.
        version: Word<'a>, of "version.version";
        /// The module, or the function's.
        module_id: i64, of "module.module_id";
        /// The function; empty if it is a measure of the module.
        function_id: Option<i64>, of "function.function_id";
        /// What is measured; the list is below.
        metric: Word<'a>;
        /// The measure.
        value: f64;
        /// What it is counted in.
        unit: Word<'a>;
    }
}
