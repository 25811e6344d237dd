//! Messages of an answer, read. What is written is in `part`.

use event::{LogRecord, NodeInfo, NodeKey, Span, TraceId};
use wire::bytes::Reader;
use wire::otlp::{decode_logs, decode_traces};

use super::Malformed;
use super::end::{END, End, HEAD};
use super::events::read_events;
use super::pack::unpack;
use super::part::{ABOUT, AUDIT, EVENTS, GAPS, LOGS, NAMES, NODES, Part, SPANS, SUMMARIES, VALUES};
use super::rows::{About, Audited, Gap, Summary};
use super::values::{bytes, count, text, truth, value};

/// A message of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// What the answer will be worth.
    Head(End),
    Part(Part),
    End(End),
}

impl Heard {
    /// Reads a message of an answer.
    pub(crate) fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let (what, body) = unpack(message)?;
        let r = Reader::new(&body);
        let part = match what {
            END => return End::read(&body).map(Self::End),
            HEAD => return End::read(&body).map(Self::Head),
            EVENTS => Part::Events(read_events(&body)?),
            NODES => Part::Nodes(all(r, |r| {
                Ok(NodeInfo {
                    key: NodeKey(r.u64()?),
                    creation: r.u32()?,
                    name: text(r)?,
                })
            })?),
            SUMMARIES => Part::Summaries(all(r, Summary::read)?),
            GAPS => Part::Gaps(all(r, Gap::read)?),
            SPANS => Part::Spans(all(r, spans)?),
            NAMES => Part::Names(all(r, |r| Ok((r.u8()?, text(r)?)))?),
            VALUES => Part::Values(all(r, |r| value(r, 0))?),
            LOGS => Part::Logs(all(r, logs)?.into_iter().flatten().collect()),
            AUDIT => Part::Audit(audited(r)?),
            ABOUT => Part::About(About::read(r)?),
            other => return Err(Malformed::Unknown("part", other.into())),
        };
        Ok(Self::Part(part))
    }
}

fn all<T>(
    mut r: Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut items = Vec::new();
    while !r.is_empty() {
        items.push(item(&mut r)?);
    }
    Ok(items)
}

fn spans(r: &mut Reader<'_>) -> Result<(TraceId, bool, Vec<Span>), Malformed> {
    let (trace, more) = (TraceId(r.u128()?), truth(r)?);
    let decoded = decode_traces(bytes(r)?).map_err(|_| Malformed::Otlp("spans"))?;
    // A span that is refused here would be missing without a word.
    if decoded.notes.rejected_total() > 0 || decoded.records.iter().any(|span| span.trace != trace) {
        return Err(Malformed::Otlp("spans of a trace"));
    }
    Ok((trace, more, decoded.records))
}

fn logs(r: &mut Reader<'_>) -> Result<Vec<LogRecord>, Malformed> {
    let decoded = decode_logs(bytes(r)?).map_err(|_| Malformed::Otlp("log records"))?;
    if decoded.notes.rejected_total() > 0 {
        return Err(Malformed::Otlp("log records"));
    }
    Ok(decoded.records)
}

fn audited(mut r: Reader<'_>) -> Result<Audited, Malformed> {
    let mut audited = Audited::default();
    for n in &mut audited.counts {
        *n = r.varint()?;
    }
    for _ in 0..count(&mut r, 9)? {
        audited.by_node.push((NodeKey(r.u64()?), r.varint()?));
    }
    r.finish()?;
    Ok(audited)
}
