//! All events of a bucket, each once. A batch is in one frame or run: those that came again do not count (`admit.rs`).

use super::{OpenFrame, Place, Unit, UnitBytes, keys};
use crate::error::StoreError;
use crate::exports::StoredEvents;
use crate::frames;
use crate::state::Shared;
use event::Bucket;
use std::ops::ControlFlow;
use std::sync::Arc;

impl Shared {
    /// Shows the events of a bucket that are sealed, those in no trace too, a block at a time; and frames that cannot be
    /// sealed. How many blocks and frames could not be read.
    pub(crate) fn visit_bucket_events(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(StoredEvents) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        let units: Vec<Unit> = {
            let buckets = self.events.buckets.read();
            let Some(known) = buckets.get(&bucket) else {
                return Ok(0);
            };
            let frames: &[Arc<OpenFrame>] = if known.unsealable { &known.frames } else { &[] };
            let runs = known.runs.iter();
            let runs = runs.map(|(number, run)| Unit::Run(bucket, *number, Arc::clone(run)));
            let frames = frames.iter().map(|frame| Unit::Frame(Arc::clone(frame)));
            runs.chain(frames).collect()
        };
        let mut damaged = 0;
        for place in units.iter().flat_map(Unit::places) {
            let read = match self.stored(&place)? {
                Some(bytes) => UnitBytes::new(bytes).all(place.held()).map_err(Some),
                None => Err(None),
            };
            match read {
                Ok(events) => {
                    if visit(events).is_break() {
                        break;
                    }
                }
                // Dropped since its runs were listed.
                Err(None) if bucket < self.floor() => break,
                Err(error) => {
                    tracing::error!(?error, ?place, "stored events cannot be read");
                    damaged += 1;
                }
            }
        }
        Ok(damaged)
    }

    /// The bytes of a place that stays where it is: runs are not merged, and frames that cannot be sealed are kept.
    fn stored(&self, place: &Place) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(match place {
            Place::Frame(frame) => self.db.get(frames::FAMILY, &frame.key.by_time())?,
            Place::Block(bucket, run, block) => {
                self.db.get(keys::BLOCKS, &keys::block(*bucket, *run, *block))?
            }
        })
    }
}
