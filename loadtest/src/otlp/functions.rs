//! The application that the spans tell of: 500 functions of three services, names as long as in real projects.

use crate::random::{Random, Zipf};

/// Functions.
pub(crate) const FUNCTIONS: usize = 500;
/// Services; a trace has spans of all.
pub(crate) const SERVICES: [&str; 3] = ["shop-web", "shop-orders", "shop-stock"];
/// BEAM nodes of the services.
pub(crate) const NODES: [&str; 3] = ["web@10.0.0.5", "orders@10.0.0.6", "stock@10.0.0.7"];

const AREAS: [&str; 10] = [
    "Orders", "Stock", "Pricing", "Billing", "Accounts", "Shipping", "Catalog", "Search", "Payments",
    "Events",
];
const MODULES: [&str; 10] = [
    "Server", "Worker", "Cache", "Repo", "Api", "Policy", "Queue", "Router", "Batch", "Store",
];
const VERBS: [&str; 5] = [
    "reserve_stock",
    "handle_reply",
    "fetch_prices",
    "apply_change",
    "update_state",
];

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Name of the span, `Orders.Server.reserve_stock/2`.
    pub(crate) name: String,
    /// Module, function and arity, `Elixir.Shop.Orders.Server.reserve_stock/2`.
    pub(crate) mfa: String,
    /// Number of arguments.
    pub(crate) arity: u64,
}

/// All functions, and the skewed choice among them.
#[derive(Debug)]
pub(crate) struct Functions {
    all: Vec<Function>,
    zipf: Zipf,
}

impl Functions {
    /// The same each time.
    pub(crate) fn new() -> Self {
        let mut all = Vec::with_capacity(FUNCTIONS);
        for verb in VERBS {
            for module in MODULES {
                for area in AREAS {
                    let arity = (all.len() % 5) as u64;
                    let name = format!("{area}.{module}.{verb}/{arity}");
                    let mfa = format!("Elixir.Shop.{name}");
                    all.push(Function { name, mfa, arity });
                }
            }
        }
        Self {
            all,
            zipf: Zipf::new(FUNCTIONS),
        }
    }

    /// One of them; the first are chosen most often.
    pub(crate) fn choose(&self, random: &mut Random) -> Option<&Function> {
        self.all.get(self.zipf.choose(random))
    }
}
