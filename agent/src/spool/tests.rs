//! The spool over lives.

mod damage;
mod lives;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU16;
use std::path::PathBuf;

use event::{Bucket, Event, EventId, EventKind, Hlc, Micros, NodeKey, Pid, Seq, TraceId};
use wire::frame::decode;

use super::*;
use crate::batch::Batcher;

const SHARDS: NonZeroU16 = NonZeroU16::new(4).unwrap();

fn event(id: u64, payload: usize) -> Event {
    Event {
        id: EventId(id),
        hlc: Hlc(id),
        time: Micros(id),
        pid: Pid(1),
        trace: TraceId(u128::from(id % 7 + 1)),
        payload: blake3::Hasher::new()
            .update(&id.to_le_bytes())
            .finalize_xof_bytes(payload),
        ..Event::blank(EventKind::Call, NodeKey(5))
    }
}

trait Xof {
    fn finalize_xof_bytes(&self, n: usize) -> Vec<u8>;
}
impl Xof for blake3::Hasher {
    fn finalize_xof_bytes(&self, n: usize) -> Vec<u8> {
        let mut out = vec![0; n];
        self.finalize_xof().fill(&mut out);
        out
    }
}

/// Stores `ids` as one chunk of writer 1 of node 5.
fn store(spool: &mut Spool, batcher: &mut Batcher, ids: std::ops::RangeInclusive<u64>, payload: usize) {
    let events: Vec<Event> = ids.clone().map(|id| event(id, payload)).collect();
    let frames = batcher.cut(&events, SHARDS, Hlc(1), Bucket(1)).unwrap();
    let mut marks = Marks::default();
    marks.entry(NodeKey(5)).writers.insert(1, *ids.end());
    spool
        .commit(&Commit {
            marks,
            frames,
            ..Commit::default()
        })
        .unwrap();
}

/// All events in the spool, by identity.
fn contents(shared: &Shared) -> BTreeMap<(u64, u16, u64), Vec<u64>> {
    let places = shared.index.lock().take_unsent(u64::MAX, true);
    let mut found = BTreeMap::new();
    for at in places {
        let frame = decode(&shared.read(at).unwrap()).unwrap();
        for section in frame.sections {
            let key = (frame.header.epoch.0, section.shard.0, section.seq.0);
            let ids = section.events().iter().map(|e| e.id.0).collect();
            assert!(found.insert(key, ids).is_none(), "{key:?} is stored twice");
        }
    }
    shared.index.lock().unsend_all();
    found
}

fn ids(contents: &BTreeMap<(u64, u16, u64), Vec<u64>>) -> Vec<u64> {
    let mut all: Vec<u64> = contents.values().flatten().copied().collect();
    all.sort_unstable();
    all
}

fn files(dir: &std::path::Path) -> Vec<PathBuf> {
    recover::segment_files(&dir.join("spool"))
        .unwrap()
        .into_values()
        .collect()
}

/// A sync that fails while it is told to.
pub(super) fn synced(failing: &mut u32, file: &fs::File) -> io::Result<()> {
    if *failing > 0 {
        *failing -= 1;
        return Err(rustix::io::Errno::IO.into());
    }
    file.sync_data()
}
