//! Load as agents make it: events of BEAM nodes, encoded into frames, over QUIC.
//!
//! [`events`] makes the events, [`encoder`] cuts frames of them as an agent does, [`session`] sends them and counts what is
//! acknowledged, [`flight`] is what is under way, [`quic`] puts the producers together.

pub(crate) mod acks;
pub(crate) mod encoder;
pub(crate) mod events;
pub(crate) mod flight;
pub(crate) mod quic;
pub(crate) mod session;
