//! The thread that exports.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use event::{Bucket, Micros};
use host::{CancellationToken, Registry};
use objects::{ObjectFault, Objects, Put};
use parking_lot::Mutex;
use query::CodeSource;
use store::Store;
use tokio::runtime::Handle;

use super::bucket::{BucketExport, Failed, Sink};
use super::manifest::Manifest;
use super::metrics::ExportMetrics;
use super::plan::{Look, Next, Plan};
use super::progress::Copied;
use super::spool;

/// First pause after a failure; each next is twice as long.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// How much less than others the thread gets of a processor (`nice`).
const NICE: i32 = 10;

/// What an exporter is told at start.
#[derive(Debug)]
pub struct ExportConfig {
    /// Where to.
    pub objects: Objects,
    /// Folder for the file that is being written.
    pub spool: PathBuf,
    /// The cluster's random id.
    pub cluster: u128,
    /// This member's id.
    pub member: u64,
    /// Are buckets kept until they are exported, however old?
    pub before_drop: bool,
    /// How often is looked for closed buckets.
    pub interval: Duration,
    /// A bucket that was exported is exported again for late data when no more came for so long: [`ExportConfig::SETTLE`].
    pub settle: Duration,
}

impl ExportConfig {
    /// How long late data is waited for, before a bucket is exported again.
    pub const SETTLE: Duration = Duration::from_mins(2);
}

/// Why an exporter does not start.
#[derive(Debug, thiserror::Error)]
pub enum ExportStartError {
    /// The storage.
    #[error(transparent)]
    Objects(#[from] ObjectFault),
    /// The folder, or the thread.
    #[error("export: {0}")]
    Io(#[from] std::io::Error),
    /// What was exported before cannot be read.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A metric's name is taken.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Exports closed buckets until it is stopped.
#[derive(Debug)]
pub struct Exporter {
    stop: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Exporter {
    /// Starts the thread. `now` is the physical clock. Call it within a tokio runtime with threads.
    pub fn start(
        config: ExportConfig,
        store: Arc<Store>,
        code: Arc<dyn CodeSource + Send + Sync>,
        registry: &Registry,
        now: fn() -> Micros,
    ) -> Result<Self, ExportStartError> {
        spool::clean(&config.spool)?;
        let stop = CancellationToken::new();
        let worker = Worker {
            plan: Plan::new(config.objects.shown(), config.settle, store.exports()?),
            metrics: ExportMetrics::new(registry)?,
            runtime: Handle::current(),
            stop: stop.clone(),
            began: Instant::now(),
            config,
            store,
            code,
            now,
        };
        let thread = std::thread::Builder::new()
            .name("export".to_owned())
            .spawn(move || worker.run())?;
        Ok(Self {
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Stops, in the middle of a file too, and waits for that.
    pub fn stop(&self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("export thread panicked");
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Worker {
    config: ExportConfig,
    store: Arc<Store>,
    code: Arc<dyn CodeSource + Send + Sync>,
    runtime: Handle,
    stop: CancellationToken,
    metrics: ExportMetrics,
    plan: Plan,
    began: Instant,
    now: fn() -> Micros,
}

impl Worker {
    fn run(mut self) {
        // Of this thread alone, on Linux.
        let _ = rustix::process::setpriority_process(None, NICE);
        tracing::info!(to = self.config.objects.shown(), "closed buckets are exported");
        let mut pause = PAUSE_MIN;
        while !self.stop.is_cancelled() {
            let look = self.look();
            let Some(next) = look.next else {
                self.wait(self.config.interval);
                continue;
            };
            match self.export(next) {
                Ok(()) => pause = PAUSE_MIN,
                // The next look counts it.
                Err(Failed::Gone | Failed::Stopped) => {}
                Err(error) => {
                    self.metrics.failures.with_label_values(&["bucket"]).inc();
                    tracing::warn!(bucket = %next.bucket, %error, "a bucket is not exported yet");
                    self.wait(pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn look(&mut self) -> Look {
        let now = (self.now)();
        let states = self.store.bucket_states(now);
        let look = self.plan.look(&states, self.began.elapsed());
        if self.config.before_drop {
            self.store.hold_from(look.keep_from.unwrap_or(Bucket(u32::MAX)));
        }
        if look.missed > 0 {
            tracing::warn!(
                buckets = look.missed,
                "buckets were dropped before they were exported"
            );
        }
        self.metrics.missed.inc_by(look.missed);
        self.metrics.waiting.set(look.waiting as i64);
        let end = look.oldest.map(|bucket| self.store.bucket_time(bucket).end);
        let lag_us = end.map_or(0, |end| now.0.saturating_sub(end.0));
        self.metrics.lag_seconds.set((lag_us / 1_000_000) as i64);
        look
    }

    fn export(&mut self, next: Next) -> Result<(), Failed> {
        let sink = Upload {
            objects: &self.config.objects,
            metrics: &self.metrics,
            runtime: &self.runtime,
            stop: &self.stop,
            store: &self.store,
            bucket: next.bucket,
        };
        let export = BucketExport {
            store: &self.store,
            code: &*self.code,
            sink: &sink,
            spool: &self.config.spool,
            cluster: self.config.cluster,
            member: self.config.member,
        };
        let manifest = export.run(next)?;
        let copied = Copied::new(self.config.objects.shown(), manifest.generation, next.mark);
        self.store.set_export(next.bucket, &copied.encode())?;
        self.plan.did(next.bucket, copied);
        self.count(&manifest);
        Ok(())
    }

    fn count(&self, manifest: &Manifest) {
        self.metrics.buckets.inc();
        if manifest.generation > 1 {
            self.metrics.again.inc();
        }
        self.metrics.unreadable.inc_by(manifest.unreadable);
        for file in &manifest.files {
            self.metrics
                .rows
                .with_label_values(&[&file.table])
                .inc_by(file.rows);
        }
        tracing::info!(
            bucket = manifest.bucket,
            generation = manifest.generation,
            spans = manifest.spans,
            logs = manifest.logs,
            events = manifest.events,
            unreadable = manifest.unreadable,
            files = manifest.files.len(),
            "bucket exported"
        );
    }

    fn wait(&self, time: Duration) {
        wait(&self.runtime, &self.stop, time);
    }
}

fn wait(runtime: &Handle, stop: &CancellationToken, time: Duration) {
    let _ = runtime.block_on(async { tokio::time::timeout(time, stop.cancelled()).await });
}

/// Brings files to the storage, again and again until it did.
struct Upload<'u> {
    objects: &'u Objects,
    metrics: &'u ExportMetrics,
    runtime: &'u Handle,
    stop: &'u CancellationToken,
    store: &'u Store,
    bucket: Bucket,
}

impl Upload<'_> {
    fn until_done<T>(
        &self,
        at: &str,
        attempt: impl AsyncFn() -> Result<T, ObjectFault>,
    ) -> Result<T, Failed> {
        let mut pause = PAUSE_MIN;
        loop {
            self.check()?;
            let tried = self.runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => None,
                    tried = attempt() => Some(tried),
                }
            });
            match tried {
                None => return Err(Failed::Stopped),
                Some(Ok(done)) => return Ok(done),
                Some(Err(error)) => {
                    self.metrics.failures.with_label_values(&[at]).inc();
                    tracing::warn!(%error, at, pause_s = pause.as_secs(), "the storage of the export failed");
                    wait(self.runtime, self.stop, pause);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn count(&self, put: &Put) {
        self.metrics.files.inc();
        self.metrics.bytes.inc_by(put.bytes);
    }
}

impl Sink for Upload<'_> {
    fn put_file(&self, name: &str, file: &Path) -> Result<Put, Failed> {
        let put = self.until_done("put", async || self.objects.put_file(name, file).await)?;
        self.count(&put);
        Ok(put)
    }

    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Failed> {
        let bytes = bytes::Bytes::from(bytes);
        let put = self.until_done("put", async || self.objects.put(name, bytes.clone()).await)?;
        self.count(&put);
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Failed> {
        let found = self.until_done("get", async || self.objects.get(name).await)?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Failed> {
        self.until_done("list", async || self.objects.list(folder).await)
    }

    fn delete(&self, name: &str) -> Result<(), Failed> {
        self.until_done("delete", async || self.objects.delete(name).await)
    }

    fn check(&self) -> Result<(), Failed> {
        if self.stop.is_cancelled() {
            return Err(Failed::Stopped);
        }
        if self.bucket < self.store.floor() {
            return Err(Failed::Gone);
        }
        Ok(())
    }
}
