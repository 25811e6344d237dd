//! Spans of made-up traces, and of arbitrary ones.

use std::collections::{BTreeMap, HashMap, HashSet};

use event::{
    Event, EventId, EventIdentity, EventKind, Flags, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid,
    ResultClass, Seq, SiteId, Span, SpanId, SpanKind, StatusCode, TraceId, Value, value_of,
};
use proptest::prelude::*;
use wire::etf::RootPayload;

use super::{BeamTrace, beam_spans, span_id};
use crate::answer::Place;
use crate::code::{CodeSource, SiteInfo};
use crate::tree::Recorded;

/// Knows site 3 of any module.
struct Code;

impl CodeSource for Code {
    fn site(&self, _: ModuleKey, site: SiteId) -> Option<SiteInfo> {
        (site.0 == 3).then(|| SiteInfo {
            module: "Shop.Stock".to_owned(),
            function: "reserve".to_owned(),
            arity: 2,
            clause: 1,
            kind: event::SiteKind::Clause,
            place: Place {
                file: "lib/stock.ex".to_owned(),
                line: 12,
                ..Place::unresolved("")
            },
        })
    }
    fn sites_of(&self, _: &str) -> Vec<(ModuleKey, SiteId)> {
        Vec::new()
    }
}

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

fn entry(node: u64, at: u64, continues: SpanId) -> Event {
    let payload = RootPayload {
        name: "POST /orders".to_owned(),
        parent_span: continues.to_string(),
        attributes: &[131, 116, 0, 0, 0, 0],
    };
    Event {
        payload: payload.encode(),
        ..event(node, at, EventKind::Root, 0)
    }
}

fn spans(events: Vec<Event>, others: &[Span]) -> Vec<Span> {
    let recorded: Vec<Recorded> = (1_u64..)
        .zip(events)
        .map(|(seq, event)| Recorded {
            identity: EventIdentity {
                seq: Seq(seq),
                ..Default::default()
            },
            event,
        })
        .collect();
    let name = |key: u64| NodeInfo {
        key: NodeKey(key),
        creation: 1,
        name: format!("shop{key}@10.0.0.5"),
    };
    let nodes: BTreeMap<NodeKey, NodeInfo> = (1..=2).map(|n| (NodeKey(n), name(n))).collect();
    let of = BeamTrace {
        trace: TraceId(7),
        recorded: &recorded,
        nodes: &nodes,
        code: &Code,
    };
    beam_spans(of, others)
}

fn text<'a>(span: &'a Span, key: &str) -> Option<&'a str> {
    value_of(&span.attributes, key).and_then(Value::as_str)
}

/// Scenario: an entry calls a callback on another node whose clock is five minutes behind; the callback takes a branch and returns an
/// error; the entry then rescues. Guarantee: two spans, nested in id and in time, with names, places, kinds, status and events.
#[test]
fn a_request_over_two_nodes() {
    let behind = 300_000_000;
    let mut callback = event(2, 400_000_020, EventKind::Callback, 400_000_010);
    callback.flags = Flags(Flags::REMOTE);
    callback.remote_node = NodeKey(1);
    callback.remote_time = Micros(400_000_010);
    callback.time = Micros(400_000_020 - behind);
    callback.module = ModuleKey(9);
    callback.site = SiteId(3);
    let mut branch = event(2, 400_000_025, EventKind::Branch, 400_000_020);
    branch.time = Micros(400_000_025 - behind);
    let mut back = event(2, 400_000_030, EventKind::CallbackReturn, 400_000_020);
    back.time = Micros(400_000_030 - behind);
    back.class = ResultClass::ErrorTuple;
    let rescued = event(1, 400_000_040, EventKind::Exception, 400_000_010);
    let end = event(1, 400_000_050, EventKind::RootEnd, 400_000_010);
    let root = entry(1, 400_000_010, SpanId(0));
    let found = spans(vec![rescued, branch, end, back, callback, root], &[]);
    assert_eq!(found.len(), 2);
    let (root, callback) = (&found[0], &found[1]);
    assert_eq!(
        (root.name.as_str(), root.kind),
        ("POST /orders", SpanKind::Server)
    );
    assert_eq!(
        (callback.name.as_str(), callback.kind),
        ("Shop.Stock.reserve/2", SpanKind::Consumer)
    );
    assert_eq!((root.parent, callback.parent), (SpanId(0), root.id));
    assert_eq!(
        (root.resource.service(), callback.resource.service()),
        ("shop1", "shop2")
    );
    let begin = Micros(400_000_010).to_unix_us() * 1_000;
    assert_eq!((root.start_ns, root.end_ns), (begin, begin + 40_000));
    // The clock error is put right so that the message took no time at least.
    assert_eq!((callback.start_ns, callback.end_ns), (begin, begin + 10_000));
    assert_eq!(text(callback, "code.function.name"), Some("Shop.Stock.reserve"));
    assert_eq!(text(callback, "code.file.path"), Some("lib/stock.ex"));
    assert_eq!(
        value_of(&callback.attributes, "code.line.number"),
        Some(&Value::Int(12))
    );
    assert_eq!(text(callback, "beam.result"), Some("{:error, _}"));
    assert_eq!(text(callback, "beam.end_inferred"), None);
    assert_eq!(
        (callback.status, callback.status_message.as_str()),
        (StatusCode::Error, "returned {:error, _}")
    );
    assert_eq!(
        (callback.events.len(), callback.events[0].name.as_str()),
        (1, "branch")
    );
    assert_eq!(
        (root.events.len(), root.events[0].name.as_str()),
        (1, "exception")
    );
    assert_eq!(root.status, StatusCode::Error);
}

/// Scenario: node key and event id of the example in `ElixirScope.Identity`'s algorithm, computed with another tool.
/// Guarantee: the id that a node puts into `traceparent`.
#[test]
fn ids_are_those_of_the_nodes() {
    // printf 'elixirscope span 1\n\0\0\0\0\0\0\0\001\0\0\0\0\0\0\0\002' | sha256sum
    assert_eq!(span_id(NodeKey(1), EventId(2)).to_string(), "aeb9297fe18202de");
}

/// Scenario: a service that speaks OTLP calls a node, which calls another over HTTP; and one entry continues nobody that is known.
/// Guarantee: each below the span that its `traceparent` named; the last is a root.
#[test]
fn entries_continue_spans() {
    let mut client = spans(vec![event(1, 1, EventKind::Root, 0)], &[]).remove(0);
    client.id = SpanId(0xabc);
    let first = entry(1, 10, client.id);
    let second = entry(2, 20, span_id(NodeKey(1), EventId(10)));
    let third = entry(2, 30, SpanId(0xdead));
    let found = spans(vec![third, second, first], &[client]);
    let parents: Vec<u64> = found.iter().map(|span| span.parent.0).collect();
    assert_eq!(parents, [0xabc, span_id(NodeKey(1), EventId(10)).0, 0]);
}

/// Scenario: two entries that each claim to continue the other. Guarantee: one stays a root.
#[test]
fn circles_are_not_made() {
    let first = entry(1, 10, span_id(NodeKey(2), EventId(20)));
    let second = entry(2, 20, span_id(NodeKey(1), EventId(10)));
    let found = spans(vec![first, second], &[]);
    assert_eq!(found.iter().filter(|span| span.parent.0 == 0).count(), 1);
}

/// Scenario: an error outside of any frame, and a link inside one. Guarantee: a span of its own; a link to the trace.
#[test]
fn errors_without_a_frame_and_links() {
    let alone = event(1, 5, EventKind::Error, 0);
    let root = entry(1, 10, SpanId(0));
    let mut link = event(1, 20, EventKind::Link, 10);
    link.linked = TraceId(0x77);
    let found = spans(vec![alone, root, link], &[]);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].status, found[0].events.len()), (StatusCode::Error, 1));
    assert_eq!(found[0].events[0].name, "exception");
    assert_eq!(found[1].links[0].trace, TraceId(0x77));
}

fn arbitrary() -> impl Strategy<Value = Vec<Event>> {
    let one = (
        1_u64..3,
        1_u64..40,
        0_usize..19,
        0_u64..40,
        any::<bool>(),
        1_u64..40,
    );
    prop::collection::vec(one, 0..60).prop_map(|raw| {
        let made = raw.into_iter().map(|(node, at, kind, parent, remote, other)| {
            let kind = EventKind::ALL[kind];
            let mut event = match kind {
                EventKind::Root => entry(node, at, span_id(NodeKey(3 - node), EventId(other))),
                _ => event(node, at, kind, parent),
            };
            if remote {
                event.flags = Flags(Flags::REMOTE);
                event.remote_node = NodeKey(3 - node);
                event.remote_time = Micros(other);
            }
            event
        });
        made.collect()
    })
}

proptest! {
    /// Scenario: arbitrary events: parents and continued spans in circles, ids twice. Guarantee: spans of one trace with ids that are
    /// never 0 nor twice; every parent is there or 0; every span has a root above it; the same events give the same spans.
    #[test]
    fn any_events_are_a_trace(events in arbitrary()) {
        let found = spans(events.clone(), &[]);
        let parents: HashMap<SpanId, SpanId> = found.iter().map(|span| (span.id, span.parent)).collect();
        prop_assert_eq!(parents.len(), found.len());
        let mut reached: HashSet<SpanId> = HashSet::from([SpanId(0)]);
        for span in &found {
            prop_assert_eq!(span.trace, TraceId(7));
            prop_assert!(span.id.0 != 0);
            prop_assert!(span.end_ns >= span.start_ns);
            let mut way = Vec::new();
            let mut at = span.id;
            while !reached.contains(&at) {
                prop_assert!(way.len() <= found.len(), "a circle");
                way.push(at);
                let parent = parents.get(&at);
                prop_assert!(parent.is_some(), "a parent that is not there");
                at = *parent.unwrap();
            }
            reached.extend(way);
        }
        let frames = events.iter().filter(|event| crate::tree::is_frame(event.kind)).count();
        prop_assert!(found.len() >= frames);
        prop_assert_eq!(spans(events, &[]), found);
    }
}
