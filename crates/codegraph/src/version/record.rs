//! One version: where it comes from, the folder that it is, and what became of the entities of the version before.

use super::folder::record_id;
use super::{CommitId, RecordId};
use crate::bytes::{Reader, Writer};
use crate::identity::{EntityId, EntityKind, RepositoryId};
use crate::lineage::{Evidence, LineageEdge, LineageKind};
use crate::{ContentHash, Malformed, VersionId};

const FORMAT: u8 = 1;
const BYTES_MAX: usize = 1 << 28;
/// Least bytes of an edge.
const EDGE_BYTES_MIN: usize = 16 + 1 + 1 + 1;
/// Most bytes of a message's first line that are kept.
pub const SUBJECT_BYTES_MAX: usize = 400;
/// Most parents of a merge that are kept.
const MERGED_MAX: usize = 64;
/// The greatest confidence, in thousandths.
const CONFIDENCE_MAX: u32 = 1000;

/// A version of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionRecord {
    /// Which repository.
    pub repository: RepositoryId,
    /// The version that ids were handed on from; `None` of the first.
    pub parent: Option<VersionId>,
    /// The commit; `None` of a working tree.
    pub commit: Option<CommitId>,
    /// Other commits that were merged into this one.
    pub merged: Vec<CommitId>,
    /// When its author wrote it, in seconds since 1970; 0 of a working tree.
    pub time_s: i64,
    /// The first line of its message.
    pub subject: String,
    /// Its files; `None` if there are none.
    pub root: Option<RecordId>,
    /// What became of the entities of `parent`: all edges but [`LineageKind::Same`], sorted.
    pub edges: Vec<LineageEdge>,
}

impl VersionRecord {
    /// A message's first line as it is kept: without control characters, not too long.
    #[must_use]
    pub fn subject(text: &str) -> String {
        let mut subject: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|char| !char.is_control())
            .collect();
        while subject.len() > SUBJECT_BYTES_MAX {
            subject.pop();
        }
        subject
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(FORMAT);
        to.raw(&self.repository.0);
        to.byte(u8::from(self.parent.is_some()) | u8::from(self.root.is_some()) << 1);
        to.raw(self.parent.as_ref().map_or(&[], |parent| &parent.0.0));
        to.raw(self.root.as_ref().map_or(&[], |root| &root.0));
        commit(&mut to, self.commit.as_ref().map_or(&[], CommitId::bytes));
        let merged = self.merged.get(..MERGED_MAX).unwrap_or(&self.merged);
        to.count(merged.len());
        for id in merged {
            commit(&mut to, id.bytes());
        }
        to.raw(&self.time_s.to_le_bytes());
        to.text(&self.subject);
        to.count(self.edges.len());
        for edge in &self.edges {
            to.raw(&edge.from.0);
            to.byte(edge.entity as u8 | u8::from(edge.from == edge.to) << 7);
            to.byte(edge.kind as u8 | (edge.evidence as u8) << 4);
            to.number(edge.confidence.into());
            if edge.from != edge.to {
                to.raw(&edge.to.0);
            }
        }
        to.bytes
    }

    /// Reads what [`encode`](Self::encode) wrote, and refuses everything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes, BYTES_MAX)?;
        let found = from.byte("the format")?;
        if found != FORMAT {
            return Err(Malformed::Version { found, known: FORMAT });
        }
        let repository = RepositoryId(record_id(&mut from)?.0);
        let has = from.byte("what there is")?;
        if has > 3 {
            return Err(from.invalid("what there is"));
        }
        let mut version = Self {
            repository,
            ..Self::default()
        };
        if has & 1 != 0 {
            version.parent = Some(VersionId(ContentHash(from.hash("the parent")?)));
        }
        if has & 2 != 0 {
            version.root = Some(record_id(&mut from)?);
        }
        version.commit = read_commit(&mut from)?;
        let merged = from.count(1 + 20, "merged commits")?;
        if merged > MERGED_MAX {
            return Err(from.invalid("merged commits"));
        }
        for _ in 0..merged {
            let id = read_commit(&mut from)?.ok_or_else(|| from.invalid("a merged commit"))?;
            version.merged.push(id);
        }
        let time = from.raw(8, "the time")?;
        version.time_s = i64::from_le_bytes(time.first_chunk().copied().unwrap_or_default());
        from.text("the message")?.clone_into(&mut version.subject);
        let count = from.count(EDGE_BYTES_MIN, "edges")?;
        version.edges.reserve(count);
        for _ in 0..count {
            let next = edge(&mut from)?;
            if version.edges.last().is_some_and(|last| *last >= next) {
                return Err(from.invalid("the order of edges"));
            }
            version.edges.push(next);
        }
        from.finish()?;
        Ok(version)
    }
}

fn commit(to: &mut Writer, bytes: &[u8]) {
    to.count(bytes.len());
    to.raw(bytes);
}

fn read_commit(from: &mut Reader<'_>) -> Result<Option<CommitId>, Malformed> {
    let len = from.count(1, "a commit")?;
    if len == 0 {
        return Ok(None);
    }
    let id = CommitId::new(from.raw(len, "a commit")?);
    id.map(Some).ok_or_else(|| from.invalid("a commit"))
}

fn edge(from: &mut Reader<'_>) -> Result<LineageEdge, Malformed> {
    let source = EntityId(record_id(from)?.0);
    let entity = from.byte("an edge's entity")?;
    let what = from.byte("an edge's kind")?;
    let confidence = from.number("an edge's confidence")?;
    let to = match entity & 0x80 {
        0 => EntityId(record_id(from)?.0),
        _ => source,
    };
    let (Some(kind), Some(evidence), Some(entity_kind)) =
        (kind(what & 0x0f), evidence(what >> 4), entity_kind(entity & 0x7f))
    else {
        return Err(from.invalid("an edge's kind"));
    };
    if confidence > CONFIDENCE_MAX || (entity & 0x80 == 0 && to == source) {
        return Err(from.invalid("an edge's confidence or end"));
    }
    Ok(LineageEdge {
        from: source,
        to,
        entity: entity_kind,
        kind,
        evidence,
        confidence: u16::try_from(confidence).unwrap_or_default(),
    })
}

fn kind(number: u8) -> Option<LineageKind> {
    use LineageKind::{Copied, Edited, Extracted, Inlined, Merged, Moved, Renamed, Same, Split};
    [
        Same, Edited, Renamed, Moved, Copied, Extracted, Inlined, Split, Merged,
    ]
    .into_iter()
    .find(|kind| *kind as u8 == number)
}

fn evidence(number: u8) -> Option<Evidence> {
    use Evidence::{Alpha, Content, Members, Name, Nodes, Similar};
    [Name, Content, Alpha, Similar, Members, Nodes]
        .into_iter()
        .find(|evidence| *evidence as u8 == number)
}

fn entity_kind(number: u8) -> Option<EntityKind> {
    use EntityKind::{Attribute, Callback, Clause, File, Function, Module, Project, Type};
    [Project, File, Module, Function, Clause, Attribute, Type, Callback]
        .into_iter()
        .find(|kind| *kind as u8 == number)
}
