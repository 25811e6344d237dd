//! Mistakes that tests plant at run time, to see that they are found; without the feature `planted` there are none.

#[cfg(feature = "planted")]
mod switch {
    use std::sync::atomic::{AtomicBool, Ordering};

    static WRONG_HASH: AtomicBool = AtomicBool::new(false);

    /// Blobs that another member sends are taken for what was asked, whatever their hash.
    pub fn accept_wrong_hashes(on: bool) {
        WRONG_HASH.store(on, Ordering::Relaxed);
    }

    pub(super) fn wrong_hash() -> bool {
        WRONG_HASH.load(Ordering::Relaxed)
    }
}

#[cfg(feature = "planted")]
pub use switch::accept_wrong_hashes;

/// Is a wrong hash accepted?
pub(crate) fn wrong_hash() -> bool {
    #[cfg(feature = "planted")]
    return switch::wrong_hash();
    #[cfg(not(feature = "planted"))]
    false
}
