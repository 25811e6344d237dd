//! Members that are started alike, each with the same list of founders: one cluster comes of it, whatever starts first, is away or was wiped.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

mod world;

use std::time::Duration;

use coordinator::Removal;
use world::{Place, Running, SOON, World, until};

fn founders() -> [Place; 3] {
    let mut places = ["a", "b", "c"].map(World::place);
    let mut list: Vec<String> = places.iter().map(Place::address).collect();
    // Written in another order by each.
    for place in &mut places {
        place.founders.clone_from(&list);
        list.rotate_left(1);
    }
    places
}

async fn all(world: &World, places: &[Place; 3]) -> [Running; 3] {
    let [a, b, c] = places;
    let (a, b, c) = tokio::join!(world.start(a, &[]), world.start(b, &[]), world.start(c, &[]));
    [a, b, c]
}

async fn three_voters(members: &[Running; 3]) {
    until("three voters", SOON, || {
        members.iter().all(|m| m.group().voters.len() == 3)
    })
    .await;
}

/// Scenario: three founders start at once; later one loses its disk while another one is away, and starts as it did at first; then the one that
/// was away is back. Guarantee: one cluster, which the wiped one waits for and joins as a new member; its old id can be taken out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_cluster_of_founders() {
    let (world, places) = (World::new(), founders());
    let members = all(&world, &places).await;
    three_voters(&members).await;
    let cluster = members.each_ref().map(|m| m.cluster_settings().unwrap().id);
    assert!(cluster.iter().all(|id| *id == cluster[0]));
    let [a, b, c] = members;
    let (old, id_of_c) = (a.member(), c.member());
    a.shutdown().await;
    b.shutdown().await;
    drop((a, b));
    std::fs::remove_dir_all(world.dir.path().join("a")).unwrap();
    // Without b there is no majority that could take it in: it waits, and founds nothing although it is the first of the list.
    let (wiped, b) = tokio::join!(world.start(&places[0], &[]), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.start(&places[1], &[]).await
    });
    assert_eq!(wiped.cluster_settings().unwrap().id, cluster[0]);
    assert!(wiped.member() != old && c.member() == id_of_c);
    let lost = Removal {
        lost: true,
        ..Removal::default()
    };
    b.remove(old, lost, "test").await.unwrap();
    let members = [wiped, b, c];
    three_voters(&members).await;
    for member in &members {
        member.shutdown().await;
    }
}

/// Scenario: the first founder starts, then the second, the third not yet. Guarantee: nobody founds; with the third they do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_founds_before_all_are_there() {
    let (world, places) = (World::new(), founders());
    let two = async { tokio::join!(world.start(&places[0], &[]), world.start(&places[1], &[])) };
    tokio::pin!(two);
    let early = tokio::time::timeout(Duration::from_secs(3), &mut two).await;
    assert!(early.is_err(), "founded without the third");
    let ((a, b), c) = tokio::join!(two, world.start(&places[2], &[]));
    let members = [a, b, c];
    three_voters(&members).await;
    for member in &members {
        member.shutdown().await;
    }
}

/// Scenario: members with lists that differ; one that is not in its own list. Guarantee: each ends, and says what differs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_must_be_the_same() {
    let (world, mut places) = (World::new(), founders());
    places[1].founders.pop();
    let ended = tokio::select! {
        a = world.try_start(&places[0], &[]) => a,
        b = world.try_start(&places[1], &[]) => b,
    };
    let why = ended.map(drop).unwrap_err().to_string();
    assert!(why.contains("all need the same list"), "{why}");
    let mut outside = World::place("outside");
    outside.founders.clone_from(&places[0].founders);
    let why = world
        .try_start(&outside, &[])
        .await
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(why.contains("none of the founders"), "{why}");
}
