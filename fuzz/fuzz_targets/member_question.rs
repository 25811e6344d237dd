//! Questions of members about shards, and the messages of their answers: any bytes are read or refused; what is read comes back.

#![no_main]
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the collector's files are compiled as they are"
)]

#[path = "../../collector/src/asked/codec/mod.rs"]
mod codec;

use codec::{Asked, End, Heard, Listing, Logs, Part, Parts, Question};
use event::{Micros, Shard, TraceId, Value};
use fuzz::{heap, seeds};
use std::ops::ControlFlow;
use traceql::Query;

/// Heap that a byte of a message may take: a condition with its field and literal in five bytes; a compressed part first becomes at most
/// as long as a message.
const HEAP_TIMES: usize = 256;

fn questions() -> Vec<Vec<u8>> {
    let conditions = |text: &str| Query::new(text).expect("a query").conditions();
    let range = (1, u64::MAX);
    let questions = [
        Question::Events(vec![TraceId(1), TraceId(1 << 100)]),
        Question::Summaries(Listing {
            since: Some(Micros(7)),
            errors: true,
            sites: Some(vec![Default::default(); 3]),
            node: Some("shop@host".to_owned()),
            limit: 20,
            ..Listing::default()
        }),
        Question::Losses {
            since: Micros(1),
            until: Micros(2),
        },
        Question::Nodes,
        Question::Spans(vec![TraceId(3)]),
        Question::Candidates {
            conditions: conditions(
                "{ .a = 1 && span:duration > 3ms } >> { name =~ \"x.*\" || status = error }",
            ),
            range,
        },
        Question::Names { range },
        Question::Values {
            field: traceql::parse_field("resource.service.name").expect("a field"),
            conditions: conditions("{ kind = server && .x != nil }"),
            range,
        },
        Question::Logs(Logs {
            trace: Some(TraceId(9)),
            range,
            severity: 17,
            limit: 100,
        }),
        Question::Audit,
        Question::About,
    ];
    let asked = questions.into_iter().map(|question| Asked {
        cluster: 1 << 90,
        from: 2,
        epoch: 3,
        within_ms: 20_000,
        shards: (0..64).step_by(3).map(Shard).collect(),
        question,
    });
    asked.map(|asked| asked.encode()).collect()
}

fn answers() -> Vec<Vec<u8>> {
    let end = End {
        stale: vec![Shard(1), Shard(9)],
        missing: vec!["a shard".to_owned()],
        ..End::default()
    };
    let mut messages = vec![end.encode(), end.encode_head()];
    let span = event::Span {
        trace: TraceId(5),
        id: event::SpanId(6),
        name: "GET /".to_owned(),
        ..event::Span::blank()
    };
    let parts = [
        Part::Events(vec![
            (event::EventIdentity::default(), fuzz::samples::event(3));
            2
        ]),
        Part::Names(vec![(1, "service.name".to_owned()); 3]),
        Part::Values(vec![Value::Int(-3), Value::Array(vec![Value::Bool(true)])]),
        Part::Spans(vec![(TraceId(5), false, vec![span; 3])]),
    ];
    let mut send = |message| {
        messages.push(message);
        ControlFlow::Continue(())
    };
    let mut out = Parts::new(&mut send);
    for part in &parts {
        let _ = out.part(part);
    }
    let _ = out.flush();
    messages
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(questions().into_iter().chain(answers())), |data: &[u8]| {
    if let Ok(asked) = heap::within(data.len(), HEAP_TIMES, || Asked::decode(data)) {
        assert_eq!(Asked::decode(&asked.encode()), Ok(asked));
    }
    match Heard::decode(data) {
        Ok(Heard::End(end)) => {
            if let Ok(Heard::End(again)) = Heard::decode(&end.encode()) {
                // Long texts are cut, and of many some left out.
                assert_eq!((again.epoch, &again.stale, again.whole), (end.epoch, &end.stale, end.whole));
            }
        }
        Ok(Heard::Part(part @ (Part::Events(_) | Part::Nodes(_) | Part::Summaries(_) | Part::Gaps(_) | Part::Names(_)))) => {
            let mut messages = Vec::new();
            let mut send = |message| {
                messages.push(message);
                ControlFlow::Continue(())
            };
            let mut out = Parts::new(&mut send);
            assert!(out.part(&part).is_continue() && out.flush().is_continue());
            if let [one] = messages.as_slice() {
                assert_eq!(Heard::decode(one), Ok(Heard::Part(part)));
            }
        }
        _ => {}
    }
});
