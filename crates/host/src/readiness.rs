//! Is the process ready? Named checks, each set by the part that knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// State of a check: `Ok`, perhaps with a remark, or why not.
type State = Result<Option<String>, String>;

/// A set of named checks; ready when all of them hold. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, State>>>);

/// One check. Fails until it is first set; removed when dropped.
#[derive(Debug)]
pub struct Check {
    of: Readiness,
    name: &'static str,
}

impl Readiness {
    /// Without checks: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, which fails with `starting` for now.
    pub fn check(&self, name: &'static str) -> Check {
        self.0.lock().insert(name, Err("starting".to_owned()));
        Check {
            of: self.clone(),
            name,
        }
    }

    /// The checks that fail, and why.
    pub fn failing(&self) -> BTreeMap<&'static str, String> {
        self.0
            .lock()
            .iter()
            .filter_map(|(name, state)| Some((*name, state.clone().err()?)))
            .collect()
    }

    /// The checks that hold with a remark, and the remark.
    pub fn remarks(&self) -> BTreeMap<&'static str, String> {
        self.0
            .lock()
            .iter()
            .filter_map(|(name, state)| Some((*name, state.clone().ok()??)))
            .collect()
    }
}

impl Check {
    /// It holds.
    pub fn pass(&self) {
        self.of.0.lock().insert(self.name, Ok(None));
    }
    /// It holds, but somebody should know.
    pub fn remark(&self, text: impl Into<String>) {
        self.of.0.lock().insert(self.name, Ok(Some(text.into())));
    }
    /// It does not, because.
    pub fn fail(&self, reason: impl Into<String>) {
        self.of.0.lock().insert(self.name, Err(reason.into()));
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.of.0.lock().remove(self.name);
    }
}
