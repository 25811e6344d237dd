//! Which calls send, start or use tables, and what of.

use super::{Access, Facts, Kind, Sent, Shape, TableUse, To, arguments, children, shape};
use crate::definitions::Outline;
use crate::fact::{Confidence, Mark, Provenance};
use crate::link::{Call, How, Links};
use crate::quoted::{Kind as Node, NodeId, Quoted};

/// Module, name, arities, kind, places of receiver and message.
type Sending = (&'static str, &'static str, &'static [u8], Kind, usize, usize);

/// Calls that send.
const SENDS: &[Sending] = &[
    ("GenServer", "call", &[2, 3], Kind::Call, 0, 1),
    ("GenServer", "cast", &[2], Kind::Cast, 0, 1),
    ("GenServer", "multi_call", &[3, 4], Kind::Call, 1, 2),
    ("GenServer", "abcast", &[3], Kind::Cast, 1, 2),
    ("Kernel", "send", &[2], Kind::Info, 0, 1),
    ("Process", "send", &[3], Kind::Info, 0, 1),
    ("Process", "send_after", &[3, 4], Kind::Info, 0, 1),
    (
        "Phoenix.PubSub",
        "broadcast",
        &[3, 4],
        Kind::Broadcast,
        usize::MAX,
        2,
    ),
    (
        "Phoenix.PubSub",
        "broadcast!",
        &[3, 4],
        Kind::Broadcast,
        usize::MAX,
        2,
    ),
    (
        "Phoenix.PubSub",
        "broadcast_from",
        &[4, 5],
        Kind::Broadcast,
        usize::MAX,
        3,
    ),
    (
        "Phoenix.PubSub",
        "broadcast_from!",
        &[4, 5],
        Kind::Broadcast,
        usize::MAX,
        3,
    ),
    (
        "Phoenix.PubSub",
        "local_broadcast",
        &[3, 4],
        Kind::Broadcast,
        usize::MAX,
        2,
    ),
];

/// The same of Erlang's modules.
const SENDS_ERLANG: &[Sending] = &[
    ("gen_server", "call", &[2, 3], Kind::Call, 0, 1),
    ("gen_server", "cast", &[2], Kind::Cast, 0, 1),
    ("erlang", "send", &[2, 3], Kind::Info, 0, 1),
    ("erlang", "send_after", &[3, 4], Kind::Info, 1, 2),
    ("timer", "send_interval", &[3], Kind::Info, 1, 2),
    ("timer", "send_after", &[3], Kind::Info, 1, 2),
];

/// Calls that start a process of the module that is their first argument.
const STARTS: &[(&str, &str)] = &[
    ("Elixir.GenServer", "start_link"),
    ("Elixir.GenServer", "start"),
    ("Elixir.DynamicSupervisor", "start_link"),
    ("Elixir.Supervisor", "start_link"),
    ("gen_server", "start_link"),
    ("gen_statem", "start_link"),
];

/// Calls that run a function: the places of module, name and arguments are the last three.
const TASKS: &[(&str, &str)] = &[
    ("Elixir.Task", "async"),
    ("Elixir.Task", "start"),
    ("Elixir.Task", "start_link"),
    ("Elixir.Task.Supervisor", "async"),
    ("Elixir.Task.Supervisor", "async_nolink"),
    ("Elixir.Task.Supervisor", "start_child"),
];

const READS: &[&str] = &[
    "lookup",
    "lookup_element",
    "member",
    "match",
    "match_object",
    "select",
    "foldl",
    "foldr",
    "first",
    "next",
    "last",
    "prev",
    "tab2list",
    "select_count",
    "info",
];
const WRITES: &[&str] = &[
    "insert",
    "insert_new",
    "delete",
    "delete_object",
    "delete_all_objects",
    "update_counter",
    "update_element",
    "match_delete",
    "select_delete",
    "select_replace",
    "take",
];

pub(super) fn read(tree: &Quoted, outline: &Outline, links: &Links, facts: &mut Facts) {
    let parents = tree.parents();
    let file = File { tree, outline };
    for call in &links.calls {
        if !matches!(call.how, How::Imported | How::Remote) {
            continue;
        }
        let (target, name) = (links.text(call.target), links.text(call.name));
        let found = File::sends(target, name, call.arity);
        let is_start = STARTS.contains(&(target, name));
        let is_task = TASKS.contains(&(target, name));
        let is_table = target == "ets";
        let is_supervisor = target == "Elixir.Supervisor" && matches!(name, "start_link" | "init");
        if found.is_none() && !is_start && !is_task && !is_table && !is_supervisor {
            continue;
        }
        let Some(arguments) = arguments::of(tree, &parents, call) else {
            continue;
        };
        if let Some((kind, to, message)) = found
            && let Some(message) = arguments.get(message)
        {
            let to = arguments.get(to).map_or(To::Unknown, |to| file.receiver(*to));
            let shape = shape::of(tree, outline, *message);
            facts.sends.push(sent(kind, call, to, shape));
        }
        if is_start && let Some(module) = arguments.first().and_then(|module| outline.expand(tree, *module)) {
            let shape = arguments
                .get(1)
                .map_or(Shape::Any, |argument| shape::of(tree, outline, *argument));
            facts
                .sends
                .push(sent(Kind::Start, call, To::Module(module), shape));
        }
        if is_supervisor && let Some(list) = arguments.first() {
            for module in children::of(tree, outline, call.clause, *list) {
                facts
                    .sends
                    .push(sent(Kind::Child, call, To::Module(module), Shape::Any));
            }
        }
        if is_task
            && let [.., module, name, list] = arguments.as_slice()
            && let Some(module) = outline.expand(tree, *module)
            && tree.node(*name).kind == Node::Atom
            && tree.node(*list).kind == Node::List
        {
            let arity = u8::try_from(tree.kids(*list).len()).unwrap_or(u8::MAX);
            let shape = Shape::Tuple(Some(tree.text(*name).to_owned()), arity);
            facts
                .sends
                .push(sent(Kind::Task, call, To::Module(module), shape));
        }
        if is_table && let Some(table) = arguments.first() {
            file.table(call, name, *table, facts);
        }
    }
}

fn sent(kind: Kind, call: &Call, to: To, shape: Shape) -> Sent {
    Sent {
        kind,
        node: call.node,
        module: call.module,
        clause: call.clause,
        to,
        shape,
    }
}

struct File<'a> {
    tree: &'a Quoted,
    outline: &'a Outline,
}

impl File<'_> {
    fn sends(target: &str, name: &str, arity: u8) -> Option<(Kind, usize, usize)> {
        let (table, module) = match target.strip_prefix("Elixir.") {
            Some(module) => (SENDS, module),
            None => (SENDS_ERLANG, target),
        };
        table
            .iter()
            .find(|(m, n, arities, ..)| *m == module && *n == name && arities.contains(&arity))
            .map(|(_, _, _, kind, to, message)| (*kind, *to, *message))
    }

    fn receiver(&self, node: NodeId) -> To {
        let tree = self.tree;
        let is_self = tree.is_call(node, "self", 0);
        if is_self {
            return To::Own;
        }
        match tree.node(node).kind {
            // A name with a node: `{Stock, :"shop@host"}`.
            Node::Pair => tree.kid(node, 0).map_or(To::Unknown, |name| self.receiver(name)),
            _ => self.outline.expand(tree, node).map_or(To::Unknown, To::Module),
        }
    }

    fn table(&self, call: &Call, name: &str, table: NodeId, facts: &mut Facts) {
        let access = match name {
            "new" => Access::New,
            name if READS.contains(&name) => Access::Read,
            name if WRITES.contains(&name) => Access::Write,
            _ => return,
        };
        let tree = self.tree;
        let named = if tree.is_call(table, "@", 1) {
            self.attribute(call, table)
        } else {
            self.outline.expand(tree, table)
        };
        if let Some(table) = named {
            facts.tables.push(TableUse {
                table,
                access,
                node: call.node,
                clause: call.clause,
                mark: Mark::new(Provenance::Inferred, Confidence::Likely),
            });
        }
    }

    fn attribute(&self, call: &Call, node: NodeId) -> Option<String> {
        let name = self.tree.node(self.tree.kid(node, 0)?).symbol;
        let set = self
            .outline
            .attributes
            .iter()
            .find(|attribute| attribute.module == call.module && attribute.name == name)?;
        self.outline.expand(self.tree, set.value)
    }
}
