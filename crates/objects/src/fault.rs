//! Why an object was not written or read.

/// What went wrong. No text of it has credentials: those travel in headers that nobody prints.
#[derive(Debug, thiserror::Error)]
pub enum ObjectFault {
    /// The address is not one of a folder or bucket.
    #[error("{url}: {why}")]
    Address {
        /// The address, without what may be a secret.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The storage refused, or was not reached.
    #[error("{name}: {why}")]
    Storage {
        /// The object.
        name: String,
        /// What the storage, or the way there, says.
        why: String,
    },
    /// A local file could not be read or synced.
    #[error("{name}: {fault}")]
    File {
        /// The file.
        name: String,
        /// What the operating system says.
        fault: std::io::Error,
    },
    /// Longer than may be read at once.
    #[error("{name}: {bytes} bytes, limit {limit}")]
    TooLong {
        /// The object.
        name: String,
        /// Its bytes.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

impl ObjectFault {
    pub(crate) fn storage(name: &str, fault: &object_store::Error) -> Self {
        // The causes say what the outermost error leaves out.
        let mut why = fault.to_string();
        let mut cause = std::error::Error::source(fault);
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !why.contains(&text) {
                why = format!("{why}: {text}");
            }
            cause = inner.source();
        }
        why.truncate(why.floor_char_boundary(800));
        Self::Storage {
            name: name.to_owned(),
            why,
        }
    }
}
