//! What a syntax node is, in the words of `ast_node.kind`.

use codegraph::quoted::{Kind, NodeId, Quoted};

/// The kinds of a tree's calls, by symbol.
#[derive(Debug)]
pub(super) struct Kinds(Vec<Option<&'static str>>);

impl Kinds {
    pub(super) fn of(tree: &Quoted) -> Self {
        let mut kinds = vec![None; tree.symbols().len()];
        for (kind, names) in NAMES {
            for name in *names {
                let symbol = tree.symbols().find(name.as_bytes());
                if let Some(slot) = symbol.and_then(|symbol| kinds.get_mut(symbol.index())) {
                    *slot = Some(*kind);
                }
            }
        }
        Self(kinds)
    }

    /// The kind of a node.
    pub(super) fn kind(&self, tree: &Quoted, node: NodeId) -> &'static str {
        let found = tree.node(node);
        match found.kind {
            Kind::Atom => "atom",
            Kind::Integer => "integer",
            Kind::Float => "float",
            Kind::String => "string",
            Kind::Charlist => "charlist",
            Kind::List => "list",
            Kind::Pair => "pair",
            Kind::Variable => "variable",
            Kind::Call => {
                let named = self.0.get(found.symbol.index());
                named.copied().flatten().unwrap_or("call")
            }
            Kind::Apply if tree.remote_call(node).is_some() => "remote_call",
            Kind::Apply => "dynamic_call",
            Kind::Error => "error",
        }
    }
}

/// The names of each kind of call.
const NAMES: &[(&str, &[&str])] = &[
    ("callee", &["."]),
    ("alias", &["__aliases__"]),
    ("block", &["__block__"]),
    ("clause", &["->"]),
    ("match", &["="]),
    ("generator", &["<-"]),
    ("guarded", &["when"]),
    ("pipe", &["|>"]),
    ("capture", &["&"]),
    ("pin", &["^"]),
    ("attribute", &["@"]),
    ("tuple", &["{}"]),
    ("map", &["%{}"]),
    ("struct", &["%"]),
    ("update", &["|"]),
    ("binary", &["<<>>"]),
    ("segment", &["::"]),
    (
        "operator",
        &[
            "+", "-", "*", "/", "**", "==", "!=", "===", "!==", "<", ">", "<=", ">=", "++", "--", "+++",
            "---", "<>", "not", "!", "in", "..", "..//", "=~", "<<<", ">>>", "&&&", "|||", "^^^", "~~~",
        ],
    ),
    ("case", &["case"]),
    ("cond", &["cond"]),
    ("if", &["if"]),
    ("unless", &["unless"]),
    ("with", &["with"]),
    ("for", &["for"]),
    ("receive", &["receive"]),
    ("try", &["try"]),
    ("fn", &["fn"]),
    ("quote", &["quote"]),
    ("unquote", &["unquote", "unquote_splicing"]),
    ("raise", &["raise", "reraise", "throw", "exit"]),
    ("and", &["and", "&&"]),
    ("or", &["or", "||"]),
    (
        "definition",
        &[
            "def",
            "defp",
            "defmacro",
            "defmacrop",
            "defguard",
            "defguardp",
            "defdelegate",
        ],
    ),
    ("module", &["defmodule", "defprotocol", "defimpl"]),
    ("fields", &["defstruct", "defexception"]),
    ("directive", &["alias", "import", "require", "use"]),
];
