//! The sources that are searched: documents, and the plain text of each for the comparison.

use std::path::Path;

use codegraph::definitions::Outline;
use repo_sync::documents::{self, Comments};
use repo_sync::lower::Lowerer;
use repo_sync::project::{CodeProject, ProjectOptions};
use search::Document;

use crate::Fault;

/// A file.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) documents: Vec<Document>,
    /// Of each document: its source, without documentation.
    pub(crate) sources: Vec<String>,
}

/// All files.
pub(crate) struct Corpus {
    pub(crate) files: Vec<File>,
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) project: CodeProject,
}

impl Corpus {
    pub(crate) fn read(root: &Path) -> Result<Self, Fault> {
        let project = CodeProject::open(root, &ProjectOptions::default(), &|_, _| {})?;
        let importance = documents::importance(&project);
        let rank = |id: &str| importance.get(id).copied().unwrap_or_default();
        let mut lowerer = Lowerer::new()?;
        let mut files = Vec::new();
        let (mut lines, mut bytes) = (0, 0);
        for file in project.files() {
            let path: &str = &file.path;
            let Ok(text) = std::fs::read_to_string(root.join(path)) else {
                continue;
            };
            lines += text.lines().count() as u64;
            bytes += text.len() as u64;
            let lowered = lowerer.lower(&text);
            let tree = lowered.quoted;
            let comments = Comments {
                text: &text,
                places: &lowered.comments,
            };
            let outline = Outline::of(&tree);
            let found = documents::documents(&tree, &outline, &comments, &rank);
            let source = |found: &documents::Found| {
                let is_module = found.document.arity.is_none();
                let nodes = found
                    .nodes
                    .iter()
                    .filter(|_| !is_module)
                    .map(|node| tree.node(*node));
                let pieces = nodes.filter_map(|node| text.get(node.start as usize..node.end as usize));
                let pieces: Vec<&str> = pieces.collect();
                format!(
                    "{}\n{}\n{}",
                    found.document.id,
                    found.document.spec,
                    pieces.join("\n")
                )
            };
            files.push(File {
                path: path.to_owned(),
                sources: found.iter().map(source).collect(),
                documents: found.into_iter().map(|found| found.document).collect(),
            });
        }
        Ok(Self {
            files,
            lines,
            bytes,
            project,
        })
    }

    /// All documents with their files' paths.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&str, &Document)> {
        self.files.iter().flat_map(|file| {
            file.documents
                .iter()
                .map(|document| (file.path.as_str(), document))
        })
    }
}
