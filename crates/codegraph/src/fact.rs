//! Where a fact about code comes from and how far it can be trusted: together one byte, a [`Mark`].

/// Where a fact was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Provenance {
    /// The source text as it is written.
    #[default]
    Source = 0,
    /// A compiled module's expanded definitions (`Dbgi`): what macros made is there.
    Expansion = 1,
    /// A rule about a library or a convention (`GenServer.call` reaches `handle_call`), not a name that was resolved.
    Inferred = 2,
    /// An event of a running node.
    Observed = 3,
}

impl Provenance {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Source, Self::Expansion, Self::Inferred, Self::Observed];

    /// The name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Expansion => "expansion",
            Self::Inferred => "inferred",
            Self::Observed => "observed",
        }
    }
}

/// How far a fact can be trusted; the greater is the surer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Confidence {
    /// One of several possibilities, without a reason to prefer it.
    Guess = 0,
    /// Fits, but others might too.
    Possible = 1,
    /// Holds unless the program does something unusual.
    Likely = 2,
    /// Follows from the language.
    #[default]
    Certain = 3,
}

impl Confidence {
    /// All of them, the least sure first.
    pub const ALL: [Self; 4] = [Self::Guess, Self::Possible, Self::Likely, Self::Certain];

    /// The name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Guess => "guess",
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }

    /// What it counts for where confidences are multiplied along a chain: 1, 0.9, 0.5, 0.2. Weights for ranking, not
    /// measured probabilities.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::Guess => 0.2,
            Self::Possible => 0.5,
            Self::Likely => 0.9,
            Self::Certain => 1.0,
        }
    }
}

/// Provenance and confidence in one byte: the confidence in bits 4 and 5, the provenance in bits 0 to 3. Of two marks
/// of one fact the greater is kept: the surer one, and among equals the one with the later provenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u8);

impl Default for Mark {
    /// Certain, from the source.
    fn default() -> Self {
        Self::new(Provenance::default(), Confidence::default())
    }
}

impl Mark {
    /// Both.
    #[must_use]
    pub const fn new(provenance: Provenance, confidence: Confidence) -> Self {
        Self((confidence as u8) << 4 | provenance as u8)
    }

    /// The mark of this byte; `None` where a byte is no mark.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        let known = usize::from(byte >> 4) < Confidence::ALL.len()
            && usize::from(byte & 0x0f) < Provenance::ALL.len();
        known.then_some(Self(byte))
    }

    /// The byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        self.0
    }

    /// Where the fact was read.
    #[must_use]
    pub fn provenance(self) -> Provenance {
        Provenance::ALL[usize::from(self.0 & 3)]
    }

    /// How far it can be trusted.
    #[must_use]
    pub fn confidence(self) -> Confidence {
        Confidence::ALL[usize::from(self.0 >> 4 & 3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: every byte is read as a mark. Guarantee: exactly the marks that can be made are read, each as itself.
    #[test]
    fn a_byte_is_a_mark_or_is_refused() {
        let mut made = 0;
        for provenance in Provenance::ALL {
            for confidence in Confidence::ALL {
                let mark = Mark::new(provenance, confidence);
                assert_eq!(Mark::from_byte(mark.byte()), Some(mark));
                assert_eq!((mark.provenance(), mark.confidence()), (provenance, confidence));
                made += 1;
            }
        }
        assert_eq!((0..=255).filter_map(Mark::from_byte).count(), made);
    }
}
