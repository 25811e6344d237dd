//! What a caller has to know of a function: which parameters its result depends on, and whether and on what it raises.

/// A set of parameters (or of arguments), by place. The last bit stands for all places from 63 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parameters(u64);

impl Parameters {
    /// All of them.
    pub const ALL: Self = Self(u64::MAX);

    fn bit(place: usize) -> u64 {
        1 << place.min(63)
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn has(self, place: usize) -> bool {
        self.0 & Self::bit(place) != 0
    }

    /// Adds one.
    pub fn add(&mut self, place: usize) {
        self.0 |= Self::bit(place);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits: place 0 is the lowest.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }
}

/// What a caller has to know of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The parameters that the result depends on, by value or because they decide which result it is.
    pub result: Parameters,
    /// A `raise`, `throw` or `exit` that is written in it, or in a function that it calls, may leave it.
    pub raises: bool,
    /// The parameters that decide whether one does.
    pub outcome: Parameters,
}
