//! A member that sends other bytes than were asked for is not believed. With the feature `planted`: a coordinator that believes it is found out.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

mod world;

use codegraph::ContentHash;
use world::{Place, SOON, World, until};

/// Two members, the first of which lies; the second is asked for a blob that only the first has. In words what is wrong with its answer.
async fn a_liar_is_asked() -> Result<(), String> {
    let world = World::new();
    let first = Place {
        lies: true,
        ..World::place("a")
    };
    let a = world.start(&first, &[]).await;
    let b = world.start(&World::place("b"), &[&first]).await;
    until("two voters", SOON, || b.group().voters.len() == 2).await;
    let hash = a.put_blob(b"the source as it is".to_vec()).await.unwrap();
    let got = b.get_blob(hash).await.unwrap();
    let kept = b.missing_blobs(vec![hash]).await.unwrap().is_empty();
    a.shutdown().await;
    b.shutdown().await;
    match got {
        Some(bytes) if ContentHash::of(&bytes) != hash => {
            Err(format!("asked for {hash}, got {}", ContentHash::of(&bytes)))
        }
        None if kept => Err("it keeps what it says is not there".to_owned()),
        _ => Ok(()),
    }
}

/// Scenario: see above; then, where mistakes can be planted, the same with wrong hashes accepted. Guarantee: no answer, rather than a wrong one;
/// the planted mistake is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_another_hash_is_not_taken() {
    assert_eq!(a_liar_is_asked().await, Ok(()));
    #[cfg(feature = "planted")]
    {
        coordinator::planted::accept_wrong_hashes(true);
        let found = a_liar_is_asked().await;
        coordinator::planted::accept_wrong_hashes(false);
        let why = found.expect_err("the planted mistake was not found");
        assert!(why.contains("asked for"), "{why}");
    }
}
