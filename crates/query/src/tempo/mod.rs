//! Answers in the shapes of Grafana Tempo's API, over any [`SpanSource`]. Pure: a door reads parameters ([`params`]), asks, and
//! writes what comes back as JSON (serde) or protobuf ([`proto`]).
//!
//! Contract: Grafana's Tempo data source, which refuses unknown keys in answers of searches and instant metrics. So what an answer
//! lacks ([`Missing`]) is not in these bodies: doors say it in a header.

pub mod legacy;
pub mod params;
pub mod proto;

pub(crate) mod attribute;
mod search;
mod series;
mod source;
mod tags;
mod trace;

pub use search::{
    LIMIT_MAX, ROOT_UNKNOWN, SPANS_MAX, SearchMetrics, SearchRequest, SearchResponse, ServiceCounts,
    SpanSetView, SpanView, TraceView, search,
};
pub use series::{
    ExemplarView, InstantResponse, InstantView, RangeResponse, SampleView, SeriesView, instant, range,
};
pub use source::{Found, Inspected, Missing, SourceError, SpanSource, TempoError, TimeRange};
pub(crate) use source::{may_ask, out_of_time};
pub use tags::{
    ScopeTags, TagNamesResponse, TagNamesV1, TagRequest, TagScope, TagValue, TagValuesResponse, TagValuesV1,
    tag_names, tag_values,
};
pub use trace::{TraceRequest, trace};
