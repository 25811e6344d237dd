//! The mistakes that the simulation must find: those of the cores (`replication::Bug`), and those that the model of the store and the
//! shell of the agent make.

use replication::{Bug, Bugs};

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// In the core.
    Core(Bug),
    /// The spool is freed when a frame is sent.
    SpoolFreedBeforeAck,
    /// A producer's numbers start again in the same epoch.
    SeqReused,
    /// The digest is over blocks as they lie on the disk.
    DigestOverBlocks,
    /// The digest ignores the number of a batch.
    DigestIgnoresField,
    /// What is sealed is not recognised when it comes again.
    DedupeLostAfterSeal,
    /// What comes after its bucket was sealed is lost at the next seal.
    LateBatchLost,
    /// Retention drops a bucket that is open.
    OpenBucketDropped,
}

/// All: those of the design's list by its names, and two of rules that came with the core.
pub const PLANTS: [(&str, Plant); 21] = [
    ("ack before sync", Plant::Core(Bug::AckBeforeSync)),
    ("fsync error ignored", Plant::Core(Bug::FsyncErrorIgnored)),
    ("W = 1", Plant::Core(Bug::OneIsEnough)),
    ("hint dropped", Plant::Core(Bug::HintDropped)),
    ("hint counts", Plant::Core(Bug::HintCounts)),
    ("spool freed before ack", Plant::SpoolFreedBeforeAck),
    ("prefix from what a holder holds", Plant::Core(Bug::PrefixOfHeld)),
    ("stale map counts", Plant::Core(Bug::StaleMapCounts)),
    ("copy from one source", Plant::Core(Bug::OneSource)),
    ("cut-over before the joint barrier", Plant::Core(Bug::NoBarrier)),
    ("digest over physical blocks", Plant::DigestOverBlocks),
    ("digest ignores a field", Plant::DigestIgnoresField),
    ("dedupe lost after seal", Plant::DedupeLostAfterSeal),
    ("late batch lost at seal", Plant::LateBatchLost),
    ("gap beats data", Plant::Core(Bug::GapBeatsData)),
    ("seq reused after restart", Plant::SeqReused),
    ("R = 1 marked complete", Plant::Core(Bug::OneAnswerComplete)),
    ("member id reused", Plant::Core(Bug::MemberIdReused)),
    ("retention drops an open bucket", Plant::OpenBucketDropped),
    (
        "joint read asks the old set alone",
        Plant::Core(Bug::JointReadOfOldSet),
    ),
    ("copy counts before its sync", Plant::Core(Bug::CopyBeforeSync)),
];

/// Of the design's list, what this simulation does not run: where it belongs.
pub const ELSEWHERE: [(&str, &str); 1] = [(
    "wrong-hash blob accepted",
    "blobs are the coordinators': its tests give a blob that does not match its hash",
)];

impl Plant {
    /// The switch of the cores.
    pub fn bugs(plant: Option<Self>) -> Bugs {
        match plant {
            Some(Self::Core(bug)) => Bugs::plant(bug),
            _ => Bugs::NONE,
        }
    }
}
