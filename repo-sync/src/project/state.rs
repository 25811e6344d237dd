//! One file of a project: what it defines, and what it calls. Both are looked up in the code store before they are made.

use std::sync::Arc;

use codegraph::SourceHash;
use codegraph::definitions::Outline;
use codegraph::link::otp::Facts;
use codegraph::link::{Asking, Exports, Links, Trace};
use codegraph::local::{LocalFacts, Places};
use codegraph::quoted::{Quoted, Symbol};

use super::head::Stamp;
use super::memo::Memo;
use super::texts::{Listed, Texts};
use crate::FileFaultKind;
use crate::history::Parsed;
use crate::lower::Lowerer;
use crate::syntax::line_starts;

/// A file's tree, as long as it is at hand.
#[derive(Debug)]
pub(super) enum Tree {
    /// Parsed for the project.
    Own(Box<(Quoted, Outline)>),
    /// Parsed for its version's ids.
    Shared(Arc<Parsed>),
}

impl Tree {
    pub(super) fn quoted(&self) -> &Quoted {
        match self {
            Self::Own(own) => &own.0,
            Self::Shared(parsed) => &parsed.tree,
        }
    }

    fn outline(&self) -> &Outline {
        match self {
            Self::Own(own) => &own.1,
            Self::Shared(parsed) => &parsed.outline,
        }
    }
}

/// What a file is by itself.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) source: SourceHash,
    pub(super) places: Places,
    pub(super) local: Arc<LocalFacts>,
    pub(super) tree: Option<Tree>,
    pub(super) was_parsed: bool,
    pub(super) was_measured: bool,
}

/// What a file is among others.
#[derive(Debug, Default)]
pub(super) struct Linked {
    pub(super) trace: Trace,
    pub(super) links: Links,
    pub(super) facts: Facts,
    pub(super) was_parsed: bool,
    pub(super) was_made: bool,
}

/// A file of a project.
#[derive(Debug)]
pub(super) struct FileState {
    pub(super) stamp: Stamp,
    pub(super) source: SourceHash,
    pub(super) places: Places,
    pub(super) local: Arc<LocalFacts>,
    pub(super) linked: Linked,
    pub(super) names: FileNames,
}

/// A file's names as the project numbers them.
#[derive(Debug, Default)]
pub(super) struct FileNames {
    /// Of the symbols of its links.
    pub(super) links: Vec<Symbol>,
    /// Of its modules, those of several names one after the other.
    pub(super) modules: Vec<Symbol>,
    /// Of its functions; the empty name if computed.
    pub(super) functions: Vec<Symbol>,
    /// Of its modules: the protocols that they implement.
    pub(super) protocols: Vec<Option<Symbol>>,
}

impl FileState {
    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<FileFaultKind> {
        let (errors, line) = self.places.errors?;
        let damaged = self.local.clauses.iter().filter(|clause| clause.is_damaged);
        Some(FileFaultKind::Syntax {
            errors: errors as usize,
            line,
            damaged: damaged.count(),
        })
    }
}

/// Looks at a file. One whose source is known is not read, one that is at hand not parsed.
pub(super) fn look(
    lowerer: &mut Lowerer,
    memo: &Memo,
    texts: &Texts,
    file: &Listed,
    at_hand: Option<&Arc<Parsed>>,
) -> Result<Looked, FileFaultKind> {
    if let Some(found) = file.source.and_then(|source| recall(memo, source)) {
        return Ok(found);
    }
    if let (Some(source), Some(parsed)) = (file.source, at_hand) {
        let tree = Tree::Shared(Arc::clone(parsed));
        let errors = (parsed.errors > 0).then_some((parsed.errors as u32, parsed.first_error));
        return Ok(keep(memo, source, &parsed.text, errors, tree, false));
    }
    let text = texts.text(&file.path)?;
    let source = SourceHash::of(text.as_bytes());
    if let Some(found) = recall(memo, source) {
        return Ok(found);
    }
    let lowered = lowerer.lower(&text);
    let first = lowered.errors.first();
    let errors = first.map(|first| (lowered.errors.len() as u32, first.line));
    let outline = Outline::of(&lowered.quoted);
    let tree = Tree::Own(Box::new((lowered.quoted, outline)));
    Ok(keep(memo, source, &text, errors, tree, true))
}

/// Makes the records of a source.
fn keep(
    memo: &Memo,
    source: SourceHash,
    text: &str,
    errors: Option<(u32, u32)>,
    tree: Tree,
    was_parsed: bool,
) -> Looked {
    let starts = line_starts(text.as_bytes());
    let mut places = Places::of(tree.quoted(), tree.outline(), &starts, text);
    places.errors = errors;
    let known = memo.local(&places.shape);
    let was_measured = known.is_none();
    let local = known.unwrap_or_else(|| {
        let made = LocalFacts::of(tree.quoted(), tree.outline());
        memo.keep_local(&places.shape, &made);
        made
    });
    memo.keep_places(&source, &places);
    Looked {
        source,
        places,
        local: Arc::new(local),
        tree: Some(tree),
        was_parsed,
        was_measured,
    }
}

fn recall(memo: &Memo, source: SourceHash) -> Option<Looked> {
    let places = memo.places(&source)?;
    let local = memo.local(&places.shape)?;
    Some(Looked {
        source,
        places,
        local: Arc::new(local),
        tree: None,
        was_parsed: false,
        was_measured: false,
    })
}

/// Finds what a file calls. A file that changed since it was looked at has no calls: it will be looked at again.
pub(super) fn link(
    lowerer: &mut Lowerer,
    memo: &Memo,
    exports: &Exports,
    texts: &Texts,
    path: &str,
    places: &Places,
    tree: Option<&Tree>,
) -> Linked {
    if let Some((trace, links, facts)) = memo.links(&places.shape, exports) {
        return Linked {
            trace,
            links,
            facts,
            ..Linked::default()
        };
    }
    let was_parsed = tree.is_none();
    let made;
    let tree = if let Some(tree) = tree {
        tree
    } else {
        let Ok(text) = texts.text(path) else {
            return Linked::default();
        };
        let quoted = lowerer.lower(&text).quoted;
        if quoted.shape() != places.shape {
            return Linked::default();
        }
        let outline = Outline::of(&quoted);
        made = Tree::Own(Box::new((quoted, outline)));
        &made
    };
    let asking = Asking::new(exports);
    let links = Links::of(tree.quoted(), tree.outline(), &asking);
    let facts = Facts::of(tree.quoted(), tree.outline(), &links, &asking);
    let trace = asking.trace();
    memo.keep_links(&places.shape, exports, &trace, &links, &facts);
    Linked {
        trace,
        links,
        facts,
        was_parsed,
        was_made: true,
    }
}
