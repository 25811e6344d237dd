//! Log records on their way to enough disks. A record has no identity of its own: who sends it again after an answer that did not come stores
//! it twice.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Instant;

use event::{Epoch, Hlc, LogRecord, Producer, Seq, Shard};
use parking_lot::Mutex;
use store::{FrameToStore, Store};
use tokio::sync::mpsc::unbounded_channel;
use wire::frame::FRAME_BYTES_MAX;
use wire::otlp::decode_logs;

use super::commit::{acknowledged, refusal};
use crate::acks::InFlight;
use crate::clock::MemberClock;
use crate::control_plane::ClusterSettings;
use crate::otlp::{Receipt, Refusal};
use crate::replicas::Replicas;

/// Takes log records in: this member is their producer, beside the one that it is for spans.
#[derive(Debug)]
pub(super) struct LogLine {
    store: Arc<Store>,
    replicas: Replicas,
    clock: MemberClock,
    producer: Producer,
    shards: NonZeroU16,
    life: Mutex<Arc<Life>>,
}

/// Numbers of batches since the start, or since a frame was not acknowledged.
#[derive(Debug)]
struct Life {
    epoch: Epoch,
    seqs: Vec<Mutex<u64>>,
}

impl Life {
    fn new(epoch: Epoch, shards: NonZeroU16) -> Arc<Self> {
        let seqs = (0..shards.get()).map(|_| Mutex::new(0)).collect();
        Arc::new(Self { epoch, seqs })
    }

    fn next(&self, shard: Shard) -> Seq {
        let seq = self.seqs.get(usize::from(shard.0));
        seq.map_or(Seq(1), |seq| {
            let mut seq = seq.lock();
            *seq += 1;
            Seq(*seq)
        })
    }
}

/// What a request became.
struct Cut {
    frames: Vec<FrameToStore>,
    receipt: Receipt,
    life: Arc<Life>,
}

impl LogLine {
    pub(super) fn new(
        (store, replicas): (Arc<Store>, Replicas),
        clock: MemberClock,
        settings: &ClusterSettings,
        started: Hlc,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            replicas,
            clock,
            producer: Producer(!(settings.cluster ^ u128::from(settings.member))),
            shards: settings.shards,
            life: Mutex::new(Life::new(Epoch(started.0), settings.shards)),
        })
    }

    /// Returns when all records of the request are on enough disks.
    pub(super) async fn take(self: &Arc<Self>, request: bytes::Bytes) -> Result<Receipt, Refusal> {
        let hlc = self.clock.tick().await.map_err(|error| refusal(&error))?;
        let line = Arc::clone(self);
        let cut = tokio::task::spawn_blocking(move || line.cut(&request, hlc)).await;
        let gone = |_| Refusal::Unavailable("this member is shutting down".to_owned());
        let cut = cut.map_err(gone)??;
        for frame in cut.frames {
            let (tell, told) = unbounded_channel();
            let in_flight = InFlight {
                frame,
                received: Instant::now(),
                _permits: None,
            };
            self.replicas.front(in_flight, tell);
            if let Err(refused) = acknowledged(told).await {
                // Its numbers may be holes for ever.
                self.begin_anew(&cut.life).await?;
                return Err(refused);
            }
        }
        Ok(cut.receipt)
    }

    fn cut(&self, request: &[u8], hlc: Hlc) -> Result<Cut, Refusal> {
        let decoded = decode_logs(request).map_err(|error| Refusal::Malformed(error.to_string()))?;
        let life = Arc::clone(&self.life.lock());
        let mut cut = Cut {
            frames: Vec::new(),
            receipt: Receipt {
                accepted: decoded.records.len() as u64,
                rejected: decoded.notes.rejected_total(),
                message: decoded.notes.message("log records"),
            },
            life,
        };
        if !decoded.records.is_empty() {
            self.frames(&decoded.records, hlc, &mut cut)?;
        }
        Ok(cut)
    }

    /// One frame, or halves of what does not fit in one.
    fn frames(&self, records: &[LogRecord], hlc: Hlc, cut: &mut Cut) -> Result<(), Refusal> {
        let of = (self.producer, cut.life.epoch);
        let at = (hlc, self.store.bucket_at(hlc));
        let life = Arc::clone(&cut.life);
        let frame = FrameToStore::of_logs(of, at, self.shards, records, |shard| life.next(shard))
            .map_err(|error| refusal(&error))?;
        if frame.byte_len() <= FRAME_BYTES_MAX {
            cut.frames.push(frame);
            return Ok(());
        }
        if let [_] = records {
            cut.receipt.accepted -= 1;
            cut.receipt.rejected += 1;
            let said = format!("a log record is longer than {FRAME_BYTES_MAX} bytes. ");
            cut.receipt.message.insert_str(0, &said);
            return Ok(());
        }
        let (one, other) = records.split_at(records.len() / 2);
        self.frames(one, hlc, cut)?;
        self.frames(other, hlc, cut)
    }

    /// Later requests are numbered from the beginning, in another life, unless one has begun already.
    async fn begin_anew(&self, over: &Arc<Life>) -> Result<(), Refusal> {
        let hlc = self.clock.tick().await.map_err(|error| refusal(&error))?;
        let mut life = self.life.lock();
        if Arc::ptr_eq(&life, over) {
            *life = Life::new(Epoch(hlc.0), self.shards);
        }
        Ok(())
    }
}
