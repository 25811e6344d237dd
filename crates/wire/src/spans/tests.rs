//! Frames of spans: all that was sent comes back, whichever way it went.

use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard, Span, SpanId, TraceId};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::{Cell, Cut, Field, LeftOut, Packer, SERVICE, Skim, SpanBuilder, SpanFrame, Term, Wanted};
use crate::frame::{self, HEADER_BYTES};
use crate::otlp::tests::samples::span;
use crate::otlp::{decode_traces, encode_traces};

const CUT: Cut = Cut {
    producer: Producer(7),
    epoch: Epoch(2),
    hlc: Hlc(99),
    bucket: Bucket(3),
};

fn shard(trace: TraceId) -> Shard {
    Shard((trace.0 % 3) as u16)
}

fn frame_of(request: &[u8]) -> (SpanBuilder, Vec<u8>) {
    let mut builder = SpanBuilder::new(1);
    let mut skim = Skim::new(request);
    assert!(skim.fill(&mut builder, usize::MAX).unwrap());
    assert_eq!(skim.done.spans as usize, builder.len());
    let frame = finish(&builder);
    (builder, frame)
}

fn finish(builder: &SpanBuilder) -> Vec<u8> {
    let seq = |shard: Shard| Seq(u64::from(shard.0) + 1);
    builder.finish(CUT, shard, seq, &mut Packer::default()).unwrap()
}

/// All spans of a frame, in its order.
fn spans(frame: &[u8]) -> Vec<Span> {
    let opened = SpanFrame::open(frame).unwrap();
    let traces = opened.traces().unwrap();
    opened.spans(&traces, 0..traces.len()).unwrap()
}

/// As frames order them; doubles by their bits; what is the same in all is there once.
fn in_order(spans: impl AsRef<[Span]>) -> Vec<String> {
    let spans = spans.as_ref();
    let key = |span: &Span| (shard(span.trace), span.trace, span.start_ns, span.id);
    let mut all: Vec<_> = spans
        .iter()
        .map(|span| (key(span), format!("{span:?}")))
        .collect();
    all.sort();
    all.dedup();
    all.into_iter().map(|(_, text)| text).collect()
}

/// Spans of a few traces, many of whose parents are there.
fn few_traces() -> impl Strategy<Value = Vec<Span>> {
    let one = (span(), 1u128..6, any::<prop::sample::Index>());
    prop::collection::vec(one, 0..50).prop_map(|all| {
        let ids: Vec<SpanId> = all.iter().map(|(span, ..)| span.id).collect();
        let place = |(mut span, trace, parent): (Span, u128, prop::sample::Index)| {
            span.trace = TraceId(trace << 64 | trace);
            if span.parent.0 % 4 != 0 {
                span.parent = *parent.get(&ids);
            }
            span
        };
        all.into_iter().map(place).collect()
    })
}

proptest! {
    /// Scenario: any spans as OTLP. Guarantee: the frame has them all, as the plain decoder reads the request.
    #[test]
    fn all_comes_back(sent in few_traces()) {
        let request = encode_traces(&sent);
        let decoded = decode_traces(&request).unwrap();
        let (_, frame) = frame_of(&request);
        prop_assert_eq!(in_order(spans(&frame)), in_order(decoded.records));
    }

    /// Scenario: any spans. Guarantee: each trace is read alone as in the whole.
    #[test]
    fn traces_are_read_alone(sent in few_traces()) {
        let (_, frame) = frame_of(&encode_traces(&sent));
        let all = in_order(spans(&frame));
        let opened = SpanFrame::open(&frame).unwrap();
        let mut one_by_one = Vec::new();
        for trace in opened.traces().unwrap() {
            let alone = opened.trace(trace.trace).unwrap();
            prop_assert_eq!(alone.len(), trace.rows.len());
            one_by_one.extend(alone);
        }
        prop_assert_eq!(in_order(one_by_one), all);
        prop_assert!(opened.trace(TraceId(0)).unwrap().is_empty());
    }

    /// Scenario: frames of two requests, taken into one builder. Guarantee: a frame of it has the spans of both, and is the same
    /// bytes whether the builder was new or used before.
    #[test]
    fn frames_merge(one in few_traces(), other in few_traces()) {
        let frames = [frame_of(&encode_traces(&one)).1, frame_of(&encode_traces(&other)).1];
        let mut used = frame_of(&encode_traces(&other)).0;
        used.clear();
        let mut merged = Vec::new();
        for mut builder in [SpanBuilder::new(5), used] {
            for frame in &frames {
                builder.append(&SpanFrame::open(frame).unwrap()).unwrap();
            }
            merged.push(finish(&builder));
        }
        let sent: Vec<Span> = frames.iter().flat_map(|frame| spans(frame)).collect();
        prop_assert_eq!(in_order(spans(&merged[0])), in_order(sent));
        prop_assert_eq!(&merged[0], &merged[1]);
    }

    /// Scenario: the same request three times, as of a sender that got no answer. Guarantee: its spans once.
    #[test]
    fn repeats_are_dropped(sent in few_traces()) {
        let request = encode_traces(&sent);
        let mut builder = SpanBuilder::new(1);
        for _ in 0..3 {
            prop_assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
        }
        let frame = finish(&builder);
        let all = spans(&frame);
        prop_assert_eq!(SpanFrame::open(&frame).unwrap().rows() as usize, all.len());
        let once = in_order(decode_traces(&request).unwrap().records);
        prop_assert_eq!(all.len(), once.len());
        prop_assert_eq!(in_order(all), once);
    }

    /// Scenario: spans of a few traces, some twice; each trace is encoded in parts of a few spans. Guarantee: the parts together
    /// are the spans, each once, in the order of the trace; positions beyond it have none.
    #[test]
    fn traces_in_parts(sent in few_traces(), step in 1usize..5) {
        let doubled = [sent.as_slice(), sent.as_slice()].concat();
        let (builder, _) = frame_of(&encode_traces(&doubled));
        let sorted = builder.sorted(shard, &mut Packer::default());
        let mut parts = Vec::new();
        for (at, (_, rows)) in sorted.traces().into_iter().enumerate() {
            for from in (0..rows as usize).step_by(step) {
                let some = from..(from + step).min(rows as usize);
                let bytes = sorted.encode_part(at, some.clone(), CUT, |_| Seq(1), &mut Packer::quick()).unwrap();
                prop_assert_eq!(spans(&bytes).len(), some.len());
                parts.extend(spans(&bytes));
            }
        }
        let texts: Vec<String> = parts.iter().map(|span| format!("{span:?}")).collect();
        let mut sorted_texts = in_order(&parts);
        sorted_texts.sort();
        let mut expected = in_order(&doubled);
        expected.sort();
        prop_assert_eq!(texts.len(), sorted_texts.len());
        prop_assert_eq!(sorted_texts, expected);
        let beyond = sorted.encode_part(usize::MAX, 0..1, CUT, |_| Seq(1), &mut Packer::quick());
        prop_assert_eq!(beyond.map_or(0, |bytes| SpanFrame::open(&bytes).unwrap().rows()), 0);
    }

    /// Scenario: a question by name, status, duration, attribute. Guarantee: every trace with a span that has it is selected, and
    /// its term is among the frame's.
    #[test]
    fn selects_what_is_there(sent in few_traces(), pick in any::<prop::sample::Index>()) {
        prop_assume!(!sent.is_empty());
        let (_, frame) = frame_of(&encode_traces(&sent));
        let opened = SpanFrame::open(&frame).unwrap();
        let spans = spans(&frame);
        let one = pick.get(&spans);
        let name = |cell: Cell<'_>| matches!(cell, Cell::Text(text) if text == one.name.as_bytes());
        let status = |cell: Cell<'_>| matches!(cell, Cell::Int(code) if code == i64::from(one.status.code()));
        let mut parts = vec![Wanted::Has(Field::Name, &name), Wanted::Has(Field::Status, &status)];
        let attribute = one.attributes.first().cloned().unwrap_or_default();
        let has = |cell: Cell<'_>| match (cell, &attribute.value) {
            (Cell::Text(text), event::Value::String(own)) => text == own.as_bytes(),
            (Cell::Int(number), event::Value::Int(own)) => number == *own,
            (Cell::Bool(truth), event::Value::Bool(own)) => truth == *own,
            (Cell::Double(number), event::Value::Double(own)) => number.to_bits() == own.to_bits(),
            (Cell::Other, _) => true,
            _ => false,
        };
        if !one.attributes.is_empty() {
            parts.push(Wanted::Has(Field::Span(&attribute.key), &has));
        }
        let selected = opened.select(&Wanted::All(parts)).unwrap();
        let traces = opened.traces().unwrap();
        let at = traces.iter().position(|known| known.trace == one.trace).unwrap();
        prop_assert!(selected[at]);
        let found = opened.terms(usize::MAX).unwrap();
        let has = |term: Term| found.terms.binary_search(&term).is_ok();
        let hidden = |what: &LeftOut| found.left_out.contains(what);
        let name = Term::of(Field::Name, one.name.as_bytes());
        let status = Term::of_status(one.status.code());
        prop_assert!(has(name) && has(status));
        let service = one.resource.attributes.iter().find_map(|attribute| match &attribute.value {
            event::Value::String(text) if attribute.key == SERVICE => Some(text.as_bytes()),
            _ => None,
        });
        if let Some(service) = service && !hidden(&LeftOut::OtherPairs) {
            prop_assert!(has(name.with_service(service)) && has(status.with_service(service)));
        }
        if let event::Value::String(text) = &attribute.value && !hidden(&LeftOut::OtherAttributes) {
            let term = Term::of(Field::Span(&attribute.key), text.as_bytes());
            prop_assert!(has(term));
            if let Some(service) = service && !hidden(&LeftOut::AttributePairs(attribute.key.clone())) {
                prop_assert!(has(term.with_service(service)));
            }
        }
    }

    /// Scenario: two services, each with spans of its own names. Guarantee: a name is found with its service, not with the other.
    #[test]
    fn names_belong_to_services(names in prop::collection::vec((0..2usize, 0..9u8), 1..60)) {
        let service = |n: usize| ["shop", "stock"][n];
        let spans: Vec<Span> = names.iter().zip(1u64..).map(|((of, name), id)| {
            let mut span = Span::blank();
            (span.trace, span.id, span.name) = (TraceId(u128::from(id)), SpanId(id), name.to_string());
            let pair = event::KeyValue { key: SERVICE.to_owned(), value: service(*of).into() };
            span.resource = std::sync::Arc::new(event::Resource { attributes: vec![pair], ..event::Resource::default() });
            span
        }).collect();
        let mut builder = SpanBuilder::new(1);
        Skim::new(&encode_traces(&spans)).fill(&mut builder, usize::MAX).unwrap();
        let bytes = finish(&builder);
        let found = SpanFrame::open(&bytes).unwrap().terms(usize::MAX).unwrap();
        for of in 0..2 {
            for name in 0..9u8 {
                let term = Term::of(Field::Name, name.to_string().as_bytes()).with_service(service(of).as_bytes());
                prop_assert_eq!(found.terms.binary_search(&term).is_ok(), names.contains(&(of, name)));
            }
        }
    }

    /// Scenario: a request that is cut anywhere. Guarantee: an error and the builder as before, or a whole request.
    #[test]
    fn a_cut_request_leaves_nothing(sent in few_traces(), cut in any::<prop::sample::Index>()) {
        let request = encode_traces(&sent);
        let cut = cut.index(request.len() + 1);
        let mut builder = SpanBuilder::new(1);
        let first = encode_traces(&sent[..sent.len().min(2)]);
        prop_assert!(Skim::new(&first).fill(&mut builder, usize::MAX).unwrap());
        let before = finish(&builder);
        let mark = builder.mark();
        let filled = Skim::new(&request[..cut]).fill(&mut builder, usize::MAX);
        prop_assert_eq!(filled.is_ok(), decode_traces(&request[..cut]).is_ok());
        if filled.is_err() {
            builder.back_to(mark);
            prop_assert_eq!(in_order(spans(&finish(&builder))), in_order(spans(&before)));
        }
    }

    /// Scenario: a builder that is full whenever it is asked. Guarantee: the frames in between have all spans.
    #[test]
    fn small_frames_have_all(sent in few_traces()) {
        let request = encode_traces(&sent);
        let mut builder = SpanBuilder::new(1);
        let mut skim = Skim::new(&request);
        let mut got = Vec::new();
        loop {
            let done = skim.fill(&mut builder, 1).unwrap();
            got.extend(spans(&finish(&builder)));
            builder.clear();
            if done {
                break;
            }
            prop_assert!(got.len() <= sent.len());
        }
        prop_assert_eq!(in_order(got), in_order(decode_traces(&request).unwrap().records));
    }

    /// Scenario: any bytes as a request. Guarantee: both readers agree on whether it is one, and on how many spans it has.
    #[test]
    fn any_bytes(bytes: Vec<u8>) {
        let mut builder = SpanBuilder::new(1);
        let mut skim = Skim::new(&bytes);
        let filled = skim.fill(&mut builder, usize::MAX);
        if let (Ok(true), Ok(decoded)) = (filled, decode_traces(&bytes)) {
            prop_assert_eq!(skim.done.spans as usize, decoded.records.len());
        }
    }

    /// Scenario: a frame with some bytes changed, its checksum made right. Guarantee: it is read or refused, never a panic.
    #[test]
    fn damaged_frames(sent in few_traces(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut frame = frame_of(&encode_traces(&sent)).1;
        let body = frame.len() - HEADER_BYTES;
        for (at, byte) in changes {
            frame[HEADER_BYTES + at.index(body)] = byte;
        }
        frame::seal(&mut frame).unwrap();
        if let Ok(opened) = SpanFrame::open(&frame)
            && let Ok(traces) = opened.traces()
        {
            let _ = opened.spans(&traces, 0..traces.len());
            let _ = SpanBuilder::new(1).append(&opened);
        }
    }
}

/// Scenario: a trace of 500 spans in a chain, and one attribute that comes twice. Guarantee: parents and repeats come back.
#[test]
fn long_chains_and_repeats() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let base = span().new_tree(&mut runner).unwrap().current();
    let chain: Vec<Span> = (1..=500u64)
        .map(|n| Span {
            trace: TraceId(9),
            id: SpanId(n),
            parent: SpanId(n - 1),
            attributes: vec![
                event::KeyValue {
                    key: "k".to_owned(),
                    value: event::Value::Int(n as i64),
                },
                event::KeyValue {
                    key: "k".to_owned(),
                    value: event::Value::Int(-1),
                },
            ],
            ..base.clone()
        })
        .collect();
    let (_, frame) = frame_of(&encode_traces(&chain));
    assert_eq!(in_order(spans(&frame)), in_order(chain));
}

/// Scenario: attributes that follow from the span's name, its resource, its duration, in units; one span that breaks each rule, or
/// none. Guarantee: all come back, are found by column, and a frame where they follow is smaller.
#[test]
fn what_follows_comes_back() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let base = span().new_tree(&mut runner).unwrap().current();
    let attribute = |key: &str, value: event::Value| event::KeyValue {
        key: key.to_owned(),
        value,
    };
    let spans_of = |odd: u64| -> Vec<Span> {
        let one = |n: u64| {
            let name = n % 5;
            let duration = n * n % 977;
            let off = u64::from(n == odd);
            Span {
                trace: TraceId(u128::from(n / 9 + 1)),
                id: SpanId(n + 1),
                parent: SpanId(0),
                name: format!("operation-{name}"),
                start_ns: 1_790_000_000_000_000_000 + n * 7_000_000,
                end_ns: 1_790_000_000_000_000_000 + n * 7_000_000 + duration * 1000,
                attributes: vec![
                    attribute(
                        "mfa",
                        event::Value::String(format!("Shop.operation/{}", name + off)),
                    ),
                    attribute("arity", event::Value::Int((name + off) as i64)),
                    attribute("us", event::Value::Int((duration + off) as i64)),
                ],
                ..base.clone()
            }
        };
        (0..400).map(one).collect()
    };
    let follows = spans_of(u64::MAX);
    let breaks = spans_of(123);
    let frames: Vec<Vec<u8>> = [&follows, &breaks]
        .map(|spans| frame_of(&encode_traces(spans)).1)
        .into();
    assert_eq!(in_order(spans(&frames[0])), in_order(&follows));
    assert_eq!(in_order(spans(&frames[1])), in_order(&breaks));
    assert!(frames[0].len() < frames[1].len());
    for (frame, sent) in frames.iter().zip([&follows, &breaks]) {
        let opened = SpanFrame::open(frame).unwrap();
        let traces = opened.traces().unwrap();
        let is = |wanted: i64| move |cell: Cell<'_>| matches!(cell, Cell::Int(number) if number == wanted);
        for (key, wanted) in [("us", 529), ("arity", 3), ("arity", 5)] {
            let selected = opened
                .select(&Wanted::Has(Field::Span(key), &is(wanted)))
                .unwrap();
            let has = |span: &&Span| {
                span.attributes
                    .contains(&attribute(key, event::Value::Int(wanted)))
            };
            let with: std::collections::BTreeSet<TraceId> =
                sent.iter().filter(has).map(|span| span.trace).collect();
            let found = traces
                .iter()
                .zip(selected)
                .filter(|(_, hit)| *hit)
                .map(|(trace, _)| trace.trace);
            assert_eq!(
                found.collect::<std::collections::BTreeSet<_>>(),
                with,
                "{key} {wanted}"
            );
        }
    }
}
