//! What an edge says, and sets of that.

use std::fmt;

/// What an edge says of its two ends. A number below 64, so that a set of kinds is one word; the named ones are those
/// that this program makes, the others are free for what comes later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKind(u8);

/// A set of kinds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct KindSet(u64);

macro_rules! kinds {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal;)*) => {
        impl EdgeKind {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// The kinds that have a name.
            pub const NAMED: &'static [Self] = &[$(Self::$constant),*];

            /// The name in answers; `kind` where there is none.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($number => $name,)*
                    _ => "kind",
                }
            }
        }
    };
}

kinds! {
    /// A module to its functions, a function to its clauses.
    CONTAINS = 0, "contains";
    /// A caller to what it calls.
    CALLS = 1, "calls";
    /// Code to what it names without calling: a capture, an alias, a struct, a type.
    REFERENCES = 2, "references";
    /// Code to what it brings into being: a macro to the functions that it makes.
    DEFINES = 3, "defines";
    /// A module to the behaviour or the `use`d module that it follows.
    USES_BEHAVIOUR = 4, "uses_behaviour";
    /// An implementation to the callback or protocol function that it implements.
    IMPLEMENTS = 5, "implements";
    /// A sender to the message, or to the clause that handles it where no message lies between.
    SENDS = 6, "sends";
    /// A message to the clause that handles it.
    HANDLES = 7, "handles";
    /// A supervisor to a child.
    SUPERVISES = 8, "supervises";
    /// A definition to a use of its value.
    DATA = 9, "data";
    /// A decision to what it decides about.
    CONTROL = 10, "control";
    /// A step to the next one (control flow).
    FLOW = 11, "flow";
    /// An argument at a call to the parameter of the callee.
    ARGUMENT = 12, "argument";
    /// A callee's result to the call that it answers.
    RESULT = 13, "result";
    /// An argument to the result of the same call, where the callee passes it on.
    SUMMARY = 14, "summary";
    /// Code to the function that runs in the process it starts.
    SPAWNS = 15, "spawns";
    /// A delegate to the function it stands for.
    DELEGATES = 16, "delegates";
    /// Code to the macro that it expands.
    EXPANDS = 17, "expands";
    /// A module to one that it imports.
    IMPORTS = 18, "imports";
    /// Code to a table or process state that it reads.
    READS = 19, "reads";
    /// Code to a table or process state that it writes.
    WRITES = 20, "writes";
}

impl EdgeKind {
    /// Kinds there can be.
    pub const COUNT: u8 = 64;

    /// The kind of this number; `None` from 64 on.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < Self::COUNT {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number, below 64.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().copied().find(|kind| kind.name() == name)
    }
}

impl KindSet {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self(u64::MAX);
    /// Edges by which one piece of code reaches into another: calls, delegates, messages, processes, macros.
    pub const CALLS: Self = Self::of(&[
        EdgeKind::CALLS,
        EdgeKind::SENDS,
        EdgeKind::HANDLES,
        EdgeKind::SPAWNS,
        EdgeKind::DELEGATES,
        EdgeKind::EXPANDS,
    ]);
    /// Edges that point from what needs to what is needed: a change at the head may be felt at the tail.
    pub const NEEDS: Self = Self::CALLS.with(Self::of(&[
        EdgeKind::REFERENCES,
        EdgeKind::USES_BEHAVIOUR,
        EdgeKind::IMPLEMENTS,
        EdgeKind::SUPERVISES,
        EdgeKind::IMPORTS,
    ]));
    /// Edges along which values and decisions travel: what slices follow.
    pub const FLOWS: Self = Self::of(&[
        EdgeKind::DATA,
        EdgeKind::CONTROL,
        EdgeKind::ARGUMENT,
        EdgeKind::RESULT,
        EdgeKind::SUMMARY,
    ]);

    /// The set of these kinds.
    #[must_use]
    pub const fn of(kinds: &[EdgeKind]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < kinds.len() {
            bits |= 1 << kinds[at].0;
            at += 1;
        }
        Self(bits)
    }

    /// Both sets' kinds.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The kinds that the other set lacks.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub const fn has(self, kind: EdgeKind) -> bool {
        self.0 >> kind.0 & 1 == 1
    }

    /// Whether there is no kind in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its kinds, by number.
    pub fn iter(self) -> impl Iterator<Item = EdgeKind> {
        (0..EdgeKind::COUNT)
            .map(EdgeKind)
            .filter(move |kind| self.has(*kind))
    }
}

impl From<EdgeKind> for KindSet {
    fn from(kind: EdgeKind) -> Self {
        Self::of(&[kind])
    }
}

impl fmt::Debug for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.name(), self.0)
    }
}

impl fmt::Debug for KindSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
