//! The coordinator's log and snapshots: commands, and the state that they make.

#![no_main]
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the coordinator's files are compiled as they are"
)]

#[path = "../../coordinator/src/codec.rs"]
mod codec;
#[path = "../../coordinator/src/state/mod.rs"]
mod state;

use std::collections::BTreeSet;

use codegraph::{ContentHash, SourceHash};
use event::{ModuleKey, ModuleVersion, NodeKey};
use fuzz::{heap, seeds};
use state::{
    Cluster, Command, Format, Incarnation, LoadedModule, MemberId, ModulesOp, NodeDescription, Outcome,
    RaftId, Role, SiteTable, State, apply,
};

fn commands() -> Vec<Command> {
    let version = ModuleVersion(5 << 100);
    let modules = vec![LoadedModule {
        version,
        module: "Elixir.Shop.Stock".into(),
    }];
    let ops = [ModulesOp::Loaded, ModulesOp::Snapshot, ModulesOp::Removed];
    let ran = ops.into_iter().enumerate().map(|(n, op)| Command::NodeModules {
        node: NodeKey(7),
        op,
        time: n as u64 * 10,
        modules: modules.clone(),
    });
    let mut commands = vec![
        Command::InitCluster(Cluster {
            id: Incarnation(1 << 90),
            shards: 4,
            bucket_seconds: 600,
            max_offset_ms: 500,
            replicas: 3,
        }),
        Command::RegisterMember {
            incarnation: Incarnation(2),
            name: "one".into(),
            addresses: vec!["10.0.0.5:7400".into()],
            roles: BTreeSet::from([Role::Collector, Role::Coordinator]),
            zone: String::new(),
            raft: RaftId(9),
            newest: Format::SECOND,
        },
        Command::FirstShardMap {
            holders: vec![vec![MemberId(1)]; 4],
        },
        Command::ChangeShard {
            shard: 2,
            change: placement::Change::Begin(vec![MemberId(1)]),
        },
        Command::SetReplicas { replicas: 2 },
        Command::SetWeight {
            member: MemberId(1),
            weight: 0,
        },
        Command::RemoveMember {
            member: MemberId(1),
            lost: true,
            accept_loss: false,
        },
        Command::PublishVersion {
            project: "shop".into(),
            version: ContentHash::of(b"manifest"),
            files: 3,
            bytes: 900,
        },
        Command::PutSiteTable(SiteTable {
            version,
            key: version.key(),
            blob: ContentHash::of(b"table"),
            size_bytes: 5,
            module: "Elixir.Shop.Stock".into(),
            app: "stock".into(),
            source_sha256: SourceHash::of(b"source"),
        }),
        Command::NodeSeen {
            node: NodeKey(7),
            info: NodeDescription {
                name: "stock@host".into(),
                ..NodeDescription::default()
            },
        },
    ];
    commands.extend(ran);
    commands
}

fn stored() -> Vec<Vec<u8>> {
    let encode = |commands: &[Command]| codec::encode("commands", &commands).expect("commands are encodable");
    let mut stored: Vec<Vec<u8>> = commands().chunks(1).map(encode).collect();
    stored.push(encode(&commands()));
    let mut state = State::default();
    for command in commands() {
        let outcome = apply(&mut state, command);
        assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    }
    stored.push(codec::encode("state", &state).expect("a state is encodable"));
    stored.push(codec::encode("state", &State::default()).expect("a state is encodable"));
    stored
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(stored()), |data: &[u8]| {
    let decoded = heap::within(data.len(), 64, || codec::decode::<Vec<Command>>("commands", data));
    if let Ok(commands) = decoded {
        let bytes = codec::encode("commands", &commands).expect("what was decoded is encodable");
        let again = codec::decode::<Vec<Command>>("commands", &bytes).expect("what was encoded is decoded");
        assert_eq!(again, commands);
        // Any member that applies them has the same state; what is refused changes nothing.
        let (mut one, mut two) = (State::default(), State::default());
        for command in commands {
            let before = one.clone();
            let outcome = apply(&mut one, command.clone());
            assert_eq!(apply(&mut two, command), outcome);
            if let Outcome::Refused(_) | Outcome::Unchanged = outcome {
                assert_eq!(one, before);
            }
            assert_eq!(one, two);
        }
    }
    if let Ok(state) = heap::within(data.len(), 64, || codec::decode::<State>("state", data)) {
        let bytes = codec::encode("state", &state).expect("what was decoded is encodable");
        let again = codec::decode::<State>("state", &bytes).expect("what was encoded is decoded");
        assert_eq!(again, state);
        let _ = state.site_table(ModuleKey(0));
        for node in state.nodes.keys() {
            let _ = state.what_ran(*node, 15);
        }
    }
});
