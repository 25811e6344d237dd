//! What a trace query answers; serialised as the HTTP API's JSON.

use serde::{Deserialize, Serialize};

/// Where in the source, in the version that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// File relative to the project's root.
    pub file: String,
    /// Line, from 1; 0 = not known.
    pub line: u32,
    /// Elixir's column, from 1; 0 = not known (macro-made).
    pub column: u32,
    /// Text of the anchor token.
    pub token: String,
    /// The source line, trimmed at the end; empty if the source was not published.
    pub source_line: String,
    /// Byte range of the syntax node in the file, if it was resolved.
    pub node: Option<(u32, u32)>,
    /// Why the place was not resolved to a syntax node, in words.
    pub unmapped: Option<String>,
    /// SHA-256 of the source file that ran, in hex; empty if not known.
    pub source: String,
}

/// A captured value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturedValue {
    /// `argument`, `result`, `variable`, ...
    pub role: String,
    /// Name of the variable or argument.
    pub name: String,
    /// The value as Elixir's `inspect` would print it.
    pub text: String,
    /// It was cut to the capture limits.
    pub cut: bool,
    /// Something in it was redacted on the node.
    pub redacted: bool,
}

/// One entry of a stack trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackEntry {
    /// `Shop.Web.Pricing.unit_price/2`.
    pub mfa: String,
    /// File, may be empty.
    pub file: String,
    /// Line, 0 = not known.
    pub line: u32,
}

/// An error, as a crash report or handler saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorInfo {
    /// `error`, `exit` or `throw`.
    pub kind: String,
    /// Exception type, `ArithmeticError`.
    pub exception: String,
    /// Message.
    pub message: String,
    /// Registered name or initial call of the process.
    pub process: String,
    /// Stack trace, innermost first.
    pub stacktrace: Vec<StackEntry>,
}

/// How a frame ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// A return was recorded.
    Observed,
    /// It ended in a tail call; its end is that of what it called.
    TailCall,
    /// An exception passed through it; inferred.
    ExceptionInferred,
}

/// One line of a trace: a frame (a call, function, callback or trace entry) or a point inside one (a branch, an error, ...).
///
/// Items are listed in causal pre-order with their depth, not nested: a recursion of any depth stays one flat list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Depth in the tree, from 0.
    pub depth: u32,
    /// Index of the enclosing frame in the list.
    pub parent: Option<usize>,
    /// Name of the event's kind: `root`, `call`, `fn`, `callback`, `branch`, `exception`, `error`, `send`, `link`, ...
    pub kind: String,
    /// Event id on its node, in hex.
    pub id: String,
    /// Frame: `Shop.Stock.Warehouse.handle_call/3` or the trace's name. Point: the site's kind, the linked trace, the message.
    pub name: String,
    /// Clause taken, from 1; 0 = not known.
    pub clause: u32,
    /// Node name.
    pub node: String,
    /// Process.
    pub pid: String,
    /// HLC.
    pub hlc: u64,
    /// The node's own clock, Unix microseconds, as it was.
    pub time_unix_us: u64,
    /// Relative to the trace's start, microseconds, after clock correction.
    pub start_us: i64,
    /// Module version key, 15 hex digits; empty = none.
    pub module_key: String,
    /// Site number; 0 = none.
    pub site: u32,
    /// Place in the source.
    pub place: Option<Place>,
    /// Captured values.
    pub values: Vec<CapturedValue>,
    /// Error, if it is one.
    pub error: Option<ErrorInfo>,
    /// What only frames have.
    pub frame: Option<FrameEnd>,
}

/// How a frame went on and ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameEnd {
    /// Duration on the node's own clock, microseconds; for inferred ends until the last event inside.
    pub duration_us: u64,
    /// How it ended.
    pub closed: Closed,
    /// Class of the result, empty if not observed.
    pub result: String,
    /// Shape of the message (callbacks).
    pub shape: String,
    /// The callback changed the state.
    pub state_changed: bool,
    /// The token's time was further ahead of the node's clock than allowed.
    pub ahead: bool,
}

/// What is known to be missing from an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// `loss` (a node or agent dropped events), `gap` (batches given up), `parent` (an event names a parent that is not here).
    pub kind: String,
    /// In words, with counts.
    pub text: String,
}

/// Clock correction applied to a node's times for display.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeShift {
    /// Node name.
    pub node: String,
    /// Added to the node's own times, microseconds.
    pub shift_us: i64,
}

/// One trace over all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceAnswer {
    /// Trace id, 32 hex digits.
    pub trace: String,
    /// Nothing is known to be missing.
    pub complete: bool,
    /// What is missing.
    pub missing: Vec<Missing>,
    /// Unix microseconds of the first event on its node's clock.
    pub start_unix_us: u64,
    /// From the first to the last event, after clock correction, microseconds.
    pub duration_us: u64,
    /// Node names, in order of first appearance.
    pub nodes: Vec<String>,
    /// Events in the trace.
    pub events: usize,
    /// Calls: frames of kind `call` and `callback`.
    pub calls: usize,
    /// Errors.
    pub errors: usize,
    /// Cross-process edges whose order by HLC contradicts causality; 0 in a sound trace.
    pub inversions: usize,
    /// Clock corrections applied.
    pub clock_shifts: Vec<NodeShift>,
    /// The causal tree in pre-order; usually one root.
    pub items: Vec<Item>,
}

/// One row of a list of traces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceRow {
    /// Trace id.
    pub trace: String,
    /// Name of the entry, empty if not recorded.
    pub name: String,
    /// Unix microseconds of the first event, on its node's own clock.
    pub start_unix_us: u64,
    /// The same by HLC: what the list is ordered by, and what `until_unix_us` is compared with.
    pub hlc_unix_us: u64,
    /// From first to last event by node times, microseconds.
    pub duration_us: u64,
    /// Events.
    pub events: u64,
    /// Errors.
    pub errors: u64,
    /// Nodes.
    pub nodes: Vec<String>,
}

/// A list of traces, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceListing {
    /// The rows.
    pub traces: Vec<TraceRow>,
    /// Nothing is known to be missing.
    pub complete: bool,
    /// What is missing.
    pub missing: Vec<Missing>,
}
