//! What every process of ours needs around its work: settings, logs, metrics, HTTP doors and who may enter them, tasks, signals, the clock.
//!
//! It knows no role. Read [`Tasks`] first: all background work runs under it, and [`TaskKind`] is the list of it.

pub mod access;
mod clock;
mod doorway;
pub mod grpc;
mod http;
mod log_filter;
mod logging;
pub mod metrics;
mod readiness;
mod settings;
mod signals;
mod tasks;

pub use clock::now;
pub use http::{HttpError, HttpServer};
pub use logging::{LogError, LogFormat, init_logging};
pub use prometheus::Registry;
pub use readiness::{Check, Readiness};
pub use settings::{Setting, SettingsError, nearest, read_settings};
pub use signals::stop_signal;
pub use tasks::{TaskKind, Tasks, TooManyTasks};
pub use tokio_util::sync::CancellationToken;
