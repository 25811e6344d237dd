//! Moves under every schedule: a model of members that hold sets of writes, driven at random.

use super::*;
use crate::quorum::{Written, read_is_whole, written};
use proptest::prelude::*;

/// How the model goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    /// One source is believed to be enough.
    OneSource,
    /// Copies count from sources that have not adopted the epoch.
    NoBarrier,
    /// Members that adopted the joint epoch take writes of the old one.
    StaleCounts,
}

/// Members 0 to 4; old holders and next ones; what each has, and whether it knows of the move.
struct Model {
    holders: Holders,
    has: [BTreeSet<u32>; 5],
    knows: [bool; 5],
    acknowledged: BTreeSet<u32>,
    takeover: Takeover,
    bug: Bug,
}

impl Model {
    fn new(now: &[u64], next: &[u64], bug: Bug) -> Self {
        let ids = |of: &[u64]| of.iter().copied().map(MemberId).collect::<Vec<_>>();
        let holders = Holders {
            now: ids(now),
            next: Some(ids(next)),
            since: 2,
        };
        let takeover = Takeover::new(&holders).unwrap();
        Self {
            holders,
            has: Default::default(),
            knows: [false; 5],
            acknowledged: BTreeSet::new(),
            takeover,
            bug,
        }
    }

    /// A write that reaches the members of `reached` (bits), by a writer that knows of the move or does not.
    fn write(&mut self, write: u32, reached: u8, new_map: bool) {
        let holders = if new_map {
            self.holders.clone()
        } else {
            Holders {
                next: None,
                ..self.holders.clone()
            }
        };
        let takes = |m: &MemberId| {
            let i = m.0 as usize;
            let stale = !new_map && self.knows[i] && self.bug != Bug::StaleCounts;
            reached & (1 << i) != 0 && !stale && (!new_map || self.knows[i])
        };
        let synced: Vec<MemberId> = holders.all().filter(takes).collect();
        for m in &synced {
            self.has[m.0 as usize].insert(write);
        }
        if written(&holders, &synced, |_| "") != Written::TooFew {
            self.acknowledged.insert(write);
        }
    }

    fn adopt(&mut self, member: u64) {
        self.knows[member as usize] = true;
        self.takeover.adopted(MemberId(member));
    }

    /// A next holder copies all that a source has now, if the rules allow.
    fn copy(&mut self, to: u64, from: u64) {
        let (to_id, from_id) = (MemberId(to), MemberId(from));
        if self.bug == Bug::NoBarrier && self.holders.now.contains(&from_id) {
            self.takeover.adopted(from_id);
        }
        if self.holders.has(from_id) && self.takeover.includes(to_id, from_id) {
            let copied = self.has[from as usize].clone();
            self.has[to as usize].extend(copied);
        }
    }

    fn may_cut_over(&self) -> bool {
        let joining_from_one = self
            .holders
            .joining()
            .all(|m| self.takeover.includes.contains_key(&m));
        self.takeover.may_cut_over() || self.bug == Bug::OneSource && joining_from_one
    }

    /// After the cut: the writes that some read quorum of the new holders would miss.
    fn lost(&self) -> Option<u32> {
        let next = self.holders.next.clone().unwrap();
        let after = Holders {
            now: next.clone(),
            next: None,
            since: 3,
        };
        (1u32..1 << next.len()).find_map(|asked| {
            let asked: Vec<MemberId> = (0..next.len())
                .filter(|i| asked & (1 << i) != 0)
                .map(|i| next[i])
                .collect();
            let seen = |w: &&u32| asked.iter().any(|m| self.has[m.0 as usize].contains(w));
            read_is_whole(&after, &asked).then(|| self.acknowledged.iter().find(|w| !seen(w)).copied())?
        })
    }
}

/// Old and next holders.
const SETS: [(&[u64], &[u64]); 5] = [
    (&[0, 1, 2], &[0, 1, 3]),
    (&[0, 1, 2], &[0, 3, 4]),
    (&[0], &[0, 1, 2]),
    (&[0, 1, 2], &[0]),
    (&[0, 1], &[2, 3, 4]),
];

/// How a schedule ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// The shard could not be cut over.
    Never,
    /// It was, and nothing was lost.
    Whole,
    /// It was, and a read misses this acknowledged write.
    Lost(u32),
}

/// Runs a schedule; whether a write was lost, if the move ended.
fn run(sets: usize, steps: &[(u8, u8, u8)], bug: Bug) -> End {
    let (now, next) = SETS[sets];
    let mut model = Model::new(now, next, bug);
    for (i, (what, a, b)) in steps.iter().enumerate() {
        match what % 8 {
            0..=2 => model.write(i as u32, *a, b % 2 == 0),
            3 | 4 => model.adopt(u64::from(a % 5)),
            _ => model.copy(u64::from(a % 5), u64::from(b % 5)),
        }
        if model.may_cut_over() {
            return model.lost().map_or(End::Whole, End::Lost);
        }
    }
    End::Never
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Scenario: writers with old and new maps, messages that reach some, members that adopt and copy in any order, sets
    /// that grow, shrink and change. Guarantee: once the shard may be cut over, every read quorum of the new holders has
    /// every acknowledged write.
    #[test]
    fn no_schedule_loses_an_acknowledged_write(
        sets in 0usize..5,
        steps in proptest::collection::vec((0u8..8, any::<u8>(), any::<u8>()), 1..60),
    ) {
        let end = run(sets, &steps, Bug::None);
        prop_assert!(!matches!(end, End::Lost(_)), "{:?}", end);
    }
}

/// Scenario: the same model with a rule broken, 20,000 schedules of a fixed sequence. Guarantee: the model finds each bug,
/// so it would find them in the rules; and without a bug moves do end.
#[test]
fn the_model_finds_broken_rules() {
    let ended = |bug| {
        let (mut ends, mut losses) = (0, 0);
        let mut state = 20_261_123u64;
        for n in 0..20_000usize {
            let mut draw = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            };
            let steps: Vec<_> = (0..60).map(|_| (draw(), draw(), draw())).collect();
            let end = run(n % SETS.len(), &steps, bug);
            ends += u32::from(end != End::Never);
            losses += u32::from(matches!(end, End::Lost(_)));
        }
        (ends, losses)
    };
    let (ends, losses) = ended(Bug::None);
    assert!(
        ends > 1_000 && losses == 0,
        "{ends} moves ended, {losses} lost something"
    );
    for bug in [Bug::OneSource, Bug::NoBarrier, Bug::StaleCounts] {
        assert!(ended(bug).1 > 0, "{bug:?} is not found");
    }
}

/// Scenario: one of three holders is dead while another is replaced. Guarantee: the move needs the two others, and ends
/// without the dead one.
#[test]
fn a_dead_holder_does_not_stop_a_move() {
    let mut model = Model::new(&[0, 1, 2], &[0, 1, 3], Bug::None);
    let takeover = &mut model.takeover;
    takeover.adopted(MemberId(1));
    assert!(!takeover.may_copy());
    assert!(
        !takeover.includes(MemberId(3), MemberId(2)),
        "it has not adopted the epoch"
    );
    takeover.adopted(MemberId(2));
    assert!(takeover.may_copy());
    assert_eq!(takeover.sources().collect::<Vec<_>>(), [MemberId(1), MemberId(2)]);
    assert!(takeover.includes(MemberId(3), MemberId(1)) && !takeover.may_cut_over());
    assert!(takeover.includes(MemberId(3), MemberId(2)) && takeover.may_cut_over());
}
