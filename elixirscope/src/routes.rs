//! What the HTTP door of a member that collects serves, with values and without.

use std::path::PathBuf;
use std::sync::Arc;

use agent::AgentHandle;
use axum::Router;
use collector::{CollectorHandle, Shards};
use coordinator::Coordinator;
use host::access::{Access, Routes};
use query::CodeIndex;
use query::tempo::SpanSource;
use tokio::runtime::Handle;

use crate::all_spans::AllSpans;
use crate::api::{self, Api};
use crate::certificates::Certificates;
use crate::checks::Checks;
use crate::code_blobs::CoordinatorBlobs;
use crate::doors;
use crate::jaeger::{self, Jaeger};
use crate::tempo::{self, Tempo};
use crate::turns::Turns;
use crate::up::default_socket;

/// All routes; `socket` is the agent's, if it was named.
pub(crate) fn routes(
    socket: Option<PathBuf>,
    coordinator: &Coordinator,
    collector: &CollectorHandle,
    (shards, certificates, receive_buffer_bytes): (Shards, Certificates, usize),
    agent: Option<AgentHandle>,
    access: &Access,
) -> Routes {
    let blobs = Arc::new(CoordinatorBlobs::new(coordinator.clone(), Handle::current()));
    let code = Arc::new(CodeIndex::new(blobs.clone()));
    let spans: Arc<dyn SpanSource> = Arc::new(AllSpans::new(shards.clone(), Arc::clone(&code)));
    let checks = Checks {
        store: collector.store(),
        coordinator: coordinator.clone(),
        code: Arc::clone(&code),
        agent,
        socket: socket.unwrap_or_else(default_socket),
        shards: shards.clone(),
        certificates,
        receive_buffer_bytes,
        guarded: !access.is_open(),
    };
    let api = Api {
        shards,
        code,
        blobs,
        checks: Arc::new(checks),
        redacts: false,
    };
    let turns = Turns::new(spans);
    let routes = |api, turns: Turns| {
        let tempo = Tempo::new(turns.clone(), now_unix_ns);
        let jaeger = Jaeger::new(turns, now_unix_ns);
        let control = doors::control(coordinator.clone());
        Router::new()
            .nest("/api/v1", control.merge(api::router(api)))
            .nest(
                "/jaeger",
                jaeger::router(jaeger.clone()).merge(jaeger::v3::router(jaeger.clone())),
            )
            .merge(jaeger::v3::calls(jaeger))
            .nest("/tempo", tempo::router(tempo.clone()))
            .merge(tempo::streaming(tempo))
    };
    Routes {
        redacted: routes(api.redacted(), turns.redacted()),
        full: routes(api, turns),
    }
}

fn now_unix_ns() -> u64 {
    host::now().to_unix_ns()
}
