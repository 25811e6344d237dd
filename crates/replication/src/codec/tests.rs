//! Messages there and back, and any bytes.

use super::*;
use crate::{Answer, Message, Question, Section, Source, Ticket, Verdict};
use event::{Bucket, Epoch, Producer, Seq, Shard};
use placement::MemberId;
use proptest::collection::vec;
use proptest::prelude::*;

fn source() -> impl Strategy<Value = Source> {
    (0..3u128, any::<u64>()).prop_map(|(producer, epoch)| Source {
        producer: Producer(producer),
        epoch: Epoch(epoch % 3),
    })
}

fn section() -> impl Strategy<Value = Section> {
    let numbers = (
        any::<u16>(),
        any::<u64>(),
        any::<u64>(),
        0..3u32,
        any::<u64>(),
        any::<u32>(),
    );
    (source(), numbers, any::<bool>()).prop_map(|(source, numbers, gap)| {
        let (shard, first, more, bucket, content, bytes) = numbers;
        Section {
            source,
            shard: Shard(shard),
            first: Seq(first),
            last: Seq(if gap { first.saturating_add(more) } else { first }),
            gap,
            bucket: Bucket(bucket),
            content: if gap { 0 } else { content },
            bytes,
        }
    })
}

fn sections() -> impl Strategy<Value = Vec<Section>> {
    vec(section(), 0..6)
}

fn ticket() -> impl Strategy<Value = Ticket> {
    any::<(u64, u64)>().prop_map(|(life, number)| Ticket { life, number })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Synced),
        any::<u64>().prop_map(Verdict::Stale),
        Just(Verdict::Behind),
        Just(Verdict::Later),
        Just(Verdict::Conflict),
        Just(Verdict::Stopped),
    ]
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        Just(Question::Buckets),
        Just(Question::Gaps),
        any::<u32>().prop_map(|b| Question::Sources(Bucket(b))),
        (any::<u32>(), source(), any::<u64>()).prop_map(|(b, s, after)| Question::List(
            Bucket(b),
            s,
            Seq(after)
        )),
        sections().prop_map(Question::Fetch),
        (sections(), any::<u64>()).prop_map(|(s, from)| Question::FetchPart(s, from)),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let digests = vec((any::<u32>().prop_map(Bucket), any::<u128>()), 0..6);
    let buckets = (any::<u64>(), any::<bool>(), any::<u32>(), digests, any::<u128>());
    prop_oneof![
        buckets.prop_map(|(epoch, whole, floor, digests, gaps)| Answer::Buckets {
            epoch,
            whole,
            floor: Bucket(floor),
            digests,
            gaps,
        }),
        sections().prop_map(Answer::Gaps),
        (any::<u32>(), vec((source(), any::<u128>()), 0..6)).prop_map(|(b, s)| Answer::Sources(Bucket(b), s)),
        (any::<u32>(), source(), sections()).prop_map(|(b, s, list)| Answer::List(Bucket(b), s, list)),
        sections().prop_map(Answer::Data),
        (sections(), any::<u64>()).prop_map(|(s, next)| Answer::Part(s, next)),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let shard = || any::<u16>().prop_map(Shard);
    prop_oneof![
        (ticket(), any::<u64>(), vec((any::<u16>(), section()), 0..6)).prop_map(
            |(ticket, epoch, sections)| Message::Append {
                ticket,
                epoch,
                sections
            }
        ),
        (ticket(), any::<u64>(), vec((any::<u16>(), verdict()), 0..6)).prop_map(
            |(ticket, epoch, verdicts)| Message::Appended {
                ticket,
                epoch,
                verdicts
            }
        ),
        (any::<u64>(), any::<u64>(), sections()).prop_map(|(copy, epoch, sections)| Message::Copy {
            copy,
            epoch,
            sections
        }),
        any::<u64>().prop_map(|copy| Message::Copied { copy }),
        (any::<u64>(), shard(), question()).prop_map(|(ask, shard, question)| Message::Ask {
            ask,
            shard,
            question
        }),
        (any::<u64>(), shard(), answer()).prop_map(|(ask, shard, answer)| Message::Answer {
            ask,
            shard,
            answer
        }),
        (shard(), any::<u64>(), any::<u64>()).prop_map(|(shard, epoch, source)| Message::Includes {
            shard,
            epoch,
            source: MemberId(source),
        }),
    ]
}

proptest! {
    /// Scenario: any message, cut short, with a byte changed or one more. Guarantee: it comes back whole with the number of its
    /// frames; short or longer it is refused; a changed byte gives another message or an error, never a panic.
    #[test]
    fn messages_come_back(message in message(), frames in 0..=4096u16, at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = encode(&message, frames).unwrap();
        prop_assert_eq!(decode(&bytes).unwrap(), (message, frames));
        prop_assert!(decode(&bytes[..at.index(bytes.len())]).is_err());
        bytes.push(byte);
        prop_assert!(decode(&bytes).is_err());
        bytes.pop();
        let at = at.index(bytes.len());
        bytes[at] ^= byte;
        if let Ok((message, frames)) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&message, frames).unwrap()).unwrap(), (message, frames));
        }
    }

    /// Scenario: any bytes behind each kind of message. Guarantee: a message that is the same when it is written and read again, or
    /// an error.
    #[test]
    fn any_bytes_are_read_or_refused(kind in 0..9u8, rest in vec(any::<u8>(), 0..200)) {
        let bytes = [&[kind, 0, 0], rest.as_slice()].concat();
        if let Ok((message, frames)) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&message, frames).unwrap()).unwrap(), (message, frames));
        }
        let _ = Hello::decode(&rest);
    }

    /// Scenario: any greeting, of this version, of another, on a stream of another kind. Guarantee: the first comes back, the
    /// others are refused.
    #[test]
    fn greetings_come_back(cluster: u128, member: u64, life: u64, byte in 1..=255u8) {
        let hello = Hello { cluster, member: MemberId(member), life };
        let bytes = hello.encode();
        prop_assert_eq!(Hello::decode(&bytes).unwrap(), hello);
        for at in 0..3 {
            let mut other = bytes.clone();
            other[at] ^= byte;
            prop_assert!(Hello::decode(&other).is_err());
        }
    }
}

/// Scenario: one section, one digest, one frame more than is allowed, and counts without their entries. Guarantee: refused on both
/// sides; a count takes no memory.
#[test]
fn lists_are_bounded() {
    let copy = |n: usize| Message::Copy {
        copy: 1,
        epoch: 1,
        sections: vec![Section::default(); n],
    };
    let most = encode(&copy(SECTIONS_MAX), 0).unwrap();
    assert!(most.len() < MESSAGE_BYTES_MAX && decode(&most).is_ok());
    assert!(encode(&copy(SECTIONS_MAX + 1), 0).is_err());
    let sources = |n: usize| Message::Answer {
        ask: 1,
        shard: Shard(1),
        answer: Answer::Sources(Bucket(1), vec![(Source::default(), 1); n]),
    };
    let most = encode(&sources(DIGESTS_MAX), 0).unwrap();
    assert!(most.len() < MESSAGE_BYTES_MAX && decode(&most).is_ok());
    assert!(encode(&sources(DIGESTS_MAX + 1), 0).is_err());
    assert!(decode(&encode(&copy(0), 4097).unwrap()).is_err());
    let mut announced = encode(&copy(0), 0).unwrap();
    let at = announced.len() - 4;
    announced[at..].copy_from_slice(&4096u32.to_le_bytes());
    assert!(decode(&announced).is_err());
    announced[at..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(decode(&announced).is_err());
}
