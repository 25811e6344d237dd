//! Family `frames`: the frames as they were sent, until they are sealed. Key: [`crate::frame_key::FrameKey`] by time. Value: the
//! frame's own bytes (`docs/wire-format.md`), never re-encoded.

use crate::damage::Damage;
use crate::db::Db;
use crate::error::StoreError;
use crate::frame_key::FrameKey;

/// Name of the family.
pub(crate) const FAMILY: &str = "frames";

/// The bytes of a frame that the index names.
pub(crate) fn read(db: &Db, key: FrameKey) -> Result<Vec<u8>, StoreError> {
    db.get(FAMILY, &key.by_time())?.ok_or(StoreError::Damaged(Damage {
        family: FAMILY,
        what: "frame is missing",
    }))
}
