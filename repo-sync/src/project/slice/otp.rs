//! Ways of values that OTP makes, for slices: a message's parts to the variables of the clause that handles it, the
//! reply back to the call, the state from one callback to the next.

use std::collections::BTreeMap;

use codegraph::definitions::Clause;
use codegraph::fact::Confidence;
use codegraph::flow::{Call, Callee, Evidence, FlowKind, FunctionFlow, Origin, Sent, Vertex, Wire, Wires};
use codegraph::graph::EdgeKind;
use codegraph::quoted::{Kind, NodeId, Quoted};

use super::loaded::Loaded;
use crate::project::{CallSite, CodeProject, FileSource};

/// Most ways of one module's state: callbacks times places where one leaves it.
const STATES_MAX: usize = 65_536;

/// Functions, by their number, and a value of each.
type Places = Vec<(u32, Vertex)>;

/// All of them between loaded functions.
pub(super) fn wires(project: &CodeProject, loaded: &Loaded) -> Wires {
    let (mut wires, mut sent) = (Vec::new(), Vec::new());
    for (flow, node) in loaded.nodes.iter().enumerate() {
        let sites = project.sites_from(*node).iter();
        for site in sites.filter(|site| matches!(site.kind, EdgeKind::SENDS | EdgeKind::SPAWNS)) {
            message(project, loaded, flow as u32, site, &mut wires, &mut sent);
        }
    }
    states(project, loaded, &mut wires);
    Wires::new(wires, sent)
}

/// The elements of a tuple.
fn elements(tree: &Quoted, node: NodeId) -> Option<&[NodeId]> {
    match tree.node(node).kind {
        Kind::Pair => Some(tree.kids(node)),
        Kind::Call if tree.text(node) == "{}" => Some(tree.kids(node)),
        _ => None,
    }
}

fn atom(tree: &Quoted, node: NodeId) -> Option<&str> {
    (tree.node(node).kind == Kind::Atom).then(|| tree.text(node))
}

/// Whether a written message is one that the pattern takes, by its tag.
fn fits(tree: &Quoted, message: NodeId, of: &Quoted, pattern: NodeId) -> bool {
    match (elements(tree, message), elements(of, pattern)) {
        (Some(parts), Some(patterns)) => {
            let tags = (parts.first(), patterns.first());
            let tags = (
                tags.0.and_then(|tag| atom(tree, *tag)),
                tags.1.and_then(|tag| atom(of, *tag)),
            );
            parts.len() == patterns.len() && tags.0.is_some() && tags.0 == tags.1
        }
        _ => atom(tree, message).is_some_and(|tag| atom(of, pattern) == Some(tag)),
    }
}

/// Which argument of a known function is the message.
fn place_of_message(name: &str, arity: u32, is_erlang: bool) -> Option<usize> {
    match (name, arity) {
        ("send_after" | "start_timer", 3 | 4) if is_erlang => Some(2),
        ("call" | "cast" | "send" | "send_after" | "start_link" | "start" | "abcast" | "multi_call", 2..) => {
            Some(1)
        }
        ("broadcast" | "broadcast!" | "local_broadcast", 3..) => Some(2),
        ("broadcast_from" | "broadcast_from!" | "local_broadcast_from", 4..) => Some(3),
        _ => None,
    }
}

/// The call of a site, and its argument that is the message.
fn sent_at<'f>(
    source: &FileSource,
    flow: &'f FunctionFlow,
    site: &CallSite,
    handler: (&FileSource, NodeId),
) -> Option<(&'f Call, Vertex)> {
    let tree = &source.tree;
    let calls = || {
        flow.dfg
            .calls
            .iter()
            .filter(|call| !call.captured && tree.node(call.node).line == site.line)
    };
    for call in calls() {
        for argument in flow.dfg.arguments(call) {
            if let Origin::Node(node) = flow.locals.origin(*argument)
                && fits(tree, node, &handler.0.tree, handler.1)
            {
                return Some((call, *argument));
            }
        }
    }
    calls().find_map(|call| {
        let (name, is_erlang) = match call.callee {
            Callee::Local(name) => (name, false),
            Callee::Remote(module, name) => (name, tree.node(module).kind == Kind::Atom),
            Callee::Dynamic => return None,
        };
        let place = place_of_message(tree.symbols().text(name), call.arity, is_erlang)?;
        Some((call, *flow.dfg.arguments(call).get(place)?))
    })
}

fn message(
    project: &CodeProject,
    loaded: &Loaded,
    from: u32,
    site: &CallSite,
    wires: &mut Vec<Wire>,
    sent: &mut Vec<Sent>,
) {
    let Some(to) = loaded.flow_of(project, site.to) else {
        return;
    };
    let (Some(source), Some(handled)) = (loaded.source(from), loaded.source(to)) else {
        return;
    };
    let (flow, handler) = (&loaded.flows[from as usize], &loaded.flows[to as usize]);
    let Some(clause) = clause_at(handled, handler, site.clause_line) else {
        return;
    };
    let Some(pattern) = clause.parameters(&handled.tree).first().copied() else {
        return;
    };
    let Some((call, message)) = sent_at(source, flow, site, (handled, pattern)) else {
        return;
    };
    let sure = site.mark.confidence();
    let mut wire = |vertex: Vertex, target: Vertex| {
        wires.push(Wire {
            from: (from, vertex),
            to: (to, target),
            evidence: Evidence::Message,
            confidence: sure,
        });
    };
    let range = handled.tree.subtree(clause.node);
    let parts = match flow.locals.origin(message) {
        Origin::Node(node) => elements(&source.tree, node).zip(elements(&handled.tree, pattern)),
        _ => None,
    };
    let parts = parts.filter(|(parts, patterns)| parts.len() == patterns.len());
    // The parameter is matched with the pattern as a whole; the pattern binds its variables.
    let whole = if parts.is_some() {
        handler.locals.of(pattern)
    } else {
        handler.locals.parameter(0)
    };
    let targets = handler.dfg.flows.iter().filter(|flow| Some(flow.from) == whole);
    for taken in targets {
        let Origin::Node(node) = handler.locals.origin(taken.to) else {
            continue;
        };
        if !range.contains(&node.index()) {
            continue;
        }
        let Some((parts, patterns)) = parts else {
            wire(message, taken.to);
            continue;
        };
        for (part, pattern) in parts.iter().zip(patterns) {
            // Whether the clause is taken is a matter of the parts that may not match.
            let tested = taken.kind == FlowKind::Test && handled.tree.node(*pattern).kind != Kind::Variable;
            if (tested || handled.tree.contains(*pattern, node))
                && let Some(vertex) = flow.locals.of(*part)
            {
                wire(vertex, taken.to);
            }
        }
    }
    sent.push(Sent {
        from: (from, call.node),
        to: (to, NodeId::new(range.start), clause.node),
        confidence: sure,
    });
    if site.how == "call"
        && let Some(answer) = flow.locals.of(call.node)
    {
        replies(handled, handler, to, clause, (from, answer), sure, wires);
    }
}

/// The clause of a function that begins on a line.
fn clause_at<'s>(source: &'s FileSource, flow: &FunctionFlow, line: u32) -> Option<&'s Clause> {
    let function = source.outline.functions.get(flow.function as usize)?;
    let clauses = function
        .clauses
        .iter()
        .filter_map(|clause| source.outline.clauses.get(*clause as usize));
    let mut clauses = clauses.filter(|clause| clause.body.is_some());
    clauses.find(|clause| source.lines(clause.node).0 == line)
}

/// What a clause replies, and what decides which reply it is, to the call's value.
fn replies(
    source: &FileSource,
    flow: &FunctionFlow,
    function: u32,
    clause: &Clause,
    to: (u32, Vertex),
    sure: Confidence,
    wires: &mut Vec<Wire>,
) {
    for (tag, parts, tuple) in tagged(source, clause) {
        let (("reply", [_, reply, ..]) | ("stop", [_, _, reply, _])) = (tag, parts) else {
            continue;
        };
        let deciders = flow.deciders_of(tuple);
        for vertex in flow.locals.of(*reply).into_iter().chain(deciders) {
            wires.push(Wire {
                from: (function, vertex),
                to,
                evidence: Evidence::Reply,
                confidence: sure,
            });
        }
    }
}

/// Tuples in a clause's body that begin with an atom.
fn tagged<'s>(
    source: &'s FileSource,
    clause: &Clause,
) -> impl Iterator<Item = (&'s str, &'s [NodeId], NodeId)> {
    let tree = &source.tree;
    let body = clause.body.map(|body| tree.subtree(body)).unwrap_or_default();
    body.map(NodeId::new).filter_map(|node| {
        let parts = elements(tree, node)?;
        Some((atom(tree, *parts.first()?)?, parts, node))
    })
}

/// The state that a callback leaves is the one that every callback of the module may be given.
fn states(project: &CodeProject, loaded: &Loaded, wires: &mut Vec<Wire>) {
    // By module: who is given the state, and where it is left.
    let mut modules: BTreeMap<u32, (Places, Places)> = BTreeMap::new();
    for (flow, node) in loaded.nodes.iter().enumerate() {
        let function = project.function(*node);
        let definition = function.and_then(|function| function.definition.as_ref());
        let (Some(function), Some(definition), Some(source)) = (
            function,
            definition.filter(|one| one.is_callback),
            loaded.source(flow as u32),
        ) else {
            continue;
        };
        let given = match (&*function.name, function.arity) {
            ("handle_call", 3) => Some(2),
            ("handle_cast" | "handle_info" | "handle_continue" | "terminate" | "code_change", _) => Some(1),
            ("init", 1) => None,
            _ => continue,
        };
        let found = &loaded.flows[flow];
        let (takers, leavers) = modules.entry(definition.module).or_default();
        takers.extend(given.and_then(|place| Some((flow as u32, found.locals.parameter(place)?))));
        let clauses = source.clauses(definition);
        for (tag, parts, _) in clauses.flat_map(|clause| tagged(source, clause)) {
            let (("ok", "init" | "code_change", [_, state, ..])
            | ("noreply", _, [_, state, ..])
            | ("reply", _, [_, _, state, ..])
            | ("stop", _, [_, _, .., state])) = (tag, &*function.name, parts)
            else {
                continue;
            };
            leavers.extend(found.locals.of(*state).map(|vertex| (flow as u32, vertex)));
        }
    }
    for (takers, leavers) in modules.into_values() {
        let pairs = leavers
            .iter()
            .flat_map(|from| takers.iter().map(move |to| (*from, *to)));
        wires.extend(pairs.take(STATES_MAX).map(|(from, to)| Wire {
            from,
            to,
            evidence: Evidence::State,
            confidence: Confidence::Likely,
        }));
    }
}
