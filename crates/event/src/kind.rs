//! Codes of kinds, classes, flags, sites, roles and reasons, and their names.

use crate::codes;

codes! {
    /// What happened.
    EventKind("event kind") {
        /// A trace begins.
        Root = 1 "root",
        /// A function clause was entered.
        Call = 2 "call",
        /// A function clause was left, where its last expression is no tail call.
        Return = 3 "return",
        /// A `case`, `cond`, `with`, `receive` or `try` clause was taken.
        Branch = 4 "branch",
        /// A clause of an anonymous function was entered.
        Fn = 5 "fn",
        /// A `rescue` or `catch` clause was taken.
        Exception = 6 "exception",
        /// A GenServer callback was entered.
        Callback = 7 "callback",
        /// A GenServer callback returned.
        CallbackReturn = 8 "callback_return",
        /// A crash report, or an error of an unsampled request.
        Error = 9 "error",
        /// A traced process was started.
        Spawn = 10 "spawn",
        /// A traced process ended.
        Exit = 11 "exit",
        /// A captured value; its parent is the event that it belongs to.
        Value = 12 "value",
        /// Another trace was seen inside this one.
        Link = 13 "link",
        /// A node connected.
        NodeUp = 14 "node_up",
        /// A node went away.
        NodeDown = 15 "node_down",
        /// A process sent a message to itself.
        Send = 16 "send",
        /// A log message of a traced process.
        Log = 17 "log",
        /// A trace's entry function ended.
        RootEnd = 18 "root_end",
        /// Events were lost: how many and why.
        Loss = 19 "loss",
    }
}

codes! {
    /// Class of a result; for exceptions, of the exception.
    ResultClass("result class") {
        /// Anything else.
        Other = 0 "other",
        /// `:ok`.
        Ok = 1 ":ok",
        /// `{:ok, ...}`.
        OkTuple = 2 "{:ok, _}",
        /// `:error`.
        Error = 3 ":error",
        /// `{:error, ...}`.
        ErrorTuple = 4 "{:error, _}",
        /// `nil`.
        Nil = 5 "nil",
        /// `true`.
        True = 6 "true",
        /// `false`.
        False = 7 "false",
        /// An integer.
        Integer = 8 "integer",
        /// A float.
        Float = 9 "float",
        /// A binary.
        Binary = 10 "binary",
        /// A list.
        List = 11 "list",
        /// A map.
        Map = 12 "map",
        /// A tuple.
        Tuple = 13 "tuple",
        /// An atom.
        Atom = 14 "atom",
        /// A struct.
        Struct = 15 "struct",
        /// A pid, reference or port.
        Pid = 16 "pid",
        /// A function.
        Function = 17 "function",
        /// `{:reply, ...}`.
        Reply = 18 "{:reply, _}",
        /// `{:noreply, ...}`.
        NoReply = 19 "{:noreply, _}",
        /// `{:stop, ...}`.
        Stop = 20 "{:stop, _}",
        /// A bitstring.
        Bitstring = 21 "bitstring",
    }
}

codes! {
    /// What an instrumented point is (`docs/site-table.md`).
    SiteKind("site kind") {
        /// Function clause.
        Clause = 1 "clause",
        /// Return of a clause.
        Return = 2 "return",
        /// `case` clause.
        Case = 3 "case",
        /// `cond` clause.
        Cond = 4 "cond",
        /// `with`: all clauses matched.
        With = 5 "with",
        /// `fn` clause.
        Fn = 6 "fn",
        /// `receive` clause.
        Receive = 7 "receive",
        /// `after` of a `receive`.
        ReceiveAfter = 8 "receive_after",
        /// `rescue` clause.
        Rescue = 9 "rescue",
        /// `catch` clause.
        Catch = 10 "catch",
        /// `else` clause of a `try`.
        TryElse = 11 "try_else",
        /// `else` clause of a `with`.
        WithElse = 12 "with_else",
        /// GenServer callback.
        Callback = 13 "callback",
        /// Return of a callback.
        CallbackReturn = 14 "callback_return",
        /// `send` that may be to oneself.
        Send = 15 "send",
        /// A variable whose value is captured.
        Variable = 16 "variable",
        /// Configured entry of a trace.
        Entry = 17 "entry",
    }
}

codes! {
    /// Why a node lost events (`docs/node-socket.md`).
    DropReason("drop reason") {
        /// A scheduler's ring was full.
        RingFull = 1 "ring_full",
        /// Reserved and never committed, or torn.
        Torn = 2 "torn",
        /// Too many payload messages to the writer.
        PayloadFull = 3 "payload_full",
        /// No agent, or too slow a one.
        AgentAbsent = 4 "agent_absent",
        /// Went away with an agent.
        AgentLost = 5 "agent_lost",
        /// Switched off.
        SwitchedOff = 6 "switched_off",
        /// Not encodable, or too large.
        Refused = 7 "refused",
        /// Shed by the governor.
        Governor = 8 "governor",
    }
}

codes! {
    /// What a captured value is.
    ValueRole("value role") {
        /// Argument.
        Argument = 0 "argument",
        /// Result.
        Result = 1 "result",
        /// Variable.
        Variable = 2 "variable",
        /// Message of a callback.
        Message = 3 "message",
        /// State before a callback.
        StateBefore = 4 "state_before",
        /// State after a callback.
        StateAfter = 5 "state_after",
        /// Reply of a callback.
        Reply = 6 "reply",
    }
}

/// Flags of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// A payload follows.
    pub const PAYLOAD: u8 = 1;
    /// The parent is on another process; `remote_node` and `remote_time` are set.
    pub const REMOTE: u8 = 1 << 1;
    /// The trace's entry.
    pub const ROOT: u8 = 1 << 2;
    /// Not observed but inferred.
    pub const INFERRED: u8 = 1 << 3;
    /// A callback changed its state.
    pub const STATE_CHANGED: u8 = 1 << 4;
    /// The payload was cut to its limits.
    pub const CUT: u8 = 1 << 5;
    /// The token's time was more than the maximal offset ahead of the node.
    pub const AHEAD: u8 = 1 << 6;
    /// In no trace.
    pub const UNTRACED: u8 = 1 << 7;

    /// Is this flag set?
    pub fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}
