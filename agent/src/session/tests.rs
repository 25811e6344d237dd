//! A connection of a node that does what it should, and one that does not.

use super::*;
use event::{EventId, EventKind, Flags, Hlc, ModuleKey, Pid, ResultClass, SiteId, TraceId};
use proptest::prelude::*;
use wire::node_socket::{Chunk, Record};

fn named(name: &str) -> Hello {
    let mut hello = Hello {
        node: NodeKey(0),
        creation: 1,
        vm_start: Micros(1),
        name: name.into(),
        otp_release: "25".into(),
        elixir_version: "1.14".into(),
        os_pid: 1,
    };
    hello.node = node_key(&hello);
    hello
}

fn hello() -> Vec<u8> {
    NodeMessage::Hello(named("a@b")).encode()
}

/// Guarantee: a made-up key, and a name for which a collector would refuse frames, are refused with the reason.
#[test]
fn who_it_is() {
    let mut made_up = named("a@b");
    made_up.node = NodeKey(7);
    let error = Session::default()
        .take(&NodeMessage::Hello(made_up).encode())
        .unwrap_err();
    assert_eq!(error.name(), "bad_key");
    assert!(error.to_string().contains("\"a@b\""), "{error}");
    for name in ["", "a\nb@c", &"x".repeat(256)] {
        let error = Session::default().take(&NodeMessage::Hello(named(name)).encode());
        assert!(matches!(error, Err(SessionError::BadName(n)) if n == name.len()));
    }
}

fn chunk(writer: u16) -> Vec<u8> {
    let record = Record {
        id: EventId(1),
        kind: EventKind::Call,
        class: ResultClass::Other,
        flags: Flags(0),
        site: SiteId(1),
        shape: 1,
        hlc: Hlc(1),
        time: Micros(1),
        module: ModuleKey(1),
        trace: TraceId(1),
        ordinal: 1,
        pid: Pid(1),
        parent: EventId(0),
        remote_node: NodeKey(0),
        remote_time: Micros(0),
        linked: TraceId(0),
        payload: &[],
    };
    NodeMessage::Chunk(Chunk {
        writer,
        first_number: 1,
        sent_at: Micros(1),
        emitted: 1,
        dropped: [0; 8],
        records: vec![record],
    })
    .encode()
}

/// Guarantee: what a node can make the agent keep has bounds: writers, and the length of shapes.
#[test]
fn bounds() {
    let mut session = Session::default();
    session.take(&hello()).unwrap();
    let text = "\u{e9}".repeat(20_000);
    let shape = NodeMessage::Shape { id: 1, text }.encode();
    session.take(&shape).unwrap();
    assert!(session.shape(1).len() <= frame::SHAPE_BYTES_MAX);
    for writer in 0..1024 {
        assert!(matches!(session.take(&chunk(writer)), Ok(Action::Store(_))));
    }
    assert!(matches!(session.take(&chunk(5)), Ok(Action::Store(_))));
    assert!(matches!(
        session.take(&chunk(1024)),
        Err(SessionError::TooManyWriters)
    ));
}

/// Guarantee: HELLO is first and once.
#[test]
fn hello_first_and_once() {
    let mut session = Session::default();
    let shape = NodeMessage::Shape {
        id: 1,
        text: "x".into(),
    }
    .encode();
    assert!(matches!(session.take(&shape), Err(SessionError::HelloMissing)));
    assert!(matches!(session.take(&hello()), Ok(Action::Welcome(..))));
    assert!(matches!(session.take(&shape), Ok(Action::None)));
    assert_eq!(
        (session.shape(1), session.shape(2), session.shape(0)),
        ("x".into(), "#2".into(), String::new())
    );
    assert!(matches!(session.take(&hello()), Err(SessionError::HelloTwice)));
}

proptest! {
    /// Guarantee: no bytes make it panic, before or after HELLO.
    #[test]
    fn total(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        let mut session = Session::default();
        for message in &messages { let _ = session.take(message); }
        let mut session = Session::default();
        session.take(&hello()).unwrap();
        for message in &messages { let _ = session.take(message); }
    }
}
