//! The store's side of the OTLP doors.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use event::{Epoch, Producer};
use host::Registry;
use parking_lot::Mutex;
use store::Store;
use tokio::runtime::Handle;

use super::commit::{Committer, RETRY_AFTER_MS};
use super::lane::{Lanes, NotTaken, Taken};
use super::logs::LogLine;
use super::metrics::SpanMetrics;
use super::shown::CountedSpans;
use crate::clock::MemberClock;
use crate::collector::StartError;
use crate::control_plane::ClusterSettings;
use crate::otlp::{Intake, Receipt, Refusal};
use crate::replicas::Replicas;

/// Larger requests are skimmed outside of the async threads.
const INLINE_BYTES_MAX: usize = 1 << 20;

/// Takes spans in.
#[derive(Debug)]
pub(crate) struct SpanIntake {
    lanes: Arc<Lanes>,
    logs: Arc<LogLine>,
    next_lane: AtomicUsize,
    metrics: Arc<SpanMetrics>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

impl SpanIntake {
    pub(crate) async fn start(
        (store, replicas): (Arc<Store>, Replicas),
        clock: MemberClock,
        settings: &ClusterSettings,
        counted: Option<CountedSpans>,
        registry: &Registry,
    ) -> Result<Self, StartError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        // Random, of the standard library: whoever sends cannot know it.
        let seed = RandomState::new().hash_one(settings.member);
        let lanes = Arc::new(Lanes::new(processors, seed));
        let metrics = Arc::new(SpanMetrics::new(registry)?);
        let started = clock.tick().await?;
        let epoch = Epoch(started.0);
        let line = (Arc::clone(&store), replicas.clone());
        let logs = LogLine::new(line, clock.clone(), settings, started);
        let committer = Committer {
            lanes: Arc::clone(&lanes),
            store: Arc::clone(&store),
            replicas,
            clock: clock.clone(),
            runtime: Handle::current(),
            producer: Producer(settings.cluster ^ u128::from(settings.member)),
            epoch,
            shards: settings.shards,
            metrics: Arc::clone(&metrics),
            counted,
        };
        let thread = std::thread::Builder::new()
            .name("span-committer".to_owned())
            .spawn(move || committer.run())
            .map_err(|_| StartError::Interrupted)?;
        Ok(Self {
            lanes,
            logs,
            next_lane: AtomicUsize::new(0),
            metrics,
            committer: Mutex::new(Some(thread)),
        })
    }

    /// Takes no more requests, and waits until those that were taken are on disk and answered.
    pub(crate) fn stop(&self) {
        self.lanes.stop();
        if let Some(thread) = self.committer.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("span committer panicked");
        }
    }

    fn take(&self, request: &[u8]) -> Result<Taken, Refusal> {
        let lane = self.next_lane.fetch_add(1, Ordering::Relaxed);
        self.lanes.take(lane, request).map_err(|why| match why {
            NotTaken::Malformed(error) => Refusal::Malformed(error.to_string()),
            NotTaken::Busy => {
                self.metrics.busy.inc();
                Refusal::Busy {
                    retry_after_ms: RETRY_AFTER_MS,
                }
            }
            NotTaken::Stopped => Refusal::Unavailable("this member is shutting down".to_owned()),
        })
    }
}

impl Intake for SpanIntake {
    async fn traces(&self, request: Bytes) -> Result<Receipt, Refusal> {
        let taken = if request.len() > INLINE_BYTES_MAX {
            tokio::task::block_in_place(|| self.take(&request))
        } else {
            self.take(&request)
        }?;
        drop(request);
        for frame in taken.frames {
            let gone = || Refusal::Unavailable("this member is shutting down".to_owned());
            frame.await.map_err(|_| gone())??;
        }
        let done = taken.skimmed;
        let mut message = done.notes.message("spans");
        if done.too_long > 0 {
            let max = wire::spans::SPAN_BYTES_MAX;
            message = format!("{} spans are longer than {max} bytes. {message}", done.too_long);
        }
        Ok(Receipt {
            accepted: done.spans,
            rejected: done.rejected(),
            message,
        })
    }

    async fn logs(&self, request: Bytes) -> Result<Receipt, Refusal> {
        self.logs.take(request).await
    }
}
