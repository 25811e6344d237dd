//! Files by name on a folder or on S3-compatible storage. The only crate that names `object_store`.
//!
//! Read [`Objects`] first. It knows names and bytes, not what they mean. Nothing is read into memory whole but what
//! [`Objects::get`] returns, which has a bound.

mod fault;
mod place;
mod upload;

pub use fault::ObjectFault;
pub use place::{GET_BYTES_MAX, LIST_MAX, Objects};
pub use upload::{PART_BYTES, Put};
