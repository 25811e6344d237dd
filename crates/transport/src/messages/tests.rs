//! Messages over pipes: round trips, limits, any bytes.

use super::*;
use proptest::prelude::*;

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    /// Guarantee: what is written is read, however the bytes arrive.
    #[test]
    fn round_trip(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200_000), 0..6),
        pipe in 1..70_000_usize,
        big in any::<bool>(),
    ) {
        let order = if big { LengthOrder::Big } else { LengthOrder::Little };
        let read = run(async {
            let (near, far) = tokio::io::duplex(pipe);
            let write = async {
                let mut writer = MessageWriter::with_order(near, 200_000, order);
                for m in &messages { writer.write(m).await.unwrap(); }
                writer.finish().await.unwrap();
            };
            let read = async {
                let mut reader = MessageReader::with_order(far, 200_000, order);
                let mut out = Vec::new();
                while let Some(m) = reader.next().await.unwrap() { out.push(m.to_vec()); }
                out
            };
            tokio::join!(write, read).1
        });
        prop_assert_eq!(read, messages);
    }

    /// Guarantee: any bytes give messages within the limit or an error, never a panic.
    #[test]
    fn total(bytes in proptest::collection::vec(any::<u8>(), 0..400), max in 1..64_usize) {
        run(async {
            let mut reader = MessageReader::new(bytes.as_slice(), max);
            while let Ok(Some(m)) = reader.next().await { assert!(m.len() <= max); }
        });
    }
}

/// Scenario: 4 GiB announced, 4 MiB allowed. Guarantee: refused by the length alone.
#[test]
fn a_length_above_the_limit_is_refused_unread() {
    let error = run(MessageReader::new([0xff_u8; 4].as_slice(), 4 << 20).next()).unwrap_err();
    assert!(
        matches!(
            error,
            MessageError::TooLong {
                length: 0xffff_ffff,
                ..
            }
        ),
        "{error}"
    );
    assert!(matches!(
        run(MessageReader::new([0_u8; 4].as_slice(), 10).next()),
        Err(MessageError::Empty)
    ));
}

/// Scenario: 4 MiB announced, one byte sent. Guarantee: room for one step only.
#[test]
fn memory_grows_with_what_arrives() {
    let mut bytes = (4_u32 << 20).to_le_bytes().to_vec();
    bytes.push(1);
    let mut reader = MessageReader::new(bytes.as_slice(), 4 << 20);
    assert!(matches!(
        run(reader.next()),
        Err(MessageError::Truncated { have: 5 })
    ));
    assert!(reader.buffer.capacity() <= 2 * READ_STEP_BYTES);
}
