//! What breaks, and how often it did.

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A collector's process ends; the operating system lives.
    Kill,
    /// A machine loses power: what was not synced is gone.
    PowerLoss,
    /// All lose it at once.
    PowerLossOfAll,
    /// A disk is replaced by an empty one.
    Wipe,
    /// A sync fails.
    SyncFails,
    /// Syncs take a second.
    SlowDisk,
    /// A disk is full for a while.
    FullDisk,
    /// A link is cut, one way.
    CutLink,
    /// A machine is cut off, both ways.
    Isolated,
    /// Many packets are lost.
    Loss,
    /// Packets take long, and overtake each other.
    Delay,
    /// A process stands still.
    Pause,
    /// The coordinators have no quorum.
    NoQuorum,
    /// An agent's process ends.
    AgentCrash,
    /// A frame in an agent's spool is damaged.
    SpoolDamage,
    /// A member is drained: its shards move.
    Drain,
}

/// All kinds, with names.
pub const FAULTS: [(Fault, &str); 16] = [
    (Fault::Kill, "collector killed"),
    (Fault::PowerLoss, "power lost, one"),
    (Fault::PowerLossOfAll, "power lost, all"),
    (Fault::Wipe, "disk wiped"),
    (Fault::SyncFails, "sync failed"),
    (Fault::SlowDisk, "disk slow"),
    (Fault::FullDisk, "disk full"),
    (Fault::CutLink, "link cut one way"),
    (Fault::Isolated, "machine cut off"),
    (Fault::Loss, "heavy loss"),
    (Fault::Delay, "delay and reordering"),
    (Fault::Pause, "process paused"),
    (Fault::NoQuorum, "no coordinator quorum"),
    (Fault::AgentCrash, "agent crashed"),
    (Fault::SpoolDamage, "spool damaged"),
    (Fault::Drain, "member drained"),
];

/// How often each fired, in the order of [`FAULTS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired(pub [u64; FAULTS.len()]);

impl Fired {
    /// It had an effect.
    pub fn count(&mut self, fault: Fault) {
        if let Some(at) = FAULTS.iter().position(|(f, _)| *f == fault)
            && let Some(n) = self.0.get_mut(at)
        {
            *n += 1;
        }
    }

    /// Kinds that fired.
    pub fn kinds(&self) -> usize {
        self.0.iter().filter(|n| **n > 0).count()
    }
}
