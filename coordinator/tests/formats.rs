//! Format versions: a new release is taken in and taken back before `finalize`, and nothing is lost; after it older ones are refused. The older
//! release is this one with a lower latest format, which then writes and understands what that one does.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

mod world;

use std::time::Duration;

use coordinator::Removal;
use coordinator::state::{Command, Format, MemberId, NodeDescription, Outcome, State};
use event::NodeKey;
use world::{Place, Running, SOON, World, until};

fn seen(n: u64) -> Command {
    let info = NodeDescription {
        name: format!("shop{n}@host"),
        ..NodeDescription::default()
    };
    Command::NodeSeen {
        node: NodeKey(n + 1),
        info,
    }
}

/// Each member, one after the other, is stopped and started as this release.
async fn rolled(world: &World, places: &mut [Place; 3], running: &mut [Option<Running>; 3], to: Format) {
    for (place, member) in places.iter_mut().zip(running) {
        let old = member.take().unwrap();
        let id = old.member();
        old.shutdown().await;
        drop(old);
        place.newest = to;
        let back = world.start(place, &[]).await;
        assert_eq!(back.member(), id);
        until("a leader", SOON, || back.health().ready).await;
        *member = Some(back);
    }
}

async fn write(running: &[Option<Running>; 3], numbers: std::ops::Range<u64>) {
    for (n, member) in numbers.zip(running.iter().flatten().cycle()) {
        assert_eq!(member.propose(vec![seen(n)]).await.unwrap(), [Outcome::Done]);
    }
}

/// What older releases keep of a state, as they store it.
fn stored(state: &State) -> serde_json::Value {
    serde_json::to_value(state).unwrap()
}

/// Scenario: three members of an older release, then one after the other of this one, with writes all along; a command of the new format is
/// proposed, and finalizing while one is still old; then all go back to the old release, and forward again, and it is finalized.
/// Guarantee: before that what is stored says nothing that the old release does not know, the new command and the finalizing are refused with who
/// is in the way; nothing is lost either way; afterwards every member says in the state what it writes, an old one is refused at joining and at
/// coming back, with both formats.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_is_taken_back_until_it_is_final() {
    let world = World::new();
    let (mut places, members) = world.three_of(Format::FIRST).await;
    let mut running = members.map(Some);
    until("three voters", SOON, || {
        running.iter().flatten().all(|m| m.group().voters.len() == 3)
    })
    .await;
    write(&running, 0..30).await;
    // The first two of three run the new release.
    for n in 0..2 {
        let old = running[n].take().unwrap();
        old.shutdown().await;
        drop(old);
        places[n].newest = Format::NEWEST;
        running[n] = Some(world.start(&places[n], &[]).await);
        let new = running[n].as_ref().unwrap();
        until("a leader", SOON, || new.health().ready).await;
    }
    write(&running, 30..60).await;
    let new = running[0].as_ref().unwrap();
    let early = new
        .propose(vec![Command::ForgetLosses { shard: None }])
        .await
        .unwrap();
    let said = format!("{early:?}");
    assert!(matches!(early[0], Outcome::Refused(_)), "{said}");
    let refused = new.finalize("ops").await.unwrap_err().to_string();
    assert!(refused.contains("member 3 (c) writes only up to 1"), "{refused}");
    let able = new.formats().await;
    let said: Vec<_> = able.members.iter().map(|m| m.newest).collect();
    assert_eq!(
        said,
        [Some(Format::NEWEST), Some(Format::NEWEST), Some(Format::FIRST)]
    );
    // All new, then all back.
    rolled(&world, &mut places, &mut running, Format::NEWEST).await;
    write(&running, 60..90).await;
    let before = new_state(&running).await;
    let json = stored(&before);
    assert!(
        json.get("format").is_none() && json.get("losses").is_none(),
        "{json}"
    );
    assert!(
        json["members"]
            .as_object()
            .unwrap()
            .values()
            .all(|m| m.get("newest").is_none()),
        "{json}"
    );
    rolled(&world, &mut places, &mut running, Format::FIRST).await;
    write(&running, 90..120).await;
    let back = new_state(&running).await;
    assert_eq!((back.nodes.len(), back.format), (120, Format::FIRST));
    for (id, member) in before.members.iter() {
        assert_eq!(&back.members[id], member);
    }
    // And forward for good, while one does not answer first.
    rolled(&world, &mut places, &mut running, Format::NEWEST).await;
    let third = running[2].take().unwrap();
    let gone = third.member();
    third.shutdown().await;
    drop(third);
    let first = running[0].as_ref().unwrap();
    // It may have led: the others notice after a while.
    until("a leader", SOON, || {
        first.health().ready && first.group().leader.is_some_and(|leader| leader != gone)
    })
    .await;
    let refused = first.finalize("ops").await.unwrap_err().to_string();
    assert!(refused.contains("member 3 (c) does not answer"), "{refused}");
    running[2] = Some(world.start(&places[2], &[]).await);
    let third = running[2].as_ref().unwrap();
    until("a leader", SOON, || third.health().ready).await;
    assert_eq!(third.finalize("ops").await.unwrap(), Format::NEWEST);
    assert_eq!(
        third.finalize("ops").await.unwrap(),
        Format::NEWEST,
        "twice is once"
    );
    until("each says what it writes", SOON, || {
        let state = third.watch();
        state.members.values().all(|m| m.newest == Format::NEWEST)
    })
    .await;
    let state = new_state(&running).await;
    assert_eq!((state.nodes.len(), state.format), (120, Format::NEWEST));
    let raised = state
        .audit
        .iter()
        .filter(|e| e.what == format!("format 1 -> {}", Format::NEWEST) && e.who == "ops");
    assert_eq!(raised.count(), 1, "{:?}", state.audit);
    older_ones_are_refused(&world, &mut places, &mut running).await;
    for member in running.into_iter().flatten() {
        member.shutdown().await;
    }
}

async fn new_state(running: &[Option<Running>; 3]) -> State {
    let mut states = Vec::new();
    for member in running.iter().flatten() {
        states.push(member.read().await.unwrap());
    }
    let last = states.pop().unwrap();
    until("all have applied the same", SOON, || {
        running
            .iter()
            .flatten()
            .all(|m| *m.watch() == *running[0].as_ref().unwrap().watch())
    })
    .await;
    State::clone(&last)
}

async fn older_ones_are_refused(world: &World, places: &mut [Place; 3], running: &mut [Option<Running>; 3]) {
    let old = Place {
        newest: Format::FIRST,
        ..World::place("d")
    };
    let joins = world
        .try_start(&old, &[&places[1]])
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        joins.contains(&format!(
            "the cluster writes format {}, this member's program only up to 1",
            Format::NEWEST
        )),
        "{joins}"
    );
    let first = running[0].as_ref().unwrap();
    assert!(
        !first.watch().members.contains_key(&MemberId(4)),
        "it left no trace"
    );
    let second = running[1].take().unwrap();
    second.shutdown().await;
    drop(second);
    places[1].newest = Format::FIRST;
    let until = std::time::Instant::now() + Duration::from_secs(30);
    let refused = loop {
        let started = world.try_start(&places[1], &[]).await;
        match started {
            Err(error) if error.to_string().contains("format") => break error.to_string(),
            Err(error) => assert!(std::time::Instant::now() < until, "{error}"),
            Ok(runs) => {
                // It knew an older state: it stops when it learns of the new one.
                world::until("consensus stops", SOON, || !runs.health().ready).await;
                let reason = runs.health().reason;
                runs.shutdown().await;
                break reason;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        refused.contains(&format!("format {}", Format::NEWEST)) && refused.contains("up to 1"),
        "{refused}"
    );
    places[1].newest = Format::NEWEST;
    running[1] = Some(world.start(&places[1], &[]).await);
    let second = running[1].as_ref().unwrap();
    world::until("it is back", SOON, || second.health().ready).await;
}

/// Scenario: a disk is taken for lost with the loss accepted, before and after `finalize`; then an operator says that it is to be forgotten.
/// Guarantee: before, the state has nothing of it, which older releases could not keep; after, it says which shard, whose disk and when, until then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_losses_are_remembered() {
    use coordinator::state::Role;
    let world = World::new();
    let place = World::place_of("a", &[Role::Coordinator, Role::Collector]);
    let a = world.start(&place, &[]).await;
    let b = World::place_of("b", &[Role::Collector]);
    let b = world.start(&b, &[&place]).await;
    until("b has shards", SOON, || {
        let state = a.watch();
        state
            .shard_map
            .shards
            .iter()
            .any(|h| h.now == [b.member()] || h.next.is_some())
    })
    .await;
    // Nobody copies in this test: the moves end as the coordinators are told.
    let moving = a.watch();
    for (shard, held) in (0_u16..).zip(&moving.shard_map.shards) {
        if held.next.is_some() {
            let change = placement::Change::CutOver(held.since);
            a.propose(vec![Command::ChangeShard { shard, change }])
                .await
                .unwrap();
        }
    }
    let held = |id| {
        a.watch()
            .shard_map
            .shards
            .iter()
            .filter(|h| h.now.contains(&id))
            .count()
    };
    let of_b = held(b.member());
    assert!(of_b > 0);
    b.shutdown().await;
    let lost = Removal {
        lost: true,
        accept_loss: true,
    };
    a.remove(b.member(), lost, "ops").await.unwrap();
    let losses = a.watch().losses.clone();
    assert_eq!(losses.len(), of_b);
    for (_, of_shard) in losses.iter() {
        assert!(
            of_shard
                .iter()
                .all(|l| l.member == b.member() && l.at_unix_ms > 0),
            "{of_shard:?}"
        );
    }
    let forget = Command::ForgetLosses { shard: None };
    assert_eq!(a.change(forget, "ops").await.unwrap(), Outcome::Done);
    assert!(a.watch().losses.is_empty());
    a.shutdown().await;
}
