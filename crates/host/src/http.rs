//! The HTTP door: `/metrics`, `/live`, `/ready`, `/api/v1/log`, and whatever routes a role adds.

use std::io;
use std::net::SocketAddr;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Registry;
use crate::access::{Access, Gate, Routes, TooOpen};
use crate::doorway::Doorway;
use crate::log_filter;
use crate::metrics::Exposition;
use crate::readiness::Readiness;

/// The address could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Another process has it.
    #[error("TCP address {0} is already in use: is another member running? stop it, or choose another port")]
    AddressInUse(SocketAddr),
    /// Anybody could come in.
    #[error(transparent)]
    TooOpen(#[from] TooOpen),
    /// Another reason.
    #[error("cannot bind TCP address {addr}: {source}")]
    Io {
        /// Which.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A listening socket with its routes, not served yet.
pub struct HttpServer {
    doorway: Doorway,
    local_addr: SocketAddr,
    router: Router,
}

impl std::fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpServer")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Shared {
    metrics: Exposition,
    readiness: Readiness,
}

impl HttpServer {
    /// Takes `addr`, on the loopback only. `routes` must not contain `/metrics`, `/live`, `/ready` or `/api/v1/log`.
    pub async fn bind(
        addr: SocketAddr,
        routes: Router,
        metrics: impl Into<Exposition>,
        readiness: Readiness,
    ) -> Result<Self, HttpError> {
        Access::open().may_listen("http", addr)?;
        let metrics = metrics.into();
        let registry = metrics.registry().clone();
        Self::listen(addr, routes.merge(own(metrics, readiness)), &registry).await
    }

    /// Takes `addr`, behind a gate.
    pub async fn behind(
        gate: Gate,
        addr: SocketAddr,
        mut routes: Routes,
        metrics: impl Into<Exposition>,
        readiness: Readiness,
    ) -> Result<Self, HttpError> {
        gate.access().may_listen("http", addr)?;
        let metrics = metrics.into();
        let registry = metrics.registry().clone();
        routes.full = routes.full.merge(own(metrics, readiness));
        Self::listen(addr, gate.before(routes), &registry).await
    }

    async fn listen(addr: SocketAddr, router: Router, registry: &Registry) -> Result<Self, HttpError> {
        let failed = |source: io::Error| {
            if source.kind() == io::ErrorKind::AddrInUse {
                HttpError::AddressInUse(addr)
            } else {
                HttpError::Io { addr, source }
            }
        };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self {
            doorway: Doorway::new(listener, registry),
            local_addr,
            router,
        })
    }

    /// The address, with the port that was chosen if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `stop`, then finishes the requests under way.
    pub async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        // Only what is tapped says who is there.
        axum::serve(self.doorway.tap_io(|_| {}), service)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }
}

/// What every server has.
fn own(metrics: Exposition, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/live", get(|| async { "live\n" }))
        .route("/ready", get(ready))
        .route("/api/v1/log", log_filter::route())
        .with_state(Shared { metrics, readiness })
}

async fn scrape(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let (content_type, body) = shared.metrics.answer(accept);
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

async fn ready(State(shared): State<Shared>) -> Response {
    let failing = shared.readiness.failing();
    let status = if failing.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(
            json!({ "ready": failing.is_empty(), "failing": failing, "remarks": shared.readiness.remarks() }),
        ),
    )
        .into_response()
}
