//! What an index needs to know of a frame or a block: one pass over its rows, flat lists, no [`event::Event`], nothing allocated an event.
//! The pass decodes every column, so that what it accepts can be read.

use event::{EventKind, Hlc, Micros, NodeKey, ResultClass, Seq, Shard, TraceId};

use super::content::ContentHash;
use super::cursor::{Cursor, range};
use super::frame::EventFrame;
use super::names::Names;
use super::row::Row;
use crate::frame::{FrameError, Gap};

/// What an index needs to know of a frame. Lists are kept from frame to frame if the digest is.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    /// By position in the frame; of a block one.
    pub sections: Vec<SectionDigest>,
    /// Rows of one trace of one section (in a block: of one trace), in the order of the rows, those in no trace among them.
    pub parts: Vec<PartDigest>,
    /// Node keys of parts, each once a part, in order of appearance: numbers for [`EventFrame::key`].
    pub nodes: Vec<u32>,
    /// Sites of parts, each once a part: positions in [`EventFrame::sites`], from 0. Events of kind `link`, and sites or modules that are 0, do not
    /// count.
    pub sites: Vec<u32>,
    /// Names of roots, one after the other.
    pub names: String,
    /// Loss, error, node up and down in no trace.
    pub loose: Vec<LooseRow>,
    /// Pairs of (event's node, parent's node), ascending, with the least time between them.
    pub delays: Vec<Delay>,
    scratch: Scratch,
}

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionDigest {
    /// Shard.
    pub shard: Shard,
    /// Number of the batch, or first one of the gap.
    pub seq: Seq,
    /// Set if this is a gap.
    pub gap: Option<Gap>,
    /// Hash of its events ([`ContentHash`]); 0 for a gap, for a block, and if it was not asked for.
    pub content: u64,
    /// Events.
    pub rows: u32,
    /// Its first part, and the one after its last.
    pub parts: (u32, u32),
    /// Least and greatest HLC, 0 without events.
    pub hlc: (Hlc, Hlc),
}

/// Rows of one trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartDigest {
    /// The trace, 0 = in none.
    pub trace: TraceId,
    /// First row, in its section.
    pub first_row: u32,
    /// Rows.
    pub rows: u32,
    /// Rows that are errors of the trace ([`event::Event::is_error`]).
    pub errors: u32,
    /// Least and greatest HLC.
    pub hlc: (Hlc, Hlc),
    /// Least and greatest node time.
    pub time: (Micros, Micros),
    /// Its nodes in [`Digest::nodes`].
    pub nodes: (u32, u32),
    /// Its sites in [`Digest::sites`].
    pub sites: (u32, u32),
    /// The name of its first root that has a readable one, in [`Digest::names`].
    pub root: Option<(u32, u32)>,
}

/// An event in no trace that stays findable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LooseRow {
    /// Section, by position.
    pub section: u32,
    /// Row in it.
    pub row: u32,
    /// What happened.
    pub kind: EventKind,
    /// Its HLC.
    pub hlc: Hlc,
    /// Its node's time.
    pub time: Micros,
}

/// From a parent on another node to its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The event's node.
    pub node: NodeKey,
    /// The parent's.
    pub parent: NodeKey,
    /// Least `event time - parent's renewal time`, in microseconds.
    pub least_us: i64,
}

/// What was seen in which part.
#[derive(Clone, Debug, Default)]
struct Scratch {
    nodes: Vec<u32>,
    sites: Vec<u32>,
    delays: Vec<(u32, u32, i64)>,
    delays_max: usize,
}

impl Digest {
    /// The nodes of a part, by number.
    pub fn nodes_of(&self, part: &PartDigest) -> &[u32] {
        self.nodes
            .get(part.nodes.0 as usize..part.nodes.1 as usize)
            .unwrap_or_default()
    }
    /// The sites of a part, by position.
    pub fn sites_of(&self, part: &PartDigest) -> &[u32] {
        self.sites
            .get(part.sites.0 as usize..part.sites.1 as usize)
            .unwrap_or_default()
    }
    /// The name of a part's root.
    pub fn root_of(&self, part: &PartDigest) -> Option<&str> {
        let (first, last) = part.root?;
        self.names.get(first as usize..last as usize)
    }
    /// The parts of a section.
    pub fn parts_of(&self, section: &SectionDigest) -> &[PartDigest] {
        self.parts
            .get(section.parts.0 as usize..section.parts.1 as usize)
            .unwrap_or_default()
    }

    fn clear(&mut self) {
        self.sections.clear();
        self.parts.clear();
        self.nodes.clear();
        self.sites.clear();
        self.names.clear();
        self.loose.clear();
        self.delays.clear();
        self.scratch.nodes.clear();
        self.scratch.sites.clear();
        self.scratch.delays.clear();
        self.scratch.delays_max = PAIRS_MAX;
    }
}

impl EventFrame<'_> {
    /// Checks all columns and says what an index needs. `content`: with the hashes of the sections' events, for frames on their way in.
    pub fn digest(&self, content: bool) -> Result<Digest, FrameError> {
        let mut digest = Digest::default();
        self.digest_into(content, &mut digest)?;
        Ok(digest)
    }

    /// The same in place of what is in `digest`, whose memory is used again.
    pub fn digest_into(&self, content: bool, digest: &mut Digest) -> Result<(), FrameError> {
        digest.clear();
        let names = self.names()?;
        let traces = self.traces()?;
        digest.scratch.nodes.resize(names.keys.len(), 0);
        digest.scratch.sites.resize(names.sites.len(), 0);
        let mut cursor = Cursor::new(self, &names)?;
        let (mut rows, mut hash) = (Vec::new(), ContentHash::new());
        let content = content && !self.is_block();
        let mut rest = traces.as_slice();
        for (at, section) in (0u32..).zip(self.sections()) {
            let (these, others) = rest
                .split_at_checked(section.traces as usize)
                .unwrap_or((rest, &[]));
            rest = others;
            let first_part = digest.parts.len() as u32;
            let (mut first_row, mut hlc) = (0u32, (u64::MAX, 0));
            hash.clear();
            for trace in these {
                cursor.next(range(&trace.rows).len() as u32, &mut rows)?;
                if content {
                    for row in &rows {
                        hash.row(trace.trace.0, row, &names);
                    }
                }
                let part = digest.part(trace.trace, first_row, &rows, &names);
                hlc = (part.hlc.0.0.min(hlc.0), part.hlc.1.0.max(hlc.1));
                digest.parts.push(part);
                if trace.trace.0 == 0 {
                    digest.loose(at, first_row, &rows);
                }
                first_row += rows.len() as u32;
            }
            digest.sections.push(SectionDigest {
                shard: section.shard,
                seq: section.seq,
                gap: section.gap,
                content: if content && section.gap.is_none() {
                    hash.digest()
                } else {
                    0
                },
                rows: section.rows,
                parts: (first_part, digest.parts.len() as u32),
                hlc: (Hlc(hlc.0.min(hlc.1)), Hlc(hlc.1)),
            });
        }
        cursor.finish()?;
        digest.end_delays(&names);
        Ok(())
    }
}

impl Digest {
    fn part(&mut self, trace: TraceId, first_row: u32, rows: &[Row], names: &Names<'_>) -> PartDigest {
        let (first_node, first_site) = (self.nodes.len() as u32, self.sites.len() as u32);
        let stamp = self.parts.len() as u32 + 1;
        let (mut hlc, mut time) = ((u64::MAX, 0), (u64::MAX, 0));
        let mut errors = 0;
        let mut root = None;
        for row in rows {
            hlc = (row.hlc.min(hlc.0), row.hlc.max(hlc.1));
            time = (row.time.min(time.0), row.time.max(time.1));
            errors += u32::from(is_error(row));
            if let Some(seen) = self.scratch.nodes.get_mut(row.node as usize - 1)
                && *seen != stamp
            {
                *seen = stamp;
                self.nodes.push(row.node);
            }
            if row.site != 0
                && let Some(seen) = self.scratch.sites.get_mut(row.site as usize - 1)
                && *seen != stamp
                && row.kind != EventKind::Link.code()
            {
                *seen = stamp;
                let (module, site) = names.site(row.site);
                if module != 0 && site != 0 {
                    self.sites.push(row.site - 1);
                }
            }
            if row.remote != 0 && row.remote != row.node && row.remote_time != 0 {
                self.delay(row);
            }
            if row.kind == EventKind::Root.code() && root.is_none() {
                root = self.root(names.payload(row));
            }
        }
        PartDigest {
            trace,
            first_row,
            rows: rows.len() as u32,
            errors,
            hlc: (Hlc(hlc.0), Hlc(hlc.1)),
            time: (Micros(time.0), Micros(time.1)),
            nodes: (first_node, self.nodes.len() as u32),
            sites: (first_site, self.sites.len() as u32),
            root,
        }
    }

    #[inline]
    fn delay(&mut self, row: &Row) {
        let delta = (row.time as i64).wrapping_sub(row.remote_time as i64);
        let delays = &mut self.scratch.delays;
        let recent = delays.iter_mut().rev().take(PAIRS_NEAR);
        match recent
            .into_iter()
            .find(|known| (known.0, known.1) == (row.node, row.remote))
        {
            Some(known) => known.2 = known.2.min(delta),
            None => delays.push((row.node, row.remote, delta)),
        }
        // Few pairs are the rule. Of many some are there twice, until the list is put in order.
        if self.scratch.delays.len() > self.scratch.delays_max {
            self.merge_delays();
            self.scratch.delays_max = PAIRS_MAX.max(self.scratch.delays.len() * 2);
        }
    }

    fn merge_delays(&mut self) {
        self.scratch.delays.sort_unstable();
        self.scratch.delays.dedup_by_key(|known| (known.0, known.1));
    }

    fn end_delays(&mut self, names: &Names<'_>) {
        self.merge_delays();
        let delay = |(node, parent, least_us): &(u32, u32, i64)| Delay {
            node: NodeKey(names.key(*node)),
            parent: NodeKey(names.key(*parent)),
            least_us: *least_us,
        };
        self.delays.extend(self.scratch.delays.iter().map(delay));
        self.delays
            .sort_unstable_by_key(|delay| (delay.node, delay.parent, delay.least_us));
        self.delays.dedup_by_key(|delay| (delay.node, delay.parent));
    }

    /// The name at the head of a root payload (`docs/node-socket.md`: u16 length, UTF-8).
    fn root(&mut self, payload: &[u8]) -> Option<(u32, u32)> {
        let (len, rest) = payload.split_first_chunk::<2>()?;
        let name = rest.get(..usize::from(u16::from_le_bytes(*len)))?;
        let name = std::str::from_utf8(name).ok()?;
        let first = self.names.len() as u32;
        self.names.push_str(name);
        Some((first, self.names.len() as u32))
    }

    fn loose(&mut self, section: u32, first_row: u32, rows: &[Row]) {
        for (row, of) in (first_row..).zip(rows) {
            let kind = EventKind::try_from(of.kind);
            let Ok(kind @ (EventKind::Loss | EventKind::Error | EventKind::NodeUp | EventKind::NodeDown)) =
                kind
            else {
                continue;
            };
            self.loose.push(LooseRow {
                section,
                row,
                kind,
                hlc: Hlc(of.hlc),
                time: Micros(of.time),
            });
        }
    }
}

/// Pairs of nodes that are looked through, newest first.
const PAIRS_NEAR: usize = 32;
/// Pairs before the list is put in order.
const PAIRS_MAX: usize = 1024;

/// As [`event::Event::is_error`].
#[inline]
fn is_error(row: &Row) -> bool {
    const ERROR: u8 = EventKind::Error as u8;
    const EXCEPTION: u8 = EventKind::Exception as u8;
    const RETURN: u8 = EventKind::Return as u8;
    const CALLBACK_RETURN: u8 = EventKind::CallbackReturn as u8;
    const ROOT_END: u8 = EventKind::RootEnd as u8;
    const OF_ERROR: u8 = ResultClass::Error as u8;
    const ERROR_TUPLE: u8 = ResultClass::ErrorTuple as u8;
    match row.kind {
        ERROR | EXCEPTION => true,
        RETURN | CALLBACK_RETURN | ROOT_END => matches!(row.class, OF_ERROR | ERROR_TUPLE),
        _ => false,
    }
}
