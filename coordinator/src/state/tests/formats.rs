//! Changes that come twice; formats of older and later releases.

use super::*;

/// Scenario: a change comes, another one, and the first again, as after an answer that was lost; requests beyond what is remembered; one that is
/// refused first. Guarantee: it is made once; a refused one leaves nothing; the oldest is forgotten.
#[test]
fn a_change_that_comes_twice_is_made_once() {
    let mut state = State::default();
    apply(&mut state, Command::InitCluster(cluster()));
    apply(&mut state, member(1));
    let change = |once, weight| Command::Audited {
        who: "ops".into(),
        at_unix_ms: 1,
        command: Box::new(Command::SetWeight {
            member: MemberId(1),
            weight,
        }),
        once,
    };
    let weight = |state: &State| state.members[&MemberId(1)].weight;
    assert_eq!(apply(&mut state, change(7, 5)), Outcome::Done);
    assert_eq!(apply(&mut state, change(8, 6)), Outcome::Done);
    assert_eq!(apply(&mut state, change(7, 5)), Outcome::Unchanged);
    assert_eq!(weight(&state), 6);
    assert!(matches!(
        apply(&mut state, change(9, u32::MAX)),
        Outcome::Refused(_)
    ));
    assert_eq!(state.requests.len(), 2);
    for once in 100..100 + limits::REQUESTS_MAX as u64 {
        apply(&mut state, change(once, 1));
    }
    assert_eq!(state.requests.len(), limits::REQUESTS_MAX);
    assert_eq!(apply(&mut state, change(7, 5)), Outcome::Done);
}

/// Scenario: a state and a registration as releases before formats wrote them; one of a later release. Guarantee: they are read as of the first
/// format and written again byte for byte; a member that writes less than the cluster is refused; a command of a later format is, until then.
#[test]
fn formats_are_read_and_held_to() {
    let mut state = State::default();
    apply(&mut state, Command::InitCluster(cluster()));
    apply(&mut state, member(1));
    let written = serde_json::to_string(&state).unwrap();
    for word in ["format", "newest", "losses", "requests"] {
        assert!(!written.contains(word), "{word} in {written}");
    }
    assert_eq!(serde_json::from_str::<State>(&written).unwrap(), state);
    assert!(!serde_json::to_string(&member(1)).unwrap().contains("newest"));
    let forget = Command::ForgetLosses { shard: None };
    let early = apply(&mut state, forget.clone());
    assert!(
        matches!(early, Outcome::Refused(Refusal::NotFinalized { .. })),
        "{early:?}"
    );
    let raise = Command::Finalize {
        format: Format::SECOND,
    };
    assert_eq!(apply(&mut state, raise.clone()), Outcome::Done);
    assert_eq!(apply(&mut state, raise), Outcome::Unchanged);
    assert_eq!(apply(&mut state, forget), Outcome::Unchanged);
    let old = apply(&mut state, member(2));
    assert!(matches!(old, Outcome::Refused(Refusal::TooOld { .. })), "{old:?}");
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
}
