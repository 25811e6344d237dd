//! A message to bytes.

use super::section::{Writing, put_sections, put_source};
use super::{
    ANSWER, APPEND, APPENDED, ASK, BATCHES, BEHIND, BUCKETS, CONFLICT, COPIED, COPY, DIGESTS_MAX, GAPS,
    INCLUDES, LATER, LIST, PART, SECTIONS_MAX, SOURCES, STALE, STOPPED, SYNCED,
};
use crate::message::{Answer, Message, Question, Ticket, Verdict};
use wire::DecodeError;
use wire::bytes::Put;

/// The bytes of a message; `frames` messages of bytes follow it. An error if a list is too long.
pub fn encode(message: &Message, frames: u16) -> Result<Vec<u8>, DecodeError> {
    let (entries, max) = entries(message);
    if entries > max {
        return Err(DecodeError::Range {
            what: "entries",
            value: entries as u64,
            max: max as u64,
        });
    }
    let mut out = Vec::with_capacity(64 + entries * 20);
    out.put_u8(kind(message));
    out.put_u16(frames);
    match message {
        Message::Append {
            ticket,
            epoch,
            sections,
        } => {
            put_ticket(&mut out, *ticket);
            out.put_u64(*epoch);
            out.put_u32(sections.len() as u32);
            let mut writing = Writing::default();
            for (at, section) in sections {
                out.put_u16(*at);
                writing.put(&mut out, section);
            }
        }
        Message::Appended {
            ticket,
            epoch,
            verdicts,
        } => {
            put_ticket(&mut out, *ticket);
            out.put_u64(*epoch);
            out.put_u32(verdicts.len() as u32);
            for (at, verdict) in verdicts {
                out.put_u16(*at);
                put_verdict(&mut out, *verdict);
            }
        }
        Message::Copy {
            copy,
            epoch,
            sections,
        } => {
            out.put_u64(*copy);
            out.put_u64(*epoch);
            put_sections(&mut out, sections);
        }
        Message::Copied { copy } => out.put_u64(*copy),
        Message::Ask { ask, shard, question } => {
            out.put_u64(*ask);
            out.put_u16(shard.0);
            put_question(&mut out, question);
        }
        Message::Answer { ask, shard, answer } => {
            out.put_u64(*ask);
            out.put_u16(shard.0);
            put_answer(&mut out, answer);
        }
        Message::Includes { shard, epoch, source } => {
            out.put_u16(shard.0);
            out.put_u64(*epoch);
            out.put_u64(source.0);
        }
    }
    Ok(out)
}

/// Entries of a message's list, and their bound.
fn entries(message: &Message) -> (usize, usize) {
    match message {
        Message::Append { sections, .. } => (sections.len(), SECTIONS_MAX),
        Message::Appended { verdicts, .. } => (verdicts.len(), SECTIONS_MAX),
        Message::Copy { sections, .. }
        | Message::Ask {
            question: Question::Fetch(sections) | Question::FetchPart(sections, _),
            ..
        } => (sections.len(), SECTIONS_MAX),
        Message::Answer { answer, .. } => match answer {
            Answer::Buckets { digests, .. } => (digests.len(), DIGESTS_MAX),
            Answer::Sources(_, sources) => (sources.len(), DIGESTS_MAX),
            Answer::Gaps(list) | Answer::List(_, _, list) | Answer::Data(list) | Answer::Part(list, _) => {
                (list.len(), SECTIONS_MAX)
            }
        },
        Message::Ask { .. } | Message::Copied { .. } | Message::Includes { .. } => (0, 0),
    }
}

fn kind(message: &Message) -> u8 {
    match message {
        Message::Append { .. } => APPEND,
        Message::Appended { .. } => APPENDED,
        Message::Copy { .. } => COPY,
        Message::Copied { .. } => COPIED,
        Message::Ask { .. } => ASK,
        Message::Answer { .. } => ANSWER,
        Message::Includes { .. } => INCLUDES,
    }
}

fn put_ticket(out: &mut Vec<u8>, ticket: Ticket) {
    out.put_u64(ticket.life);
    out.put_u64(ticket.number);
}

fn put_verdict(out: &mut Vec<u8>, verdict: Verdict) {
    match verdict {
        Verdict::Synced => out.put_u8(SYNCED),
        Verdict::Stale(epoch) => {
            out.put_u8(STALE);
            out.put_u64(epoch);
        }
        Verdict::Behind => out.put_u8(BEHIND),
        Verdict::Later => out.put_u8(LATER),
        Verdict::Conflict => out.put_u8(CONFLICT),
        Verdict::Stopped => out.put_u8(STOPPED),
    }
}

fn put_question(out: &mut Vec<u8>, question: &Question) {
    match question {
        Question::Buckets => out.put_u8(BUCKETS),
        Question::Gaps => out.put_u8(GAPS),
        Question::Sources(bucket) => {
            out.put_u8(SOURCES);
            out.put_u32(bucket.0);
        }
        Question::List(bucket, source, after) => {
            out.put_u8(LIST);
            out.put_u32(bucket.0);
            put_source(out, *source);
            out.put_u64(after.0);
        }
        Question::Fetch(sections) => {
            out.put_u8(BATCHES);
            put_sections(out, sections);
        }
        Question::FetchPart(sections, from) => {
            out.put_u8(PART);
            put_sections(out, sections);
            out.put_u64(*from);
        }
    }
}

fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    match answer {
        Answer::Buckets {
            epoch,
            whole,
            floor,
            digests,
            gaps,
        } => {
            out.put_u8(BUCKETS);
            out.put_u64(*epoch);
            out.put_u8(u8::from(*whole));
            out.put_u32(floor.0);
            out.put_u128(*gaps);
            out.put_u32(digests.len() as u32);
            for (bucket, digest) in digests {
                out.put_u32(bucket.0);
                out.put_u128(*digest);
            }
        }
        Answer::Gaps(sections) => {
            out.put_u8(GAPS);
            put_sections(out, sections);
        }
        Answer::Sources(bucket, sources) => {
            out.put_u8(SOURCES);
            out.put_u32(bucket.0);
            out.put_u32(sources.len() as u32);
            for (source, digest) in sources {
                put_source(out, *source);
                out.put_u128(*digest);
            }
        }
        Answer::List(bucket, source, sections) => {
            out.put_u8(LIST);
            out.put_u32(bucket.0);
            put_source(out, *source);
            put_sections(out, sections);
        }
        Answer::Data(sections) => {
            out.put_u8(BATCHES);
            put_sections(out, sections);
        }
        Answer::Part(sections, next) => {
            out.put_u8(PART);
            put_sections(out, sections);
            out.put_u64(*next);
        }
    }
}
