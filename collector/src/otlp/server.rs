//! The two ports.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use host::access::{Access, TooOpen};
use host::{CancellationToken, Registry};
use prometheus::IntGauge;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::budget::Budget;
use super::config::{OtlpConfig, OtlpLimits};
use super::connection;
use super::intake::Intake;
use super::lag::Lag;
use super::metrics::Metrics;
use super::service::Context;

/// Pause after a failure to accept: descriptors may be used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the doors do not open.
#[derive(Debug, thiserror::Error)]
pub enum OtlpStartError {
    /// An address.
    #[error("cannot bind TCP address {addr} for OTLP: {source}")]
    Bind {
        /// Which.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Anybody could come in.
    #[error(transparent)]
    TooOpen(#[from] TooOpen),
    /// A metric's name is taken.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Both doors, bound, not served yet.
#[derive(Debug)]
pub struct OtlpServer {
    grpc: (TcpListener, SocketAddr),
    http: (TcpListener, SocketAddr),
    limits: OtlpLimits,
    access: Access,
    metrics: Arc<Metrics>,
}

impl OtlpServer {
    /// Takes the addresses; beyond the loopback only if there are tokens.
    pub async fn bind(
        config: OtlpConfig,
        access: Access,
        registry: &Registry,
    ) -> Result<Self, OtlpStartError> {
        access.may_listen("OTLP gRPC", config.grpc)?;
        access.may_listen("OTLP HTTP", config.http)?;
        let metrics = Arc::new(Metrics::new(registry)?);
        Ok(Self {
            grpc: listen(config.grpc).await?,
            http: listen(config.http).await?,
            limits: config.limits,
            access,
            metrics,
        })
    }

    /// Address of the gRPC door, with the port that was chosen if 0 was asked for.
    pub fn grpc_addr(&self) -> SocketAddr {
        self.grpc.1
    }
    /// Address of the HTTP door.
    pub fn http_addr(&self) -> SocketAddr {
        self.http.1
    }

    /// Serves until `stop`; then takes no connections, answers the requests under way within
    /// [`OtlpLimits::shutdown_timeout`], and returns.
    pub async fn serve<I: Intake>(self, intake: Arc<I>, stop: CancellationToken) {
        let lag = Arc::new(Lag::default());
        let (probe, shown) = (Arc::clone(&lag), self.metrics.lag.clone());
        let probe = tokio::spawn(async move { probe.watch(&shown).await });
        let context = Arc::new(Context {
            intake,
            limits: self.limits,
            access: self.access,
            budget: Budget::new(self.limits.budget_bytes(), self.metrics.in_flight.clone(), lag),
            metrics: self.metrics,
        });
        let places = Arc::new(Semaphore::new(self.limits.connections_max));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => {
                    if ended.is_err() {
                        tracing::error!("otlp connection panicked");
                    }
                    continue;
                }
                accepted = self.grpc.0.accept() => accepted,
                accepted = self.http.0.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    context.metrics.accept_errors.inc();
                    tracing::warn!(%error, "otlp connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                context.metrics.connections_refused.inc();
                continue;
            };
            let (context, stop) = (Arc::clone(&context), stop.clone());
            connections.spawn(async move {
                let _open = Counted::up(&context.metrics.connections);
                connection::run(context, stream, peer.ip(), stop).await;
                drop(place);
            });
        }
        drop((self.grpc, self.http));
        probe.abort();
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.limits.shutdown_timeout, ended)
            .await
            .is_err()
        {
            tracing::warn!("otlp requests did not end in time and are aborted");
            connections.shutdown().await;
        }
    }
}

/// Counted in a gauge while it lives.
struct Counted(IntGauge);

impl Counted {
    fn up(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

async fn listen(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), OtlpStartError> {
    let failed = |source| OtlpStartError::Bind { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}
