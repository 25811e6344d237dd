//! Mistakes made on purpose, to show that the simulation finds them. Without the feature `planted` none can be switched on,
//! and the compiler removes their branches.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// A replica confirms before the sync.
    AckBeforeSync,
    /// A failed sync is taken for a sync.
    FsyncErrorIgnored,
    /// One confirmation is enough.
    OneIsEnough,
    /// A hint is forgotten when it was sent, not when it was taken.
    HintDropped,
    /// A hint counts as a confirmation.
    HintCounts,
    /// What a holder holds is acknowledged, whoever else has it.
    PrefixOfHeld,
    /// Replicas take writes of an old map, and these count.
    StaleMapCounts,
    /// A new holder copies from one source.
    OneSource,
    /// A new holder copies from sources that have not adopted the joint map.
    NoBarrier,
    /// Given up beats stored.
    GapBeatsData,
    /// One replica's answer is called complete.
    OneAnswerComplete,
    /// A read of a moving shard asks the old holders alone.
    JointReadOfOldSet,
    /// A write that was synced after the next map was adopted is confirmed under the old one.
    NoSecondLook,
    /// A comparison counts before what it brought is synced.
    CopyBeforeSync,
    /// A wiped disk comes back as the member that it was.
    MemberIdReused,
}

/// The mistakes that are switched on: none or one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bugs(Option<Bug>);

impl Bugs {
    /// None.
    pub const NONE: Self = Self(None);

    /// Switches one on.
    #[cfg(feature = "planted")]
    pub fn plant(bug: Bug) -> Self {
        Self(Some(bug))
    }

    /// Is it switched on?
    pub fn has(self, bug: Bug) -> bool {
        cfg!(feature = "planted") && self.0 == Some(bug)
    }
}
