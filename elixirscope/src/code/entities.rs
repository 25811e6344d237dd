//! Entity ids of functions, for answers as JSON: which function it is in all versions (`docs/code-graph/identity.md`).

use ::store::code_records::CodeRecords;
use anyhow::Result;
use repo_sync::history::{HistoryFault, KeptIds, Shelf};
use repo_sync::project::CodeProject;
use serde_json::{Value, json};

/// The ids that a project's functions have in the store.
#[derive(Debug)]
pub(super) struct Entities<'r> {
    found: Option<(Shelf<'r>, KeptIds)>,
}

impl<'r> Entities<'r> {
    /// No ids.
    pub(super) const NONE: Self = Self { found: None };

    /// Of a project; none if the store has no version with its files.
    pub(super) fn of(project: &CodeProject, records: Option<&'r CodeRecords>) -> Result<Self> {
        let Some(records) = records else {
            return Ok(Self::NONE);
        };
        let mut shelf = Shelf::new(records)?;
        match KeptIds::of(&mut shelf, project) {
            Ok(kept) => Ok(Self {
                found: kept.map(|kept| (shelf, kept)),
            }),
            // A repository that git refuses, a damaged version: the question was about something else.
            Err(HistoryFault::Git(_) | HistoryFault::Damaged(_) | HistoryFault::Folder(_)) => Ok(Self::NONE),
            Err(fault) => Err(fault.into()),
        }
    }

    /// The entity of a function: 32 hexadecimal digits; null if its file is not in a version as it is.
    pub(super) fn value(&mut self, project: &CodeProject, node: u32) -> Value {
        let definition = project.function(node).and_then(|one| one.definition.as_ref());
        let path = definition.and_then(|definition| project.files().get(definition.file as usize));
        let (Some(definition), Some(file), Some((shelf, kept))) = (definition, path, &mut self.found) else {
            return Value::Null;
        };
        let ids = kept.file(shelf, &file.path).ok().flatten();
        let entity = ids.and_then(|ids| Some(ids.functions.get(definition.in_outline as usize)?.entity));
        json!(entity.map(|entity| entity.to_string()))
    }
}
