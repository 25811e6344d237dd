//! A message from bytes.

use super::section::{PLACED_LEAST, Reading, count, exactly, sections, source};
use super::{
    ANSWER, APPEND, APPENDED, ASK, BATCHES, BEHIND, BUCKETS, CONFLICT, COPIED, COPY, DIGESTS_MAX, GAPS,
    INCLUDES, LATER, LIST, MESSAGE_BYTES_MAX, PART, SECTIONS_MAX, SOURCES, STALE, STOPPED, SYNCED,
};
use crate::message::{Answer, Message, Question, Ticket, Verdict};
use event::{Bucket, Seq, Shard};
use placement::MemberId;
use wire::DecodeError;
use wire::bytes::Reader;

/// A message, and how many messages of bytes follow it.
pub fn decode(bytes: &[u8]) -> Result<(Message, u16), DecodeError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(DecodeError::TooLarge {
            what: "message between members",
            bytes: bytes.len() as u64,
            max: MESSAGE_BYTES_MAX as u64,
        });
    }
    let mut r = Reader::new(bytes);
    let (kind, frames) = (r.u8()?, r.u16()?);
    if usize::from(frames) > SECTIONS_MAX {
        return Err(DecodeError::Range {
            what: "frames",
            value: u64::from(frames),
            max: SECTIONS_MAX as u64,
        });
    }
    let message = match kind {
        APPEND => Message::Append {
            ticket: ticket(&mut r)?,
            epoch: r.u64()?,
            sections: placed(&mut r)?,
        },
        APPENDED => Message::Appended {
            ticket: ticket(&mut r)?,
            epoch: r.u64()?,
            verdicts: verdicts(&mut r)?,
        },
        COPY => Message::Copy {
            copy: r.u64()?,
            epoch: r.u64()?,
            sections: sections(&mut r)?,
        },
        COPIED => Message::Copied { copy: r.u64()? },
        ASK => Message::Ask {
            ask: r.u64()?,
            shard: Shard(r.u16()?),
            question: question(&mut r)?,
        },
        ANSWER => Message::Answer {
            ask: r.u64()?,
            shard: Shard(r.u16()?),
            answer: answer(&mut r)?,
        },
        INCLUDES => Message::Includes {
            shard: Shard(r.u16()?),
            epoch: r.u64()?,
            source: MemberId(r.u64()?),
        },
        code => return unknown("kind of message", code),
    };
    r.finish()?;
    Ok((message, frames))
}

fn unknown<T>(what: &'static str, code: u8) -> Result<T, DecodeError> {
    let code = u64::from(code);
    Err(DecodeError::Unknown { what, code })
}

fn ticket(r: &mut Reader<'_>) -> Result<Ticket, DecodeError> {
    Ok(Ticket {
        life: r.u64()?,
        number: r.u64()?,
    })
}

fn placed(r: &mut Reader<'_>) -> Result<Vec<(u16, crate::Section)>, DecodeError> {
    let n = count(r, SECTIONS_MAX, PLACED_LEAST)?;
    let mut reading = Reading::default();
    exactly(n, || Ok((r.u16()?, reading.next(r)?)))
}

fn verdicts(r: &mut Reader<'_>) -> Result<Vec<(u16, Verdict)>, DecodeError> {
    let n = count(r, SECTIONS_MAX, 3)?;
    exactly(n, || Ok((r.u16()?, verdict(r)?)))
}

fn verdict(r: &mut Reader<'_>) -> Result<Verdict, DecodeError> {
    Ok(match r.u8()? {
        SYNCED => Verdict::Synced,
        STALE => Verdict::Stale(r.u64()?),
        BEHIND => Verdict::Behind,
        LATER => Verdict::Later,
        CONFLICT => Verdict::Conflict,
        STOPPED => Verdict::Stopped,
        code => return unknown("verdict", code),
    })
}

fn question(r: &mut Reader<'_>) -> Result<Question, DecodeError> {
    Ok(match r.u8()? {
        BUCKETS => Question::Buckets,
        GAPS => Question::Gaps,
        SOURCES => Question::Sources(Bucket(r.u32()?)),
        LIST => Question::List(Bucket(r.u32()?), source(r)?, Seq(r.u64()?)),
        BATCHES => Question::Fetch(sections(r)?),
        PART => Question::FetchPart(sections(r)?, r.u64()?),
        code => return unknown("question", code),
    })
}

fn answer(r: &mut Reader<'_>) -> Result<Answer, DecodeError> {
    Ok(match r.u8()? {
        BUCKETS => {
            let epoch = r.u64()?;
            let whole = match r.u8()? {
                0 => false,
                1 => true,
                code => return unknown("state of a disk", code),
            };
            let (floor, gaps) = (Bucket(r.u32()?), r.u128()?);
            let n = count(r, DIGESTS_MAX, 20)?;
            let digests = exactly(n, || Ok((Bucket(r.u32()?), r.u128()?)))?;
            Answer::Buckets {
                epoch,
                whole,
                floor,
                digests,
                gaps,
            }
        }
        GAPS => Answer::Gaps(sections(r)?),
        SOURCES => {
            let bucket = Bucket(r.u32()?);
            let n = count(r, DIGESTS_MAX, 40)?;
            Answer::Sources(bucket, exactly(n, || Ok((source(r)?, r.u128()?)))?)
        }
        LIST => Answer::List(Bucket(r.u32()?), source(r)?, sections(r)?),
        BATCHES => Answer::Data(sections(r)?),
        PART => Answer::Part(sections(r)?, r.u64()?),
        code => return unknown("answer", code),
    })
}
