//! Where events are: frames that are not sealed, and blocks of runs. Whoever asks gets a list of them with a snapshot of the
//! database in which all of them are, so that sealing does not pull them away.

use super::{OpenFrame, Run, keys};
use crate::db::Db;
use crate::error::StoreError;
use crate::frames;
use crate::state::Shared;
use event::{Bucket, Hlc, TraceId};
use rocksdb::Snapshot;
use std::num::NonZeroU16;
use std::sync::Arc;

/// A frame that is not sealed, or a run.
#[derive(Clone, Debug)]
pub(crate) enum Unit {
    Frame(Arc<OpenFrame>),
    Run(Bucket, u32, Arc<Run>),
}

/// What is read at once: a frame, or a block of a run.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Frame(Arc<OpenFrame>),
    Block(Bucket, u32, u32),
}

impl Unit {
    /// Least and greatest HLC of its events.
    pub(crate) fn hlc(&self) -> (Hlc, Hlc) {
        match self {
            Self::Frame(frame) => frame.hlc,
            Self::Run(_, _, run) => run.record.hlc,
        }
    }
    /// All that it consists of.
    pub(crate) fn places(&self) -> Vec<Place> {
        match self {
            Self::Frame(frame) => vec![Place::Frame(Arc::clone(frame))],
            Self::Run(bucket, number, run) => (0..run.record.blocks.len() as u32)
                .map(|block| Place::Block(*bucket, *number, block))
                .collect(),
        }
    }
    /// Where a trace may be in it.
    fn places_of(&self, trace: TraceId, shards: NonZeroU16) -> Vec<Place> {
        match self {
            Self::Frame(frame) if frame.may_have(trace) => vec![Place::Frame(Arc::clone(frame))],
            Self::Frame(_) => Vec::new(),
            Self::Run(bucket, number, run) => run
                .blocks_of(trace, shards)
                .map(|block| Place::Block(*bucket, *number, block))
                .collect(),
        }
    }
    /// Where events in no trace are in it.
    pub(crate) fn loose_places(&self) -> Vec<Place> {
        match self {
            Self::Frame(_) => self.places(),
            Self::Run(bucket, number, run) => run
                .loose_blocks()
                .map(|block| Place::Block(*bucket, *number, block))
                .collect(),
        }
    }
}

impl Place {
    pub(crate) fn bucket(&self) -> Bucket {
        match self {
            Self::Frame(frame) => frame.key.bucket,
            Self::Block(bucket, ..) => *bucket,
        }
    }
    /// Positions of sections that do not count.
    pub(crate) fn held(&self) -> &[u32] {
        match self {
            Self::Frame(frame) => &frame.held,
            Self::Block(..) => &[],
        }
    }
}

/// Units, as of one instant.
pub(crate) struct View<'s> {
    pub(crate) units: Vec<Unit>,
    db: &'s Db,
    snapshot: Snapshot<'s>,
}

impl View<'_> {
    /// The bytes of a place; none if its bucket was dropped meanwhile.
    pub(crate) fn bytes(&self, place: &Place) -> Result<Option<Vec<u8>>, StoreError> {
        let get = |family, key: &[u8]| self.snapshot.get_cf(self.db.family(family), key);
        Ok(match place {
            Place::Frame(frame) => get(frames::FAMILY, &frame.key.by_time())?,
            Place::Block(bucket, run, block) => get(keys::BLOCKS, &keys::block(*bucket, *run, *block))?,
        })
    }
}

impl Shared {
    /// The units that are wanted, oldest bucket first, runs before frames.
    pub(crate) fn view(&self, mut wanted: impl FnMut(Bucket, &Unit) -> bool) -> View<'_> {
        let buckets = self.events.buckets.read();
        let mut units = Vec::new();
        for (number, bucket) in &*buckets {
            let runs = bucket
                .runs
                .iter()
                .map(|(run, known)| Unit::Run(*number, *run, Arc::clone(known)));
            let frames = bucket.frames.iter().map(|frame| Unit::Frame(Arc::clone(frame)));
            units.extend(runs.chain(frames).filter(|unit| wanted(*number, unit)));
        }
        // Under the lock, under which sealing writes too.
        let snapshot = self.db.raw.snapshot();
        View {
            units,
            db: &self.db,
            snapshot,
        }
    }

    /// Where a trace may be.
    pub(crate) fn places_of(&self, trace: TraceId) -> (View<'_>, Vec<Place>) {
        let mut places = Vec::new();
        let view = self.view(|_, unit| {
            places.extend(unit.places_of(trace, self.options.shards));
            false
        });
        (view, places)
    }
}
