//! The records of the code store that a project's graph is put together from, by what they are made of. Keys and values:
//! `docs/code-graph/store.md`. A record that is missing, or does not decode, is made again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use codegraph::SourceHash;
use codegraph::identity::ContentId;
use codegraph::link::otp::Facts;
use codegraph::link::{Exports, Links, Trace, record};
use codegraph::local::{LocalFacts, Places};
use codegraph::records::{Change, Family, Records, RecordsFault};

/// Ways to link one shape that are remembered.
const TRACES_MAX: usize = 8;

type Pending = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

/// Reads records, and keeps what is new until it is saved.
pub(super) struct Memo {
    records: Option<Arc<dyn Records>>,
    pending: Mutex<Pending>,
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}

impl Memo {
    pub(super) fn new(records: Option<Arc<dyn Records>>) -> Self {
        Self {
            records,
            pending: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, family: Family, key: &[u8]) -> Option<Vec<u8>> {
        let records = self.records.as_ref()?;
        let pending = self.lock().get(&(family, key.to_vec())).cloned();
        pending.or_else(|| records.one(family, key).ok().flatten())
    }

    fn put(&self, family: Family, key: &[u8], value: impl FnOnce() -> Vec<u8>) {
        if self.records.is_some() {
            let value = value();
            self.lock().insert((family, key.to_vec()), value);
        }
    }

    pub(super) fn places(&self, source: &SourceHash) -> Option<Places> {
        Places::decode(&self.get(Family::Place, &source.0)?).ok()
    }

    pub(super) fn keep_places(&self, source: &SourceHash, places: &Places) {
        self.put(Family::Place, &source.0, || places.encode());
    }

    pub(super) fn local(&self, shape: &ContentId) -> Option<LocalFacts> {
        LocalFacts::decode(&self.get(Family::Local, &shape.0)?).ok()
    }

    pub(super) fn keep_local(&self, shape: &ContentId, local: &LocalFacts) {
        self.put(Family::Local, &shape.0, || local.encode());
    }

    /// The links of a shape, if they were made before with the answers that hold now.
    pub(super) fn links(&self, shape: &ContentId, exports: &Exports) -> Option<(Trace, Links, Facts)> {
        for trace in self.traces(shape) {
            let key = link_key(shape, &trace.answers(exports));
            let found = self.get(Family::Link, &key);
            if let Some((links, facts)) = found.and_then(|bytes| record::decode(&bytes).ok()) {
                return Some((trace, links, facts));
            }
        }
        None
    }

    fn traces(&self, shape: &ContentId) -> Vec<Trace> {
        let bytes = self.get(Family::Reads, &shape.0).unwrap_or_default();
        Trace::decode_list(&bytes).unwrap_or_default()
    }

    pub(super) fn keep_links(
        &self,
        shape: &ContentId,
        exports: &Exports,
        trace: &Trace,
        links: &Links,
        facts: &Facts,
    ) {
        if self.records.is_none() {
            return;
        }
        let key = link_key(shape, &trace.answers(exports));
        self.put(Family::Link, &key, || record::encode(links, facts));
        let mut traces = self.traces(shape);
        if !traces.contains(trace) {
            traces.insert(0, trace.clone());
            traces.truncate(TRACES_MAX);
            self.put(Family::Reads, &shape.0, || Trace::encode_list(&traces));
        }
    }

    /// What was last seen of a working tree.
    pub(super) fn head(&self, key: &str) -> Option<Vec<u8>> {
        self.get(Family::Head, key.as_bytes())
    }

    pub(super) fn keep_head(&self, key: &str, value: Vec<u8>) {
        if self.head(key).as_ref() == Some(&value) {
            return;
        }
        self.put(Family::Head, key.as_bytes(), || value);
    }

    /// Records that are not saved yet.
    pub(super) fn pending(&self) -> usize {
        self.lock().len()
    }

    /// Writes what is new; what cannot be written stays for the next time. Of a store that another process writes,
    /// nothing is kept.
    pub(super) fn save(&self) -> Result<(), RecordsFault> {
        let Some(records) = &self.records else {
            return Ok(());
        };
        let pending = std::mem::take(&mut *self.lock());
        if pending.is_empty() || !records.is_writable() {
            return Ok(());
        }
        let changes = pending
            .iter()
            .map(|((family, key), value)| Change::Put(*family, key.clone(), value.clone()));
        let written = records.write(changes.collect());
        if written.is_err() {
            self.lock().extend(pending);
        }
        written
    }
}

fn link_key(shape: &ContentId, answers: &ContentId) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&shape.0);
    key[16..].copy_from_slice(&answers.0);
    key
}
