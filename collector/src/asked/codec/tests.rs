//! Each message comes back as it was; any bytes are read or refused.

use std::ops::ControlFlow;
use std::sync::Arc;

use event::{
    Bucket, Epoch, Event, EventId, EventIdentity, EventKind, Flags, Hlc, KeyValue, LogRecord, Micros,
    ModuleKey, NodeInfo, NodeKey, Pid, Producer, Resource, ResultClass, Scope, Seq, Shard, SiteId, Span,
    SpanId, TraceId, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;
use traceql::ast::{CompareOp, Field, Intrinsic, Static};
use traceql::{Condition, Conditions, Query, SpanCondition, parse_field};

use super::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.]{0,12}", any::<String>()]
}

fn field() -> impl Strategy<Value = Field> {
    let spelled = prop::sample::select(vec![
        "span.a",
        ".b c",
        "resource.service.name",
        "event.x",
        "link.y",
        "instrumentation.z",
        "parent.p",
        "parent.span.q",
        "parent.resource.r",
    ]);
    let attribute = spelled.prop_filter_map("a field", |text| parse_field(text).ok());
    let intrinsic = (prop::sample::select(Intrinsic::ALL), any::<bool>())
        .prop_map(|(which, scoped)| Field::Intrinsic { which, scoped });
    prop_oneof![attribute, intrinsic]
}

fn literal() -> impl Strategy<Value = Static> {
    prop_oneof![
        Just(Static::Nil),
        any::<bool>().prop_map(Static::Bool),
        any::<i64>().prop_map(Static::Int),
        prop::num::f64::NORMAL.prop_map(Static::Float),
        any::<i64>().prop_map(Static::Duration),
        text().prop_map(Static::String),
        prop::sample::select(event::StatusCode::ALL).prop_map(Static::Status),
        prop::sample::select(event::SpanKind::ALL).prop_map(Static::Kind),
    ]
}

fn of_span() -> impl Strategy<Value = SpanCondition> {
    let is = (field(), prop::sample::select(CompareOp::ALL), literal())
        .prop_map(|(field, op, value)| SpanCondition::Is(Condition { field, op, value }));
    is.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(SpanCondition::All),
            vec(inner, 0..4).prop_map(SpanCondition::Any)
        ]
    })
}

fn of_trace() -> impl Strategy<Value = Conditions> {
    of_span()
        .prop_map(Conditions::Span)
        .prop_recursive(5, 32, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Conditions::All),
                vec(inner, 0..4).prop_map(Conditions::Any)
            ]
        })
}

fn traces() -> impl Strategy<Value = Vec<TraceId>> {
    vec(any::<u128>().prop_map(TraceId), 0..5)
}

fn question() -> impl Strategy<Value = Question> {
    let range = any::<(u64, u64)>;
    let micros = || prop::option::of(any::<u64>().prop_map(Micros));
    let sites = prop::option::of(vec((any::<u64>(), any::<u32>()), 0..4));
    let sites = sites.prop_map(|of| of.map(|of| of.iter().map(|s| (ModuleKey(s.0), SiteId(s.1))).collect()));
    let listing = (
        micros(),
        micros(),
        any::<bool>(),
        sites,
        prop::option::of(text()),
        any::<u32>(),
    );
    let listing = listing.prop_map(|(since, until, errors, sites, node, limit)| Listing {
        since,
        until,
        errors,
        sites,
        node,
        limit,
    });
    let logs = (
        prop::option::of(any::<u128>().prop_map(TraceId)),
        range(),
        any::<u8>(),
        any::<u32>(),
    );
    let logs = logs.prop_map(|(trace, range, severity, limit)| Logs {
        trace,
        range,
        severity,
        limit,
    });
    prop_oneof![
        traces().prop_map(Question::Events),
        listing.prop_map(Question::Summaries),
        range().prop_map(|(since, until)| Question::Losses {
            since: Micros(since),
            until: Micros(until)
        }),
        Just(Question::Nodes),
        traces().prop_map(Question::Spans),
        (of_trace(), range()).prop_map(|(conditions, range)| Question::Candidates { conditions, range }),
        range().prop_map(|range| Question::Names { range }),
        (field(), of_trace(), range()).prop_map(|(field, conditions, range)| Question::Values {
            field,
            conditions,
            range
        }),
        logs.prop_map(Question::Logs),
        Just(Question::Audit),
        Just(Question::About),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let shards = prop::collection::btree_set(any::<u16>(), 0..9);
    (any::<(u128, u64, u64, u32)>(), shards, question()).prop_map(|(head, shards, question)| Asked {
        cluster: head.0,
        from: head.1,
        epoch: head.2,
        within_ms: head.3,
        shards: shards.into_iter().map(Shard).collect(),
        question,
    })
}

fn event() -> impl Strategy<Value = (EventIdentity, Event)> {
    let identity = any::<(u128, u64, u16, u64, u32)>().prop_map(|n| EventIdentity {
        producer: Producer(n.0),
        epoch: Epoch(n.1),
        shard: Shard(n.2),
        seq: Seq(n.3),
        row: n.4,
    });
    let kinds = (
        prop::sample::select(EventKind::ALL),
        prop::sample::select(ResultClass::ALL),
        any::<u8>(),
    );
    let rest = (
        any::<[u64; 9]>(),
        any::<[u32; 2]>(),
        any::<[u128; 2]>(),
        text(),
        vec(any::<u8>(), 0..40),
    );
    (identity, kinds, rest).prop_map(
        |(identity, (kind, class, flags), (n, small, wide, shape, payload))| {
            let event = Event {
                id: EventId(n[0]),
                kind,
                class,
                flags: Flags(flags),
                hlc: Hlc(n[1]),
                time: Micros(n[2]),
                node: NodeKey(n[3]),
                pid: Pid(n[4]),
                ordinal: small[0],
                trace: TraceId(wide[0]),
                parent: EventId(n[5]),
                remote_node: NodeKey(n[6]),
                remote_time: Micros(n[7]),
                module: ModuleKey(n[8]),
                site: SiteId(small[1]),
                shape,
                linked: TraceId(wide[1]),
                payload,
            };
            (identity, event)
        },
    )
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        prop::num::f64::NORMAL.prop_map(Value::Double),
        vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let pair = (text(), inner.clone()).prop_map(|(key, value)| KeyValue { key, value });
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::Array),
            vec(pair, 0..4).prop_map(Value::Map)
        ]
    })
}

fn span(trace: u128) -> impl Strategy<Value = Span> {
    let attributes = vec(
        (text(), value()).prop_map(|(key, value)| KeyValue { key, value }),
        0..4,
    );
    (1..u64::MAX, any::<[u64; 3]>(), text(), attributes, 0..3u8).prop_map(
        move |(id, n, name, attributes, service)| Span {
            trace: TraceId(trace),
            id: SpanId(id),
            parent: SpanId(n[0]),
            start_ns: n[1],
            end_ns: n[2],
            name,
            attributes,
            resource: Arc::new(Resource {
                attributes: vec![KeyValue {
                    key: "service.name".to_owned(),
                    value: Value::Int(service.into()),
                }],
                ..Resource::default()
            }),
            ..Span::blank()
        },
    )
}

/// What comes out of what was put in.
fn back(put: &[Part]) -> Vec<Part> {
    let mut messages = Vec::new();
    let mut send = |message| {
        messages.push(message);
        ControlFlow::Continue(())
    };
    let mut parts = Parts::new(&mut send);
    assert!(put.iter().all(|part| parts.part(part).is_continue()));
    assert_eq!(parts.flush(), ControlFlow::Continue(()));
    assert_eq!(parts.too_long, 0);
    let read = messages
        .iter()
        .map(|message| match Heard::decode(message).unwrap() {
            Heard::Part(part) => part,
            other => panic!("{other:?}"),
        });
    read.collect()
}

proptest! {
    /// Scenario: any question. Guarantee: it comes back.
    #[test]
    fn questions_come_back(asked in asked()) {
        prop_assert_eq!(Asked::decode(&asked.encode()).unwrap(), asked);
    }

    /// Scenario: any bytes; a question with a byte changed or cut off. Guarantee: a question or an error; what is read is written the same.
    #[test]
    fn any_question(bytes: Vec<u8>, asked in asked(), at: prop::sample::Index, by: u8) {
        let mut message = asked.encode();
        let at = at.index(message.len());
        let cut = Asked::decode(&message[..at]);
        prop_assert!(cut.is_err());
        message[at] ^= by;
        for bytes in [bytes, message] {
            if let Ok(asked) = Asked::decode(&bytes) {
                prop_assert_eq!(Asked::decode(&asked.encode()).unwrap(), asked);
            }
        }
    }

    /// Scenario: any bytes as an answer, plain and with a head that fits. Guarantee: a part, an end or an error.
    #[test]
    fn any_answer(bytes: Vec<u8>, what in 0..11u8, packing in 0..2u8) {
        let _ = Heard::decode(&bytes);
        let _ = Heard::decode(&[&[what, packing], &bytes[..]].concat());
        if let Some(message) = pack(what, &bytes) {
            let _ = Heard::decode(&message);
        }
    }

    /// Scenario: any events, nodes, values, names. Guarantee: they come back in order.
    #[test]
    fn lists_come_back(events in vec(event(), 1..20), values in vec(value(), 1..9), names in vec((any::<u8>(), text()), 1..9)) {
        let nodes: Vec<NodeInfo> = names
            .iter()
            .map(|(n, name)| NodeInfo { key: NodeKey((*n).into()), creation: 7, name: name.clone() })
            .collect();
        let expected = vec![Part::Events(events), Part::Nodes(nodes), Part::Values(values), Part::Names(names)];
        prop_assert_eq!(back(&expected), expected);
    }

    /// Scenario: any summaries, gaps, counts. Guarantee: they come back.
    #[test]
    fn counts_come_back(n in any::<[u64; 8]>(), wide: u128, shard: u16, reason: u8, root in prop::option::of(text()), nodes: Vec<u64>) {
        let summary = Summary {
            trace: TraceId(wide),
            time: (Micros(n[0]), Micros(n[1])),
            hlc: (Hlc(n[2]), Hlc(n[3])),
            events: n[4],
            errors: n[5],
            nodes: nodes.iter().copied().map(NodeKey).collect(),
            root,
            content: n[6],
        };
        let gap = Gap {
            hlc: Hlc(n[0]),
            producer: Producer(wide),
            epoch: Epoch(n[1]),
            shard: Shard(shard),
            first: Seq(n[2]),
            last: Seq(n[3]),
            reason,
            events: n[4],
        };
        let audited = Audited {
            counts: [n[0], n[1], n[2], n[3], n[4], n[5], n[6]],
            by_node: nodes.iter().map(|node| (NodeKey(*node), n[7])).collect(),
        };
        let about = About {
            release: "1.2.3".to_owned(),
            now: Micros(n[0]),
            unwritable: (n[1] % 2 == 0).then(|| "full".to_owned()),
            disk: (n[2], n[3]),
        };
        let expected = vec![Part::Summaries(vec![summary]), Part::Gaps(vec![gap]), Part::Audit(audited)];
        prop_assert_eq!(back(&[Part::About(about.clone())]), vec![Part::About(about)]);
        prop_assert_eq!(back(&expected), expected);
    }

    /// Scenario: spans of two traces, with resources that differ. Guarantee: each trace has its spans, all of them.
    #[test]
    fn spans_come_back(one in vec(span(5), 1..6), other in vec(span(6), 1..6)) {
        let parts = back(&[Part::Spans(vec![(TraceId(5), false, one.clone()), (TraceId(6), false, other.clone())])]);
        let Some(Part::Spans(pieces)) = parts.first() else { panic!("{parts:?}") };
        prop_assert_eq!(pieces.len(), 2);
        for (piece, spans) in pieces.iter().zip([&one, &other]) {
            let sorted = |spans: &[Span]| {
                let mut shown: Vec<String> = spans.iter().map(|span| format!("{span:?}")).collect();
                shown.sort();
                shown
            };
            prop_assert!(!piece.1);
            prop_assert_eq!(sorted(&piece.2), sorted(spans));
        }
    }

    /// Scenario: any end. Guarantee: it comes back.
    #[test]
    fn ends_come_back(outcome in 0..4u8, why in text(), n in any::<[u64; 4]>(), floor: u32, flags: [bool; 2], stale in prop::collection::btree_set(any::<u16>(), 0..9), missing in vec(text(), 0..4)) {
        let end = End {
            outcome: match outcome {
                0 => Outcome::Answered,
                1 => Outcome::Cannot,
                2 => Outcome::Busy(why),
                _ => Outcome::Failed(why),
            },
            epoch: n[0],
            stale: stale.into_iter().map(Shard).collect(),
            whole: flags[0],
            floor: Bucket(floor),
            traces: n[1],
            bytes: n[2],
            damaged: n[3],
            cut: flags[1],
            missing,
        };
        prop_assert_eq!(Heard::decode(&end.encode_head()).unwrap(), Heard::Head(end.clone()));
        prop_assert_eq!(Heard::decode(&end.encode()).unwrap(), Heard::End(end));
    }
}

/// Scenario: a trace of 2,000 spans and log records of which each has a kilobyte. Guarantee: parts are bounded; all come, the last piece
/// says so.
#[test]
fn much_comes_in_parts() {
    let text = |n: usize| format!("{n:03}").repeat(400);
    let spans: Vec<Span> = (1..=2_000u64)
        .map(|id| Span {
            trace: TraceId(9),
            id: SpanId(id),
            name: text(id as usize),
            ..Span::blank()
        })
        .collect();
    let parts = back(&[Part::Spans(vec![(TraceId(9), false, spans)])]);
    let pieces: Vec<_> = parts
        .iter()
        .flat_map(|part| match part {
            Part::Spans(pieces) => pieces,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(parts.len() > 2);
    assert_eq!(pieces.iter().map(|piece| piece.2.len()).sum::<usize>(), 2_000);
    assert_eq!(
        pieces.iter().map(|piece| piece.1).collect::<Vec<_>>(),
        [true, true, true, false]
    );
    let record = |n: usize| LogRecord {
        time_ns: n as u64,
        observed_ns: 0,
        severity: 9,
        severity_text: String::new(),
        body: Value::String(text(n)),
        attributes: Vec::new(),
        dropped_attributes: 0,
        flags: 0,
        trace: TraceId(0),
        span: SpanId(0),
        event_name: String::new(),
        resource: Arc::default(),
        scope: Arc::<Scope>::default(),
    };
    let records: Vec<LogRecord> = (1..1_000).map(record).collect();
    let parts = back(&[Part::Logs(records.clone())]);
    assert!(parts.len() > 2);
    let found = parts.into_iter().flat_map(|part| match part {
        Part::Logs(records) => records,
        other => panic!("{other:?}"),
    });
    assert_eq!(found.collect::<Vec<_>>(), records);
}

/// Scenario: the conditions of a query that is as high as queries may be; conditions of one level more than any query; more of them than
/// any query has; a format from the future. Guarantee: the first comes back, the others are refused.
#[test]
fn conditions_have_bounds() {
    let high = format!("{{ {} }}", vec!["(.a = 1 || .b = 2 && .c = 3)"; 400].join(" && "));
    let range = (0, 1);
    let asked = |conditions| Asked {
        cluster: 1,
        from: 2,
        epoch: 3,
        within_ms: 4,
        shards: vec![Shard(0), Shard(63)],
        question: Question::Candidates { conditions, range },
    };
    let first = asked(Query::new(&high).unwrap().conditions());
    assert_eq!(Asked::decode(&first.encode()).unwrap(), first);
    let mut deep = Conditions::ALWAYS;
    for _ in 0..1_100 {
        deep = Conditions::Any(vec![deep]);
    }
    let refused = |asked: &Asked| matches!(Asked::decode(&asked.encode()), Err(Malformed::TooMuch { .. }));
    assert!(refused(&asked(deep)));
    assert!(refused(&asked(Conditions::Any(vec![Conditions::ALWAYS; 70_000]))));
    let mut later = first.encode();
    later[1] = 2;
    assert_eq!(Asked::decode(&later), Err(Malformed::Format(2)));
}
