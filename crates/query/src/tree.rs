//! From one trace's events to its causal tree.
//!
//! Parents are what the events say (the enclosing frame, or the label's call on whatever node); siblings are ordered by
//! HLC. Ends that nobody observed are inferred and marked: a frame that an exception passed through, and one that was
//! left by a tail call. Total on any input: unknown parents become roots and are reported, cycles are cut.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use event::{Event, EventId, EventIdentity, EventKind, Flags, NodeInfo, NodeKey, Pid, TraceId};

use crate::answer::{Closed, FrameEnd, Item, Missing, NodeShift, Place, TraceAnswer};
use crate::code::CodeSource;
use crate::{clock, payload};

/// A stored event with its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Identity in the cluster.
    pub identity: EventIdentity,
    /// The event.
    pub event: Event,
}

/// How far up non-frame parents are followed before an event counts as an orphan.
const CLIMB_MAX: usize = 64;

/// A trace's tree, and the event that each of its items stands for.
pub(crate) struct Arranged<'a> {
    /// The tree.
    pub(crate) answer: TraceAnswer,
    /// The event of each item, in the same order.
    pub(crate) events: Vec<&'a Event>,
    /// The trace's start after clock correction, microseconds since 2020.
    pub(crate) start: i64,
}

/// Builds the answer for `trace` from its events (any order, duplicates by identity allowed).
pub fn assemble(
    trace: TraceId,
    recorded: &[Recorded],
    nodes: &BTreeMap<NodeKey, NodeInfo>,
    code: &dyn CodeSource,
    missing: Vec<Missing>,
) -> TraceAnswer {
    arrange(trace, recorded, nodes, code, missing).answer
}

/// As [`assemble`], with the events.
pub(crate) fn arrange<'a>(
    trace: TraceId,
    recorded: &'a [Recorded],
    nodes: &BTreeMap<NodeKey, NodeInfo>,
    code: &dyn CodeSource,
    mut missing: Vec<Missing>,
) -> Arranged<'a> {
    let events = in_order(recorded);
    let forest = Forest::new(&events);
    if forest.orphans > 0 {
        let text = format!("{} events name a parent that is not recorded", forest.orphans);
        missing.push(Missing {
            kind: "parent".to_owned(),
            text,
        });
    }
    let shifts = clock::shifts(&events);
    let corrected = |e: &Event| e.time.0 as i64 + shifts.get(&e.node).copied().unwrap_or_default();
    let start = events.iter().map(|e| corrected(e)).min().unwrap_or_default();
    let end = events.iter().map(|e| corrected(e)).max().unwrap_or_default();
    let writer = Writer {
        events: &events,
        forest: &forest,
        nodes,
        code,
        start,
        shifts: &shifts,
    };
    let (items, shown) = writer.items();
    let answer = TraceAnswer {
        trace: trace.to_string(),
        complete: missing.is_empty(),
        missing,
        start_unix_us: events.first().map_or(0, |e| e.time.to_unix_us()),
        duration_us: u64::try_from(end - start).unwrap_or_default(),
        nodes: node_names(&events, nodes),
        events: events.len(),
        calls: events
            .iter()
            .filter(|e| matches!(e.kind, EventKind::Call | EventKind::Callback))
            .count(),
        errors: events.iter().filter(|e| e.is_error()).count(),
        inversions: forest.inversions,
        clock_shifts: named_shifts(&shifts, nodes),
        items,
    };
    Arranged {
        answer,
        events: shown,
        start,
    }
}

fn in_order(recorded: &[Recorded]) -> Vec<&Event> {
    let mut seen = BTreeSet::new();
    let mut events: Vec<&Event> = recorded
        .iter()
        .filter(|r| seen.insert(r.identity))
        .map(|r| &r.event)
        .collect();
    events.sort_by_key(|e| (e.hlc, e.node, e.pid, e.ordinal, e.id));
    events
}

fn node_names(events: &[&Event], nodes: &BTreeMap<NodeKey, NodeInfo>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for e in events {
        let name = node_name(e.node, nodes);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

pub(crate) fn node_name(key: NodeKey, nodes: &BTreeMap<NodeKey, NodeInfo>) -> String {
    nodes
        .get(&key)
        .map_or_else(|| format!("node {key}"), |n| n.name.clone())
}

fn named_shifts(shifts: &BTreeMap<NodeKey, i64>, nodes: &BTreeMap<NodeKey, NodeInfo>) -> Vec<NodeShift> {
    shifts
        .iter()
        .filter(|(_, shift)| **shift != 0)
        .map(|(key, shift)| NodeShift {
            node: node_name(*key, nodes),
            shift_us: *shift,
        })
        .collect()
}

/// Class of an exception: what a result's class means for kinds `exception` and `error`.
fn exception_class(code: u8) -> &'static str {
    match code {
        1 => "error",
        2 => "exit",
        3 => "throw",
        _ => "",
    }
}

pub(crate) fn is_frame(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Root | EventKind::Call | EventKind::Fn | EventKind::Callback
    )
}

fn is_end(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Return | EventKind::CallbackReturn | EventKind::RootEnd
    )
}

/// Who is whose parent, and how frames ended; indices into the ordered events.
struct Forest {
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
    end: Vec<Option<usize>>,
    values: Vec<Vec<usize>>,
    last_inside: Vec<usize>,
    by_exception: Vec<bool>,
    orphans: usize,
    inversions: usize,
}

impl Forest {
    fn new(events: &[&Event]) -> Self {
        let index: HashMap<(NodeKey, EventId), usize> = events
            .iter()
            .enumerate()
            .map(|(i, e)| ((e.node, e.id), i))
            .collect();
        let n = events.len();
        let mut forest = Self {
            children: vec![Vec::new(); n],
            roots: Vec::new(),
            end: vec![None; n],
            values: vec![Vec::new(); n],
            last_inside: (0..n).collect(),
            by_exception: vec![false; n],
            orphans: 0,
            inversions: 0,
        };
        let parents: Vec<Option<usize>> = events.iter().map(|e| enclosing(e, events, &index)).collect();
        let mut current: HashMap<(NodeKey, Pid), usize> = HashMap::new();
        for (i, e) in events.iter().enumerate() {
            forest.place(i, e, events, &index, &parents);
            forest.follow(i, e, events, &parents, &mut current);
        }
        forest.cut_cycles(events, &parents);
        forest
    }

    fn place(
        &mut self,
        i: usize,
        e: &Event,
        events: &[&Event],
        index: &HashMap<(NodeKey, EventId), usize>,
        parents: &[Option<usize>],
    ) {
        let direct = e.parent_ref().and_then(|r| index.get(&r).copied());
        if let Some(p) = direct.and_then(|p| events.get(p))
            && e.flags.has(Flags::REMOTE)
            && p.hlc >= e.hlc
        {
            self.inversions += 1;
        }
        if e.kind == EventKind::Value
            && let Some(values) = direct.and_then(|p| self.values.get_mut(p))
        {
            values.push(i);
            return;
        }
        let parent = parents.get(i).copied().flatten();
        if is_end(e.kind) {
            if let Some(end) = parent.and_then(|p| self.end.get_mut(p)) {
                *end = Some(i);
                return;
            }
        } else if let Some(children) = parent.filter(|p| *p != i).and_then(|p| self.children.get_mut(p)) {
            children.push(i);
            return;
        }
        if e.parent.0 != 0 {
            self.orphans += 1;
        }
        self.roots.push(i);
    }

    /// Keeps each process's current frame, and marks the frames that an exception left.
    fn follow(
        &mut self,
        i: usize,
        e: &Event,
        events: &[&Event],
        parents: &[Option<usize>],
        current: &mut HashMap<(NodeKey, Pid), usize>,
    ) {
        let process = (e.node, e.pid);
        let parent = parents.get(i).copied().flatten();
        if matches!(e.kind, EventKind::Exception | EventKind::Error) {
            let stop = if e.kind == EventKind::Exception {
                parent
            } else {
                None
            };
            let mut at = current.get(&process).copied();
            let mut steps = 0;
            while let Some(frame) = at.filter(|f| Some(*f) != stop && steps < events.len()) {
                let same = events.get(frame).is_some_and(|f| (f.node, f.pid) == process);
                if !same {
                    break;
                }
                if let (Some(None), Some(mark)) = (self.end.get(frame), self.by_exception.get_mut(frame)) {
                    *mark = true;
                }
                at = parents.get(frame).copied().flatten();
                steps += 1;
            }
        }
        let now = if is_frame(e.kind) {
            Some(i)
        } else if is_end(e.kind) {
            parent.and_then(|p| parents.get(p).copied().flatten())
        } else {
            parent
        };
        if let Some(now) = now {
            current.insert(process, now);
        }
        let mut at = parent;
        let mut steps = 0;
        while let Some(frame) = at.filter(|_| steps < CLIMB_MAX) {
            if events.get(frame).is_some_and(|f| (f.node, f.pid) == process)
                && let Some(last) = self.last_inside.get_mut(frame)
            {
                *last = i;
            }
            at = parents.get(frame).copied().flatten();
            steps += 1;
        }
    }

    /// What no root reaches (parents in a circle) becomes a root itself.
    fn cut_cycles(&mut self, events: &[&Event], parents: &[Option<usize>]) {
        let mut reached = vec![false; events.len()];
        let mut stack = self.roots.clone();
        self.reach(&mut stack, &mut reached);
        for (i, (parent, e)) in parents.iter().zip(events).enumerate() {
            let attached = is_end(e.kind) || e.kind == EventKind::Value;
            if !reached.get(i).copied().unwrap_or(true) && !attached {
                if let Some(siblings) = parent.and_then(|p| self.children.get_mut(p)) {
                    siblings.retain(|c| *c != i);
                }
                self.orphans += 1;
                self.roots.push(i);
                stack.push(i);
                self.reach(&mut stack, &mut reached);
            }
        }
        self.roots.sort_unstable();
    }

    fn reach(&self, stack: &mut Vec<usize>, reached: &mut [bool]) {
        while let Some(i) = stack.pop() {
            if let Some(seen) = reached.get_mut(i).filter(|seen| !**seen) {
                *seen = true;
                stack.extend(self.children.get(i).into_iter().flatten());
            }
        }
    }
}

/// The frame that an event happened in: its parent if that is a frame, else the parent's.
fn enclosing(e: &Event, events: &[&Event], index: &HashMap<(NodeKey, EventId), usize>) -> Option<usize> {
    let mut at = e.parent_ref();
    for _ in 0..CLIMB_MAX {
        let i = *index.get(&at?)?;
        let parent = events.get(i)?;
        if is_frame(parent.kind) {
            return Some(i);
        }
        at = parent.parent_ref();
    }
    None
}

struct Writer<'a, 'e> {
    events: &'a [&'e Event],
    forest: &'a Forest,
    nodes: &'a BTreeMap<NodeKey, NodeInfo>,
    code: &'a dyn CodeSource,
    start: i64,
    shifts: &'a BTreeMap<NodeKey, i64>,
}

impl<'e> Writer<'_, 'e> {
    fn items(&self) -> (Vec<Item>, Vec<&'e Event>) {
        let mut items: Vec<Item> = Vec::with_capacity(self.events.len());
        let mut shown = Vec::with_capacity(self.events.len());
        let mut stack: Vec<(usize, u32, Option<usize>)> =
            self.forest.roots.iter().rev().map(|i| (*i, 0, None)).collect();
        while let Some((i, depth, parent)) = stack.pop() {
            let Some(e) = self.events.get(i).copied() else {
                continue;
            };
            let at = items.len();
            items.push(self.item(i, e, depth, parent));
            shown.push(e);
            if let Some(children) = self.forest.children.get(i) {
                stack.extend(children.iter().rev().map(|c| (*c, depth + 1, Some(at))));
            }
        }
        (items, shown)
    }

    fn item(&self, i: usize, e: &Event, depth: u32, parent: Option<usize>) -> Item {
        let site = (e.site.0 != 0)
            .then(|| self.code.site(e.module, e.site))
            .flatten();
        let (name, clause, place) = match &site {
            Some(site) => (site.mfa(), site.clause, Some(site.place.clone())),
            None => (String::new(), 0, unresolved(e)),
        };
        let (root_name, attributes) = match e.kind {
            EventKind::Root => payload::root(&e.payload).unzip(),
            _ => (None, None),
        };
        let name = match e.kind {
            EventKind::Root => root_name.unwrap_or(name),
            EventKind::Call | EventKind::Callback => name,
            EventKind::Fn => format!("fn in {name}"),
            EventKind::Link => e.linked.to_string(),
            EventKind::NodeUp | EventKind::NodeDown | EventKind::Log => payload::text(&e.payload),
            EventKind::Exit | EventKind::Spawn => payload::term(&e.payload),
            EventKind::Exception | EventKind::Error => exception_class(e.class.code()).to_owned(),
            _ => site
                .as_ref()
                .map(|s| s.kind.name().to_owned())
                .unwrap_or_default(),
        };
        let end = self
            .forest
            .end
            .get(i)
            .copied()
            .flatten()
            .and_then(|end| Some((end, *self.events.get(end)?)));
        let mut values = self.values(i);
        values.extend(attributes.flatten());
        if let Some((end, _)) = end {
            values.extend(self.values(end));
        }
        Item {
            depth,
            parent,
            kind: e.kind.name().to_owned(),
            id: format!("{:x}", e.id.0),
            name,
            clause,
            node: node_name(e.node, self.nodes),
            pid: e.pid.to_string(),
            hlc: e.hlc.0,
            time_unix_us: e.time.to_unix_us(),
            start_us: e.time.0 as i64 + self.shifts.get(&e.node).copied().unwrap_or_default() - self.start,
            module_key: if e.module.0 == 0 {
                String::new()
            } else {
                e.module.to_string()
            },
            site: e.site.0,
            place,
            values,
            error: matches!(e.kind, EventKind::Error | EventKind::Exception)
                .then(|| payload::error(&e.payload))
                .flatten(),
            frame: is_frame(e.kind).then(|| self.frame_end(i, e, end.map(|(_, e)| e))),
        }
    }

    fn values(&self, i: usize) -> Vec<crate::CapturedValue> {
        let values = self.forest.values.get(i).into_iter().flatten();
        values
            .filter_map(|v| payload::value(&self.events.get(*v)?.payload))
            .collect()
    }

    fn frame_end(&self, i: usize, e: &Event, end: Option<&Event>) -> FrameEnd {
        let thrown = self.forest.by_exception.get(i).copied().unwrap_or_default();
        let last = self
            .forest
            .last_inside
            .get(i)
            .and_then(|l| self.events.get(*l))
            .copied()
            .unwrap_or(e);
        let until = end.unwrap_or(last);
        FrameEnd {
            duration_us: until.time.0.saturating_sub(e.time.0),
            closed: match (end, thrown) {
                (Some(_), _) => Closed::Observed,
                (None, true) => Closed::ExceptionInferred,
                (None, false) => Closed::TailCall,
            },
            result: end.map(|r| r.class.name().to_owned()).unwrap_or_default(),
            shape: e.shape.clone(),
            state_changed: end.is_some_and(|r| r.flags.has(Flags::STATE_CHANGED)),
            ahead: e.flags.has(Flags::AHEAD),
        }
    }
}

fn unresolved(e: &Event) -> Option<Place> {
    (e.site.0 != 0).then(|| Place::unresolved(&format!("no site table for module version {}", e.module)))
}

#[cfg(test)]
mod tests;
