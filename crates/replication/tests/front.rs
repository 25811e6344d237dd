//! Acknowledging: who counts, when one zone is enough, what time-outs and new maps do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use event::{Epoch, Producer, Seq, Shard};
use placement::{Change, MemberId, ShardMap};
use replication::{Action, Bugs, Front, FrontConfig, Message, Section, Source, Ticket, Verdict};
use std::sync::Arc;
use std::time::Duration;

const ME: MemberId = MemberId(1);
const AGENT: u64 = 77;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn ids(of: &[u64]) -> Vec<MemberId> {
    of.iter().copied().map(MemberId).collect()
}

/// Members 1 and 2 in one zone, 3 and 4 in another.
fn front(map: &Arc<ShardMap>, config: FrontConfig) -> Front {
    let mut front = Front::new(ME, 5, config, Bugs::NONE);
    let zone = |m: u64| (MemberId(m), if m < 3 { "a" } else { "b" }.to_owned());
    front.set_zones((1..=4).map(zone).collect());
    assert!(front.set_map(ms(0), map).is_empty());
    front
}

fn section(shard: u16, seq: u64) -> Section {
    Section {
        source: Source {
            producer: Producer(9),
            epoch: Epoch(1),
        },
        shard: Shard(shard),
        first: Seq(seq),
        last: Seq(seq),
        bytes: 100,
        ..Section::default()
    }
}

fn map() -> Arc<ShardMap> {
    Arc::new(ShardMap::new(vec![ids(&[1, 2, 3]), ids(&[2, 3, 4])]))
}

/// To whom the frame goes, under which ticket and map.
fn sent(actions: &[Action]) -> Vec<(MemberId, Ticket, u64)> {
    let appends = actions.iter().filter_map(|a| match a {
        Action::Send {
            to,
            message: Message::Append { ticket, epoch, .. },
        } => Some((*to, *ticket, *epoch)),
        _ => None,
    });
    appends.collect()
}

fn acked(actions: &[Action]) -> Vec<Section> {
    let acks = actions.iter().filter_map(|a| match a {
        Action::Ack {
            from: AGENT,
            sections,
        } => Some(sections.clone()),
        _ => None,
    });
    acks.flatten().collect()
}

/// Scenario: all holders confirm, one after the other. Guarantee: acknowledged once, at the second zone; let go at the last; its bytes
/// are counted until then.
#[test]
fn two_zones_acknowledge_at_once() {
    let mut front = front(&map(), FrontConfig::default());
    let actions = front.accept(ms(0), AGENT, 1, vec![section(0, 1)]);
    let to = sent(&actions);
    assert_eq!(to.iter().map(|(m, ..)| m.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(front.in_flight_bytes(), 100);
    let ticket = to[0].1;
    let synced = [(0, Verdict::Synced)];
    assert!(acked(&front.appended(ms(1), ME, ticket, 1, &synced)).is_empty());
    assert!(
        acked(&front.appended(ms(2), ME, ticket, 1, &synced)).is_empty(),
        "the same twice is one"
    );
    assert_eq!(
        acked(&front.appended(ms(3), MemberId(3), ticket, 1, &synced)),
        [section(0, 1)]
    );
    let last = front.appended(ms(4), MemberId(2), ticket, 1, &synced);
    assert!(acked(&last).is_empty() && matches!(last[..], [Action::Release { .. }]));
    assert_eq!((front.in_flight_bytes(), front.counts().acked_one_zone), (0, 0));
}

/// Scenario: only members of one zone confirm; strict and not. Guarantee: 200 ms of waiting, then acknowledged and counted; never when
/// zones are required.
#[test]
fn one_zone_is_enough_after_a_while_or_never() {
    for strict in [false, true] {
        let config = FrontConfig {
            require_zones: strict,
            ..FrontConfig::default()
        };
        let mut front = front(&map(), config);
        let ticket = sent(&front.accept(ms(0), AGENT, 1, vec![section(0, 1)]))[0].1;
        for m in [1, 2] {
            let said = front.appended(ms(1), MemberId(m), ticket, 1, &[(0, Verdict::Synced)]);
            assert!(acked(&said).is_empty());
        }
        assert_eq!(front.wake_at(), Some(ms(200)));
        assert!(acked(&front.tick(ms(199))).is_empty());
        assert_eq!(acked(&front.tick(ms(200))).len(), usize::from(!strict));
        assert_eq!(front.counts().acked_one_zone, u64::from(!strict));
    }
}

/// Scenario: nobody else answers. Guarantee: sent again, no acknowledgement, unknown in the end, and the frame let go; a late
/// confirmation does nothing.
#[test]
fn a_time_out_is_no_success() {
    let mut front = front(&map(), FrontConfig::default());
    let ticket = sent(&front.accept(ms(0), AGENT, 1, vec![section(0, 1)]))[0].1;
    front.appended(ms(1), ME, ticket, 1, &[(0, Verdict::Synced)]);
    let again = sent(&front.tick(ms(500)));
    assert_eq!(again.iter().map(|(m, ..)| m.0).collect::<Vec<_>>(), [2, 3]);
    let over = front.tick(ms(10_000));
    assert!(acked(&over).is_empty() && over.iter().any(|a| matches!(a, Action::Release { .. })));
    assert_eq!((front.counts().unknown, front.in_flight_bytes()), (1, 0));
    assert!(
        front
            .appended(ms(10_001), MemberId(2), ticket, 1, &[(0, Verdict::Synced)])
            .is_empty()
    );
}

/// Scenario: a holder stays away after W have it. Guarantee: a hint for it and for nobody else, then the frame is let go.
#[test]
fn who_stays_away_gets_a_hint() {
    let mut front = front(&map(), FrontConfig::default());
    let ticket = sent(&front.accept(ms(0), AGENT, 1, vec![section(0, 1)]))[0].1;
    for m in [1, 3] {
        front.appended(ms(1), MemberId(m), ticket, 1, &[(0, Verdict::Synced)]);
    }
    let hints: Vec<Action> = front.tick(ms(2_000));
    let to = hints.iter().find_map(|a| match a {
        Action::Hint { to, section } => Some((*to, *section)),
        _ => None,
    });
    assert_eq!(to, Some((MemberId(2), section(0, 1))));
    assert_eq!((front.counts().behind, front.in_flight_bytes()), (1, 0));
}

/// Scenario: the process is told to stop while one holder has not confirmed what is acknowledged, and another frame is not acknowledged yet.
/// Guarantee: a hint at once, for that holder and that section.
#[test]
fn who_stops_leaves_hints() {
    let mut front = front(&map(), FrontConfig::default());
    let ticket = sent(&front.accept(ms(0), AGENT, 1, vec![section(0, 1)]))[0].1;
    front.accept(ms(0), AGENT, 1, vec![section(0, 2)]);
    for m in [1, 3] {
        front.appended(ms(1), MemberId(m), ticket, 1, &[(0, Verdict::Synced)]);
    }
    let hints = front.leave();
    assert!(
        matches!(&hints[..], [Action::Hint { to: MemberId(2), section: of }] if *of == section(0, 1)),
        "{hints:?}"
    );
    assert!(front.leave().is_empty());
}

/// Scenario: the shard begins to move while a frame is under way. Guarantee: confirmations of the old map do not count any more, it is
/// sent again under the new one, and both sets must have it.
#[test]
fn a_new_map_begins_anew() {
    let mut map = map();
    let mut front = front(&map, FrontConfig::default());
    let ticket = sent(&front.accept(ms(0), AGENT, 1, vec![section(0, 1)]))[0].1;
    front.appended(ms(1), ME, ticket, 1, &[(0, Verdict::Synced)]);
    let said = front.appended(ms(1), MemberId(3), ticket, 1, &[(0, Verdict::Stale(2))]);
    assert!(matches!(said[..], [Action::FetchMap(2)]));
    Arc::make_mut(&mut map)
        .change(Shard(0), Change::Begin(ids(&[1, 3, 4])))
        .unwrap();
    let again = sent(&front.set_map(ms(2), &map));
    assert_eq!(
        again.iter().map(|(m, _, e)| (m.0, *e)).collect::<Vec<_>>(),
        [(1, 2), (2, 2), (3, 2), (4, 2)]
    );
    let synced = [(0, Verdict::Synced)];
    assert!(
        acked(&front.appended(ms(3), MemberId(3), ticket, 1, &synced)).is_empty(),
        "of the old map"
    );
    assert!(acked(&front.appended(ms(3), MemberId(2), ticket, 2, &synced)).is_empty());
    for m in [4, 3] {
        assert!(acked(&front.appended(ms(3), MemberId(m), ticket, 2, &synced)).is_empty());
    }
    assert_eq!(
        acked(&front.appended(ms(3), ME, ticket, 2, &synced)),
        [section(0, 1)],
        "in both zones of both sets"
    );
}

/// Scenario: frames that this member holds nothing of, of a later map, too many; one with a number that is taken. Guarantee: each is
/// answered with its reason, nothing is kept.
#[test]
fn what_is_refused_says_why() {
    let config = FrontConfig {
        in_flight_bytes_max: 150,
        ..FrontConfig::default()
    };
    let mut front = front(&map(), config);
    let stale = front.accept(ms(0), AGENT, 1, vec![section(1, 1)]);
    assert!(matches!(
        stale[..],
        [Action::Stale {
            from: AGENT,
            epoch: 1
        }]
    ));
    let unknown = front.accept(ms(0), AGENT, 1, vec![section(0, 1), section(9, 1)]);
    assert!(matches!(unknown[..], [Action::Stale { .. }]));
    let ahead = front.accept(ms(0), AGENT, 7, vec![section(0, 1)]);
    assert!(matches!(
        ahead[..],
        [Action::FetchMap(7), Action::Busy { from: AGENT }]
    ));
    let mixed = front.accept(ms(0), AGENT, 1, vec![section(0, 1)]);
    let busy = front.accept(ms(0), AGENT, 1, vec![section(0, 2)]);
    assert!(matches!(busy[..], [Action::Busy { from: AGENT }]));
    let ticket = sent(&mixed)[0].1;
    let taken = front.appended(ms(1), ME, ticket, 1, &[(0, Verdict::Conflict)]);
    assert!(matches!(
        taken[..],
        [Action::Conflict { from: AGENT, .. }, Action::Release { .. }]
    ));
    assert_eq!(front.in_flight_bytes(), 0);
    let other_life = Ticket { life: 4, ..ticket };
    assert!(
        front
            .appended(ms(1), ME, other_life, 1, &[(0, Verdict::Synced)])
            .is_empty()
    );
}
