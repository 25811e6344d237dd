//! Calls between members, over QUIC with member certificates: one stream a call, one message there and one back.
//!
//! What is in the messages is `call`'s; `client` calls; `door` answers what the member's door hands over. The bodies of Raft's own
//! calls are `raft/`'s.

mod call;
mod client;
mod door;

pub(crate) use call::{Answer, Call, Kind};
pub(crate) use client::{PeerError, Peers};
pub use door::Calls;
