//! Properties of `apply`: deterministic, idempotent, bounded; refusals leave no trace; timelines are right.

use codegraph::{ContentHash, SourceHash};
use proptest::prelude::*;

use super::*;

mod formats;

const V1: ModuleVersion = ModuleVersion(1 << 100);
const V2: ModuleVersion = ModuleVersion(2 << 100);
const NODE: NodeKey = NodeKey(7);

fn cluster() -> Cluster {
    Cluster {
        id: Incarnation(1),
        shards: 4,
        bucket_seconds: 600,
        max_offset_ms: 500,
        replicas: 1,
    }
}

fn member(incarnation: u128) -> Command {
    Command::RegisterMember {
        incarnation: Incarnation(incarnation),
        name: "one".into(),
        addresses: vec!["127.0.0.1:7481".into()],
        roles: [Role::Collector, Role::Coordinator].into(),
        zone: String::new(),
        raft: RaftId(incarnation as u64 + 100),
        newest: Format::FIRST,
    }
}

fn seen(node: u64, name: &str, vm_start: u64) -> Command {
    let info = NodeDescription {
        name: name.into(),
        vm_start,
        ..NodeDescription::default()
    };
    Command::NodeSeen {
        node: NodeKey(node),
        info,
    }
}

fn op(op: ModulesOp, time: u64, modules: &[(ModuleVersion, &str)]) -> Command {
    let modules = modules.iter().map(|(version, m)| LoadedModule {
        version: *version,
        module: (*m).to_owned(),
    });
    Command::NodeModules {
        node: NODE,
        op,
        time,
        modules: modules.collect(),
    }
}

fn table(version: ModuleVersion, blob: &[u8]) -> SiteTable {
    SiteTable {
        version,
        key: version.key(),
        blob: ContentHash::of(blob),
        size_bytes: blob.len() as u32,
        module: "Elixir.Shop.Stock".into(),
        app: "shop".into(),
        source_sha256: SourceHash::default(),
    }
}

fn versions_at(state: &State, time: u64) -> Vec<(String, ModuleVersion)> {
    state.what_ran(NODE, time).unwrap().modules.into_iter().collect()
}

/// A small world, so that commands meet.
fn commands() -> impl Strategy<Value = Command> {
    let module = (0_u128..6, 0_u8..3).prop_map(|(v, m)| LoadedModule {
        version: ModuleVersion(v << 68), // neighbours share their 59-bit key
        module: format!("Elixir.M{m}"),
    });
    let modules = proptest::collection::vec(module, 0..4);
    let ops = prop_oneof![
        Just(ModulesOp::Loaded),
        Just(ModulesOp::Removed),
        Just(ModulesOp::Snapshot)
    ];
    prop_oneof![
        1 => (0_u128..2, 0_u16..3).prop_map(|(id, shards)| Command::InitCluster(Cluster { id: Incarnation(id), shards, ..cluster() })),
        2 => (0_u128..3).prop_map(member),
        2 => (0_u8..3, proptest::collection::vec(proptest::collection::vec((0_u64..4).prop_map(MemberId), 0..3), 0..3))
            .prop_map(|(_, holders)| Command::FirstShardMap { holders }),
        3 => (0_u16..3, changes()).prop_map(|(shard, change)| Command::ChangeShard { shard, change }),
        1 => (0_u8..4).prop_map(|replicas| Command::SetReplicas { replicas }),
        1 => (0_u64..4, 0_u32..3).prop_map(|(m, weight)| Command::SetWeight { member: MemberId(m), weight }),
        1 => (0_u64..4).prop_map(|m| Command::RemoveMember { member: MemberId(m), lost: false, accept_loss: false }),
        1 => (0_u64..4, any::<bool>()).prop_map(|(m, accept_loss)| Command::RemoveMember { member: MemberId(m), lost: true, accept_loss }),
        1 => (0_u64..4, 0_u32..3, 0_u64..9, 0_u64..4).prop_map(|(m, weight, at_unix_ms, once)| Command::Audited { who: "ops".into(), at_unix_ms, once,
            command: Box::new(Command::SetWeight { member: MemberId(m), weight }) }),
        2 => (0_u8..3, 0_u32..2).prop_map(|(v, files)| Command::PublishVersion {
            project: "shop".into(), version: ContentHash([v; 32]), files, bytes: 1 }),
        2 => (0_u128..6, 0_u8..2).prop_map(|(v, blob)| Command::PutSiteTable(table(ModuleVersion(v << 68), &[blob]))),
        2 => (0_u64..4, 0_u64..3).prop_map(|(node, start)| seen(node, "shop@host", start)),
        6 => (0_u64..4, ops, 0_u64..50, modules)
            .prop_map(|(node, op, time, modules)| Command::NodeModules { node: NodeKey(node), op, time, modules }),
    ]
}

fn changes() -> impl Strategy<Value = placement::Change> {
    prop_oneof![
        proptest::collection::vec((0_u64..4).prop_map(MemberId), 0..3).prop_map(placement::Change::Begin),
        (0_u64..6).prop_map(placement::Change::CutOver),
        (0_u64..6).prop_map(placement::Change::Abandon),
    ]
}

proptest! {
    /// Guarantee: the same commands give the same state and outcomes, also when the state went through its bytes on the
    /// way; a refused command changes nothing; a repeated one changes nothing and is not refused.
    #[test]
    fn apply_is_deterministic_and_idempotent(commands in proptest::collection::vec(commands(), 0..60), cut in 0_usize..60) {
        let (mut one, mut two) = (State::default(), State::default());
        for (i, command) in commands.into_iter().enumerate() {
            if i == cut {
                two = crate::codec::decode("state", &crate::codec::encode("state", &two).unwrap()).unwrap();
            }
            let before = one.clone();
            let outcome = apply(&mut one, command.clone());
            prop_assert_eq!(&outcome, &apply(&mut two, command.clone()));
            prop_assert_eq!(&one, &two);
            let after = one.clone();
            // That it was asked for is remembered whatever came of it.
            let mut unasked = after.clone();
            unasked.requests = Arc::clone(&before.requests);
            let again = apply(&mut one, command.clone());
            apply(&mut two, command);
            if let Outcome::Refused(_) | Outcome::Unchanged = outcome {
                prop_assert_eq!(&before, &unasked);
                prop_assert_eq!(&again, &outcome);
            } else {
                prop_assert!(!matches!(again, Outcome::Refused(_)), "{:?} then {:?}", outcome, again);
            }
            prop_assert_eq!(&one, &after);
        }
    }

    /// Guarantee: bytes that are no command or no state are errors, never panics.
    #[test]
    fn decoding_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = crate::codec::decode::<Vec<Command>>("commands", &bytes);
        let mut json = vec![crate::codec::FORMAT];
        json.extend(bytes);
        let _ = crate::codec::decode::<State>("state", &json);
    }
}

#[test]
fn unknown_commands_and_newer_formats_are_typed_errors() {
    let error = crate::codec::decode::<Vec<Command>>("commands", b"\x01[{\"launch\":{}}]").unwrap_err();
    assert!(error.to_string().contains("unknown variant `launch`"), "{error}");
    let error = crate::codec::decode::<Vec<Command>>("commands", b"\x02[]").unwrap_err();
    assert!(error.to_string().contains("format 2"), "{error}");
}

/// Scenario: a disk is wiped and the member comes back. Guarantee: another id; the old id is never given again.
#[test]
fn member_ids_are_never_reused() {
    let mut state = State::default();
    assert_eq!(apply(&mut state, member(1)), Outcome::Member(MemberId(1)));
    assert_eq!(apply(&mut state, member(2)), Outcome::Member(MemberId(2)));
    assert_eq!(apply(&mut state, member(1)), Outcome::Member(MemberId(1)));
    assert_eq!(apply(&mut state, member(3)), Outcome::Member(MemberId(3)));
}

#[test]
fn a_shard_map_names_known_members_once() {
    let mut state = State::default();
    let map = |holders| Command::FirstShardMap { holders };
    let one = vec![MemberId(1)];
    assert_eq!(
        apply(&mut state, map(vec![])),
        Outcome::Refused(Refusal::NoCluster)
    );
    apply(&mut state, Command::InitCluster(cluster()));
    apply(&mut state, member(1));
    let refused = |state: &mut State, holders| matches!(apply(state, map(holders)), Outcome::Refused(_));
    assert!(refused(&mut state, vec![one.clone(); 3]));
    assert!(refused(&mut state, vec![vec![MemberId(1), MemberId(1)]; 4]));
    assert!(refused(&mut state, vec![vec![MemberId(9)]; 4]));
    assert_eq!(apply(&mut state, map(vec![one.clone(); 4])), Outcome::Epoch(1));
    assert_eq!(apply(&mut state, map(vec![one; 4])), Outcome::Unchanged);
    apply(&mut state, member(2));
    assert_eq!(
        apply(&mut state, map(vec![vec![MemberId(2)]; 4])),
        Outcome::Refused(Refusal::HasShardMap(1))
    );
}

/// Scenario: a member is drained and removed, then its folder comes back, and another one with its Raft id. Guarantee: it
/// stays while it holds a shard; once removed it is refused for good; a copied folder is refused.
#[test]
fn a_removed_member_stays_removed() {
    let mut state = State::default();
    apply(&mut state, Command::InitCluster(cluster()));
    apply(&mut state, member(1));
    apply(&mut state, member(2));
    let (one, two) = (MemberId(1), MemberId(2));
    apply(
        &mut state,
        Command::FirstShardMap {
            holders: vec![vec![one]; 4],
        },
    );
    let remove = || Command::RemoveMember {
        member: one,
        lost: false,
        accept_loss: false,
    };
    let holds = Refusal::HoldsShards {
        member: one,
        shards: 4,
    };
    assert_eq!(apply(&mut state, remove()), Outcome::Refused(holds));
    assert_eq!(
        apply(
            &mut state,
            Command::SetWeight {
                member: one,
                weight: 0
            }
        ),
        Outcome::Done
    );
    for shard in 0..4 {
        let begin = placement::Change::Begin(vec![two]);
        let Outcome::Epoch(begun) = apply(&mut state, Command::ChangeShard { shard, change: begin }) else {
            panic!("the move does not begin");
        };
        let change = placement::Change::CutOver(begun);
        assert!(matches!(
            apply(&mut state, Command::ChangeShard { shard, change }),
            Outcome::Epoch(_)
        ));
    }
    assert_eq!(apply(&mut state, remove()), Outcome::Done);
    assert_eq!(apply(&mut state, remove()), Outcome::Unchanged);
    assert_eq!(
        apply(&mut state, member(1)),
        Outcome::Refused(Refusal::Removed(one))
    );
    let begin = placement::Change::Begin(vec![one]);
    let back = apply(
        &mut state,
        Command::ChangeShard {
            shard: 0,
            change: begin,
        },
    );
    assert_eq!(back, Outcome::Refused(Refusal::Removed(one)));
    let Command::RegisterMember {
        raft,
        name,
        addresses,
        roles,
        zone,
        ..
    } = member(2)
    else {
        panic!("not a registration");
    };
    let copied = Command::RegisterMember {
        incarnation: Incarnation(77),
        raft,
        name,
        addresses,
        roles,
        zone,
        newest: Format::FIRST,
    };
    assert_eq!(
        apply(&mut state, copied),
        Outcome::Refused(Refusal::OtherRaft { raft, existing: two })
    );
}

/// Guarantee: an event's 59-bit key names one module version for ever.
#[test]
fn key_collisions_are_refused() {
    let mut state = State::default();
    let twin = ModuleVersion(V1.0 | 1);
    assert_eq!(twin.key(), V1.key());
    assert_eq!(
        apply(&mut state, Command::PutSiteTable(table(V1, b"a"))),
        Outcome::Done
    );
    let collision = Refusal::KeyCollision {
        key: V1.key(),
        existing: V1,
        got: twin,
    };
    assert_eq!(
        apply(&mut state, Command::PutSiteTable(table(twin, b"b"))),
        Outcome::Refused(collision.clone())
    );
    apply(&mut state, seen(7, "shop@host", 0));
    let loaded = apply(
        &mut state,
        op(ModulesOp::Loaded, 1, &[(twin, "Elixir.Shop.Stock")]),
    );
    assert_eq!(loaded, Outcome::Refused(collision));
    let both = apply(
        &mut state,
        op(ModulesOp::Loaded, 1, &[(V2, "A"), (ModuleVersion(V2.0 | 1), "B")]),
    );
    assert!(matches!(both, Outcome::Refused(Refusal::KeyCollision { .. })));
    let wrong = SiteTable {
        key: V2.key(),
        ..table(ModuleVersion(3 << 100), b"c")
    };
    assert!(matches!(
        apply(&mut state, Command::PutSiteTable(wrong)),
        Outcome::Refused(Refusal::WrongKey { .. })
    ));
    let other = apply(&mut state, Command::PutSiteTable(table(V1, b"other")));
    assert!(matches!(other, Outcome::Refused(Refusal::OtherSiteTable { .. })));
}

/// Scenario: boot, hot load, removal, then the agent repeats all of it. Guarantee: intervals are `[from, to)` and stay.
#[test]
fn timelines_say_what_ran_when() {
    let mut state = State::default();
    let log = [
        op(ModulesOp::Snapshot, 10, &[(V1, "A")]),
        op(ModulesOp::Loaded, 20, &[(V2, "A")]),
        op(ModulesOp::Removed, 30, &[(V2, "A")]),
    ];
    assert!(matches!(
        apply(&mut state, log[0].clone()),
        Outcome::Refused(Refusal::UnknownNode { .. })
    ));
    apply(&mut state, seen(7, "shop@host", 0));
    for command in &log {
        assert_eq!(apply(&mut state, command.clone()), Outcome::Done);
    }
    for command in &log {
        assert_eq!(apply(&mut state, command.clone()), Outcome::Unchanged);
    }
    let a = |v| vec![("A".to_owned(), v)];
    assert_eq!(versions_at(&state, 9), vec![]);
    assert_eq!(versions_at(&state, 10), a(V1));
    assert_eq!(versions_at(&state, 19), a(V1));
    assert_eq!(versions_at(&state, 20), a(V2));
    assert_eq!(versions_at(&state, 30), vec![]);
    assert_eq!(
        state.where_ran(V2),
        vec![(
            NODE,
            Span {
                from: 20,
                to: Some(30)
            }
        )]
    );
    // A clock that stepped back: as of the latest time known.
    apply(&mut state, op(ModulesOp::Snapshot, 5, &[(V1, "A")]));
    assert_eq!(versions_at(&state, 30), a(V1));
    assert_eq!(state.nodes[&NODE].clamped, 1);
}

/// Scenario: a node restarts under its name. Guarantee: its first incarnation ran nothing after that.
#[test]
fn a_restarted_node_ends_its_predecessor() {
    let mut state = State::default();
    apply(&mut state, seen(7, "shop@host", 0));
    apply(&mut state, op(ModulesOp::Snapshot, 10, &[(V1, "A")]));
    apply(&mut state, seen(8, "shop@host", 50));
    assert_eq!(versions_at(&state, 49).len(), 1);
    assert_eq!(versions_at(&state, 50).len(), 0);
    assert_eq!(
        state.where_ran(V1),
        vec![(
            NODE,
            Span {
                from: 10,
                to: Some(50)
            }
        )]
    );
    let other = apply(&mut state, seen(7, "other@host", 0));
    assert!(matches!(other, Outcome::Refused(Refusal::OtherNode { .. })));
}

#[test]
fn histories_and_nodes_are_bounded() {
    let mut state = State::default();
    apply(&mut state, seen(7, "shop@host", 0));
    let changes = limits::NODE_HISTORY_MAX as u64 + 10;
    for time in 0..changes {
        apply(
            &mut state,
            op(
                ModulesOp::Loaded,
                time,
                &[(if time % 2 == 0 { V1 } else { V2 }, "A")],
            ),
        );
    }
    let node = &state.nodes[&NODE];
    assert_eq!(
        (node.history.len(), node.forgotten),
        (limits::NODE_HISTORY_MAX, 9)
    );
    assert!(!state.what_ran(NODE, 8).unwrap().complete);
    assert!(state.what_ran(NODE, 9).unwrap().complete);

    for key in 0..limits::NODES_MAX as u64 {
        apply(&mut state, seen(key + 100, "nonode@nohost", key));
    }
    assert_eq!((state.nodes.len(), state.nodes_forgotten), (limits::NODES_MAX, 1));
    assert!(
        !state.nodes.contains_key(&NODE),
        "the one that was silent longest goes"
    );
    let long = op(
        ModulesOp::Loaded,
        1,
        &[(V1, &"x".repeat(limits::TEXT_BYTES_MAX + 1))],
    );
    assert!(matches!(
        apply(&mut state, long),
        Outcome::Refused(Refusal::TooLarge { .. })
    ));
}

fn epoch(outcome: &Outcome) -> u64 {
    let Outcome::Epoch(epoch) = outcome else {
        panic!("no change: {outcome:?}")
    };
    *epoch
}

/// Scenario: three hold a shard each way of four: one alone, two, three, one that moves; disks are lost one after the other. Guarantee: what is left has
/// all that was acknowledged, or the loss must be accepted; then those that are left hold the shard, in a new epoch; the lost one takes part
/// in nothing any more; a shard of nobody begins anew.
#[test]
fn a_lost_disk_is_no_holder() {
    let mut state = State::default();
    apply(&mut state, Command::InitCluster(cluster()));
    (1..=4).for_each(|n| drop(apply(&mut state, member(n))));
    let of = |ids: &[u64]| ids.iter().copied().map(MemberId).collect::<Vec<_>>();
    let holders = vec![of(&[1]), of(&[1, 2]), of(&[1, 2, 3]), of(&[1, 2])];
    apply(&mut state, Command::FirstShardMap { holders });
    let begin = |shard, to: &[u64]| Command::ChangeShard {
        shard,
        change: placement::Change::Begin(of(to)),
    };
    let begun = epoch(&apply(&mut state, begin(3, &[2, 3])));
    let lost = |member: u64, accept_loss| Command::RemoveMember {
        member: MemberId(member),
        lost: true,
        accept_loss,
    };
    let one = MemberId(1);
    let loses = Refusal::Loses {
        member: one,
        shards: 1,
    };
    assert_eq!(apply(&mut state, lost(1, false)), Outcome::Refused(loses));
    assert_eq!(apply(&mut state, lost(1, true)), Outcome::Done);
    assert_eq!(apply(&mut state, lost(1, true)), Outcome::Unchanged);
    assert!(state.members[&one].removed);
    let map = Arc::clone(&state.shard_map);
    assert_eq!((map.shards[0].now.len(), map.shards[0].since), (0, begun + 1));
    assert_eq!(
        (&map.shards[1].now, map.shards[1].since),
        (&of(&[1, 2]), 1),
        "read from the other"
    );
    assert_eq!(map.shards[3].next, Some(of(&[2, 3])), "the move goes on");
    let refused = apply(&mut state, begin(0, &[1]));
    assert_eq!(refused, Outcome::Refused(Refusal::Removed(one)));
    epoch(&apply(&mut state, begin(0, &[4])));
    assert_eq!(state.shard_map.shards[0].now, of(&[4]));
    let loses = Refusal::Loses {
        member: MemberId(2),
        shards: 3,
    };
    assert_eq!(apply(&mut state, lost(2, false)), Outcome::Refused(loses));
    assert_eq!(apply(&mut state, lost(2, true)), Outcome::Done);
    let left = |shard: usize| state.shard_map.shards[shard].all().collect::<Vec<_>>();
    assert_eq!((left(1), left(2), left(3)), (of(&[]), of(&[3]), of(&[3])));
    assert!(state.candidates().iter().all(|c| c.id.0 > 2));
}

/// Scenario: changes with and without effect, refused ones, more than are kept. Guarantee: the log has each that changed something, in
/// words, once, with who and when; the oldest go; an audited change within another is refused.
#[test]
fn changes_are_written_down() {
    let mut state = State::default();
    let audited = |at_unix_ms, command| Command::Audited {
        who: "ops".into(),
        at_unix_ms,
        command: Box::new(command),
        once: 0,
    };
    let weight = |weight| Command::SetWeight {
        member: MemberId(1),
        weight,
    };
    apply(&mut state, audited(1, Command::InitCluster(cluster())));
    assert_eq!(
        apply(&mut state, audited(2, member(1))),
        Outcome::Member(MemberId(1))
    );
    assert_eq!(
        apply(&mut state, audited(3, member(1))),
        Outcome::Member(MemberId(1))
    );
    assert_eq!(apply(&mut state, audited(4, weight(7))), Outcome::Done);
    assert_eq!(apply(&mut state, audited(5, weight(7))), Outcome::Unchanged);
    let refused = apply(&mut state, audited(6, Command::SetReplicas { replicas: 99 }));
    assert!(matches!(refused, Outcome::Refused(_)));
    let nested = apply(&mut state, audited(7, audited(7, weight(8))));
    assert_eq!(nested, Outcome::Refused(Refusal::AuditedTwice));
    let seen: Vec<_> = state
        .audit
        .iter()
        .map(|e| (e.number, e.at_unix_ms, e.what.as_str()))
        .collect();
    let joined = "member one joined: coordinates collects, zone \"\", at 127.0.0.1:7481";
    let made = "cluster 00000000000000000000000000000001 is made";
    assert_eq!(
        seen,
        [
            (0, 1, made),
            (1, 2, joined),
            (2, 4, "member 1 (one): weight 100 -> 7")
        ]
    );
    for n in 0..2_000 {
        apply(&mut state, audited(n, weight(n as u32 % 2)));
    }
    assert_eq!(state.audit.len(), limits::AUDIT_MAX);
    assert_eq!(state.audit.back().unwrap().number, 2_002);
}
