//! Messages of `jaeger.api_v3`, written from `query_service.proto` of github.com/jaegertracing/jaeger-idl for a real client; spans are
//! OpenTelemetry's own types.

use std::collections::HashMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Time {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

impl Time {
    pub(crate) fn of(ns: u64) -> Self {
        Self {
            seconds: (ns / 1_000_000_000) as i64,
            nanos: (ns % 1_000_000_000) as i32,
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Services {
    #[prost(string, repeated, tag = "1")]
    pub(crate) services: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OfService {
    #[prost(string, tag = "1")]
    pub(crate) service: String,
    #[prost(string, tag = "2")]
    pub(crate) span_kind: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Operations {
    #[prost(message, repeated, tag = "1")]
    pub(crate) operations: Vec<Operation>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Operation {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) span_kind: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OfTrace {
    #[prost(string, tag = "1")]
    pub(crate) trace_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) start_time: Option<Time>,
    #[prost(message, optional, tag = "3")]
    pub(crate) end_time: Option<Time>,
    #[prost(bool, tag = "4")]
    pub(crate) raw_traces: bool,
}

/// Of traces and of summaries.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Search {
    #[prost(message, optional, tag = "1")]
    pub(crate) query: Option<Parameters>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Parameters {
    #[prost(string, tag = "1")]
    pub(crate) service_name: String,
    #[prost(string, tag = "2")]
    pub(crate) operation_name: String,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) attributes: HashMap<String, String>,
    #[prost(message, optional, tag = "4")]
    pub(crate) start_time_min: Option<Time>,
    #[prost(message, optional, tag = "5")]
    pub(crate) start_time_max: Option<Time>,
    #[prost(message, optional, tag = "6")]
    pub(crate) duration_min: Option<Time>,
    #[prost(message, optional, tag = "7")]
    pub(crate) duration_max: Option<Time>,
    #[prost(int32, tag = "8")]
    pub(crate) search_depth: i32,
    #[prost(bool, tag = "9")]
    pub(crate) raw_traces: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Summaries {
    #[prost(message, repeated, tag = "1")]
    pub(crate) summaries: Vec<Summary>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Summary {
    #[prost(string, tag = "1")]
    pub(crate) trace_id: String,
    #[prost(string, tag = "2")]
    pub(crate) root_service_name: String,
    #[prost(string, tag = "3")]
    pub(crate) root_operation_name: String,
    #[prost(fixed64, tag = "4")]
    pub(crate) min_start_time_unix_nano: u64,
    #[prost(fixed64, tag = "5")]
    pub(crate) max_end_time_unix_nano: u64,
    #[prost(int32, tag = "6")]
    pub(crate) span_count: i32,
    #[prost(int32, tag = "7")]
    pub(crate) error_span_count: i32,
    #[prost(int32, tag = "8")]
    pub(crate) orphan_span_count: i32,
    #[prost(message, repeated, tag = "9")]
    pub(crate) services: Vec<OfSummary>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OfSummary {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) span_count: i32,
    #[prost(int32, tag = "3")]
    pub(crate) error_span_count: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Range {
    #[prost(message, optional, tag = "1")]
    pub(crate) start_time: Option<Time>,
    #[prost(message, optional, tag = "2")]
    pub(crate) end_time: Option<Time>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Dependencies {
    #[prost(message, repeated, tag = "1")]
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Dependency {
    #[prost(string, tag = "1")]
    pub(crate) parent: String,
    #[prost(string, tag = "2")]
    pub(crate) child: String,
    #[prost(uint64, tag = "3")]
    pub(crate) call_count: u64,
}
