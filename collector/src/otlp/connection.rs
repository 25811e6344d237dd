//! One connection, HTTP/1.1 or HTTP/2, from its first byte to its last answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use host::CancellationToken;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;

use super::config::{
    H2_CONNECTION_WINDOW_BYTES, H2_FRAME_BYTES_MAX, H2_HEADER_BYTES_MAX, H2_PING_INTERVAL,
    H2_STREAM_WINDOW_BYTES, H2_STREAMS_MAX, OtlpLimits,
};
use super::intake::Intake;
use super::service::{Context, answer};

fn builder(limits: &OtlpLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_frame_size(H2_FRAME_BYTES_MAX)
        .max_header_list_size(H2_HEADER_BYTES_MAX)
        .keep_alive_interval(H2_PING_INTERVAL)
        .keep_alive_timeout(H2_PING_INTERVAL);
    builder
}

/// Serves until the client leaves or, after `stop`, the requests under way are answered.
pub(super) async fn run<I: Intake>(
    context: Arc<Context<I>>,
    stream: TcpStream,
    peer: IpAddr,
    stop: CancellationToken,
) {
    // Answers are small and wanted at once.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let limits = context.limits;
    let spoke = Arc::new(AtomicBool::new(false));
    let service = {
        let spoke = Arc::clone(&spoke);
        service_fn(move |request| {
            spoke.store(true, Relaxed);
            answer(Arc::clone(&context), peer, request)
        })
    };
    let builder = builder(&limits);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // Before its first request hyper gives a client all the time it wants.
    let mut first = std::pin::pin!(tokio::time::sleep(limits.idle_timeout));
    let (mut waiting, mut stopping) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "otlp connection ended");
                }
                return;
            }
            () = first.as_mut(), if waiting => {
                if !spoke.load(Relaxed) {
                    return;
                }
                waiting = false;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
