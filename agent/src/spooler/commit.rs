//! One commit: frames are cut, written until it succeeds, and then those are told who wait for it.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use event::{Bucket, Epoch, Event, Hlc};
use host::CancellationToken;
use placement::bucket_of;
use wire::control::AckRange;
use wire::frame::GapReason;

use super::{Given, State};
use crate::batch::Batcher;
use crate::cluster::Cluster;
use crate::metrics::spool_error;
use crate::spool::Commit;

/// Pause after a failed write.
const RETRY: Duration = Duration::from_millis(200);

/// What is to become frames.
struct Uncut {
    events: Vec<Event>,
    gaps: Vec<Given>,
    cluster: Cluster,
    hlc: Hlc,
    bucket: Bucket,
}

impl State {
    /// One commit of everything that waits, tried until it succeeds or `stop`.
    pub(super) async fn commit(mut self, stop: &CancellationToken) -> Option<Self> {
        let cluster = (*self.spooler.cluster.borrow())?;
        let outcomes = std::mem::take(&mut *self.spooler.exchange.outcomes.lock());
        let superseded = self.superseded();
        let mut pending = std::mem::take(&mut self.pending);
        let hlc = self.spooler.clock.tick();
        let mut uncut = Some(Uncut {
            events: std::mem::take(&mut pending.events),
            gaps: outcomes.gaps.clone(),
            cluster,
            hlc,
            bucket: bucket_of(hlc, cluster.bucket_seconds),
        });
        let described = pending.described.iter();
        let mut commit = Commit {
            marks: std::mem::take(&mut pending.marks),
            described: described.map(|(t, m)| (*t, Bytes::from(m.encode()))).collect(),
            noted: [&outcomes.noted[..], &superseded[..]].concat(),
            acks: outcomes.acks,
            frames: Vec::new(),
        };
        let mut state = self;
        loop {
            let uncut = uncut.take();
            let attempt = tokio::task::spawn_blocking(move || {
                if let Some(uncut) = uncut {
                    commit.frames = uncut.cut(&mut state.spooler.batcher);
                }
                let result = state.spooler.spool.commit(&commit);
                if result.is_err() {
                    state.spooler.spool.make_room();
                }
                (state, commit, result)
            });
            let result;
            (state, commit, result) = attempt.await.ok()?;
            let Err(error) = result else { break };
            state.failed(&error);
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        if std::mem::take(&mut state.failing) {
            tracing::info!("spool is written again");
        }
        {
            let mut index = state.shared.index.lock();
            for token in superseded {
                index.noted(token);
            }
            for gap in &outcomes.gaps {
                gap.held.iter().for_each(|segment| index.settle(*segment));
            }
        }
        for (board, writer, number) in pending.boards {
            board.raise(writer, number);
        }
        for node in pending.gone {
            if !state.presence.knows(node) {
                state.spooler.batcher.forget(node);
            }
        }
        state.spooler.exchange.to_uplink.notify_one();
        state.maintain().await
    }

    async fn maintain(mut self) -> Option<Self> {
        let handle = tokio::task::spawn_blocking(move || {
            let spooler = &mut self.spooler;
            let mut result = Ok(());
            while let Some(segment) = spooler.damaged.last().copied() {
                result = spooler.spool.evacuate(segment);
                if result.is_err() {
                    break;
                }
                spooler.damaged.pop();
            }
            let result = result.and_then(|()| spooler.spool.maintain(spooler.bytes_max));
            if let Err(error) = &result {
                self.failed(error);
            }
            self
        });
        handle.await.ok()
    }

    /// Counted each time, said once.
    fn failed(&mut self, error: &std::io::Error) {
        let reason = spool_error(error);
        let errors = &self.spooler.metrics.spool_errors;
        errors.with_label_values(&[reason]).inc();
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, reason, "spool could not be written; nodes must wait until it can");
        }
    }
}

impl Uncut {
    fn cut(self, batcher: &mut Batcher) -> Vec<crate::spool::NewFrame> {
        let cut = batcher.cut(&self.events, self.cluster.shards, self.hlc, self.bucket);
        let mut frames = cut.unwrap_or_else(|error| {
            // Cannot happen: an event is far smaller than a frame may be.
            tracing::error!(%error, "events do not fit a frame");
            Vec::new()
        });
        // One an epoch and reason.
        let kinds: BTreeSet<(Epoch, GapReason)> =
            self.gaps.iter().map(|g| (g.range.epoch, g.reason)).collect();
        for (epoch, reason) in kinds {
            let of_kind = self
                .gaps
                .iter()
                .filter(|g| (g.range.epoch, g.reason) == (epoch, reason));
            let of_kind: Vec<(AckRange, u64)> = of_kind.map(|g| (g.range, g.events)).collect();
            for some in of_kind.chunks(1024) {
                match batcher.gaps(epoch, some, reason, self.hlc, self.bucket) {
                    Ok(frame) => frames.push(frame),
                    Err(error) => tracing::error!(%error, "gaps do not fit a frame"),
                }
            }
        }
        frames
    }
}
