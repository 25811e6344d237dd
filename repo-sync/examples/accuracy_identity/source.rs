//! A source file with all that identity asks of it.

use std::path::Path;

use codegraph::definitions::Outline;
use codegraph::identity::Contents;
use codegraph::lineage::SourceFile;
use codegraph::quoted::Quoted;
use repo_sync::lower::Lowerer;

/// One file, read.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its path.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// Its quoted form.
    pub(crate) tree: Quoted,
    /// What it defines.
    pub(crate) outline: Outline,
    /// What that says.
    pub(crate) contents: Contents,
}

impl Source {
    /// Reads a text; `None` if it has syntax errors.
    pub(crate) fn read(lowerer: &mut Lowerer, path: &str, text: String) -> Option<Self> {
        let lowered = lowerer.lower(&text);
        if !lowered.errors.is_empty() {
            return None;
        }
        let outline = Outline::of(&lowered.quoted);
        let contents = Contents::of(&lowered.quoted, &outline);
        Some(Self {
            path: path.to_owned(),
            text,
            tree: lowered.quoted,
            outline,
            contents,
        })
    }

    /// As lineage takes it.
    pub(crate) fn file(&self) -> SourceFile<'_> {
        SourceFile {
            path: &self.path,
            tree: &self.tree,
            outline: &self.outline,
            contents: &self.contents,
        }
    }
}

/// The readable Elixir files under a folder, by path.
pub(crate) fn corpus(root: &Path, lowerer: &mut Lowerer) -> Vec<Source> {
    let mut folders = vec![root.to_owned()];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.is_ok_and(|kind| kind.is_dir()) {
                let name = entry.file_name();
                if !matches!(name.to_str(), Some("_build" | "deps" | "node_modules")) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "ex" || end == "exs") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        if let Ok(text) = std::fs::read_to_string(&path) {
            files.extend(Source::read(lowerer, &name, text));
        }
    }
    files
}

/// Numbers that look random and are the same every time: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub u64);

impl Dice {
    /// The next number below `below` (0 if that is 0).
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }
}
