//! Bytes of the disk that are kept for hard times: with a full disk, the first records of a segment still find room,
//! so that what was acknowledged can go and an agent can start.

use std::fs;
use std::path::{Path, PathBuf};

/// Size of the file.
const BYTES: usize = 128 << 10;
const FILE: &str = "reserve";

/// The file.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    /// As an earlier life left it.
    pub(super) fn of(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE);
        let held = fs::metadata(&path).is_ok_and(|m| m.len() == BYTES as u64);
        Self { path, held }
    }

    /// Takes the space, if it is not taken and there is some. Failure is no news: the caller knows of the full disk.
    pub(super) fn take(&mut self) {
        if !self.held {
            // Written, not only claimed: a hole would hold nothing.
            self.held = fs::write(&self.path, vec![0xe5; BYTES]).is_ok();
            if !self.held {
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    /// Gives the space back to the disk.
    pub(super) fn give(&mut self) {
        let _ = fs::remove_file(&self.path);
        self.held = false;
    }
}
