//! Identity over real source: refactored mechanically, how many nids are kept; the same on every machine. And clones
//! planted in it.

#[path = "../../examples/identity/edit.rs"]
mod edit;
#[path = "../../examples/identity/measure.rs"]
mod measure;
#[path = "../../examples/identity/mutate.rs"]
mod mutate;
mod nids;
#[path = "../../examples/identity/plant.rs"]
mod plant;
mod plants;
#[path = "../../examples/identity/source.rs"]
mod source;
