//! The events of a bucket: sorted in memory by trace and HLC, a stretch at a time; with what their payloads say and the
//! places of their sites, as far as known now.

use std::collections::HashMap;

use event::{Event, EventIdentity, EventKind, ModuleKey, NodeInfo, NodeKey, SiteId};
use query::{CodeSource, SiteInfo};
use store::StoredEvents;
use tables::recorded::{BeamEvent, EventRow, STRETCH_BYTES_MAX, Said};
use wire::etf;

use super::bucket::{BucketExport, Failed, Written, each};
use super::plan::Next;
use super::spool::Spool;

/// Longest rendering of a payload, in characters.
const TEXT_CHARS_MAX: usize = 400;
/// Sites that are remembered.
const SITES_MAX: usize = 1 << 16;

pub(super) fn write(of: &BucketExport<'_>, next: Next, mut spool: Spool<'_>) -> Result<Written, Failed> {
    let nodes = of.store.nodes()?;
    let mut rows = Rows {
        nodes: nodes.into_iter().map(|node| (node.key, node)).collect(),
        code: of.code,
        sites: HashMap::new(),
    };
    let mut stretch: StoredEvents = Vec::new();
    let mut bytes = 0;
    let unreadable = each(
        |visit| of.store.visit_bucket_events(next.bucket, visit),
        |events| {
            bytes += events.iter().map(memory_bytes).sum::<usize>();
            stretch.extend(events);
            if bytes < STRETCH_BYTES_MAX {
                return Ok(());
            }
            bytes = 0;
            of.sink.check()?;
            rows.end(&mut stretch, &mut spool)
        },
    )?;
    rows.end(&mut stretch, &mut spool)?;
    let files = spool.finish()?;
    Ok(Written { files, unreadable })
}

fn memory_bytes((_, event): &(EventIdentity, Event)) -> usize {
    size_of::<(EventIdentity, Event)>() + event.payload.len() + event.shape.len()
}

struct Rows<'r> {
    nodes: HashMap<NodeKey, NodeInfo>,
    code: &'r dyn CodeSource,
    sites: HashMap<(ModuleKey, SiteId), Option<SiteInfo>>,
}

impl Rows<'_> {
    fn end(&mut self, stretch: &mut StoredEvents, spool: &mut Spool<'_>) -> Result<(), Failed> {
        stretch.sort_by_key(|(identity, event)| (event.trace, event.hlc, *identity));
        for (identity, event) in stretch.drain(..) {
            let said = self.said(&event);
            let row = BeamEvent {
                identity,
                event: &event,
                node: self.nodes.get(&event.node),
                remote: self.nodes.get(&event.remote_node),
                said: &said,
            };
            spool.event(EventRow(row))?;
        }
        spool.end_stretch()?;
        spool.between()
    }

    fn said(&mut self, event: &Event) -> Said {
        let mut said = payload(event);
        if event.site.0 == 0 {
            return said;
        }
        if self.sites.len() >= SITES_MAX {
            self.sites.clear();
        }
        let code = self.code;
        let site = self
            .sites
            .entry((event.module, event.site))
            .or_insert_with(|| code.site(event.module, event.site));
        if let Some(site) = site {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            said.module = text(&site.module);
            said.function = text(&site.function);
            said.arity = Some(site.arity);
            said.file = text(&site.place.file);
            said.line = (site.place.line > 0).then_some(site.place.line);
            said.source = text(&site.place.source);
        }
        said
    }
}

/// What a payload says, by the event's kind (`docs/node-socket.md`, "Payloads").
fn payload(event: &Event) -> Said {
    let bytes = &event.payload;
    if bytes.is_empty() {
        return Said::default();
    }
    let render = |term: &[u8]| etf::render(term, TEXT_CHARS_MAX);
    let (name, role, text) = match event.kind {
        EventKind::Root => match etf::RootPayload::decode(bytes) {
            Ok(root) => (Some(root.name), None, render(root.attributes)),
            Err(_) => Default::default(),
        },
        EventKind::Value => match etf::ValuePayload::decode(bytes) {
            Ok(value) => (
                Some(value.name),
                Some(value.role.name().to_owned()),
                render(value.term),
            ),
            Err(_) => Default::default(),
        },
        EventKind::Error | EventKind::Exception => match etf::ErrorPayload::decode(bytes) {
            Ok(error) => (Some(error.exception), None, error.message),
            Err(_) => Default::default(),
        },
        EventKind::Loss => match etf::LossPayload::decode(bytes) {
            Ok(loss) => (Some(loss.reason.name().to_owned()), None, loss.count.to_string()),
            Err(_) => Default::default(),
        },
        EventKind::Log | EventKind::NodeUp | EventKind::NodeDown => (
            None,
            None,
            String::from_utf8_lossy(bytes)
                .chars()
                .take(TEXT_CHARS_MAX)
                .collect(),
        ),
        EventKind::Exit => (None, None, render(bytes)),
        _ => Default::default(),
    };
    Said {
        name: name.filter(|name| !name.is_empty()),
        role,
        text: (!text.is_empty()).then_some(text),
        ..Said::default()
    }
}
