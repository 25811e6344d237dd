//! Facts of versions, made when the versions are: so that the first question about one of them finds all that it needs.
//! Only files that differ from the version before are looked at, and those that are answered otherwise because of them;
//! nothing is joined, for that is as quick as to read it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codegraph::VersionId;
use codegraph::records::{Records, RecordsFault};
use codegraph::version::RecordId;

use super::ProjectOptions;
use super::head::{Head, Stamp};
use super::live::{LiveProject, Refreshed};
use super::memo::Memo;
use super::texts::{Listed, Texts, VersionTexts};
use crate::IndexFault;
use crate::history::{HistoryFault, Shelf, VersionFacts, differences};
use crate::walk::is_source;

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactsMade {
    /// Versions.
    pub versions: u64,
    /// Files of them that differ from the version before; of the first one all.
    pub files: u64,
    /// Files that were parsed for it; those that were at hand are not among them.
    pub parsed: u64,
    /// Files whose local facts were computed, not found.
    pub measured: u64,
    /// Files whose calls were resolved, not found.
    pub linked: u64,
    /// How long it took.
    pub took: Duration,
}

/// Makes the facts of one version after another.
#[derive(Debug)]
pub struct FactsAhead {
    live: LiveProject,
    at: Option<At>,
    made: FactsMade,
}

/// The version that was made last.
#[derive(Debug)]
struct At {
    root: Option<RecordId>,
    texts: Arc<VersionTexts>,
}

impl FactsAhead {
    /// For versions of the project in this folder, in these records.
    pub fn new(
        root: &Path,
        options: &ProjectOptions,
        records: &Arc<dyn Records>,
    ) -> Result<Self, HistoryFault> {
        let texts = Texts::Version(Arc::new(VersionTexts::none(Arc::clone(records))));
        let memo = Memo::new(Some(Arc::clone(records)));
        Ok(Self {
            live: LiveProject::empty(root, options, texts, memo, None)?,
            at: None,
            made: FactsMade::default(),
        })
    }

    /// What was made so far.
    #[must_use]
    pub fn made(&self) -> FactsMade {
        self.made
    }

    /// Makes the facts of a version in the store. The next one should differ little from it.
    fn advance(&mut self, shelf: &mut Shelf<'_>, id: VersionId) -> Result<(), IndexFault> {
        let started = Instant::now();
        let root = shelf.version(id).map_err(Box::new)?.root;
        let refreshed = match self.at.take() {
            Some(at) => self.step(shelf, at, id, root)?,
            None => self.first(id)?,
        };
        let texts = self.live.version_texts();
        self.at = texts.map(|texts| At { root, texts });
        self.made.versions += 1;
        self.made.files += (refreshed.changed.len() + refreshed.gone.len()) as u64;
        self.made.parsed += refreshed.parsed;
        self.made.measured += refreshed.measured;
        self.made.linked += refreshed.linked;
        self.made.took += started.elapsed();
        Ok(())
    }

    fn first(&mut self, id: VersionId) -> Result<Refreshed, IndexFault> {
        let texts = self.live.version_texts();
        let records = texts.map(|texts| texts.records());
        let Some(records) = records else {
            return Ok(Refreshed::default());
        };
        let texts = VersionTexts::open(records, id).map_err(Box::new)?;
        self.live.move_to(Arc::new(texts));
        let (todo, gone) = self.live.differing(&Head::default())?;
        Ok(self.live.facts_of(&todo, &gone))
    }

    fn step(
        &mut self,
        shelf: &mut Shelf<'_>,
        at: At,
        id: VersionId,
        root: Option<RecordId>,
    ) -> Result<Refreshed, IndexFault> {
        let changes = differences(shelf, at.root, root).map_err(Box::new)?;
        let tests = self.live.options().tests;
        let (mut todo, mut gone) = (Vec::new(), Vec::new());
        for change in &changes {
            let path: Arc<str> = change.path.as_str().into();
            match change.new {
                _ if !is_source(&path, tests) => {}
                None => gone.push(path),
                Some(file) if change.old.map(|old| old.source) == Some(file.source) => {}
                Some(file) => {
                    if let Some(parsed) = shelf.at_hand(file.source) {
                        self.live.take_at_hand(file.source, parsed);
                    }
                    todo.push(Listed {
                        path,
                        stamp: Stamp::default(),
                        source: Some(file.source),
                    });
                }
            }
        }
        self.live.move_to(Arc::new(at.texts.moved(id, &changes)));
        Ok(self.live.facts_of(&todo, &gone))
    }

    /// Writes what is not written yet.
    pub fn save(&self) -> Result<(), RecordsFault> {
        self.live.save()
    }
}

impl VersionFacts for FactsAhead {
    fn version(&mut self, shelf: &mut Shelf<'_>, id: VersionId) -> Result<(), HistoryFault> {
        self.advance(shelf, id).map_err(|fault| match fault {
            IndexFault::Version(fault) => *fault,
            IndexFault::Parser(fault) => fault.into(),
            other => HistoryFault::Folder(other.to_string()),
        })
    }
}
