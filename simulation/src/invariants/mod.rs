//! What must hold, one file each. `after_step` ones are looked at when something they speak of happened; sweeps over everything
//! after each disk loss, restart, change of the map, seal and retention, and each virtual second.

pub mod acked_is_durable;
pub mod complete_is_true;
pub mod conservation;
pub mod data_beats_gap;
pub mod digests_equal;
pub mod epochs;
pub mod hints_are_kept;
pub mod no_duplicates;
pub mod no_phantoms;
pub mod spool_freed;
