//! A message from one collector to another, and the greeting of a stream.

#![no_main]

use event::{Bucket, Epoch, Producer, Seq, Shard};
use fuzz::{heap, seeds};
use placement::MemberId;
use replication::codec::{Hello, decode, encode};
use replication::{Answer, Message, Question, Section, Source, Ticket, Verdict};

fn messages() -> Vec<Vec<u8>> {
    let source = Source {
        producer: Producer(1 << 99),
        epoch: Epoch(3),
    };
    let batch = Section {
        source,
        shard: Shard(7),
        first: Seq(300),
        last: Seq(300),
        gap: false,
        bucket: Bucket(361_000),
        content: 1 << 60,
        bytes: 4_000,
    };
    let gap = Section {
        last: Seq(400),
        gap: true,
        content: 0,
        ..batch
    };
    let ticket = Ticket { life: 9, number: 1 };
    let (shard, bucket) = (batch.shard, batch.bucket);
    let ask = |question| Message::Ask {
        ask: 5,
        shard,
        question,
    };
    let answer = |answer| Message::Answer {
        ask: 5,
        shard,
        answer,
    };
    let messages = [
        Message::Append {
            ticket,
            epoch: 2,
            sections: vec![(0, batch), (3, gap)],
        },
        Message::Appended {
            ticket,
            epoch: 2,
            verdicts: vec![(0, Verdict::Synced), (3, Verdict::Stale(4))],
        },
        Message::Copy {
            copy: 8,
            epoch: 2,
            sections: vec![batch, gap],
        },
        Message::Copied { copy: 8 },
        ask(Question::Buckets),
        ask(Question::Sources(bucket)),
        ask(Question::List(bucket, source, Seq(1))),
        ask(Question::Fetch(vec![batch])),
        answer(Answer::Buckets {
            epoch: 2,
            whole: true,
            floor: bucket,
            digests: vec![(bucket, 1 << 100)],
            gaps: 3,
        }),
        answer(Answer::Sources(bucket, vec![(source, 1 << 100)])),
        answer(Answer::List(bucket, source, vec![batch])),
        answer(Answer::Data(vec![gap])),
        Message::Includes {
            shard,
            epoch: 2,
            source: MemberId(3),
        },
    ];
    let greeting = Hello {
        cluster: 77,
        member: MemberId(3),
        life: 9,
    };
    let encoded = messages.iter().filter_map(|m| encode(m, 1).ok());
    encoded.chain([greeting.encode()]).collect()
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(messages()), |data: &[u8]| {
    if let Ok(hello) = Hello::decode(data) {
        assert_eq!(hello.encode(), data);
    }
    if let Ok((message, frames)) = heap::within(data.len(), 16, || decode(data)) {
        let Ok(written) = encode(&message, frames) else {
            panic!("what was read is too long to be written")
        };
        assert_eq!(decode(&written).ok(), Some((message, frames)));
    }
});
