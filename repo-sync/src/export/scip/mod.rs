//! A SCIP index of a project, for editors and code hosts (<https://scip.dev>). Which symbol stands for what is said in
//! `docs/code-graph/scip.md`.
//!
//! [`index`] makes it, [`check()`] looks whether it holds together. No position of a file that changed since the project
//! was read is made up: such a file's calls are left out.

mod check;
mod definitions;
mod file;
mod locals;
mod package;
mod references;
mod symbols;

pub use check::{Checked, check};
pub use package::Package;
pub use scip::types::Index as ScipIndex;

use std::collections::{BTreeMap, BTreeSet};

use protobuf::{EnumOrUnknown, Message as _, MessageField};
use scip::types::{Index, Metadata, ProtocolVersion, SymbolInformation, SymbolRole, TextEncoding, ToolInfo};

use crate::FileFault;
use crate::project::CodeProject;
use file::FileIndex;
use symbols::Symbols;

/// How often what was found, and what was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents.
    pub documents: usize,
    /// Definitions, those of local variables included.
    pub definitions: usize,
    /// References.
    pub references: usize,
    /// Symbols of other packages that are referred to.
    pub external: usize,
    /// References to types and callbacks of this project that its sources do not define: made by macros. They are not in
    /// the index.
    pub unresolved: usize,
}

/// An index, and what could not be read.
#[derive(Debug)]
pub struct Indexed {
    /// The index.
    pub index: Index,
    /// Its counts.
    pub counts: Counts,
    /// Files that are not in it.
    pub faults: Vec<FileFault>,
}

impl Indexed {
    /// As the file that tools read.
    pub fn bytes(&self) -> Result<Vec<u8>, protobuf::Error> {
        self.index.write_to_bytes()
    }
}

/// Reads the bytes of an index.
pub fn decode(bytes: &[u8]) -> Result<Index, protobuf::Error> {
    Index::parse_from_bytes(bytes)
}

/// Makes the index of a project. `version` is that of this program; `progress` is told files done and in all.
pub fn index(project: &CodeProject, version: &str, progress: &dyn Fn(usize, usize)) -> Indexed {
    let symbols = Symbols::new(project);
    let (mut documents, mut faults) = (Vec::new(), Vec::new());
    let (mut defined, mut external) = (BTreeSet::new(), BTreeMap::new());
    let total = project.files().len();
    for file in 0..total {
        match project.source(file as u32) {
            Ok(source) => {
                let reading = FileIndex::new(project, &symbols, &source, &mut defined, &mut external);
                documents.push(reading.run());
            }
            Err(fault) => faults.push(fault),
        }
        progress(file + 1, total);
    }
    let mut counts = Counts {
        documents: documents.len(),
        external: external.len(),
        ..Counts::default()
    };
    for document in &mut documents {
        let known = |symbol: &String| {
            symbol.starts_with("local ") || defined.contains(symbol) || external.contains_key(symbol)
        };
        let before = document.occurrences.len();
        document.occurrences.retain(|one| known(&one.symbol));
        counts.unresolved += before - document.occurrences.len();
        for symbol in &mut document.symbols {
            symbol.relationships.retain(|one| known(&one.symbol));
        }
        let is_definition = |roles: i32| roles & SymbolRole::Definition as i32 != 0;
        let definitions = document
            .occurrences
            .iter()
            .filter(|one| is_definition(one.symbol_roles))
            .count();
        counts.definitions += definitions;
        counts.references += document.occurrences.len() - definitions;
    }
    let index = Index {
        metadata: MessageField::some(metadata(project, version)),
        documents,
        external_symbols: external.into_values().collect::<Vec<SymbolInformation>>(),
        ..Index::default()
    };
    Indexed {
        index,
        counts,
        faults,
    }
}

fn metadata(project: &CodeProject, version: &str) -> Metadata {
    let root = std::path::absolute(project.root()).unwrap_or_else(|_| project.root().to_owned());
    Metadata {
        version: EnumOrUnknown::new(ProtocolVersion::UnspecifiedProtocolVersion),
        tool_info: MessageField::some(ToolInfo {
            name: "elixirscope".to_owned(),
            version: version.to_owned(),
            ..ToolInfo::default()
        }),
        project_root: uri(&root.to_string_lossy()),
        text_document_encoding: EnumOrUnknown::new(TextEncoding::UTF8),
        ..Metadata::default()
    }
}

/// `file:///a%20b`: all but letters, digits and `/-_.~` of the path as bytes in hexadecimal (RFC 3986).
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut uri = "file://".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
