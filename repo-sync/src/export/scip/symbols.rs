//! The names of symbols: `scip-elixir hex shop 0.1.0 ` and descriptors, in SCIP's grammar.

use std::collections::{BTreeMap, BTreeSet};

use protobuf::{EnumOrUnknown, MessageField};
use scip::symbol::format_symbol;
use scip::types::descriptor::Suffix;
use scip::types::{Descriptor, Symbol};

use super::Package;
use crate::project::CodeProject;

/// The scheme of all symbols.
const SCHEME: &str = "scip-elixir";

/// First segments of the modules of Elixir's own applications. All other modules of `elixir` itself are found by
/// [`ELIXIR`].
const APPLICATIONS: &[(&str, &str)] = &[
    ("EEx", "eex"),
    ("ExUnit", "ex_unit"),
    ("IEx", "iex"),
    ("Logger", "logger"),
    ("Mix", "mix"),
];
/// First segments of the modules of the application `elixir`, 1.14.
const ELIXIR: &[&str] = &[
    "Access",
    "Agent",
    "Application",
    "ArgumentError",
    "ArithmeticError",
    "Atom",
    "BadArityError",
    "BadBooleanError",
    "BadFunctionError",
    "BadMapError",
    "BadStructError",
    "Base",
    "Behaviour",
    "Bitwise",
    "Calendar",
    "CaseClauseError",
    "Code",
    "Collectable",
    "CompileError",
    "CondClauseError",
    "Config",
    "Date",
    "DateTime",
    "Dict",
    "DynamicSupervisor",
    "Enum",
    "Enumerable",
    "ErlangError",
    "Exception",
    "File",
    "Float",
    "FunctionClauseError",
    "GenEvent",
    "GenServer",
    "HashDict",
    "HashSet",
    "IO",
    "Inspect",
    "Integer",
    "Kernel",
    "KeyError",
    "Keyword",
    "List",
    "Macro",
    "Map",
    "MapSet",
    "MatchError",
    "Module",
    "NaiveDateTime",
    "Node",
    "OptionParser",
    "PartitionSupervisor",
    "Path",
    "Port",
    "Process",
    "Protocol",
    "Range",
    "Record",
    "Regex",
    "Registry",
    "RuntimeError",
    "Set",
    "Stream",
    "String",
    "StringIO",
    "Supervisor",
    "SyntaxError",
    "System",
    "SystemLimitError",
    "Task",
    "Time",
    "TokenMissingError",
    "TryClauseError",
    "Tuple",
    "URI",
    "UndefinedFunctionError",
    "UnicodeConversionError",
    "Version",
    "WithClauseError",
];

/// Makes symbols of one project.
#[derive(Debug)]
pub(super) struct Symbols {
    // By folder of the package, the longest first.
    packages: Vec<(String, Package)>,
    // By module, as the VM names it: the index of its package.
    modules: BTreeMap<String, usize>,
}

impl Symbols {
    pub(super) fn new(project: &CodeProject) -> Self {
        let root = project.root();
        let name = || {
            let folder = std::path::absolute(root).ok()?;
            Some(folder.file_name()?.to_string_lossy().into_owned())
        };
        let mut own = Package::of(root).unwrap_or_default();
        if own.name.is_empty() {
            own.name = name().unwrap_or_default();
        }
        let folders: BTreeSet<String> = project
            .files()
            .iter()
            .filter_map(|file| {
                let rest = file.path.strip_prefix("apps/")?;
                Some(format!("apps/{}/", rest.split_once('/')?.0))
            })
            .collect();
        let mut packages: Vec<(String, Package)> = folders
            .into_iter()
            .filter_map(|folder| Some((folder.clone(), Package::of(&root.join(&folder))?)))
            .collect();
        packages.push((String::new(), own));
        let package_of = |path: &str| {
            packages
                .iter()
                .position(|(folder, _)| path.starts_with(folder.as_str()))
        };
        let modules = project.modules().iter().filter_map(|module| {
            let file = project.files().get(module.file as usize)?;
            Some((module.name.to_string(), package_of(&file.path)?))
        });
        Self {
            modules: modules.collect(),
            packages,
        }
    }

    /// Whether the project's sources define a module.
    pub(super) fn is_own(&self, module: &str) -> bool {
        self.modules.contains_key(module)
    }

    fn symbol(&self, module: &str, mut rest: Vec<Descriptor>) -> String {
        let short = module.strip_prefix("Elixir.");
        let first = short.unwrap_or_default().split('.').next().unwrap_or_default();
        let own = self
            .modules
            .get(module)
            .and_then(|index| self.packages.get(*index));
        let (manager, name, version) = match (own, short) {
            (Some((_, package)), _) => ("hex", package.name.as_str(), package.version.as_str()),
            (None, None) => ("otp", "", ""),
            (None, Some(_)) => {
                let application = APPLICATIONS.iter().find(|(segment, _)| *segment == first);
                let elixir = if ELIXIR.contains(&first) { "elixir" } else { "" };
                ("hex", application.map_or(elixir, |(_, name)| *name), "")
            }
        };
        let mut descriptors = vec![descriptor(short.unwrap_or(module), Suffix::Namespace, "")];
        descriptors.append(&mut rest);
        format_symbol(Symbol {
            scheme: SCHEME.to_owned(),
            package: MessageField::some(scip::types::Package {
                manager: manager.to_owned(),
                name: name.replace(' ', "_"),
                version: version.replace(' ', "_"),
                ..scip::types::Package::default()
            }),
            descriptors,
            ..Symbol::default()
        })
    }

    /// `Shop.Stock`.
    pub(super) fn module(&self, module: &str) -> String {
        self.symbol(module, Vec::new())
    }

    /// `Shop.Stock.reserve/2`: functions, macros, guards.
    pub(super) fn function(&self, module: &str, name: &str, arity: u8) -> String {
        self.symbol(module, vec![descriptor(name, Suffix::Method, &arity.to_string())])
    }

    /// `@callback init(term)`.
    pub(super) fn callback(&self, module: &str, name: &str, arity: u8) -> String {
        let what = descriptor("callback", Suffix::Meta, "");
        self.symbol(
            module,
            vec![what, descriptor(name, Suffix::Method, &arity.to_string())],
        )
    }

    /// `@type t(a)`.
    pub(super) fn type_of(&self, module: &str, name: &str, arity: u8) -> String {
        let parameters = descriptor(&arity.to_string(), Suffix::Meta, "");
        self.symbol(module, vec![descriptor(name, Suffix::Type, ""), parameters])
    }

    /// A field of a struct.
    pub(super) fn field(&self, module: &str, name: &str) -> String {
        self.symbol(module, vec![descriptor(name, Suffix::Term, "")])
    }

    /// `@timeout`.
    pub(super) fn attribute(&self, module: &str, name: &str) -> String {
        let what = descriptor("attribute", Suffix::Meta, "");
        self.symbol(module, vec![what, descriptor(name, Suffix::Term, "")])
    }
}

fn descriptor(name: &str, suffix: Suffix, disambiguator: &str) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        disambiguator: disambiguator.to_owned(),
        suffix: EnumOrUnknown::new(suffix),
        ..Descriptor::default()
    }
}
