//! What a module is, by what it uses, which behaviour it names and how it is defined; and which of its functions are
//! callbacks.

use crate::DefinitionKind;
use crate::definitions::{DirectiveKind, Outline};
use crate::quoted::{Kind, Quoted};

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the libraries")]
pub enum ModuleKind {
    GenServer = 0,
    Supervisor = 1,
    Application = 2,
    Agent = 3,
    Task = 4,
    GenStage = 5,
    LiveView = 6,
    LiveComponent = 7,
    Controller = 8,
    Channel = 9,
    Router = 10,
    Schema = 11,
    Plug = 12,
    Worker = 13,
    MixTask = 14,
    Test = 15,
    Protocol = 16,
    Implementation = 17,
    Behaviour = 18,
    Exception = 19,
    Struct = 20,
}

impl ModuleKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::GenServer,
        Self::Supervisor,
        Self::Application,
        Self::Agent,
        Self::Task,
        Self::GenStage,
        Self::LiveView,
        Self::LiveComponent,
        Self::Controller,
        Self::Channel,
        Self::Router,
        Self::Schema,
        Self::Plug,
        Self::Worker,
        Self::MixTask,
        Self::Test,
        Self::Protocol,
        Self::Implementation,
        Self::Behaviour,
        Self::Exception,
        Self::Struct,
    ];

    /// By its number.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

/// By who is used or named as behaviour.
const USED: &[(&str, ModuleKind)] = &[
    ("GenServer", ModuleKind::GenServer),
    ("gen_server", ModuleKind::GenServer),
    ("Supervisor", ModuleKind::Supervisor),
    ("DynamicSupervisor", ModuleKind::Supervisor),
    ("supervisor", ModuleKind::Supervisor),
    ("Application", ModuleKind::Application),
    ("Agent", ModuleKind::Agent),
    ("Task", ModuleKind::Task),
    ("GenStage", ModuleKind::GenStage),
    ("Broadway", ModuleKind::GenStage),
    ("Phoenix.LiveView", ModuleKind::LiveView),
    ("Phoenix.LiveComponent", ModuleKind::LiveComponent),
    ("Phoenix.Controller", ModuleKind::Controller),
    ("Phoenix.Channel", ModuleKind::Channel),
    ("Phoenix.Router", ModuleKind::Router),
    ("Plug.Router", ModuleKind::Router),
    ("Ecto.Schema", ModuleKind::Schema),
    ("Plug", ModuleKind::Plug),
    ("Plug.Builder", ModuleKind::Plug),
    ("Oban.Worker", ModuleKind::Worker),
    ("Oban.Pro.Worker", ModuleKind::Worker),
    ("Mix.Task", ModuleKind::MixTask),
    ("ExUnit.Case", ModuleKind::Test),
    ("ExUnit.CaseTemplate", ModuleKind::Test),
];

/// By the second argument of `use ShopWeb, :controller`.
const WEB: &[(&str, ModuleKind)] = &[
    ("live_view", ModuleKind::LiveView),
    ("live_component", ModuleKind::LiveComponent),
    ("controller", ModuleKind::Controller),
    ("channel", ModuleKind::Channel),
    ("router", ModuleKind::Router),
];

/// Functions that a kind of module is called by, beside those marked with `@impl`.
const CALLBACKS: &[(ModuleKind, &[(&str, u8)])] = &[
    (
        ModuleKind::GenServer,
        &[
            ("init", 1),
            ("handle_call", 3),
            ("handle_cast", 2),
            ("handle_info", 2),
            ("handle_continue", 2),
            ("terminate", 2),
            ("code_change", 3),
            ("format_status", 1),
            ("format_status", 2),
        ],
    ),
    (ModuleKind::Supervisor, &[("init", 1)]),
    (
        ModuleKind::Application,
        &[
            ("start", 2),
            ("stop", 1),
            ("prep_stop", 1),
            ("config_change", 3),
            ("start_phase", 3),
        ],
    ),
    (
        ModuleKind::GenStage,
        &[
            ("init", 1),
            ("handle_demand", 2),
            ("handle_events", 3),
            ("handle_message", 3),
            ("handle_batch", 4),
        ],
    ),
    (
        ModuleKind::LiveView,
        &[
            ("mount", 3),
            ("render", 1),
            ("handle_event", 3),
            ("handle_info", 2),
            ("handle_params", 3),
            ("handle_call", 3),
            ("handle_cast", 2),
            ("handle_async", 3),
            ("terminate", 2),
        ],
    ),
    (
        ModuleKind::LiveComponent,
        &[
            ("mount", 1),
            ("update", 2),
            ("update_many", 1),
            ("render", 1),
            ("handle_event", 3),
        ],
    ),
    (
        ModuleKind::Channel,
        &[
            ("join", 3),
            ("handle_in", 3),
            ("handle_out", 3),
            ("handle_info", 2),
            ("terminate", 2),
        ],
    ),
    (ModuleKind::Plug, &[("init", 1), ("call", 2)]),
    (
        ModuleKind::Worker,
        &[("perform", 1), ("timeout", 1), ("backoff", 1)],
    ),
    (ModuleKind::MixTask, &[("run", 1)]),
    (
        ModuleKind::Exception,
        &[("message", 1), ("exception", 1), ("blame", 2)],
    ),
];

/// What one module is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Ascending.
    pub kinds: Vec<ModuleKind>,
    /// Behaviours that it names or uses, as the VM names them, ascending.
    pub behaviours: Vec<String>,
    /// Indices of functions of the outline that others call back, ascending. Of a controller: its public functions of
    /// two parameters.
    pub callbacks: Vec<u32>,
}

/// What each module of a file is.
pub(super) fn of(tree: &Quoted, outline: &Outline) -> Vec<Kinds> {
    let mut all = vec![Kinds::default(); outline.modules.len()];
    for (module, kinds) in outline.modules.iter().zip(&mut all) {
        match module.kind {
            DefinitionKind::Defprotocol => kinds.kinds.push(ModuleKind::Protocol),
            DefinitionKind::Defimpl => kinds.kinds.push(ModuleKind::Implementation),
            _ => {}
        }
        if let Some((node, _)) = module.fields {
            let exception = tree.text(node) == "defexception";
            kinds.kinds.push(if exception {
                ModuleKind::Exception
            } else {
                ModuleKind::Struct
            });
        }
    }
    for directive in outline
        .directives
        .iter()
        .filter(|one| one.kind == DirectiveKind::Use)
    {
        let Some(kinds) = directive.module.and_then(|module| all.get_mut(module as usize)) else {
            continue;
        };
        for target in &directive.targets {
            named(kinds, target);
        }
        if let Some(options) = directive.options
            && tree.node(options).kind == Kind::Atom
        {
            let which = tree.text(options);
            kinds.kinds.extend(
                WEB.iter()
                    .filter(|(name, _)| *name == which)
                    .map(|(_, kind)| *kind),
            );
        }
    }
    for attribute in &outline.attributes {
        let Some(kinds) = attribute.module.and_then(|module| all.get_mut(module as usize)) else {
            continue;
        };
        match tree.symbols().text(attribute.name) {
            "behaviour" => {
                if let Some(behaviour) = outline.expand(tree, attribute.value) {
                    named(kinds, &behaviour);
                    kinds.behaviours.push(behaviour);
                }
            }
            "callback" | "macrocallback" => kinds.kinds.push(ModuleKind::Behaviour),
            "impl" if tree.text(attribute.value) != "false" => kinds.callbacks.extend(attribute.function),
            _ => {}
        }
    }
    for (index, function) in outline.functions.iter().enumerate() {
        let Some(kinds) = function.module.and_then(|module| all.get_mut(module as usize)) else {
            continue;
        };
        let name = tree.symbols().text(function.name);
        let listed = CALLBACKS
            .iter()
            .any(|(kind, list)| kinds.kinds.contains(kind) && list.contains(&(name, function.arity)));
        let action = kinds.kinds.contains(&ModuleKind::Controller) && function.arity == 2;
        let implements = kinds.kinds.contains(&ModuleKind::Implementation);
        if function.kind == DefinitionKind::Def && (listed || action || implements) {
            kinds.callbacks.push(u32::try_from(index).unwrap_or(u32::MAX));
        }
    }
    for kinds in &mut all {
        kinds.kinds.sort_unstable();
        kinds.kinds.dedup();
        kinds.behaviours.sort();
        kinds.behaviours.dedup();
        kinds.callbacks.sort_unstable();
        kinds.callbacks.dedup();
    }
    all
}

fn named(kinds: &mut Kinds, module: &str) {
    let short = module.strip_prefix("Elixir.").unwrap_or(module);
    kinds.kinds.extend(
        USED.iter()
            .filter(|(name, _)| *name == short)
            .map(|(_, kind)| *kind),
    );
}
