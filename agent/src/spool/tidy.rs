//! Segments leave the spool: those in which nothing lives, and sparse ones after what lives was copied.

use std::fs;
use std::io;

use wire::bytes::Put;

use super::record::{HEADER_BYTES, Kind, put_record};
use super::writer::Spool;
use super::{Location, Marks, segment_path};

/// A segment smaller than this is not ended for the space in it.
const WORTH_BYTES: u64 = 64 << 10;

impl Spool {
    /// Deletes segments in which nothing lives; where space is short (`bytes_max`), moves what lives in a sparse one.
    pub(crate) fn maintain(&mut self, bytes_max: u64) -> io::Result<()> {
        let short = {
            let index = self.shared.index.lock();
            index.bytes() > bytes_max / 2 && index.living(self.segment).0.is_empty()
        };
        if short && self.bytes >= self.segment_bytes_max / 2 {
            self.rotate()?;
        }
        self.delete_dead();
        self.reserve.take();
        let sparse = {
            let index = self.shared.index.lock();
            (index.bytes() > bytes_max / 4 * 3)
                .then(|| index.sparse(self.segment))
                .flatten()
        };
        sparse.map_or(Ok(()), |segment| self.evacuate(segment))
    }

    /// After a failed commit: what is dead goes, the current segment too if nothing lives in it. For the first record
    /// of the next one the reserve steps in.
    pub(crate) fn make_room(&mut self) {
        self.delete_dead();
        let is_alive = self.shared.index.lock().is_alive(self.segment);
        if is_alive || self.bytes < WORTH_BYTES {
            return;
        }
        self.reserve.give();
        if let Err(error) = self.rotate() {
            tracing::debug!(%error, "no room for a segment");
        }
        self.delete_dead();
        self.reserve.take();
    }

    /// Copies what lives in a segment to the current one and deletes it. The index moves on after the sync only; after
    /// an error nothing has moved.
    pub(crate) fn evacuate(&mut self, segment: u64) -> io::Result<()> {
        let (frames, described) = self.shared.index.lock().living(segment);
        let (start, bytes) = (self.segment, self.bytes);
        let copied = self.copy(&frames, &described);
        let (moved, tokens) = copied.inspect_err(|_| {
            // Half a copy on a full disk, tried again and again, would fill it to the last byte.
            if self.segment == start {
                self.cut_back(bytes);
            }
        })?;
        let mut index = self.shared.index.lock();
        for (from, to) in moved {
            index.moved(from, to);
        }
        for (token, to) in tokens {
            index.described_moved(token, to);
        }
        drop(index);
        self.delete_dead();
        Ok(())
    }

    #[expect(
        clippy::type_complexity,
        reason = "old and new places of frames and of tokens"
    )]
    fn copy(
        &mut self,
        frames: &[Location],
        described: &[(u64, bytes::Bytes)],
    ) -> io::Result<(Vec<(Location, Location)>, Vec<(u64, u64)>)> {
        let mut moved = Vec::with_capacity(frames.len());
        for &at in frames {
            let bytes = self.shared.read(at)?;
            self.ready()?;
            let mut body = Vec::with_capacity(bytes.len() + 16);
            Marks::default().write(&mut body);
            body.put_u32(1);
            body.put_u32(at.bytes);
            let to = Location {
                segment: self.segment,
                offset: self.bytes + (HEADER_BYTES + body.len()) as u64,
                bytes: at.bytes,
            };
            body.put(&bytes);
            let mut out = Vec::new();
            put_record(&mut out, Kind::Batch, &body);
            self.append(&out, false)?;
            moved.push((at, to));
        }
        let mut tokens = Vec::with_capacity(described.len());
        for (token, message) in described {
            self.ready()?;
            let mut out = Vec::new();
            let body = [&token.to_le_bytes(), message.as_ref()].concat();
            put_record(&mut out, Kind::Describe, &body);
            self.append(&out, false)?;
            tokens.push((*token, self.segment));
        }
        self.sync()?;
        Ok((moved, tokens))
    }

    fn delete_dead(&mut self) {
        let dead = self.shared.index.lock().reap(self.segment);
        for segment in dead {
            let path = segment_path(&self.dir, segment);
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "spool segment could not be deleted");
            }
        }
    }
}
