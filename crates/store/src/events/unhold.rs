//! A stored frame that cannot be read any more: its batches are held no longer, so that they are missing in lists and digests, and a good
//! copy that another member has comes as new. The frame stays where it is, as one of which nothing counts: it is said at every opening, and
//! goes with its bucket. Whoever is alone has lost them, and says so: their numbers are holes.

use crate::batches::{self, FrameRecord};
use crate::counters::add;
use crate::error::StoreError;
use crate::frame_key::FrameKey;
use crate::producers::{self, HeldGroup, ProducerKey};
use crate::state::{CommitState, Shared};
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What is held, without the batches of damaged frames.
#[derive(Debug, Default)]
pub(super) struct Unheld {
    groups: BTreeMap<ProducerKey, HeldGroup>,
    batches: u64,
}

impl Unheld {
    /// Takes the batches and gaps of a frame out of what is held. Under the lock of commits.
    pub(super) fn add(
        &mut self,
        shared: &Shared,
        key: FrameKey,
        batch: &mut WriteBatch,
    ) -> Result<(), StoreError> {
        let Some(bytes) = shared.db.get(batches::FAMILY, &key.by_producer())? else {
            return Ok(());
        };
        let mut record = FrameRecord::decode(&bytes)?;
        for section in record.sections.iter_mut().filter(|section| !section.held) {
            let of = ProducerKey::of(key.producer, key.epoch, section.shard);
            let group = match self.groups.entry(of) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let known = shared.db.get(producers::FAMILY, &of.encode())?;
                    let known = known.map(|bytes| HeldGroup::decode(&bytes)).transpose()?;
                    free.insert(known.unwrap_or_default())
                }
            };
            if let Some(held) = group.shards.get_mut(&section.shard) {
                let set = if section.gap {
                    &mut held.gaps
                } else {
                    &mut held.data
                };
                set.remove_range(section.seq.0, section.last.0);
            }
            // Stored with the frame, found by nobody.
            section.held = true;
            self.batches += 1;
        }
        batch.put_cf(
            shared.db.family(batches::FAMILY),
            key.by_producer(),
            record.encode(),
        );
        Ok(())
    }

    /// Puts what is held.
    pub(super) fn put(&self, shared: &Shared, batch: &mut WriteBatch) {
        for (key, group) in &self.groups {
            batch.put_cf(shared.db.family(producers::FAMILY), key.encode(), group.encode());
        }
    }

    /// It is on the disk: what commits know of it is old.
    pub(super) fn applied(&self, shared: &Shared, state: &mut CommitState) {
        for key in self.groups.keys() {
            state.held.pop(key);
        }
        add(&shared.counters.damaged_batches, self.batches);
    }
}

impl Shared {
    /// The same of one frame by itself, when the store is opened.
    pub(super) fn unhold(&self, key: FrameKey) -> Result<(), StoreError> {
        let mut state = self.commit.lock();
        let (mut unheld, mut batch) = (Unheld::default(), WriteBatch::default());
        unheld.add(self, key, &mut batch)?;
        if unheld.batches > 0 {
            unheld.put(self, &mut batch);
            self.write(batch, true)?;
            unheld.applied(self, &mut state);
        }
        Ok(())
    }
}
