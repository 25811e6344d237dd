//! Replicated shards: quorum set-union without consensus (`docs/replication.md`). Pure: takes `now` and inputs, returns actions; no
//! clock, randomness, file, socket or task. It is not the control plane (`coordinator`), and not the store.
//!
//! Read [`Member`] and [`Action`] first. Its parts: [`Front`] takes frames and acknowledges, [`Replica`] writes and confirms,
//! [`Hints`] and [`Repair`] bring what a holder missed, [`Moves`] takes shards over. [`Read`] is a query's side, [`Route`] the agent's. [`codec`] makes bytes of messages.

mod action;
mod bugs;
pub mod codec;
mod front;
mod held;
mod hints;
mod marker;
mod member;
mod message;
mod moves;
mod read;
mod repair;
mod replica;
mod route;
mod section;

pub use action::Action;
pub use bugs::{Bug, Bugs};
pub use front::{Front, FrontConfig, FrontCounts};
pub use held::Held;
pub use hints::{HintCounts, Hints, HintsConfig};
pub use marker::{Disk, Marker};
pub use member::{Config, Input, Member, Start};
pub use message::{Answer, Message, Question, Ticket, Verdict};
pub use moves::Moves;
pub use read::{Merged, Read, Reply};
pub use repair::{Compare, Compared, LIST_MAX, Pulled, Repair, RepairConfig, RepairCounts, answer};
pub use replica::{Outcome, Replica};
pub use route::Route;
pub use section::{Section, Source};
