//! The protobuf primitives.

use crate::otlp::proto::{
    END_GROUP, FIXED32, FIXED64, GROUP, GROUPS_MAX, LENGTH, ProtoError, Reader, VARINT, Writer, key, known,
};
use proptest::prelude::*;

/// Scenario: the encodings that the protobuf documentation shows. Guarantee: the same bytes, the same values.
#[test]
fn golden() {
    let mut w = Writer::new();
    w.varint(key(1, VARINT), 150);
    w.bytes(key(2, LENGTH), b"testing");
    assert_eq!(w.as_bytes(), b"\x08\x96\x01\x12\x07testing");
    let bytes = w.into_bytes();
    let mut r = Reader::new(&bytes);
    assert_eq!(r.key(), Ok(Some(key(1, VARINT))));
    assert_eq!(r.varint(), Ok(150));
    assert_eq!(r.key(), Ok(Some(key(2, LENGTH))));
    assert_eq!(r.bytes(), Ok(&b"testing"[..]));
    assert_eq!(r.key(), Ok(None));
}

/// Scenario: numbers that are too long, lengths beyond the end, keys that are none. Guarantee: each has its own error with
/// its offset, and the longest number that fits is read.
#[test]
fn refused() {
    let read = |bytes: &[u8]| Reader::new(bytes).varint();
    assert_eq!(
        read(&[0xff; 9]),
        Err(ProtoError::Truncated {
            at: 0,
            wanted: 10,
            left: 9
        })
    );
    assert_eq!(read(&[0xff; 10]), Err(ProtoError::Varint { at: 0 }));
    assert_eq!(read(&[&[0xff; 9][..], &[1]].concat()), Ok(u64::MAX));
    assert_eq!(
        read(&[&[0xff; 9][..], &[2]].concat()),
        Err(ProtoError::Varint { at: 0 })
    );
    assert_eq!(read(&[0x80, 0x00]), Ok(0));
    let huge = [&[0xff; 9][..], &[1], b"abc"].concat();
    let cut = ProtoError::Truncated {
        at: 10,
        wanted: u64::MAX,
        left: 3,
    };
    assert_eq!(Reader::new(&huge).bytes(), Err(cut));
    for (bytes, at) in [
        (&[0x00][..], 1),
        (&[0x07], 1),
        (&[0x0e], 1),
        (&[0x80, 0x80, 0x80, 0x80, 0x10], 5),
    ] {
        assert_eq!(Reader::new(bytes).key(), Err(ProtoError::Key { at }), "{bytes:?}");
    }
    assert_eq!(
        Reader::new(&[1, 2, 3]).fixed32(),
        Err(ProtoError::Truncated {
            at: 0,
            wanted: 4,
            left: 3
        })
    );
    assert_eq!(
        Reader::new(&[]).fixed64(),
        Err(ProtoError::Truncated {
            at: 0,
            wanted: 8,
            left: 0
        })
    );
}

/// Scenario: fields of unknown numbers with every wire type, groups in groups. Guarantee: all are skipped; a known number with
/// another type, and groups that do not match or lie too deep, are errors.
#[test]
fn unknown_fields() {
    let mut w = Writer::new();
    w.varint(key(100, VARINT), 7);
    w.fixed64(key(101, FIXED64), 7);
    w.bytes(key(102, LENGTH), b"x");
    w.fixed32(key(103, FIXED32), 7);
    for number in [104, 105] {
        w.raw_varint(u64::from(key(number, GROUP)));
    }
    w.bytes(key(1, LENGTH), b"inside");
    for number in [105, 104] {
        w.raw_varint(u64::from(key(number, END_GROUP)));
    }
    w.varint(key(5, VARINT), 1);
    let bytes = w.into_bytes();
    let mut r = Reader::new(&bytes);
    let fields = known(&[1, 5]);
    for number in 100..105 {
        let key = r.key().unwrap().unwrap();
        assert_eq!(key >> 3, number);
        r.skip_unknown(key, fields).unwrap();
    }
    let last = r.key().unwrap().unwrap();
    let refused = ProtoError::WireType {
        at: r.position(),
        number: 5,
        wire_type: VARINT,
    };
    assert_eq!(r.skip_unknown(last, fields), Err(refused));
    let group = |bytes: &[u8]| Reader::new(bytes).skip(key(3, GROUP));
    assert_eq!(group(&[key(3, END_GROUP) as u8]), Ok(()));
    assert_eq!(
        group(&[key(4, END_GROUP) as u8]),
        Err(ProtoError::Group { at: 1 })
    );
    assert_eq!(group(&[]), Err(ProtoError::Group { at: 0 }));
    assert_eq!(
        group(&[key(3, GROUP) as u8; 1000]),
        Err(ProtoError::Group { at: GROUPS_MAX })
    );
    assert_eq!(
        Reader::new(&[]).skip(key(3, END_GROUP)),
        Err(ProtoError::Group { at: 0 })
    );
}

/// Scenario: messages of 0 to 20,000 bytes in messages. Guarantee: lengths of one to three bytes are right, offsets of an inner
/// reader are those of the whole.
#[test]
fn nested() {
    for size in [0, 1, 123, 124, 125, 126, 127, 128, 16_380, 16_381, 16_384, 20_000] {
        let mut w = Writer::new();
        w.message(key(1, LENGTH), |w| {
            w.message(key(2, LENGTH), |w| w.bytes_always(key(3, LENGTH), &vec![7; size]));
        });
        let bytes = w.into_bytes();
        let mut r = Reader::new(&bytes);
        assert_eq!(r.key(), Ok(Some(key(1, LENGTH))));
        let mut outer = r.message().unwrap();
        assert!(r.is_empty());
        assert_eq!(outer.key(), Ok(Some(key(2, LENGTH))));
        let mut inner = outer.message().unwrap();
        assert!(outer.is_empty());
        assert_eq!(inner.key(), Ok(Some(key(3, LENGTH))));
        assert_eq!(inner.bytes().unwrap(), vec![7; size]);
        assert_eq!(inner.position(), bytes.len());
    }
}

proptest! {
    /// Guarantee: every number comes back, from as many bytes as were written.
    #[test]
    fn numbers(value in prop_oneof![any::<u64>(), 0..1u64 << 15], number in 1u32..1 << 29) {
        let mut w = Writer::new();
        w.varint_always(key(number, VARINT), value);
        w.fixed64_always(key(number, FIXED64), value);
        let bytes = w.into_bytes();
        let mut r = Reader::new(&bytes);
        prop_assert_eq!(r.key(), Ok(Some(key(number, VARINT))));
        prop_assert_eq!(r.varint(), Ok(value));
        prop_assert_eq!(r.key(), Ok(Some(key(number, FIXED64))));
        prop_assert_eq!(r.fixed64(), Ok(value));
        prop_assert!(r.is_empty());
    }

    /// Guarantee: any bytes are read or refused, each read advances, none goes beyond the end.
    #[test]
    fn total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let mut r = Reader::new(&bytes);
        let mut before = 0;
        while let Ok(Some(key)) = r.key() {
            if r.skip(key).is_err() {
                break;
            }
            prop_assert!(r.position() > before && r.position() <= bytes.len());
            prop_assert!(key & 7 <= FIXED32);
            before = r.position();
        }
    }
}
