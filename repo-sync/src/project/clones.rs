//! Clones, over all files. All trees are made again and are in memory at once.

use codegraph::clones::{self, CloneType, FragmentKind, Options};
use codegraph::definitions::Outline;
use codegraph::identity::Contents;
use codegraph::lineage::SourceFile;
use codegraph::quoted::Quoted;

use super::CodeProject;
use super::read::{in_parallel, line_at, lowerers};
use crate::SourceFault;
use crate::syntax::line_starts;

/// A piece of code that is like others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClonePiece {
    /// Its file, an index into [`CodeProject::files`].
    pub file: u32,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// What it is.
    pub kind: FragmentKind,
    /// Nodes of its quoted form.
    pub nodes: u32,
}

/// Pieces that are like one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeClone {
    /// How alike.
    pub kind: CloneType,
    /// In thousandths.
    pub likeness: u16,
    /// The pieces, by file and place.
    pub pieces: Vec<ClonePiece>,
}

struct Read {
    tree: Quoted,
    outline: Outline,
    contents: Contents,
    starts: Vec<u32>,
}

impl CodeProject {
    /// Groups of clones, the largest pieces first. Files that changed or vanished since the project was read are as they
    /// are now, or empty.
    pub fn clones(&self, options: Options) -> Result<Vec<CodeClone>, SourceFault> {
        let read = in_parallel(&mut lowerers(0)?, &self.files, |lowerer, file| {
            let text = self.texts.text(&file.path).unwrap_or_default();
            let tree = lowerer.lower(&text).quoted;
            let outline = Outline::of(&tree);
            Read {
                contents: Contents::of(&tree, &outline),
                starts: line_starts(text.as_bytes()),
                tree,
                outline,
            }
        });
        let files: Vec<SourceFile<'_>> = read
            .iter()
            .zip(&self.files)
            .map(|(read, file)| SourceFile {
                path: &file.path,
                tree: &read.tree,
                outline: &read.outline,
                contents: &read.contents,
            })
            .collect();
        let found = clones::find(&files, options);
        let piece = |member: &u32| {
            let fragment = found.fragments.get(*member as usize)?;
            let read = read.get(fragment.file as usize)?;
            let spans = fragment.roots.iter().map(|root| read.tree.node(*root));
            let (start, end) = spans.fold((u32::MAX, 0), |(start, end), node| {
                (start.min(node.start), end.max(node.end))
            });
            Some(ClonePiece {
                file: fragment.file,
                line: line_at(&read.starts, start),
                end_line: line_at(&read.starts, end.saturating_sub(1)),
                kind: fragment.kind,
                nodes: fragment.nodes,
            })
        };
        let groups = found.groups.iter().map(|group| CodeClone {
            kind: group.kind,
            likeness: group.likeness,
            pieces: group.members.iter().filter_map(piece).collect(),
        });
        Ok(groups.collect())
    }
}
