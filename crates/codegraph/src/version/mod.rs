//! Versions of a project as records: which files each has, and how its entities came from those of the version before.
//!
//! A [`VersionRecord`] leads to a [`Folder`], folders to folders and to files; each file is a source and the ids of what
//! is in it. Folders are named by their content, so two versions share all that is equal in them, and comparing them
//! costs what differs. Reading a repository, and walking through versions, is the work of `repo-sync`.

pub mod delta;
mod folder;
mod id;
mod record;
#[cfg(test)]
mod tests;

pub use folder::{Entry, FileRecord, Folder, Ids, is_file_name};
pub use id::{CommitId, RecordId, repository_id, version_id};
pub use record::{SUBJECT_BYTES_MAX, VersionRecord};
