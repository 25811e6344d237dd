//! The disk marker: what says that a disk is the one that a member's promises were made on (the idea of Restate's log server).
//!
//! Written, synced, once: when a member gets its id, before anything else. A member that is registered and finds none has lost
//! what it held. It may be read from, and what it lacks is copied to it; it never confirms, never counts as a source or as an
//! answer, and its id never comes to life again: a new id takes its shards over.

use placement::MemberId;

/// What is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Id of the cluster.
    pub cluster: u128,
    /// Whose disk.
    pub member: MemberId,
}

/// What a disk is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disk {
    /// Everything that this member ever confirmed is on it.
    #[default]
    Whole,
    /// It was lost: readable, never authoritative.
    Lost,
    /// It is another's: the member must not start.
    Foreign,
}

impl Disk {
    /// Of a disk on which `found` is, for a member that should be `expected`; `registered`: the cluster knew it before.
    pub fn of(found: Option<Marker>, expected: Marker, registered: bool) -> Self {
        match found {
            Some(marker) if marker == expected => Self::Whole,
            Some(_) => Self::Foreign,
            None if registered => Self::Lost,
            None => Self::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: first start, restart, a wiped disk, a disk of another member or cluster. Guarantee: only the first two are whole.
    #[test]
    fn a_marker_says_what_a_disk_is_worth() {
        let of = |cluster, member| Marker {
            cluster,
            member: MemberId(member),
        };
        let ours = of(1, 2);
        assert_eq!(Disk::of(None, ours, false), Disk::Whole);
        assert_eq!(Disk::of(Some(ours), ours, true), Disk::Whole);
        assert_eq!(Disk::of(None, ours, true), Disk::Lost);
        assert_eq!(Disk::of(Some(of(1, 3)), ours, true), Disk::Foreign);
        assert_eq!(Disk::of(Some(of(9, 2)), ours, true), Disk::Foreign);
    }
}
