//! The conservation law: every event that was taken is in exactly one place.

/// Why the agent gave events up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentDrop {
    /// The collector will never accept them.
    Rejected,
    /// The spool's file was damaged after they were stored.
    SpoolCorrupt,
}

impl AgentDrop {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rejected, Self::SpoolCorrupt];
    /// As a metric label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::SpoolCorrupt => "spool_corrupt",
        }
    }
}

/// Counts of events since the agent's start. `received + recovered = acked + spooled + in_flight + dropped`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Stored in the spool in this life: from nodes, or made by the agent.
    pub received: u64,
    /// Found in the spool at the start.
    pub recovered: u64,
    /// Acknowledged by a collector.
    pub acked: u64,
    /// In the spool, not sent on this connection.
    pub spooled: u64,
    /// Sent, not acknowledged.
    pub in_flight: u64,
    /// Given up, by reason.
    pub dropped: [u64; AgentDrop::ALL.len()],
}

impl Ledger {
    /// Does the law hold?
    pub fn is_balanced(&self) -> bool {
        let dropped: u64 = self.dropped.iter().sum();
        self.received + self.recovered == self.acked + self.spooled + self.in_flight + dropped
    }
    pub(crate) fn drop(&mut self, reason: AgentDrop, events: u64) {
        self.dropped[reason as usize] += events;
    }
}
