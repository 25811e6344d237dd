//! What breaks in a run, when and where: decided by a seed alone.

use crate::faults::chance::Chance;
use crate::faults::ensemble::COPIES;
use crate::faults::net::Packets;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL, of one, two or all; started again when it is over.
    Kill,
    /// SIGSTOP.
    Pause,
    /// Packets of a member.
    Net(Link),
    /// The wall clock jumps by so many seconds.
    Clock(i64),
    /// Syncs fail; the member is restarted when it is over.
    Sync,
    /// The member's disk is full.
    Full,
}

/// A kind of fault of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// No packet to or from the others; agents still come through.
    Cut,
    /// No packet from the others, while it still sends.
    Deaf,
    /// No packet at all.
    Gone,
    /// Many packets are lost.
    Lost,
    /// Some packets come late, and in another order.
    Late,
    /// A narrow line.
    Slow,
}

impl Fault {
    /// Its name in counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::Pause => "SIGSTOP",
            Self::Net(Link::Cut) => "partition between members, both ways",
            Self::Net(Link::Deaf) => "partition between members, one way",
            Self::Net(Link::Gone) => "no packets at all",
            Self::Net(Link::Lost) => "5 to 30 % of packets lost",
            Self::Net(Link::Late) => "packets late and out of order",
            Self::Net(Link::Slow) => "a line of 200 to 1,500 kbit/s",
            Self::Clock(_) => "clock jumps by up to 10 minutes",
            Self::Sync => "fsync fails",
            Self::Full => "disk full",
        }
    }
}

/// All names, in the order of counts.
pub const NAMES: [&str; 11] = [
    "SIGKILL",
    "SIGSTOP",
    "partition between members, both ways",
    "partition between members, one way",
    "no packets at all",
    "5 to 30 % of packets lost",
    "packets late and out of order",
    "a line of 200 to 1,500 kbit/s",
    "clock jumps by up to 10 minutes",
    "fsync fails",
    "disk full",
];

/// One fault of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What.
    pub fault: Fault,
    /// Members to whom it happens.
    pub members: Vec<usize>,
    /// From when on, seconds after the load began to come in.
    pub begin: f64,
    /// Until when.
    pub end: f64,
    /// Of the network: what exactly.
    pub packets: Option<Packets>,
}

/// Seconds in which faults begin.
const BEGIN_MS: (u64, u64) = (300, 7_000);
/// How long one lasts.
const LENGTH_MS: (u64, u64) = (800, 5_000);

/// Three to five faults that overlap. All hosts are `members` and then those with agents.
pub fn plan(chance: &mut Chance) -> Vec<Step> {
    let wanted = chance.within(3, 6);
    let mut steps: Vec<Step> = Vec::new();
    while (steps.len() as u64) < wanted {
        let step = draw(chance);
        if steps.iter().all(|other| fits(other, &step)) {
            steps.push(step);
        }
    }
    steps.sort_by(|a, b| a.begin.total_cmp(&b.begin));
    steps
}

/// May both be in one run? Each kind comes once; processes and disks of members that are gone cannot be hurt; a host has one line.
fn fits(a: &Step, b: &Step) -> bool {
    let line = |step: &Step| matches!(step.fault, Fault::Net(Link::Late | Link::Slow));
    let process = |step: &Step| {
        matches!(
            step.fault,
            Fault::Kill | Fault::Pause | Fault::Sync | Fault::Full | Fault::Clock(_)
        )
    };
    let apart = a.end + 0.5 < b.begin || b.end + 0.5 < a.begin;
    let shared = a.members.iter().any(|member| b.members.contains(member));
    a.fault.name() != b.fault.name()
        && !(line(a) && line(b))
        && (apart || !shared || !(process(a) && process(b)))
}

fn draw(chance: &mut Chance) -> Step {
    let one = usize::try_from(chance.within(0, COPIES as u64)).unwrap_or_default();
    let others: u32 = (0..COPIES).filter(|at| *at != one).map(|at| 1_u32 << at).sum();
    let mut members = vec![one];
    let percent = |chance: &mut Chance, least, most| u32::try_from(chance.within(least, most)).unwrap_or(10);
    let mut packets = None;
    let fault = match chance.within(0, 12) {
        0 | 1 => {
            members = super::super::cluster::victims(chance);
            Fault::Kill
        }
        2 => Fault::Pause,
        3 => {
            packets = Some(Packets::Cut(others));
            Fault::Net(Link::Cut)
        }
        4 => {
            packets = Some(Packets::Deaf(others));
            Fault::Net(Link::Deaf)
        }
        5 => {
            packets = Some(Packets::Lost(100));
            Fault::Net(Link::Gone)
        }
        6 => {
            // Of all, in one of three.
            if chance.within(0, 3) == 0 {
                members = (0..COPIES).collect();
            }
            packets = Some(Packets::Lost(percent(chance, 5, 31)));
            Fault::Net(Link::Lost)
        }
        7 => {
            packets = Some(Packets::Late(percent(chance, 5, 40), percent(chance, 300, 2_000)));
            Fault::Net(Link::Late)
        }
        8 => {
            packets = Some(Packets::Slow(percent(chance, 200, 1_500)));
            Fault::Net(Link::Slow)
        }
        9 => {
            let seconds = i64::try_from(chance.within(1, 600)).unwrap_or(1);
            Fault::Clock(if chance.within(0, 2) == 0 {
                seconds
            } else {
                -seconds
            })
        }
        10 => Fault::Sync,
        _ => Fault::Full,
    };
    let begin = chance.within(BEGIN_MS.0, BEGIN_MS.1) as f64 / 1e3;
    Step {
        fault,
        members,
        begin,
        end: begin + chance.within(LENGTH_MS.0, LENGTH_MS.1) as f64 / 1e3,
        packets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Scenario: the plans of 500 seeds. Guarantee: the same seed gives the same plan; three to five kinds each; every kind comes; processes of
    /// one member are not hurt twice at once.
    #[test]
    fn plans_follow_their_seed() {
        let mut seen = BTreeSet::new();
        for seed in 0..500 {
            let steps = plan(&mut Chance::new(seed * 2 + 1));
            assert_eq!(steps, plan(&mut Chance::new(seed * 2 + 1)));
            let names: BTreeSet<&str> = steps.iter().map(|step| step.fault.name()).collect();
            assert!(names.len() == steps.len() && (3..=5).contains(&names.len()));
            for (at, step) in steps.iter().enumerate() {
                assert!(steps[..at].iter().all(|other| fits(other, step)));
            }
            seen.extend(names);
        }
        assert_eq!(seen, NAMES.into_iter().collect());
    }
}
