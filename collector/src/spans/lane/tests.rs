//! Nothing of a request that is refused is stored, however it fills frames.

use super::*;
use wire::otlp::proto::{LENGTH, VARINT, Writer, key};

/// Spans, each with 100 attributes whose keys no other has; the last span is `last`.
fn request(spans: usize, last: impl Fn(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::new();
    w.message(key(1, LENGTH), |w| {
        w.message(key(2, LENGTH), |w| {
            for span in 0..spans {
                w.message(key(2, LENGTH), |w| {
                    w.bytes(key(1, LENGTH), &[7; 16]);
                    w.bytes(key(2, LENGTH), &(span as u64 + 1).to_be_bytes());
                    for attribute in 0..100 {
                        let name = format!("{:x}", span * 100 + attribute);
                        w.message(key(9, LENGTH), |w| w.bytes(key(1, LENGTH), name.as_bytes()));
                    }
                });
            }
            w.message(key(2, LENGTH), last);
        });
    });
    w.into_bytes()
}

fn good(w: &mut Writer) {
    w.bytes(key(1, LENGTH), &[7; 16]);
    w.bytes(key(2, LENGTH), &[9; 8]);
}

/// A name that is a number.
fn malformed(w: &mut Writer) {
    w.varint(key(5, VARINT), 7);
}

fn rows(lanes: &Lanes) -> usize {
    lanes.stop();
    let loads = lanes.next().unwrap_or_default();
    loads.iter().map(|load| load.builder.len()).sum()
}

/// Scenario: 250 spans with 25,000 new keys of attributes, some 350 kB: more than a frame holds; then the same with a last span
/// that is malformed, alone and after a request that is good. Guarantee: the first goes into two frames; of the malformed one
/// nothing is stored, and of the good one all is.
#[test]
fn nothing_of_a_malformed_request() {
    let whole = request(250, good);
    assert!(whole.len() < FRAME_BYTES / 4, "{}", whole.len());
    let lanes = Lanes::new(1, 5);
    let taken = lanes.take(0, &whole).map_err(|_| "refused").unwrap();
    assert!(taken.frames.len() > 1);
    assert_eq!(rows(&lanes), 251);

    let broken = request(250, malformed);
    let lanes = Lanes::new(1, 5);
    assert!(matches!(lanes.take(0, &broken), Err(NotTaken::Malformed(_))));
    assert_eq!(rows(&lanes), 0);

    let lanes = Lanes::new(1, 5);
    let small = request(3, good);
    assert_eq!(
        lanes.take(0, &small).map_err(|_| "refused").unwrap().frames.len(),
        1
    );
    assert!(matches!(lanes.take(0, &broken), Err(NotTaken::Malformed(_))));
    assert_eq!(rows(&lanes), 4);
}

/// Scenario: the same malformed request 20 times, to a server that has nothing else to do. Guarantee: the lane does not keep
/// what they brought.
#[test]
fn malformed_requests_leave_no_memory() {
    let lanes = Lanes::new(1, 5);
    let broken = request(60, malformed);
    for _ in 0..20 {
        assert!(matches!(lanes.take(0, &broken), Err(NotTaken::Malformed(_))));
    }
    assert!(lanes.loads[0].lock().builder.byte_len() < 1000);
}
