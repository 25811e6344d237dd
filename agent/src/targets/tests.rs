//! Whom an agent connects to as collectors come, fail and move.

use super::*;
use wire::control::CollectorAt;

const SECOND: Duration = Duration::from_secs(1);

fn map(epoch: u64, from: u64, members: &[u64], holders: &[&[u8]]) -> CollectorMap {
    let at = |member: &u64| CollectorAt {
        member: *member,
        address: format!("c{member}:1"),
    };
    CollectorMap {
        epoch,
        from,
        collectors: members.iter().map(at).collect(),
        holders: holders.iter().map(|places| places.to_vec()).collect(),
    }
}

fn targets(kept: Option<CollectorMap>) -> Targets {
    Targets::new(vec!["g1:1".to_owned(), "g2:1".to_owned()], Producer(7), kept)
}

/// Scenario: no map; then one is said, and all that it names fail. Guarantee: the given addresses in turn; then those of the map, each
/// once, and a given one between.
#[test]
fn everything_is_tried() {
    let mut targets = targets(None);
    let address = |targets: &mut Targets, now: u32| targets.choose(SECOND * now).unwrap().address;
    assert_eq!(address(&mut targets, 0), "g1:1");
    assert!(!targets.all_failed());
    let second = targets.choose(SECOND).unwrap();
    assert_eq!(second.address, "g2:1");
    assert!(targets.all_failed());
    targets.connected(SECOND, &second);
    assert!(targets.learn(map(3, 2, &[1, 2, 3], &[&[0, 1, 2], &[0, 1, 2]])));
    targets.failed(SECOND, &second);
    let mut tried: Vec<String> = Vec::new();
    for at in 0..4 {
        let target = targets.choose(SECOND * (2 + at)).unwrap();
        targets.failed(SECOND * (2 + at), &target);
        tried.push(target.address);
    }
    assert_eq!(tried[3], "g1:1", "all that the map names failed");
    assert_ne!(tried[0], "c2:1", "it failed just now");
    tried.truncate(3);
    tried.sort();
    assert_eq!(tried, ["c1:1", "c2:1", "c3:1"]);
}

/// Scenario: maps that are older, the same, newer. Guarantee: only news are kept; one that names nobody is none.
#[test]
fn only_news_are_kept() {
    let mut targets = targets(Some(map(5, 1, &[1], &[&[0]])));
    assert!(!targets.learn(map(5, 1, &[1], &[&[0]])));
    assert!(!targets.learn(map(4, 1, &[1, 2], &[&[0, 1]])));
    assert!(targets.learn(map(5, 1, &[1, 2], &[&[0]])), "an address more");
    assert!(targets.learn(map(6, 1, &[1, 2], &[&[0, 1]])));
    assert!(!targets.learn(map(7, 1, &[1, 2], &[&[], &[9]])));
}

/// Scenario: the collector that an agent is connected to holds nothing any more; or it is not the one that should have this agent.
/// Guarantee: it leaves at once in the first case, after a while in the second, never for one that failed lately.
#[test]
fn it_leaves_for_a_holder() {
    let mut targets = targets(Some(map(1, 1, &[1, 2], &[&[0, 1]])));
    let best = targets.choose(Duration::ZERO).unwrap();
    let other = if best.member == Some(MemberId(1)) { 2 } else { 1 };
    targets.failed(Duration::ZERO, &best);
    let there = targets.choose(SECOND).unwrap();
    assert_eq!(there.member, Some(MemberId(other)));
    targets.connected(SECOND, &there);
    assert_eq!(targets.leave(SECOND * 20), None, "the better one failed lately");
    assert_eq!(targets.leave(SECOND * 40), None, "it may still be coming up");
    assert_eq!(targets.leave(SECOND * 61), Some("another one is this agent's"));
    let place = u8::from(other == 1);
    assert!(targets.learn(map(2, other, &[1, 2], &[&[place]])));
    assert_eq!(targets.leave(SECOND * 40), Some("it holds no shard any more"));
}

/// Scenario: the collector that should have this agent cannot be reached at the address that the map has. Guarantee: the agent leaves the
/// one that answers less and less often.
#[test]
fn an_address_that_fails_is_tried_less_often() {
    let mut targets = targets(Some(map(1, 1, &[1, 2], &[&[0, 1]])));
    let best = targets.choose(Duration::ZERO).unwrap();
    let other = if best.member == Some(MemberId(1)) { 2 } else { 1 };
    let there = Target {
        address: format!("c{other}:1"),
        member: None,
    };
    let mut now = Duration::ZERO;
    targets.failed(now, &best);
    for settle in [60, 120, 240] {
        targets.connected(now, &there);
        assert!(!targets.learn(map(1, other, &[1, 2], &[&[0, 1]])));
        assert_eq!(targets.leave(now + SECOND * (settle - 1)), None);
        now += SECOND * settle;
        assert!(targets.leave(now).is_some());
        targets.leaving();
        assert_eq!(targets.choose(now).as_ref(), Some(&best));
        targets.failed(now, &best);
    }
}
