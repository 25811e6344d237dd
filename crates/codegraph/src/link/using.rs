//! What `use Module` brings: read from the `quote` in the module's own `__using__`, or known of famous modules whose
//! source is not at hand. One level of `use` inside is followed by who asks.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::exports::statements;
use crate::definitions::Outline;
use crate::quoted::{Kind, NodeId, Quoted};

/// What is imported of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Filter {
    #[default]
    All,
    Functions,
    Macros,
    Sigils,
    Only(Vec<(String, u8)>),
    Except(Vec<(String, u8)>),
}

impl Filter {
    /// Reads `only:` and `except:` of an import.
    pub(super) fn read(tree: &Quoted, options: Option<NodeId>) -> Self {
        let Some(options) = options else {
            return Self::All;
        };
        if let Some(only) = tree.keyword(options, "only") {
            return match (tree.node(only).kind, tree.text(only)) {
                (Kind::Atom, "functions") => Self::Functions,
                (Kind::Atom, "macros") => Self::Macros,
                (Kind::Atom, "sigils") => Self::Sigils,
                _ => Self::Only(pairs(tree, only)),
            };
        }
        tree.keyword(options, "except")
            .map_or(Self::All, |except| Self::Except(pairs(tree, except)))
    }

    /// Whether it lets this through.
    pub(super) fn lets(&self, name: &str, arity: u8, is_macro: bool) -> bool {
        let listed = |list: &[(String, u8)]| list.iter().any(|(n, a)| n == name && *a == arity);
        match self {
            Self::All => !name.starts_with('_'),
            Self::Functions => !is_macro && !name.starts_with('_'),
            Self::Macros => is_macro && !name.starts_with('_'),
            Self::Sigils => name.starts_with("sigil_") && arity == 2,
            Self::Only(list) => listed(list),
            Self::Except(list) => !name.starts_with('_') && !listed(list),
        }
    }
}

fn pairs(tree: &Quoted, list: NodeId) -> Vec<(String, u8)> {
    let pair = |pair: &NodeId| match tree.kids(*pair) {
        [name, arity] => Some((tree.text(*name).to_owned(), tree.text(*arity).parse().ok()?)),
        _ => None,
    };
    tree.kids(list).iter().filter_map(pair).collect()
}

/// What `use` of one module brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Using {
    pub(super) imports: Vec<(String, Filter)>,
    pub(super) uses: Vec<String>,
    pub(super) aliases: Vec<(String, String)>,
    pub(super) behaviours: Vec<String>,
    /// Name, arity, macro.
    pub(super) defined: Vec<(String, u8, bool)>,
}

/// What the modules of a file bring when they are used.
pub(super) fn learn(tree: &Quoted, outline: &Outline) -> Vec<(String, Using)> {
    let mut found = Vec::new();
    for function in &outline.functions {
        if tree.symbols().text(function.name) != "__using__" {
            continue;
        }
        let module = function
            .module
            .and_then(|module| outline.modules.get(module as usize));
        let Some(name) = module.and_then(|module| module.names.first()) else {
            continue;
        };
        let mut using = Using::default();
        for clause in &function.clauses {
            let clause = outline.clauses.get(*clause as usize);
            if let Some(body) = clause.and_then(|clause| clause.body) {
                read_quotes(tree, outline, body, &mut using);
            }
        }
        found.push((name.clone(), using));
    }
    found
}

/// All outermost `quote`s of a body, whichever arm they stand in: what one of them brings may be there.
fn read_quotes(tree: &Quoted, outline: &Outline, body: NodeId, using: &mut Using) {
    let range = tree.subtree(body);
    for index in range {
        let node = NodeId::new(index);
        if tree.node(node).kind != Kind::Call || tree.text(node) != "quote" {
            continue;
        }
        let quoted = tree.kids(node).iter().find_map(|list| tree.keyword(*list, "do"));
        for statement in quoted.map(|body| statements(tree, body)).unwrap_or_default() {
            read_statement(tree, outline, statement, using);
        }
    }
}

fn read_statement(tree: &Quoted, outline: &Outline, node: NodeId, using: &mut Using) {
    if tree.node(node).kind != Kind::Call {
        return;
    }
    let kids = tree.kids(node);
    let expand = |node: &NodeId| outline.expand(tree, *node);
    match (tree.text(node), kids) {
        ("import", [module, rest @ ..]) => {
            if let Some(module) = expand(module) {
                using
                    .imports
                    .push((module, Filter::read(tree, rest.first().copied())));
            }
        }
        ("use", [module, ..]) => using.uses.extend(expand(module)),
        ("alias", [module, rest @ ..]) => {
            let Some(full) = expand(module) else {
                return;
            };
            let short = rest
                .first()
                .and_then(|options| tree.keyword(*options, "as"))
                .and_then(|short| tree.kid(short, 0))
                .map_or_else(
                    || full.rsplit('.').next().unwrap_or_default().to_owned(),
                    |short| tree.text(short).to_owned(),
                );
            using.aliases.push((short, full));
        }
        ("@", [attribute]) if tree.text(*attribute) == "behaviour" => {
            using
                .behaviours
                .extend(tree.kid(*attribute, 0).and_then(|module| expand(&module)));
        }
        (word @ ("def" | "defp" | "defmacro" | "defmacrop" | "defdelegate"), [head, ..]) => {
            let head = if tree.is_call(*head, "when", 2) {
                tree.kid(*head, 0).unwrap_or(*head)
            } else {
                *head
            };
            if matches!(tree.node(head).kind, Kind::Call | Kind::Variable) && tree.text(head) != "unquote" {
                let kids = tree.kids(head);
                let defaults = kids.iter().filter(|kid| tree.is_call(**kid, "\\\\", 2)).count();
                for arity in kids.len() - defaults..=kids.len() {
                    using.defined.push((
                        tree.text(head).to_owned(),
                        u8::try_from(arity).unwrap_or(u8::MAX),
                        word.starts_with("defmacro"),
                    ));
                }
            }
        }
        _ => {}
    }
}

/// Imports of famous modules, by who is used: module, then what it imports whole.
const FAMOUS: &[(&str, &[&str])] = &[
    ("Bitwise", &["Bitwise"]),
    (
        "ExUnit.Case",
        &[
            "ExUnit.Assertions",
            "ExUnit.Callbacks",
            "ExUnit.Case",
            "ExUnit.DocTest",
        ],
    ),
    (
        "ExUnit.CaseTemplate",
        &["ExUnit.Assertions", "ExUnit.Callbacks", "ExUnit.CaseTemplate"],
    ),
    ("Plug.Builder", &["Plug.Conn", "Plug.Builder"]),
    ("Plug.Router", &["Plug.Conn", "Plug.Builder", "Plug.Router"]),
    ("Plug.Test", &["Plug.Test", "Plug.Conn"]),
    ("Ecto.Schema", &["Ecto.Schema"]),
    ("Ecto.Migration", &["Ecto.Migration"]),
    (
        "Phoenix.Router",
        &["Phoenix.Router", "Plug.Conn", "Phoenix.Controller"],
    ),
    ("Phoenix.Controller", &["Phoenix.Controller", "Plug.Conn"]),
    (
        "Phoenix.Component",
        &["Phoenix.Component", "Phoenix.LiveView.Helpers"],
    ),
    ("Phoenix.LiveView", &["Phoenix.LiveView", "Phoenix.Component"]),
    (
        "Phoenix.LiveComponent",
        &["Phoenix.LiveView", "Phoenix.Component"],
    ),
    ("Phoenix.Channel", &["Phoenix.Channel"]),
    ("ExUnitProperties", &["ExUnitProperties", "StreamData"]),
    ("Absinthe.Schema", &["Absinthe.Schema.Notation"]),
];

/// Behaviours whose `use` defines `child_spec/1`.
const SPECIFIED: &[&str] = &[
    "GenServer",
    "Supervisor",
    "DynamicSupervisor",
    "Agent",
    "Task",
    "GenStage",
    "GenStateMachine",
];

static KNOWN: LazyLock<HashMap<String, Using>> = LazyLock::new(|| {
    let mut known: HashMap<String, Using> = HashMap::new();
    for (module, imports) in FAMOUS {
        let using = known.entry(format!("Elixir.{module}")).or_default();
        using.imports = imports
            .iter()
            .map(|import| (format!("Elixir.{import}"), Filter::All))
            .collect();
    }
    for module in SPECIFIED {
        let using = known.entry(format!("Elixir.{module}")).or_default();
        using.defined.push(("child_spec".into(), 1, false));
        using.behaviours.push(format!("Elixir.{module}"));
    }
    known
});

/// What is known of famous modules.
pub(super) fn known(module: &str) -> Option<&'static Using> {
    KNOWN.get(module)
}
