//! Trees of made-up traces, and of arbitrary ones.

use std::collections::BTreeMap;

use event::{
    Event, EventId, EventIdentity, EventKind, Flags, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid, Seq,
    SiteId, TraceId,
};
use proptest::prelude::*;
use wire::etf::RootPayload;

use super::{Recorded, assemble};
use crate::answer::{Closed, TraceAnswer};
use crate::code::{CodeSource, SiteInfo};

struct NoCode;

impl CodeSource for NoCode {
    fn site(&self, _: ModuleKey, _: SiteId) -> Option<SiteInfo> {
        None
    }
    fn sites_of(&self, _: &str) -> Vec<(ModuleKey, SiteId)> {
        Vec::new()
    }
}

/// An event of process 1 on node `node` with id and HLC `at`.
fn event(node: u64, at: u64, kind: EventKind, parent: u64) -> Event {
    Event {
        id: EventId(at),
        hlc: Hlc::from_micros(Micros(at)),
        time: Micros(at),
        pid: Pid(1),
        ordinal: at as u32,
        trace: TraceId(7),
        parent: EventId(parent),
        ..Event::blank(kind, NodeKey(node))
    }
}

fn on(event: Event, from: u64, sent: u64) -> Event {
    let flags = Flags(event.flags.0 | Flags::REMOTE);
    Event {
        remote_node: NodeKey(from),
        remote_time: Micros(sent),
        flags,
        ..event
    }
}

fn answer(events: Vec<Event>) -> TraceAnswer {
    let recorded: Vec<Recorded> = events
        .into_iter()
        .enumerate()
        .map(|(i, event)| Recorded {
            identity: EventIdentity {
                seq: Seq(i as u64 + 1),
                ..Default::default()
            },
            event,
        })
        .collect();
    let name = |n: u64| NodeInfo {
        key: NodeKey(n),
        creation: 1,
        name: format!("n{n}@host"),
    };
    let nodes: BTreeMap<NodeKey, NodeInfo> = (1..=2).map(|n| (NodeKey(n), name(n))).collect();
    assemble(TraceId(7), &recorded, &nodes, &NoCode, Vec::new())
}

/// Scenario: a call on another node whose clock is five minutes behind, and its return.
/// Guarantee: it is inside its caller, its times are shifted, order is by HLC, nothing is missing.
#[test]
fn a_remote_call_with_a_wrong_clock_is_inside_its_caller() {
    let behind = 300_000_000;
    let mut callee = on(
        event(2, 400_000_020, EventKind::Call, 400_000_010),
        1,
        400_000_010,
    );
    callee.time = Micros(400_000_020 - behind);
    let mut back = event(2, 400_000_030, EventKind::Return, 400_000_020);
    back.time = Micros(400_000_030 - behind);
    let root = event(1, 400_000_010, EventKind::Root, 0);
    let end = event(1, 400_000_050, EventKind::RootEnd, 400_000_010);
    let answer = answer(vec![end, back, callee, root]);
    assert!(answer.complete);
    assert_eq!(answer.items.len(), 2);
    assert_eq!(answer.items[1].parent, Some(0));
    assert_eq!(answer.items[1].start_us, 0);
    assert_eq!(
        answer.items[1].frame.as_ref().map(|f| (f.duration_us, f.closed)),
        Some((10, Closed::Observed))
    );
    assert_eq!(answer.clock_shifts[0].shift_us, behind as i64 - 10);
    assert_eq!((answer.inversions, answer.duration_us), (0, 40));
}

/// Scenario: a call calls another, an exception passes through both and is rescued in the outermost frame; before
/// it, a call had left by a tail call. Guarantee: the ones it passed through are marked, the other is not.
#[test]
fn frames_that_an_exception_left_are_marked() {
    let kinds = [
        (10, EventKind::Root, 0),
        (20, EventKind::Call, 10),
        (30, EventKind::Call, 10),
        (40, EventKind::Call, 30),
        (50, EventKind::Exception, 10),
        (60, EventKind::RootEnd, 10),
    ];
    let answer = answer(
        kinds
            .map(|(at, kind, parent)| event(1, at, kind, parent))
            .to_vec(),
    );
    let closed: Vec<Closed> = answer
        .items
        .iter()
        .filter_map(|i| Some(i.frame.as_ref()?.closed))
        .collect();
    assert_eq!(
        closed,
        [
            Closed::Observed,
            Closed::TailCall,
            Closed::ExceptionInferred,
            Closed::ExceptionInferred
        ]
    );
}

/// Scenario: roots with a name and `%{a: 1}`, with no attributes, and with a damaged payload. Guarantee: name and
/// attributes are shown where there are any; damage costs only these.
#[test]
fn a_root_shows_its_name_and_attributes() {
    let attributes: &[u8] = &[131, 116, 0, 0, 0, 1, 119, 1, b'a', 97, 1];
    let payload = |attributes| {
        RootPayload {
            name: "order".to_owned(),
            parent_span: String::new(),
            attributes,
        }
        .encode()
    };
    let payloads = [
        payload(attributes),
        payload(&[131, 116, 0, 0, 0, 0]),
        vec![255; 3],
    ];
    let roots = payloads.into_iter().enumerate().map(|(i, payload)| Event {
        payload,
        ..event(1, 10 + i as u64, EventKind::Root, 0)
    });
    let shown: Vec<(String, Vec<String>)> = answer(roots.collect())
        .items
        .into_iter()
        .map(|item| {
            let texts = item.values.into_iter().map(|v| v.text).collect();
            (item.name, texts)
        })
        .collect();
    let expected = [("order", vec!["%{a: 1}"]), ("order", vec![]), ("", vec![])];
    assert_eq!(
        shown,
        expected.map(|(name, texts)| (name.to_owned(), texts.into_iter().map(str::to_owned).collect()))
    );
}

/// Scenario: an event names a parent that was lost. Guarantee: it is shown, and the answer says that it is incomplete.
#[test]
fn a_lost_parent_is_said() {
    let answer = answer(vec![
        event(1, 10, EventKind::Root, 0),
        event(1, 20, EventKind::Call, 15),
    ]);
    assert_eq!(answer.items.len(), 2);
    assert!(!answer.complete);
    assert!(answer.missing[0].text.contains("1 events name a parent"));
}

/// Scenario: a receive before its send. Guarantee: it is counted.
#[test]
fn an_inversion_is_counted() {
    let answer = answer(vec![
        event(1, 30, EventKind::Root, 0),
        on(event(2, 20, EventKind::Call, 30), 1, 30),
    ]);
    assert_eq!(answer.inversions, 1);
}

proptest! {
    /// Scenario: arbitrary events, parents in circles included. Guarantee: no panic, and every event that is not
    /// folded into another (an end, a value) is listed exactly once, below an earlier item.
    #[test]
    fn every_event_is_listed_once(raw in prop::collection::vec((1_u64..3, 1_u64..40, 0_usize..19, 0_u64..40), 0..60)) {
        let events: Vec<Event> = raw
            .iter()
            .map(|(node, at, kind, parent)| event(*node, *at, EventKind::ALL[*kind], *parent))
            .collect();
        let foldable = |e: &Event| matches!(
            e.kind,
            EventKind::Return | EventKind::CallbackReturn | EventKind::RootEnd | EventKind::Value
        );
        let least = events.iter().filter(|e| !foldable(e)).count();
        let total = events.len();
        let answer = answer(events);
        prop_assert!(answer.items.len() >= least && answer.items.len() <= total);
        for (i, item) in answer.items.iter().enumerate() {
            prop_assert!(item.parent.is_none_or(|p| p < i));
        }
    }
}
