//! A project's code graph as tables (`docs/code-graph/tables.md`): rows made a file at a time, so that memory does not
//! grow with the project beyond what the project itself takes, and handed to `tables`, which writes them.
//!
//! Read [`export`] first.

mod defined;
mod file;
mod flow;
mod kinds;
mod nids;
mod nodes;
mod numbers;
mod roles;
mod whole;

use std::path::Path;

use codegraph::VersionId;
use codegraph::clones;
use codegraph::identity::{Born, Identities};
use tables::rows::Version;
use tables::{Folder, TablesFault, Word, Written};

use self::file::OneFile;
use self::numbers::Numbers;
use crate::project::CodeProject;
use crate::{FileFault, FileFaultKind, IndexFault, IndexOptions, SourceFault, index_project};

/// What an export is of.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The version's id.
    pub version: VersionId,
    /// The project's name.
    pub project: String,
    /// Which clones are looked for; `None`: none. All syntax trees are in memory while they are.
    pub clones: Option<clones::Options>,
}

/// The ids of entities and nodes that a file has, by its path, where versions are kept.
pub type Kept<'a> = &'a dyn Fn(&str) -> Option<Identities>;

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
}

/// The id under which a project's sources are published as they are now, and the project's name. Reads and hashes them.
pub fn version_of(root: &Path, tests: bool) -> Result<(VersionId, String), IndexFault> {
    let options = IndexOptions {
        tests,
        kept_bytes_max: 0,
        ..IndexOptions::default()
    };
    let index = index_project(root, &options, &mut |_| {})?;
    Ok((index.manifest.id(), index.manifest.project().to_owned()))
}

/// Writes a project's tables into a folder. Ids that `kept` does not have are minted, as if their file were new in this
/// version. `progress` is told files done and files in all.
pub fn export(
    project: &CodeProject,
    folder: &Path,
    options: &ExportOptions,
    kept: Option<Kept<'_>>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, ExportFault> {
    let mut to = Folder::create(folder)?;
    let version = options.version.to_string();
    let mut numbers = Numbers::of(project);
    let mut born = Born::new(numbers::repository(&options.project), options.version);
    let (mut faults, mut writer_bytes) = (Vec::new(), 0);
    let total = project.files().len();
    for file in 0..total {
        let source = match project.source(file as u32) {
            Ok(source) => source,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        if let Some(one) = OneFile::new(project, &version, source, &mut numbers, kept, &mut born) {
            one.write(&mut numbers, &mut to)?;
        } else {
            let path = project.files().get(file).map(|file| file.path.clone());
            faults.push(FileFault {
                path: path.unwrap_or_default(),
                kind: FileFaultKind::Unreadable("it changed while it was exported".to_owned()),
            });
        }
        writer_bytes = writer_bytes.max(to.memory_bytes());
        progress(file + 1, total);
    }
    whole::write(project, &version, &numbers, options.clones, &mut to)?;
    let reading = project.reading();
    to.add(&Version {
        version: &version,
        project: &options.project,
        files: total as i64,
        lines: reading.lines as i64,
        bytes: reading.bytes as i64,
        faults: (project.faults().len() + faults.len()) as i64,
        identities: Word(if kept.is_some() { "kept" } else { "minted" }),
    })?;
    writer_bytes = writer_bytes.max(to.memory_bytes());
    Ok(Exported {
        tables: to.finish()?,
        faults,
        writer_bytes,
    })
}
