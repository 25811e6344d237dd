//! Identity over real source: refactored mechanically, how many nids are kept; the same on every machine. And clones
//! planted in it.

#[path = "../../examples/accuracy_identity/edit.rs"]
mod edit;
#[path = "../../examples/accuracy_identity/measure.rs"]
mod measure;
#[path = "../../examples/accuracy_identity/mutate.rs"]
mod mutate;
mod nids;
#[path = "../../examples/accuracy_identity/plant.rs"]
mod plant;
mod plants;
#[path = "../../examples/accuracy_identity/restructure.rs"]
mod restructure;
#[path = "../../examples/accuracy_identity/source.rs"]
mod source;
