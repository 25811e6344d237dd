//! Payloads of events.

#![no_main]

use event::{DropReason, Micros, ValueRole};
use fuzz::{heap, seeds};
use wire::etf::{ErrorPayload, LossPayload, RootPayload, ValuePayload};

fn payloads() -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for term in seeds::terms() {
        let value = ValuePayload {
            role: ValueRole::ALL[payloads.len() % ValueRole::ALL.len()],
            cut: payloads.len() % 2 == 0,
            redacted: payloads.len() % 3 == 0,
            name: "order".into(),
            term: &term,
        };
        let root = RootPayload {
            name: "POST /orders".into(),
            parent_span: "00f067aa0ba902b7".into(),
            attributes: &term,
        };
        let (value, root) = (value.encode(), root.encode());
        payloads.extend([value, root, error(&term)]);
    }
    let loss = LossPayload {
        reason: DropReason::ALL[0],
        count: 12,
        from: Micros(1),
        to: Micros(2),
    };
    payloads.push(loss.encode());
    payloads
}

/// An error payload with this reason, and a line of stack trace.
fn error(reason: &[u8]) -> Vec<u8> {
    fn atom(out: &mut Vec<u8>, text: &str) {
        out.extend([119, text.len() as u8]);
        out.extend(text.as_bytes());
    }
    fn binary(out: &mut Vec<u8>, text: &str) {
        out.push(109);
        out.extend((text.len() as u32).to_be_bytes());
        out.extend(text.as_bytes());
    }
    let mut out = vec![131, 116, 0, 0, 0, 4];
    atom(&mut out, "kind");
    atom(&mut out, "error");
    atom(&mut out, "message");
    binary(&mut out, "bad argument");
    atom(&mut out, "reason");
    out.extend(reason.strip_prefix(&[131]).unwrap_or(reason));
    atom(&mut out, "stacktrace");
    out.extend([108, 0, 0, 0, 1, 104, 5]);
    binary(&mut out, "Shop.Stock");
    binary(&mut out, "reserve");
    out.extend([97, 2]);
    binary(&mut out, "lib/shop/stock.ex");
    out.extend([97, 12, 106]);
    out
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(payloads()), |data: &[u8]| {
    if let Ok(value) = heap::within(data.len(), 8, || ValuePayload::decode(data)) {
        assert_eq!(ValuePayload::decode(&value.encode()), Ok(value.clone()));
        assert!(value.render(100).chars().count() <= 100);
    }
    if let Ok(root) = heap::within(data.len(), 8, || RootPayload::decode(data)) {
        assert_eq!(root.encode(), data);
    }
    if let Ok(loss) = heap::within(data.len(), 8, || LossPayload::decode(data)) {
        assert_eq!(loss.encode(), data);
    }
    let _ = heap::within(data.len(), 512, || ErrorPayload::decode(data));
});
