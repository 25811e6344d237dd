//! Asks a server for a trace by its id.

use anyhow::{Result, bail};
use event::{Span, TraceId};

use crate::http::{Connection, Url};
use crate::otlp::decode::{trace_by_id, traces_data};

/// A server's door for traces.
#[derive(Clone, Debug)]
pub(crate) struct TraceDoor {
    url: Url,
    headers: Vec<String>,
    dialect: Dialect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// `TraceByIDResponse` in protobuf.
    TempoV2,
    /// A bare `Trace` in protobuf.
    TempoV1,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its spans.
    pub(crate) spans: Vec<Span>,
    /// What the server said is missing.
    pub(crate) partial: Option<String>,
}

impl TraceDoor {
    /// A path to which the id is appended.
    pub(crate) fn new(url: &Url, headers: &[String]) -> Self {
        let mut url = url.clone();
        if !url.path.ends_with('/') {
            url.path.push('/');
        }
        let dialect = if url.path.contains("/v2/") {
            Dialect::TempoV2
        } else {
            Dialect::TempoV1
        };
        Self {
            url,
            headers: headers.to_vec(),
            dialect,
        }
    }

    /// A connection to it.
    pub(crate) fn connection(&self) -> Connection {
        Connection::new(&self.url.authority)
    }

    /// The trace; `None` if there is none.
    pub(crate) fn ask(&self, connection: &mut Connection, trace: TraceId) -> Result<Option<Found>> {
        let url = self.url.join(&trace.to_string());
        let answer = connection.send(&url.get("application/protobuf", &self.headers))?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            status => bail!("{} answers {status}", url.path),
        }
        let (spans, partial) = match self.dialect {
            Dialect::TempoV2 => trace_by_id(&answer.body)?,
            Dialect::TempoV1 => (traces_data(&answer.body)?, None),
        };
        Ok((!spans.is_empty()).then_some(Found { spans, partial }))
    }
}
