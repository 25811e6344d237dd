//! `jaeger.api_v3.QueryService` with a real gRPC client (tonic), over HTTP/2 to the port of the HTTP API. Spans come in by OTLP over gRPC.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod messages;
mod orders;

use std::time::SystemTime;

use clients::{Member, bed};
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use prost::Message;
use testbed::Bed;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use messages::{
    Dependencies, Dependency, Empty, OfService, OfSummary, OfTrace, Operation, Operations, Parameters, Range,
    Search, Services, Summaries, Summary, Time,
};
use orders::{FAILED, MS, ORDER, SECOND, orders};

/// Sends both orders; Unix nanoseconds when the first began, a minute ago.
async fn sent(member: &Member, token: &str, user: &str) -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let began_ns = now.as_nanos() as u64 - 60 * SECOND;
    let mut client = Client::of(&member.otlp_grpc(), token).await;
    let export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let answer: ExportTraceServiceResponse = client.one(export, orders(began_ns, user)).await.unwrap();
    assert_eq!(answer.partial_success, None);
    began_ns
}

const SERVICE: &str = "/jaeger.api_v3.QueryService";

/// A client, with a token or none.
struct Client {
    grpc: Grpc<Channel>,
    token: String,
}

impl Client {
    async fn of(url: &str, token: &str) -> Self {
        let channel = Channel::from_shared(url.to_owned()).unwrap();
        Self {
            grpc: Grpc::new(channel.connect().await.unwrap()),
            token: token.to_owned(),
        }
    }

    /// All messages of the answer.
    async fn all<Q, A>(&mut self, method: &str, question: Q) -> Result<Vec<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = if method.starts_with('/') {
            method.to_owned()
        } else {
            format!("{SERVICE}/{method}")
        };
        let mut request = Request::new(question);
        if !self.token.is_empty() {
            let bearer = format!("Bearer {}", self.token).parse().unwrap();
            request.metadata_mut().insert("authorization", bearer);
        }
        self.grpc.ready().await.unwrap();
        let path = PathAndQuery::try_from(path).unwrap();
        let answer = self
            .grpc
            .server_streaming(request, path, ProstCodec::<Q, A>::new())
            .await?;
        let (mut stream, mut messages) = (answer.into_inner(), Vec::new());
        while let Some(message) = stream.message().await? {
            messages.push(message);
        }
        Ok(messages)
    }

    /// The one message of a unary call.
    async fn one<Q, A>(&mut self, method: &str, question: Q) -> Result<A, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut all = self.all(method, question).await?;
        assert_eq!(all.len(), 1);
        Ok(all.remove(0))
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

fn spans(data: &TracesData) -> Vec<&Span> {
    let scopes = data.resource_spans.iter().flat_map(|of| &of.scope_spans);
    scopes.flat_map(|of| &of.spans).collect()
}

fn search(began_ns: u64, change: impl FnOnce(&mut Parameters)) -> Search {
    let mut query = Parameters {
        start_time_min: Some(Time::of(began_ns - SECOND)),
        start_time_max: Some(Time::of(began_ns + 30 * SECOND)),
        ..Parameters::default()
    };
    change(&mut query);
    Search { query: Some(query) }
}

/// Scenario: each method once. Guarantee: the messages of Jaeger's contract, spans as OpenTelemetry's own types, a message a trace; nothing found
/// is an empty stream.
#[test]
fn every_method() {
    let member = Member::start().unwrap();
    run(async {
        let began_ns = sent(&member, "", "ada").await;
        let mut client = Client::of(&member.door().url, "").await;
        let services: Services = client.one("GetServices", Empty {}).await.unwrap();
        assert_eq!(services.services, ["shop", "stock"]);
        let of = OfService {
            service: "stock".to_owned(),
            span_kind: "server".to_owned(),
        };
        let operations: Operations = client.one("GetOperations", of).await.unwrap();
        let reserve = Operation {
            name: "reserve".to_owned(),
            span_kind: "server".to_owned(),
        };
        assert_eq!(operations.operations, [reserve]);

        let of = OfTrace {
            trace_id: format!("{ORDER:032x}"),
            start_time: Some(Time::of(began_ns)),
            raw_traces: true,
            ..OfTrace::default()
        };
        let trace: TracesData = client.one("GetTrace", of).await.unwrap();
        let found = spans(&trace);
        let root = found.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
        assert_eq!(
            (found.len(), root.trace_id.as_slice()),
            (4, &ORDER.to_be_bytes()[..])
        );
        assert_eq!(root.start_time_unix_nano, began_ns);
        let status = root.attributes[1].value.clone().unwrap();
        assert_eq!(status.value, Some(Any::IntValue(201)));
        assert_eq!(root.events[0].name, "paid");

        let both: Vec<TracesData> = client.all("FindTraces", search(began_ns, |_| {})).await.unwrap();
        let shape: Vec<(usize, &[u8])> = both
            .iter()
            .map(spans)
            .map(|spans| (spans.len(), spans[0].trace_id.as_slice()))
            .collect();
        assert_eq!(
            shape,
            [(1, &FAILED.to_be_bytes()[..]), (4, &ORDER.to_be_bytes()[..])]
        );
        let gift = search(began_ns, |query| {
            query.service_name = "shop".to_owned();
            query.operation_name = "POST /orders".to_owned();
            query.attributes.insert("gift".to_owned(), "true".to_owned());
            query.duration_min = Some(Time::of(SECOND / 100));
            query.duration_max = Some(Time::of(SECOND));
            query.search_depth = 3;
        });
        let found: Vec<TracesData> = client.all("FindTraces", gift).await.unwrap();
        assert_eq!((found.len(), spans(&found[0]).len()), (1, 4));
        let none = search(began_ns, |query| query.service_name = "pay".to_owned());
        let found: Vec<TracesData> = client.all("FindTraces", none).await.unwrap();
        assert_eq!(found, []);

        let failed = search(began_ns, |query| {
            query.attributes.insert("error".to_owned(), "true".to_owned());
        });
        let found: Summaries = client.one("FindTraceSummaries", failed).await.unwrap();
        let summary = Summary {
            trace_id: format!("{FAILED:032x}"),
            root_service_name: "shop".to_owned(),
            root_operation_name: "POST /orders".to_owned(),
            min_start_time_unix_nano: began_ns + 10 * SECOND,
            max_end_time_unix_nano: began_ns + 10 * SECOND + 5 * MS,
            span_count: 1,
            error_span_count: 1,
            orphan_span_count: 0,
            services: vec![OfSummary {
                name: "shop".to_owned(),
                span_count: 1,
                error_span_count: 1,
            }],
        };
        assert_eq!(found.summaries, [summary]);

        let range = Range {
            start_time: Some(Time::of(began_ns)),
            end_time: Some(Time::of(began_ns + SECOND)),
        };
        let found: Dependencies = client.one("GetDependencies", range).await.unwrap();
        let edge = Dependency {
            parent: "shop".to_owned(),
            child: "stock".to_owned(),
            call_count: 1,
        };
        assert_eq!(found.dependencies, [edge]);
    });
}

/// Scenario: wrong questions, a trace that is not there, a method that is not known. Guarantee: gRPC's codes, and words that name the parameter.
#[test]
fn refusals() {
    let member = Member::start().unwrap();
    run(async {
        sent(&member, "", "ada").await;
        let mut client = Client::of(&member.door().url, "").await;
        let trace = |id: &str| OfTrace {
            trace_id: id.to_owned(),
            ..OfTrace::default()
        };
        let status = client.all::<_, TracesData>("GetTrace", trace("dead")).await;
        assert_eq!(status.unwrap_err().code(), Code::NotFound);
        let status = client.all::<_, TracesData>("GetTrace", trace("xyz")).await;
        let status = status.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("trace_id"), "{status}");
        let status = client
            .all::<_, Summaries>("FindTraceSummaries", Search::default())
            .await;
        let status = status.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("startTimeMin"), "{status}");
        let status = client
            .all::<_, Operations>("GetOperations", OfService::default())
            .await;
        assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
        let status = client
            .all::<_, Dependencies>("GetDependencies", Range::default())
            .await;
        assert_eq!(status.unwrap_err().code(), Code::InvalidArgument);
        let status = client.all::<_, Empty>("ArchiveTrace", trace("ab")).await;
        assert_eq!(status.unwrap_err().code(), Code::Unimplemented);
    });
}

/// A token of a role, made by the program.
fn token(bed: &Bed, tokens: &str, role: &str) -> String {
    let args = [
        "token", "create", "--tokens", tokens, "--role", role, "--name", role,
    ];
    let output = bed.program(&args).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Scenario: a member with tokens and a span with a secret; asked without a token, by one that may only send, by one that sees no values, by one
/// that sees all. Guarantee: Unauthenticated and `PermissionDenied`; the secret goes only to who may see it; to ask by it is refused
/// with its name.
#[test]
fn roles() {
    const SECRET: &str = "hunter2";
    let bed = bed().unwrap();
    let tokens = bed.path().join("tokens.toml").to_str().unwrap().to_owned();
    let of = |role: &str| token(&bed, &tokens, role);
    let (viewer, redacted, writer) = (of("viewer"), of("viewer-redacted"), of("writer"));
    let member = Member::in_bed(bed, &["--tokens", &tokens]).unwrap();
    let url = member.door().url;
    run(async {
        let began_ns = sent(&member, &writer, SECRET).await;
        for (token, code) in [("", Code::Unauthenticated), (&writer, Code::PermissionDenied)] {
            let mut client = Client::of(&url, token).await;
            let status = client.all::<_, Services>("GetServices", Empty {}).await;
            assert_eq!(status.unwrap_err().code(), code);
        }
        let of_stock = || {
            search(began_ns, |query| {
                query.service_name = "stock".to_owned();
            })
        };
        let mut seen = Vec::new();
        for token in [&viewer, &redacted] {
            let mut client = Client::of(&url, token).await;
            let found: Vec<TracesData> = client.all("FindTraces", of_stock()).await.unwrap();
            assert_eq!((found.len(), spans(&found[0]).len()), (1, 4));
            let bytes = found[0].encode_to_vec();
            let mut parts = bytes.windows(SECRET.len());
            seen.push(parts.any(|part| part == SECRET.as_bytes()));
        }
        assert_eq!(seen, [true, false]);
        let by_value = search(began_ns, |query| {
            query.attributes.insert("user.id".to_owned(), SECRET.to_owned());
        });
        let mut client = Client::of(&url, &redacted).await;
        let status = client.all::<_, TracesData>("FindTraces", by_value).await;
        let status = status.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert!(status.message().contains("user.id"), "{status}");
    });
}
