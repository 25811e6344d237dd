//! A project that is kept in step with its files. Two looks at the sources: the first finds what is defined and what
//! others can read of it; the second, which needs the first of all files, finds what is called. After that only what an
//! edit touches is looked at again (`docs/code-graph/store.md`); the join is always made anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use codegraph::graph::Graph;
use codegraph::link::{Exports, Interface, Question};
use codegraph::records::{Records, RecordsFault};
use codegraph::{SourceHash, VersionId};

use super::head::{Head, Stamp};
use super::interner::Interner;
use super::join::Joined;
use super::memo::Memo;
use super::read::{in_parallel, lowerers};
use super::state::{self, FileNames, FileState, Linked, Looked, Tree};
use super::texts::{Listed, Texts, VersionTexts};
use super::{CodeFile, CodeProject, ProjectOptions};
use crate::compiled::Compiled;
use crate::history::Parsed;
use crate::lower::Lowerer;
use crate::walk::is_source;
use crate::{FileFault, FileFaultKind, IndexFault, SourceFault};

/// Files that are looked at before their results are put together.
const BATCH_FILES: usize = 128;
/// Bytes that a node of a tree takes, with its place among children and its share of the names.
const NODE_BYTES: usize = 56;
/// Records that are kept in memory before they are written.
const PENDING_MAX: usize = 4096;

/// What a look at the files found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Files that are new or other than before.
    pub changed: Vec<String>,
    /// Files that are gone.
    pub gone: Vec<String>,
    /// Files that were parsed.
    pub parsed: u64,
    /// Files whose local facts were computed, not found.
    pub measured: u64,
    /// Files whose calls were resolved, not found; also of files that did not change.
    pub linked: u64,
}

impl Refreshed {
    /// Whether the project is what it was.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }
}

/// A project, its graph, and what is needed to bring it up to date.
#[derive(Debug)]
pub struct LiveProject {
    root: PathBuf,
    texts: Texts,
    options: ProjectOptions,
    memo: Memo,
    // Of a folder: the key of what was last seen of it.
    head: Option<String>,
    lowerers: Vec<Lowerer>,
    // Sources that others have read already; of the next look alone.
    at_hand: HashMap<SourceHash, Arc<Parsed>>,
    exports: Exports,
    interner: Interner,
    files: BTreeMap<Arc<str>, FileState>,
    unread: BTreeMap<Arc<str>, FileFaultKind>,
    walk_faults: Vec<FileFault>,
    // The project has the modules and functions of its numbers.
    joined: Joined,
    is_joined: bool,
    build: Option<Arc<Compiled>>,
    project: Arc<CodeProject>,
}

impl LiveProject {
    /// Reads a project. With records, what they hold is not made again, and what is new is kept in them by
    /// [`LiveProject::save`]. `progress` is told files done and files in all, twice (once a look).
    pub fn open(
        root: &Path,
        options: &ProjectOptions,
        records: Option<Arc<dyn Records>>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, IndexFault> {
        Self::open_built(root, options, records, None, progress)
    }

    /// As [`LiveProject::open`], with a build: what its modules export is known to the sources, what macros made is in
    /// the graph ([`CodeProject::import`]), also after each refresh.
    pub fn open_built(
        root: &Path,
        options: &ProjectOptions,
        records: Option<Arc<dyn Records>>,
        build: Option<Arc<Compiled>>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, IndexFault> {
        let full = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let tests = if options.tests { "+tests" } else { "" };
        let memo = Memo::new(records);
        let head = format!("work{tests}/{}", full.display());
        let known = memo.head(&head).and_then(|bytes| Head::decode(&bytes));
        let texts = Texts::Folder(root.to_owned());
        let mut live = Self::empty(root, options, texts, memo, build)?;
        live.head = Some(head);
        live.look(&known.unwrap_or_default(), progress)?;
        Ok(live)
    }

    /// Reads a project as it was in a version of the store: from the store's texts, with the same records as
    /// [`LiveProject::open`]. `root` is the project's folder; no source of it is read.
    pub fn open_at(
        root: &Path,
        options: &ProjectOptions,
        records: Arc<dyn Records>,
        version: VersionId,
        build: Option<Arc<Compiled>>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, IndexFault> {
        let texts = VersionTexts::open(Arc::clone(&records), version).map_err(Box::new)?;
        let texts = Texts::Version(Arc::new(texts));
        let memo = Memo::new(Some(records));
        let mut live = Self::empty(root, options, texts, memo, build)?;
        live.look(&Head::default(), progress)?;
        Ok(live)
    }

    /// Of no file yet.
    pub(super) fn empty(
        root: &Path,
        options: &ProjectOptions,
        texts: Texts,
        memo: Memo,
        build: Option<Arc<Compiled>>,
    ) -> Result<Self, SourceFault> {
        Ok(Self {
            root: root.to_owned(),
            options: *options,
            memo,
            head: None,
            at_hand: HashMap::new(),
            lowerers: lowerers(options.threads)?,
            exports: build.as_deref().map(Compiled::exports).unwrap_or_default(),
            build,
            interner: Interner::default(),
            files: BTreeMap::new(),
            unread: BTreeMap::new(),
            walk_faults: Vec::new(),
            joined: Joined::default(),
            is_joined: false,
            project: Arc::new(CodeProject::empty(root, &texts, options.tests)),
            texts,
        })
    }

    /// The project as it was when it was last looked at.
    #[must_use]
    pub fn project(&self) -> &Arc<CodeProject> {
        &self.project
    }

    /// By what name the records know it: its folder, and whether tests belong to it. `None` of a version.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.head.as_deref()
    }

    /// The project alone.
    #[must_use]
    pub fn into_project(self) -> CodeProject {
        let Self { project, files, .. } = self;
        drop(files);
        Arc::try_unwrap(project).unwrap_or_else(|shared| (*shared).clone())
    }

    /// Looks at all files again; those that the file system describes as before are not read.
    pub fn refresh(&mut self) -> Result<Refreshed, IndexFault> {
        self.look(&Head::default(), &|_, _| {})
    }

    /// Looks at some files again, by path relative to the root: who watches the folder knows which. Paths that are no
    /// sources of the project are passed over.
    pub fn refresh_paths(&mut self, paths: &[String]) -> Result<Refreshed, IndexFault> {
        let started = Instant::now();
        let (mut todo, mut gone) = (Vec::new(), Vec::new());
        // A version never changes.
        let Some(root) = self.texts.folder().map(Path::to_owned) else {
            return Ok(Refreshed::default());
        };
        for relative in paths.iter().collect::<BTreeSet<_>>() {
            if !is_source(relative, self.options.tests) {
                continue;
            }
            let path: Arc<str> = relative.as_str().into();
            match fs::symlink_metadata(root.join(relative)) {
                Ok(found) if found.is_file() => {
                    let stamp = Stamp::of(&found);
                    if self.files.get(&path).is_none_or(|state| state.stamp != stamp) {
                        let source = None;
                        todo.push(Listed { path, stamp, source });
                    }
                }
                // What the whole walk says of it (a link, a folder) is said by the whole walk.
                Ok(_) => return self.refresh(),
                Err(_) => {
                    self.unread.remove(&path);
                    if self.files.contains_key(&path) {
                        gone.push(path);
                    }
                }
            }
        }
        let faults = self.walk_faults.clone();
        Ok(self.take_up(&todo, &gone, faults, started, &|_, _| {}))
    }

    /// Writes what is new to the records: facts, and what the files are now. A store that another process writes is left
    /// as it is.
    pub fn save(&self) -> Result<(), RecordsFault> {
        let files = self
            .files
            .iter()
            .map(|(path, state)| (&**path, state.stamp, state.source));
        if let Some(head) = &self.head {
            self.memo.keep_head(head, Head::encode(files));
        }
        self.memo.save()
    }

    fn look(
        &mut self,
        head: &Head,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Refreshed, IndexFault> {
        let started = Instant::now();
        let (sources, walk_faults) = self.listed(head)?;
        let (todo, gone) = self.others(sources);
        Ok(self.take_up(&todo, &gone, walk_faults, started, progress))
    }

    fn listed(&self, head: &Head) -> Result<(Vec<Listed>, Vec<FileFault>), IndexFault> {
        let listed = self.texts.list(self.options.tests, head);
        listed.map_err(|fault| IndexFault::Root {
            root: self.root.clone(),
            fault,
        })
    }

    fn take_up(
        &mut self,
        todo: &[Listed],
        gone: &[Arc<str>],
        walk_faults: Vec<FileFault>,
        started: Instant,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Refreshed {
        let refreshed = Refreshed::default();
        if todo.is_empty() && gone.is_empty() && self.walk_faults == walk_faults && self.is_joined {
            return refreshed;
        }
        self.walk_faults = walk_faults;
        let (touched, refreshed) = self.both_looks(todo, gone, progress);
        self.join(&touched, &refreshed, started);
        refreshed
    }

    /// Brings the files up to date; nothing is joined. Returns the files that are other than they were.
    fn both_looks(
        &mut self,
        todo: &[Listed],
        gone: &[Arc<str>],
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> (BTreeSet<Arc<str>>, Refreshed) {
        let mut refreshed = Refreshed {
            gone: gone.iter().map(ToString::to_string).collect(),
            ..Refreshed::default()
        };
        let (done, total) = (AtomicUsize::new(0), todo.len() * 2);
        let tell = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        let (mut trees, questions) = self.first_looks(todo, &mut refreshed, &tell);
        let touched = self.second_looks(todo, &questions, &mut trees, &mut refreshed, &tell);
        (touched, refreshed)
    }

    /// Files that are other than they were, and files that are gone.
    fn others(&mut self, sources: Vec<Listed>) -> (Vec<Listed>, Vec<Arc<str>>) {
        let there: BTreeSet<Arc<str>> = sources.iter().map(|file| file.path.clone()).collect();
        let mut todo = sources;
        todo.retain(|file| {
            let known = self.files.get(&file.path);
            let is_same = known.is_some_and(|state| {
                state.stamp == file.stamp && file.source.is_none_or(|source| source == state.source)
            });
            !is_same
        });
        let gone: Vec<Arc<str>> = self
            .files
            .keys()
            .filter(|path| !there.contains(*path))
            .cloned()
            .collect();
        self.unread.retain(|path, _| there.contains(path));
        (todo, gone)
    }

    /// Takes in what the changed files define. Returns trees that are at hand, and what is answered otherwise now.
    fn first_looks(
        &mut self,
        todo: &[Listed],
        refreshed: &mut Refreshed,
        tell: &(dyn Fn() + Sync),
    ) -> (BTreeMap<Arc<str>, Tree>, BTreeSet<Question>) {
        let is_first = self.files.is_empty();
        let mut trees = BTreeMap::new();
        let mut questions = BTreeSet::new();
        let mut tree_bytes_left = self.options.trees_bytes_max;
        let gone: Vec<Arc<str>> = refreshed.gone.iter().map(|path| path.as_str().into()).collect();
        for path in gone {
            if let Some(state) = self.files.remove(&path) {
                let before = &state.local.interface;
                questions.extend(self.exports.replace(&path, before, &Interface::default()));
            }
        }
        for batch in todo.chunks(BATCH_FILES) {
            let (memo, texts, at_hand) = (&self.memo, &self.texts, &self.at_hand);
            let looks = in_parallel(&mut self.lowerers, batch, |lowerer, todo| {
                let parsed = todo.source.and_then(|source| at_hand.get(&source));
                let found = state::look(lowerer, memo, texts, todo, parsed);
                tell();
                found
            });
            for (todo, found) in batch.iter().zip(looks) {
                let mut found = match found {
                    Ok(found) => found,
                    Err(kind) => {
                        if let Some(state) = self.files.remove(&todo.path) {
                            let before = &state.local.interface;
                            questions.extend(self.exports.replace(&todo.path, before, &Interface::default()));
                            refreshed.gone.push(todo.path.to_string());
                        }
                        self.unread.insert(todo.path.clone(), kind);
                        continue;
                    }
                };
                refreshed.parsed += u64::from(found.was_parsed);
                refreshed.measured += u64::from(found.was_measured);
                self.unread.remove(&todo.path);
                if let Some(tree) = found.tree.take() {
                    let bytes = tree.quoted().nodes().len() * NODE_BYTES;
                    if let Some(left) = tree_bytes_left.checked_sub(bytes) {
                        tree_bytes_left = left;
                        trees.insert(todo.path.clone(), tree);
                    }
                }
                if is_first {
                    self.exports.put(&todo.path, &found.local.interface);
                }
                self.take_in(todo, found, is_first, refreshed, &mut questions);
            }
            self.save_some();
        }
        self.at_hand.clear();
        (trees, questions)
    }

    fn take_in(
        &mut self,
        todo: &Listed,
        found: Looked,
        is_first: bool,
        refreshed: &mut Refreshed,
        questions: &mut BTreeSet<Question>,
    ) {
        let old = self.files.remove(&todo.path);
        let is_same = old.as_ref().is_some_and(|old| old.source == found.source);
        if !is_same {
            refreshed.changed.push(todo.path.to_string());
        }
        if !is_first {
            let none = Interface::default();
            let before = old.as_ref().map_or(&none, |old| &old.local.interface);
            let changed = self.exports.replace(&todo.path, before, &found.local.interface);
            questions.extend(changed);
        }
        let state = FileState {
            stamp: todo.stamp,
            source: found.source,
            places: found.places,
            local: found.local,
            linked: Linked::default(),
            names: FileNames::default(),
        };
        self.files.insert(todo.path.clone(), state);
    }

    /// Links the changed files, and those that would be answered otherwise now. Returns all of them.
    fn second_looks(
        &mut self,
        todo: &[Listed],
        questions: &BTreeSet<Question>,
        trees: &mut BTreeMap<Arc<str>, Tree>,
        refreshed: &mut Refreshed,
        tell: &(dyn Fn() + Sync),
    ) -> BTreeSet<Arc<str>> {
        let questions: Vec<Question> = questions.iter().copied().collect();
        let changed: BTreeSet<&Arc<str>> = todo.iter().map(|todo| &todo.path).collect();
        let to_link: Vec<Arc<str>> = self
            .files
            .iter()
            .filter(|(path, state)| changed.contains(path) || state.linked.trace.asked_any(&questions))
            .map(|(path, _)| path.clone())
            .collect();
        for batch in to_link.chunks(BATCH_FILES) {
            let (memo, exports, files, texts) = (&self.memo, &self.exports, &self.files, &self.texts);
            let near: &BTreeMap<Arc<str>, Tree> = trees;
            let links = in_parallel(&mut self.lowerers, batch, |lowerer, path| {
                let state = files.get(path)?;
                let tree = near.get(path);
                let found = state::link(lowerer, memo, exports, texts, path, &state.places, tree);
                tell();
                Some(found)
            });
            for (path, found) in batch.iter().zip(links) {
                trees.remove(path);
                let (Some(found), Some(state)) = (found, self.files.get_mut(path)) else {
                    continue;
                };
                refreshed.parsed += u64::from(found.was_parsed);
                refreshed.linked += u64::from(found.was_made);
                state.names = self.interner.names(&state.local, &found.links);
                state.linked = found;
            }
            self.save_some();
        }
        to_link.into_iter().collect()
    }

    /// How it is read.
    pub(super) fn options(&self) -> &ProjectOptions {
        &self.options
    }

    /// The version whose texts are read.
    pub(super) fn version_texts(&self) -> Option<Arc<VersionTexts>> {
        match &self.texts {
            Texts::Folder(_) => None,
            Texts::Version(version) => Some(Arc::clone(version)),
        }
    }

    /// From now on the texts are those of this version.
    pub(super) fn move_to(&mut self, version: Arc<VersionTexts>) {
        self.texts = Texts::Version(version);
    }

    /// A source that need not be parsed in the next look.
    pub(super) fn take_at_hand(&mut self, source: SourceHash, parsed: Arc<Parsed>) {
        self.at_hand.insert(source, parsed);
    }

    /// Files that are other than they were when they were looked at, and files that are gone.
    pub(super) fn differing(&mut self, head: &Head) -> Result<(Vec<Listed>, Vec<Arc<str>>), IndexFault> {
        let (sources, _) = self.listed(head)?;
        Ok(self.others(sources))
    }

    /// Makes the facts of these files, and of those that are answered otherwise because of them; the project stays what
    /// it was.
    pub(super) fn facts_of(&mut self, todo: &[Listed], gone: &[Arc<str>]) -> Refreshed {
        self.both_looks(todo, gone, &|_, _| {}).1
    }

    /// A first reading makes many records: they do not wait for its end. What cannot be written now is told by
    /// [`LiveProject::save`].
    fn save_some(&self) {
        if self.memo.pending() >= PENDING_MAX {
            drop(self.memo.save());
        }
    }

    /// Puts all together; `touched` are the files that are other than they were.
    fn join(&mut self, touched: &BTreeSet<Arc<str>>, refreshed: &Refreshed, started: Instant) {
        let mut faults = self.walk_faults.clone();
        let unread = self.unread.iter().map(|(path, kind)| FileFault {
            path: path.to_string(),
            kind: kind.clone(),
        });
        faults.extend(unread);
        faults.extend(self.files.iter().filter_map(|(path, state)| {
            Some(FileFault {
                path: path.to_string(),
                kind: state.fault()?,
            })
        }));
        faults.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Vec<(&str, &FileState)> =
            self.files.iter().map(|(path, state)| (&**path, state)).collect();
        let places: Option<Vec<usize>> = touched
            .iter()
            .map(|path| files.binary_search_by_key(&&**path, |(path, _)| path).ok())
            .collect();
        let old = std::mem::replace(
            &mut self.project,
            Arc::new(CodeProject::empty(&self.root, &self.texts, self.options.tests)),
        );
        let mut old = Arc::try_unwrap(old).unwrap_or_else(|shared| (*shared).clone());
        old.forget_build();
        std::mem::swap(&mut self.joined.numbers.modules, &mut old.modules);
        std::mem::swap(&mut self.joined.numbers.functions, &mut old.functions);
        let is_same_files = self.is_joined && refreshed.gone.is_empty();
        let patched = places
            .as_ref()
            .filter(|_| is_same_files)
            .and_then(|places| self.joined.patch(&self.interner, &files, places));
        if patched.is_none() {
            let kept = std::mem::take(&mut self.joined);
            self.joined = match &places {
                Some(places) if is_same_files => kept.renumber(&mut self.interner, &files, places),
                _ => Joined::new(&mut self.interner, &files),
            };
        }
        let sites = self.joined.sites();
        let graph = match (patched, &self.build) {
            // The build makes it.
            (_, Some(_)) => Graph::default(),
            (Some(false), None) => old.graph,
            _ => self.joined.graph(&sites),
        };
        let mut project = CodeProject {
            files: files
                .iter()
                .map(|(path, state)| CodeFile {
                    path: (*path).to_owned(),
                    lines: state.places.lines,
                    bytes: state.places.bytes,
                    source: state.source,
                })
                .collect(),
            faults,
            graph,
            sites,
            dynamic: self.joined.dynamic(),
            reading: self.joined.reading(&files),
            modules: std::mem::take(&mut self.joined.numbers.modules),
            functions: std::mem::take(&mut self.joined.numbers.functions),
            ..CodeProject::empty(&self.root, &self.texts, self.options.tests)
        };
        if let Some(build) = &self.build {
            project.import(build);
        }
        project.reading.parsed = refreshed.parsed;
        project.reading.measured = refreshed.measured;
        project.reading.linked = refreshed.linked;
        project.reading.seconds = started.elapsed().as_secs_f64();
        self.project = Arc::new(project);
        self.is_joined = true;
    }
}
