//! A project's code graph as tables (`docs/code-graph/tables.md`): rows made a file at a time, so that memory does not
//! grow with the project beyond what the project itself takes, and handed to `tables`, which writes them.
//!
//! Read [`export`] first, which takes [`Readings`].

mod defined;
mod file;
mod flow;
mod kinds;
mod lineage;
mod nids;
mod nodes;
mod numbers;
mod reading;
mod roles;
mod whole;

use std::path::Path;

use codegraph::clones;
use codegraph::identity::Born;
use tables::rows::Version;
use tables::{Folder, TablesFault, Word, Written};

use self::file::OneFile;
use self::numbers::Numbers;
pub use self::reading::Readings;
use crate::history::{HistoryFault, KeptIds, Shelf};
use crate::project::CodeProject;
use crate::{FileFault, FileFaultKind, SourceFault};

/// What an export is of.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportOptions {
    /// Which clones are looked for; `None`: none. All syntax trees are in memory while they are.
    pub clones: Option<clones::Options>,
}

/// What the store has kept of a project's versions.
#[derive(Debug)]
pub struct Kept<'k, 'r> {
    /// The store.
    pub shelf: &'k mut Shelf<'r>,
    /// The ids.
    pub ids: KeptIds,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The tables.
    pub tables: Vec<Written>,
    /// Files that are not in them: they changed or vanished since the project was read.
    pub faults: Vec<FileFault>,
    /// Most bytes that the writers held.
    pub writer_bytes: usize,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// The folder, or the disk.
    #[error(transparent)]
    Tables(#[from] TablesFault),
    /// No parser.
    #[error(transparent)]
    Parser(#[from] SourceFault),
    /// The code store.
    #[error(transparent)]
    History(#[from] HistoryFault),
}

/// Writes a project's tables into a folder. Ids that `kept` does not have are minted, as if their file were new in this
/// version. `progress` is told files done and files in all.
pub fn export(
    project: &CodeProject,
    folder: &Path,
    options: &ExportOptions,
    mut readings: Readings,
    mut kept: Option<Kept<'_, '_>>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, ExportFault> {
    let mut to = Folder::create(folder)?;
    let id = readings.version;
    let version = id.to_string();
    let mut numbers = Numbers::of(project);
    let mut born = Born::new(numbers::repository(&readings.project), id);
    let (mut faults, mut writer_bytes) = (Vec::new(), 0);
    let mut named = lineage::Named::default();
    let total = project.files().len();
    for (file, known) in project.files().iter().enumerate() {
        let source = match readings.source(project, file as u32) {
            Ok(source) => source,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        let ids = match &mut kept {
            Some(kept) => kept.ids.file(kept.shelf, &known.path)?,
            None => None,
        };
        if let Some(one) = OneFile::new(project, &version, source, &mut numbers, ids, &mut born) {
            named.add(&one);
            one.write(&mut numbers, &mut to)?;
        } else {
            faults.push(FileFault {
                path: known.path.clone(),
                kind: FileFaultKind::Unreadable("it changed while it was exported".to_owned()),
            });
        }
        writer_bytes = writer_bytes.max(to.memory_bytes());
        progress(file + 1, total);
    }
    whole::write(project, &version, &numbers, options.clones, &mut to)?;
    let kept = kept.map(|kept| kept.ids);
    if let Some(kept) = &kept {
        lineage::write(kept, &version, &named, &mut to)?;
    }
    let exact = kept.as_ref().filter(|kept| kept.is_exact);
    let reading = project.reading();
    to.add(&Version {
        version: &version,
        project: &readings.project,
        files: total as i64,
        lines: reading.lines as i64,
        bytes: reading.bytes as i64,
        faults: (project.faults().len() + faults.len()) as i64,
        identities: Word(match &kept {
            Some(kept) if kept.count() == total => "kept",
            Some(kept) if kept.count() > 0 => "partly",
            _ => "minted",
        }),
        stored: exact.map(|kept| kept.version.to_string()).as_deref(),
        commit: exact
            .and_then(|kept| kept.record.commit.as_ref())
            .map(ToString::to_string)
            .as_deref(),
    })?;
    writer_bytes = writer_bytes.max(to.memory_bytes());
    Ok(Exported {
        tables: to.finish()?,
        faults,
        writer_bytes,
    })
}
