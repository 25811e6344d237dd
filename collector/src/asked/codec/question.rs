//! A question, as the first and only message of the asker.

use event::{Micros, ModuleKey, Shard, SiteId, TraceId};
use traceql::Conditions;
use traceql::ast::Field;
use wire::bytes::{Put, Reader};

use super::Malformed;
use super::conditions::{conditions, field, put_conditions, put_field};
use super::values::{count, put_shards, put_text, put_traces, shards, text, traces, truth};

/// First byte of the first message of a stream: what the stream is for (`docs/replication.md`, "The shell").
pub(crate) const STREAM: u8 = 2;
/// Format of questions and answers; another one is refused.
const FORMAT: u8 = 1;
/// Longest question, in bytes: one with the sites of a large system fits.
pub(crate) const QUESTION_BYTES_MAX: usize = 4 << 20;
/// Traces that one question names.
pub(crate) const TRACES_MAX: usize = 256;

/// A question with all that comes with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// The asker's cluster.
    pub(crate) cluster: u128,
    /// The asking member.
    pub(crate) from: u64,
    /// Epoch of its map.
    pub(crate) epoch: u64,
    /// It waits so long, in milliseconds.
    pub(crate) within_ms: u32,
    /// Of these shards alone, ascending.
    pub(crate) shards: Vec<Shard>,
    /// What it wants to know.
    pub(crate) question: Question,
}

/// What a member can be asked of its shards. Times without another unit are Unix nanoseconds, both ends as in `TimeRange`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// All events of some traces.
    Events(Vec<TraceId>),
    /// Traces in short.
    Summaries(Listing),
    /// What is known to be missing of a time, both ends included.
    Losses { since: Micros, until: Micros },
    /// Node incarnations.
    Nodes,
    /// All spans of some traces.
    Spans(Vec<TraceId>),
    /// Traces that may meet conditions, each with all its spans that are there.
    Candidates {
        conditions: Conditions,
        range: (u64, u64),
    },
    /// Names of attributes.
    Names { range: (u64, u64) },
    /// Values of a field.
    Values {
        field: Field,
        conditions: Conditions,
        range: (u64, u64),
    },
    /// Log records.
    Logs(Logs),
    /// Reads all and counts.
    Audit,
    /// How the member is.
    About,
}

/// Which traces to list: `store::TraceFilter`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listing {
    pub(crate) since: Option<Micros>,
    pub(crate) until: Option<Micros>,
    pub(crate) errors: bool,
    pub(crate) sites: Option<Vec<(ModuleKey, SiteId)>>,
    pub(crate) node: Option<String>,
    pub(crate) limit: u32,
}

/// Which log records: `store::LogFilter`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Logs {
    pub(crate) trace: Option<TraceId>,
    pub(crate) range: (u64, u64),
    pub(crate) severity: u8,
    pub(crate) limit: u32,
}

impl Question {
    /// As metrics and logs name it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Events(_) => "events",
            Self::Summaries(_) => "traces",
            Self::Losses { .. } => "losses",
            Self::Nodes => "nodes",
            Self::Spans(_) => "spans",
            Self::Candidates { .. } => "candidates",
            Self::Names { .. } => "names",
            Self::Values { .. } => "values",
            Self::Logs(_) => "logs",
            Self::Audit => "audit",
            Self::About => "about",
        }
    }

    /// Since when, if it is about a time.
    pub(crate) fn since(&self) -> Option<Micros> {
        match self {
            Self::Summaries(listing) => Some(listing.since.unwrap_or(Micros(0))),
            Self::Losses { since, .. } => Some(*since),
            Self::Candidates { range, .. }
            | Self::Names { range }
            | Self::Values { range, .. }
            | Self::Logs(Logs {
                range, trace: None, ..
            }) => Some(Micros::from_unix_us(range.0 / 1_000)),
            Self::Events(_) | Self::Nodes | Self::Spans(_) | Self::Logs(_) | Self::Audit | Self::About => {
                None
            }
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Events(_) => 1,
            Self::Summaries(_) => 2,
            Self::Losses { .. } => 3,
            Self::Nodes => 4,
            Self::Spans(_) => 5,
            Self::Candidates { .. } => 6,
            Self::Names { .. } => 7,
            Self::Values { .. } => 8,
            Self::Logs(_) => 9,
            Self::Audit => 10,
            Self::About => 11,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Events(traces) | Self::Spans(traces) => put_traces(out, traces),
            Self::Summaries(listing) => listing.put(out),
            Self::Losses { since, until } => {
                out.put_u64(since.0);
                out.put_u64(until.0);
            }
            Self::Nodes | Self::Audit | Self::About => {}
            Self::Candidates { conditions, range } => {
                put_range(out, *range);
                put_conditions(out, conditions);
            }
            Self::Names { range } => put_range(out, *range),
            Self::Values {
                field,
                conditions,
                range,
            } => {
                put_range(out, *range);
                put_field(out, field);
                put_conditions(out, conditions);
            }
            Self::Logs(logs) => {
                put_option(out, logs.trace, |out, trace| out.put_u128(trace.0));
                put_range(out, logs.range);
                out.put_u8(logs.severity);
                out.put_u32(logs.limit);
            }
        }
    }

    fn read(code: u8, r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match code {
            1 => Self::Events(traces(r, TRACES_MAX)?),
            2 => Self::Summaries(Listing::read(r)?),
            3 => Self::Losses {
                since: Micros(r.u64()?),
                until: Micros(r.u64()?),
            },
            4 => Self::Nodes,
            5 => Self::Spans(traces(r, TRACES_MAX)?),
            6 => Self::Candidates {
                range: range(r)?,
                conditions: conditions(r)?,
            },
            7 => Self::Names { range: range(r)? },
            8 => Self::Values {
                range: range(r)?,
                field: field(r)?,
                conditions: conditions(r)?,
            },
            9 => Self::Logs(Logs {
                trace: option(r, |r| Ok(TraceId(r.u128()?)))?,
                range: range(r)?,
                severity: r.u8()?,
                limit: r.u32()?,
            }),
            10 => Self::Audit,
            11 => Self::About,
            other => return Err(Malformed::Unknown("kind of question", other.into())),
        })
    }
}

impl Listing {
    fn put(&self, out: &mut Vec<u8>) {
        put_option(out, self.since, |out, time| out.put_u64(time.0));
        put_option(out, self.until, |out, time| out.put_u64(time.0));
        out.put_u8(self.errors.into());
        put_option(out, self.sites.as_ref(), |out, sites| {
            out.put_varint(sites.len() as u64);
            for (module, site) in sites {
                out.put_u64(module.0);
                out.put_varint(site.0.into());
            }
        });
        put_option(out, self.node.as_ref(), |out, node| put_text(out, node));
        out.put_u32(self.limit);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let site = |r: &mut Reader<'_>| {
            let module = ModuleKey(r.u64()?);
            let site = r.varint()?;
            let site = u32::try_from(site).map_err(|_| Malformed::Unknown("site", site))?;
            Ok((module, SiteId(site)))
        };
        Ok(Self {
            since: option(r, |r| Ok(Micros(r.u64()?)))?,
            until: option(r, |r| Ok(Micros(r.u64()?)))?,
            errors: truth(r)?,
            sites: option(r, |r| (0..count(r, 9)?).map(|_| site(r)).collect())?,
            node: option(r, text)?,
            limit: r.u32()?,
        })
    }
}

impl Asked {
    /// The message.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.put_u8(STREAM);
        out.put_u8(FORMAT);
        out.put_u128(self.cluster);
        out.put_u64(self.from);
        out.put_u64(self.epoch);
        out.put_u32(self.within_ms);
        out.put_u8(self.question.code());
        put_shards(&mut out, &self.shards);
        self.question.put(&mut out);
        out
    }

    /// Reads one.
    pub(crate) fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(message);
        match r.u8()? {
            STREAM => {}
            other => return Err(Malformed::Unknown("stream of questions", other.into())),
        }
        match r.u8()? {
            FORMAT => {}
            other => return Err(Malformed::Format(other)),
        }
        let (cluster, from, epoch) = (r.u128()?, r.u64()?, r.u64()?);
        let (within_ms, code) = (r.u32()?, r.u8()?);
        let shards = shards(&mut r)?;
        let question = Question::read(code, &mut r)?;
        r.finish()?;
        Ok(Self {
            cluster,
            from,
            epoch,
            within_ms,
            shards,
            question,
        })
    }
}

fn put_range(out: &mut Vec<u8>, (first, last): (u64, u64)) {
    out.put_u64(first);
    out.put_u64(last);
}

fn range(r: &mut Reader<'_>) -> Result<(u64, u64), Malformed> {
    Ok((r.u64()?, r.u64()?))
}

fn put_option<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    out.put_u8(value.is_some().into());
    if let Some(value) = value {
        put(out, value);
    }
}

fn option<T>(
    r: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    truth(r)?.then(|| read(r)).transpose()
}
