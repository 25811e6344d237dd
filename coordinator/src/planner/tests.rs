//! Clusters that grow, shrink and lose members, driven by the planner against the pure state.

use super::*;
use crate::state::{Cluster, Format, Incarnation, Outcome, RaftId, Role, apply};
use proptest::prelude::*;

const SHARDS: u16 = 16;

fn cluster(replicas: u8) -> State {
    let mut state = State::default();
    let cluster = Cluster {
        id: Incarnation(1),
        shards: SHARDS,
        bucket_seconds: 600,
        max_offset_ms: 500,
        replicas,
    };
    done(&mut state, Command::InitCluster(cluster));
    join(&mut state, "", &[Role::Collector, Role::Coordinator]);
    let holders = vec![vec![MemberId(1)]; usize::from(SHARDS)];
    done(&mut state, Command::FirstShardMap { holders });
    state
}

fn join(state: &mut State, zone: &str, roles: &[Role]) -> MemberId {
    let n = state.members.len() as u64 + 1;
    let command = Command::RegisterMember {
        incarnation: Incarnation(u128::from(n)),
        name: format!("m{n}"),
        addresses: vec![format!("quic://h{n}:7481")],
        roles: roles.iter().copied().collect(),
        zone: zone.into(),
        raft: RaftId(n),
        newest: Format::FIRST,
    };
    done(state, command);
    MemberId(n)
}

fn collector(state: &mut State) -> MemberId {
    join(state, "", &[Role::Collector])
}

fn done(state: &mut State, command: Command) {
    let said = format!("{command:?}");
    let outcome = apply(state, command);
    assert!(!matches!(outcome, Outcome::Refused(_)), "{said}: {outcome:?}");
}

fn weight(state: &mut State, member: MemberId, weight: u32) {
    done(state, Command::SetWeight { member, weight });
}

/// Plans and ends what was begun, as collectors would, until nothing is left to do. Gives the number of moves.
fn settle(state: &mut State, silent: &Silence) -> usize {
    let (mut planner, mut moves) = (Planner::default(), 0);
    for _ in 0..1_000 {
        let commands = planner.decide(state, silent);
        if commands.is_empty() && state.shard_map.shards.iter().all(|h| h.next.is_none()) {
            return moves;
        }
        for command in commands {
            done(state, command);
        }
        let ends: Vec<_> = (0..)
            .zip(&state.shard_map.shards)
            .filter(|(_, h)| h.next.is_some())
            .map(|(shard, h)| (shard, Change::CutOver(h.since)))
            .collect();
        moves += ends.len();
        for (shard, change) in ends {
            done(state, Command::ChangeShard { shard, change });
        }
    }
    panic!("the plan never settles: {:?}", state.shard_map);
}

fn copies(state: &State) -> Vec<usize> {
    state.shard_map.shards.iter().map(|h| h.now.len()).collect()
}

fn holds(state: &State, member: MemberId) -> usize {
    let shards = state.shard_map.shards.iter();
    shards.filter(|h| h.has(member)).count()
}

/// Scenario: a cluster of one that wants three copies; a second member, a coordinator, a third member come. Guarantee: nothing moves for two,
/// which could write nothing without both; with the third each shard has three copies, on collectors only.
#[test]
fn a_cluster_of_one_grows_to_three_copies() {
    let mut state = cluster(3);
    assert_eq!(settle(&mut state, &Silence::new()), 0);
    collector(&mut state);
    join(&mut state, "", &[Role::Coordinator]);
    assert_eq!(settle(&mut state, &Silence::new()), 0);
    let last = collector(&mut state);
    assert_eq!(settle(&mut state, &Silence::new()), usize::from(SHARDS));
    assert_eq!(copies(&state), [3; SHARDS as usize]);
    assert_eq!(holds(&state, last), usize::from(SHARDS));
    assert_eq!(settle(&mut state, &Silence::new()), 0, "and then nothing moves");
}

/// Scenario: a fourth member comes, then another is drained, then the weight is back. Guarantee: shards move for balance, the drained one ends
/// with none, all have three copies all along.
#[test]
fn a_member_is_drained() {
    let mut state = cluster(3);
    for _ in 0..3 {
        collector(&mut state);
    }
    settle(&mut state, &Silence::new());
    let (one, two) = (holds(&state, MemberId(1)), holds(&state, MemberId(4)));
    assert!(
        (11..=13).contains(&one) && (11..=13).contains(&two),
        "{one} {two}"
    );
    weight(&mut state, MemberId(2), 0);
    settle(&mut state, &Silence::new());
    assert_eq!((holds(&state, MemberId(2)), copies(&state)), (0, vec![3; 16]));
    weight(&mut state, MemberId(2), 100);
    settle(&mut state, &Silence::new());
    assert!(holds(&state, MemberId(2)) > 10);
}

/// Scenario: one of exactly three is drained; one of two single copies is. Guarantee: its shards keep as many copies as there are members; who has
/// nobody to give them to keeps them.
#[test]
fn what_is_drained_goes_where_there_is_room() {
    let mut state = cluster(3);
    collector(&mut state);
    collector(&mut state);
    settle(&mut state, &Silence::new());
    weight(&mut state, MemberId(1), 0);
    settle(&mut state, &Silence::new());
    assert_eq!((copies(&state), holds(&state, MemberId(1))), (vec![2; 16], 0));
    weight(&mut state, MemberId(2), 0);
    settle(&mut state, &Silence::new());
    assert_eq!((copies(&state), holds(&state, MemberId(2))), (vec![1; 16], 0));
    weight(&mut state, MemberId(3), 0);
    assert_eq!(settle(&mut state, &Silence::new()), 0);
    assert_eq!(holds(&state, MemberId(3)), 16);
}

/// Scenario: a disk is lost while shards move to its member, and from it. Guarantee: those moves are given up, and the lost one ends with no shard.
#[test]
fn a_lost_disk_is_replaced() {
    let mut state = cluster(3);
    collector(&mut state);
    collector(&mut state);
    settle(&mut state, &Silence::new());
    let fourth = collector(&mut state);
    let mut planner = Planner::default();
    for command in planner.decide(&state, &Silence::new()) {
        done(&mut state, command);
    }
    assert!(holds(&state, fourth) > 0, "it joins some");
    let lost = |member, accept_loss| Command::RemoveMember {
        member,
        lost: true,
        accept_loss,
    };
    done(&mut state, lost(fourth, false));
    let given_up = planner.decide(&state, &Silence::new());
    let abandon = |c: &Command| {
        matches!(
            c,
            Command::ChangeShard {
                change: Change::Abandon(_),
                ..
            }
        )
    };
    assert_eq!(
        given_up.iter().filter(|c| abandon(c)).count(),
        holds(&state, fourth)
    );
    for command in given_up {
        done(&mut state, command);
    }
    assert_eq!(holds(&state, fourth), 0);
    settle(&mut state, &Silence::new());
    let fifth = collector(&mut state);
    done(&mut state, lost(MemberId(2), false));
    settle(&mut state, &Silence::new());
    assert_eq!((holds(&state, MemberId(2)), holds(&state, fifth)), (0, 16));
    assert_eq!(copies(&state), [3; 16]);
}

/// Scenario: a member that shards are to move to falls silent: before the move, in it, where the shard cannot be written without it, for long.
/// Guarantee: nothing begins with it; a move that blocks writing is given up soon, one that does not only after long.
#[test]
fn a_silent_member_is_not_waited_for() {
    let silent = |of: &[(u64, u64)]| -> Silence {
        of.iter()
            .map(|(m, t)| (MemberId(*m), Duration::from_secs(*t)))
            .collect()
    };
    let mut state = cluster(3);
    collector(&mut state);
    collector(&mut state);
    let mut planner = Planner::default();
    assert_eq!(planner.decide(&state, &silent(&[(3, 6)])), []);
    assert_eq!(planner.decide(&state, &silent(&[(3, 1)])).len(), JOINING_AT_ONCE);
    for command in planner.decide(&state, &Silence::new()) {
        done(&mut state, command);
    }
    assert_eq!(
        planner.decide(&state, &silent(&[(3, 60)])),
        [],
        "two of three write"
    );
    let both = planner.decide(&state, &silent(&[(3, 6), (2, 6)]));
    assert_eq!(both.len(), JOINING_AT_ONCE, "{both:?}");
    assert!(matches!(
        &both[0],
        Command::ChangeShard {
            change: Change::Abandon(_),
            ..
        }
    ));
    assert_eq!(
        planner.decide(&state, &silent(&[(3, 301)])).len(),
        JOINING_AT_ONCE
    );
    assert_eq!(
        planner.decide(&state, &silent(&[(1, 6), (2, 6), (3, 6)])),
        [],
        "giving up helps nobody"
    );
}

proptest! {
    /// Scenario: members come in zones, change weight, are removed with and without their disks, copies are changed, in any order. Guarantee: the plan
    /// always settles, no shard is ever without a holder that was not lost, drained members hold nothing if others can, and where enough
    /// members take shards each has as many copies as wanted.
    #[test]
    fn plans_settle(steps in proptest::collection::vec((0_u8..5, 0_u64..8, 0_u32..3), 0..25)) {
        let mut state = cluster(1);
        for (what, member, number) in steps {
            let member = MemberId(member);
            match what {
                0 => { join(&mut state, &format!("z{number}"), &[Role::Collector]); }
                1 => { apply(&mut state, Command::SetWeight { member, weight: number }); }
                2 => { apply(&mut state, Command::SetReplicas { replicas: number as u8 + 1 }); }
                _ => { apply(&mut state, Command::RemoveMember { member, lost: what == 3, accept_loss: number == 0 }); }
            }
            if number > 0 {
                settle(&mut state, &Silence::new());
                let takes: Vec<_> = state.candidates().into_iter().filter(|c| c.weight > 0).collect();
                let replicas = usize::from(state.cluster.as_ref().unwrap().replicas);
                for h in &state.shard_map.shards {
                    if takes.len() >= replicas {
                        prop_assert_eq!(h.now.len(), replicas);
                    }
                    if !takes.is_empty() {
                        prop_assert!(!h.now.is_empty());
                        prop_assert!(h.now.iter().all(|m| takes.iter().any(|c| c.id == *m)), "{:?} {:?}", h, takes);
                    }
                }
            }
        }
    }
}
