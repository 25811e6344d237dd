//! Who may do what at a door: bearer tokens with roles.
//!
//! [`Role`], [`Token`] and [`Tokens`] are pure: values and a time in, a decision out; they know neither file nor clock, so that the set can
//! come from elsewhere than a file one day. [`Access`] is what doors ask at run time, `disk` where the file is read and written,
//! [`Gate`] what stands before the routes of an HTTP server. What is behind a door and who needs what there: the door's own code.

mod disk;
mod gate;
mod guard;
mod limiter;
mod role;
mod time;
mod token;
mod tokens;

pub use disk::{TokenFileError, load, save};
pub use gate::{Doors, Gate, Routes, Rule};
pub use guard::{Access, AccessError, Denied, Reason, TooOpen};
pub use role::{Needs, Role, UnknownRole};
pub use time::{of_rfc3339, rfc3339};
pub use token::{Digest, NotAToken, Token};
pub use tokens::{Entry, Grant, NAME_BYTES_MAX, TOKENS_MAX, Tokens, TokensError};
