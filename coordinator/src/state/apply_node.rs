//! The part of `apply` that concerns nodes: who they are, what they run, which are forgotten.

use std::sync::Arc;

use event::NodeKey;

use super::apply::learn_modules;
use super::limits::NODES_MAX;
use super::{LoadedModule, ModulesOp, Node, NodeDescription, Outcome, Refusal, State, check};

/// Applies [`super::Command::NodeSeen`].
pub(super) fn node_seen(state: &mut State, key: NodeKey, info: NodeDescription) -> Result<Outcome, Refusal> {
    check::node_key(key)?;
    check::name("node name", &info.name)?;
    for (what, text) in [
        ("OTP release", &info.otp),
        ("Elixir version", &info.elixir),
        ("agent name", &info.agent),
    ] {
        check::text(what, text)?;
    }
    let known = state.nodes.get(&key);
    if let Some(known) = known {
        let same = |i: &NodeDescription| (i.name.clone(), i.creation, i.vm_start);
        if same(&known.info) != same(&info) {
            let (existing, got) = (describe(&known.info), describe(&info));
            return Err(Refusal::OtherNode {
                node: key,
                existing,
                got,
            });
        }
        if known.info == info && known.ended.is_none() {
            return Ok(Outcome::Unchanged);
        }
    }
    let mut node = known.map_or_else(|| Node::new(info.clone()), |known| Node::clone(known));
    let (name, started) = (info.name.clone(), info.vm_start);
    node.info = info;
    node.ended = None;
    if known.is_none() {
        end_predecessors(state, &name, started);
        forget_one_if_full(state);
    }
    put_node(state, key, node);
    Ok(Outcome::Done)
}

fn describe(info: &NodeDescription) -> String {
    format!(
        "{} creation {} started {}",
        info.name, info.creation, info.vm_start
    )
}

/// A name runs once at a time: its earlier incarnations ended when this one started, unless they speak again. Nodes
/// without distribution all have one name, of which that is not true.
fn end_predecessors(state: &mut State, name: &str, started: u64) {
    if name == "nonode@nohost" {
        return;
    }
    let earlier =
        |node: &Node| node.info.name == name && node.info.vm_start < started && node.ended.is_none();
    let ended: Vec<NodeKey> = state
        .nodes
        .iter()
        .filter(|(_, n)| earlier(n))
        .map(|(key, _)| *key)
        .collect();
    for key in ended {
        if let Some(node) = Arc::make_mut(&mut state.nodes).get_mut(&key) {
            let node = Arc::make_mut(node);
            node.ended = Some(started.max(node.as_of));
        }
    }
}

fn forget_one_if_full(state: &mut State) {
    if state.nodes.len() < NODES_MAX {
        return;
    }
    if let Some(silent) = state
        .nodes
        .iter()
        .min_by_key(|(key, node)| (node.changed, **key))
        .map(|(key, _)| *key)
    {
        Arc::make_mut(&mut state.nodes).remove(&silent);
        state.nodes_forgotten = state.nodes_forgotten.saturating_add(1);
    }
}

/// Applies [`super::Command::NodeModules`].
pub(super) fn node_modules(
    state: &mut State,
    key: NodeKey,
    op: ModulesOp,
    time: u64,
    modules: Vec<LoadedModule>,
) -> Result<Outcome, Refusal> {
    check::node_key(key)?;
    check::modules(state, &modules)?;
    let known = state.nodes.get(&key).ok_or(Refusal::UnknownNode { node: key })?;
    let digest = digest(op, time, &modules);
    if known.has_seen(digest) {
        return Ok(Outcome::Unchanged);
    }
    known.check_room(op, &modules)?;
    learn_modules(state, &modules);
    state.node_changes = state.node_changes.saturating_add(1);
    // `make_mut` copies only what a reader still holds: once for a batch of commands, not once a command.
    if let Some(node) = Arc::make_mut(&mut state.nodes).get_mut(&key) {
        let node = Arc::make_mut(node);
        node.changed = state.node_changes;
        node.operate(op, time, modules, digest);
    }
    Ok(Outcome::Done)
}

/// Names an operation, so that it is known when it comes again: 64 bits of BLAKE3 over all of it.
fn digest(op: ModulesOp, time: u64, modules: &[LoadedModule]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[match op {
        ModulesOp::Loaded => 1,
        ModulesOp::Removed => 2,
        ModulesOp::Snapshot => 3,
    }]);
    hasher.update(&time.to_le_bytes());
    for LoadedModule { version, module } in modules {
        hasher.update(&version.0.to_le_bytes());
        hasher.update(&(module.len() as u64).to_le_bytes());
        hasher.update(module.as_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

fn put_node(state: &mut State, key: NodeKey, mut node: Node) {
    state.node_changes = state.node_changes.saturating_add(1);
    node.changed = state.node_changes;
    Arc::make_mut(&mut state.nodes).insert(key, Arc::new(node));
}
