//! The digest against what the events say.

use std::collections::{BTreeMap, BTreeSet};

use event::{Event, EventKind, Hlc, Micros, ModuleKey, NodeKey, SiteId, TraceId};
use proptest::prelude::*;

use super::{frame, program};
use crate::events::{Digest, EventFrame, content_hash};
use crate::frame::decode;

fn sites(events: &[&Event]) -> BTreeSet<(ModuleKey, SiteId)> {
    let named = |e: &&&Event| e.module.0 != 0 && e.site.0 != 0 && e.kind != EventKind::Link;
    events.iter().filter(named).map(|e| (e.module, e.site)).collect()
}

fn root(events: &[&Event]) -> Option<String> {
    events.iter().filter(|e| e.kind == EventKind::Root).find_map(|e| {
        let (len, rest) = e.payload.split_first_chunk::<2>()?;
        let name = rest.get(..usize::from(u16::from_le_bytes(*len)))?;
        String::from_utf8(name.to_vec()).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Scenario: frames of any events, digested into one digest after the other. Guarantee: sections, parts, nodes, sites, roots,
    /// loose events, delays and hashes are those of the events.
    #[test]
    fn digests_are_of_the_events(frames in proptest::collection::vec(proptest::collection::vec(program(), 0..4), 1..3)) {
        let mut digest = Digest::default();
        for batches in &frames {
            let bytes = frame(7, 1, batches);
            let opened = EventFrame::open(&bytes).unwrap();
            opened.digest_into(true, &mut digest).unwrap();
            let known: Vec<_> = opened.sites().unwrap().collect();
            prop_assert!(known.windows(2).all(|w| w[0] < w[1]));
            let decoded = decode(&bytes).unwrap();
            prop_assert_eq!(digest.sections.len(), decoded.sections.len());
            let mut loose = Vec::new();
            let mut delays: BTreeMap<(NodeKey, NodeKey), i64> = BTreeMap::new();
            for (at, (of, section)) in digest.sections.iter().zip(&decoded.sections).enumerate() {
                let events = section.events();
                prop_assert_eq!((of.shard, of.seq, of.gap), (section.shard, section.seq, None));
                prop_assert_eq!(of.rows as usize, events.len());
                prop_assert_eq!(of.content, content_hash(events));
                let hlc = |of: fn(std::slice::Iter<'_, Event>) -> Option<Hlc>| of(events.iter()).unwrap_or_default();
                prop_assert_eq!(of.hlc, (hlc(|e| e.map(|e| e.hlc).min()), hlc(|e| e.map(|e| e.hlc).max())));
                let mut next = 0;
                for part in digest.parts_of(of) {
                    prop_assert_eq!(part.first_row, next);
                    next += part.rows;
                    let rows: Vec<&Event> = events[part.first_row as usize..next as usize].iter().collect();
                    prop_assert!(rows.iter().all(|e| e.trace == part.trace));
                    prop_assert_eq!(part.errors as usize, rows.iter().filter(|e| e.is_error()).count());
                    prop_assert_eq!(part.hlc.0, rows.iter().map(|e| e.hlc).min().unwrap());
                    prop_assert_eq!(part.hlc.1, rows.iter().map(|e| e.hlc).max().unwrap());
                    prop_assert_eq!(part.time.0, rows.iter().map(|e| e.time).min().unwrap());
                    prop_assert_eq!(part.time.1, rows.iter().map(|e| e.time).max().unwrap());
                    let nodes: Vec<NodeKey> = digest.nodes_of(part).iter().map(|n| opened.key(*n)).collect();
                    let distinct: BTreeSet<NodeKey> = rows.iter().map(|e| e.node).collect();
                    prop_assert_eq!(nodes.len(), distinct.len());
                    prop_assert_eq!(nodes.into_iter().collect::<BTreeSet<_>>(), distinct);
                    let of_part: Vec<_> = digest.sites_of(part).iter().map(|s| known[*s as usize]).collect();
                    prop_assert_eq!(of_part.len(), sites(&rows).len());
                    prop_assert_eq!(of_part.into_iter().collect::<BTreeSet<_>>(), sites(&rows));
                    prop_assert_eq!(digest.root_of(part).map(str::to_owned), root(&rows));
                }
                prop_assert_eq!(next, of.rows);
                for (row, e) in events.iter().enumerate() {
                    let kept = matches!(e.kind, EventKind::Loss | EventKind::Error | EventKind::NodeUp | EventKind::NodeDown);
                    if e.trace == TraceId(0) && kept {
                        loose.push((at as u32, row as u32, e.kind, e.hlc, e.time));
                    }
                    if e.remote_node != NodeKey(0) && e.remote_node != e.node && e.remote_time != Micros(0) {
                        let delta = (e.time.0 as i64).wrapping_sub(e.remote_time.0 as i64);
                        let least = delays.entry((e.node, e.remote_node)).or_insert(delta);
                        *least = delta.min(*least);
                    }
                }
            }
            let found: Vec<_> = digest.loose.iter().map(|l| (l.section, l.row, l.kind, l.hlc, l.time)).collect();
            prop_assert_eq!(found, loose);
            let found: Vec<_> = digest.delays.iter().map(|d| ((d.node, d.parent), d.least_us)).collect();
            prop_assert_eq!(found, delays.into_iter().collect::<Vec<_>>());
        }
    }
}
