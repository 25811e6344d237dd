//! A disk that loses what was not synced when the power goes. Pure: files and names in memory, as they are and as they would be found.
//!
//! The model is that of a journalling file system (ext4 with `data=ordered`, XFS):
//! - Names (create, rename, unlink, mkdir) reach the disk in the order in which they were made; a sync of any file or folder takes all
//!   before it along. After a cut some prefix of the rest is there.
//! - Bytes of a file reach the disk when that file is synced. Of those written since, a cut leaves nothing, or those up to some byte of the
//!   end, or single pages in any order, the rest zero or as before; and the old length, or the new.

use std::collections::{BTreeMap, BTreeSet};

use crate::faults::chance::Chance;

/// Bytes that reach the disk together or not.
const PAGE: usize = 4_096;
/// The root's number.
pub const ROOT: u64 = 1;
/// Names of changes that are not synced, at most; older ones are as good as synced.
const PENDING_MAX: usize = 256;

/// Folders: names and numbers of what is in them.
type Names = BTreeMap<u64, BTreeMap<String, u64>>;

/// Bytes of a file.
#[derive(Clone, Debug, Default)]
struct Bytes {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Pages that differ.
    dirty: BTreeSet<usize>,
}

/// Files and folders by number.
#[derive(Debug)]
pub struct Lossy {
    names: Names,
    /// Names as they were after each change since the last sync; the first is what is synced.
    pending: Vec<Names>,
    files: BTreeMap<u64, Bytes>,
    open: BTreeMap<u64, u64>,
    last: u64,
    dead: bool,
    /// How often the power came back.
    life: u64,
    /// Bytes that the last cut took back, and changes of names.
    lost: (u64, u64),
}

/// Of a request that cannot be done, as `errno`.
pub type Done<T> = Result<T, i32>;

/// No such file.
pub const ENOENT: i32 = 2;
/// The power is gone.
pub const EIO: i32 = 5;
/// There is one already.
pub const EEXIST: i32 = 17;
/// Not a folder.
pub const ENOTDIR: i32 = 20;
/// Is one.
pub const EISDIR: i32 = 21;
/// Larger than a file may be.
pub const EFBIG: i32 = 27;
/// A folder that is not empty.
pub const ENOTEMPTY: i32 = 39;
/// Longest file, bytes.
const FILE_MAX: usize = 1 << 30;

impl Default for Lossy {
    fn default() -> Self {
        let names = Names::from([(ROOT, BTreeMap::new())]);
        Self {
            pending: vec![names.clone()],
            names,
            files: BTreeMap::new(),
            open: BTreeMap::new(),
            last: ROOT,
            dead: false,
            life: 0,
            lost: (0, 0),
        }
    }
}

impl Lossy {
    fn alive(&self) -> Done<()> {
        if self.dead { Err(EIO) } else { Ok(()) }
    }

    fn folder(&self, number: u64) -> Done<&BTreeMap<String, u64>> {
        self.alive()?;
        self.names.get(&number).ok_or(ENOTDIR)
    }

    fn changed(&mut self) {
        if self.pending.len() >= PENDING_MAX {
            self.pending.remove(0);
        }
        self.pending.push(self.names.clone());
    }

    fn insert(&mut self, folder: u64, name: &str, number: u64) -> Done<()> {
        self.names
            .get_mut(&folder)
            .ok_or(ENOTDIR)?
            .insert(name.to_owned(), number);
        Ok(())
    }

    /// What a name in a folder is.
    pub fn look_up(&self, folder: u64, name: &str) -> Done<u64> {
        self.folder(folder)?.get(name).copied().ok_or(ENOENT)
    }

    /// Names in a folder.
    pub fn list(&self, folder: u64) -> Done<Vec<(String, u64)>> {
        let names = self.folder(folder)?;
        Ok(names
            .iter()
            .map(|(name, number)| (name.clone(), *number))
            .collect())
    }

    /// Is it a folder?
    pub fn is_folder(&self, number: u64) -> bool {
        self.names.contains_key(&number)
    }

    /// Length of a file; 0 of a folder.
    pub fn length(&self, number: u64) -> Done<u64> {
        self.alive()?;
        match self.files.get(&number) {
            Some(bytes) => Ok(bytes.now.len() as u64),
            None if self.is_folder(number) => Ok(0),
            None => Err(ENOENT),
        }
    }

    /// Makes a file or a folder.
    pub fn make(&mut self, folder: u64, name: &str, is_folder: bool) -> Done<u64> {
        if self.folder(folder)?.contains_key(name) {
            return Err(EEXIST);
        }
        self.last += 1;
        let number = self.last;
        self.insert(folder, name, number)?;
        if is_folder {
            self.names.insert(number, BTreeMap::new());
        } else {
            self.files.insert(number, Bytes::default());
        }
        self.changed();
        Ok(number)
    }

    /// Gives a file another name.
    pub fn link(&mut self, number: u64, folder: u64, name: &str) -> Done<()> {
        if self.folder(folder)?.contains_key(name) {
            return Err(EEXIST);
        }
        self.insert(folder, name, number)?;
        self.changed();
        Ok(())
    }

    /// Takes a name away; what has none is kept while it is open, or may come back.
    pub fn remove(&mut self, folder: u64, name: &str, is_folder: bool) -> Done<()> {
        let number = self.look_up(folder, name)?;
        match (self.names.get(&number), is_folder) {
            (Some(names), true) if !names.is_empty() => return Err(ENOTEMPTY),
            (Some(_), false) => return Err(EISDIR),
            (None, true) => return Err(ENOTDIR),
            _ => {}
        }
        self.names.get_mut(&folder).ok_or(ENOTDIR)?.remove(name);
        if is_folder {
            self.names.remove(&number);
        }
        self.changed();
        Ok(())
    }

    /// Moves a name over another.
    pub fn rename(&mut self, from: (u64, &str), to: (u64, &str)) -> Done<()> {
        let number = self.look_up(from.0, from.1)?;
        self.folder(to.0)?;
        if from == to {
            return Ok(());
        }
        if let Ok(there) = self.look_up(to.0, to.1)
            && self.names.get(&there).is_some_and(|names| !names.is_empty())
        {
            return Err(ENOTEMPTY);
        }
        self.names.get_mut(&from.0).ok_or(ENOTDIR)?.remove(from.1);
        self.insert(to.0, to.1, number)?;
        self.changed();
        Ok(())
    }

    fn file(&mut self, number: u64) -> Done<&mut Bytes> {
        self.alive()?;
        self.files.get_mut(&number).ok_or(ENOENT)
    }

    /// So many bytes from there; fewer at the end.
    pub fn read(&self, number: u64, from: u64, length: usize) -> Done<&[u8]> {
        self.alive()?;
        let bytes = &self.files.get(&number).ok_or(ENOENT)?.now;
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
        let to = from.saturating_add(length).min(bytes.len());
        Ok(bytes.get(from..to).unwrap_or_default())
    }

    /// Writes there.
    pub fn write(&mut self, number: u64, at: u64, data: &[u8]) -> Done<()> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let end = at.saturating_add(data.len());
        if end > FILE_MAX {
            return Err(EFBIG);
        }
        let file = self.file(number)?;
        let before = file.now.len();
        if end > before {
            file.now.resize(end, 0);
            file.dirty.extend(before / PAGE..end.div_ceil(PAGE));
        }
        if let Some(place) = file.now.get_mut(at..end) {
            place.copy_from_slice(data);
        }
        file.dirty.extend(at / PAGE..end.div_ceil(PAGE));
        Ok(())
    }

    /// Makes a file so long.
    pub fn cut_to(&mut self, number: u64, length: u64) -> Done<()> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > FILE_MAX {
            return Err(EFBIG);
        }
        let file = self.file(number)?;
        let before = file.now.len();
        file.now.resize(length, 0);
        file.dirty
            .extend(before.min(length) / PAGE..before.max(length).div_ceil(PAGE));
        Ok(())
    }

    /// What a file's bytes are, and all names, will be found after a cut. A folder: all names.
    pub fn sync(&mut self, number: u64) -> Done<()> {
        self.alive()?;
        if let Some(file) = self.files.get_mut(&number) {
            file.synced.resize(file.now.len(), 0);
            for page in std::mem::take(&mut file.dirty) {
                copy_page(&file.now, &mut file.synced, page);
            }
        }
        self.pending = vec![self.names.clone()];
        self.sweep();
        Ok(())
    }

    /// A file is opened, or closed.
    pub fn opened(&mut self, number: u64, opens: bool) {
        let count = self.open.entry(number).or_default();
        *count = if opens {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        if *count == 0 {
            self.open.remove(&number);
        }
    }

    /// Forgets files that have no name and that nobody has open.
    fn sweep(&mut self) {
        let named: BTreeSet<u64> = self.names.values().flat_map(BTreeMap::values).copied().collect();
        let open = &self.open;
        self.files
            .retain(|number, _| named.contains(number) || open.contains_key(number));
    }

    /// The power goes: from now on nothing works, until [`Self::power`].
    pub fn cut(&mut self, chance: &mut Chance) {
        self.dead = true;
        self.open.clear();
        let kept = usize::try_from(chance.within(0, self.pending.len() as u64)).unwrap_or_default();
        let changes = (self.pending.len() - 1).saturating_sub(kept) as u64;
        self.names = self.pending.get(kept).cloned().unwrap_or_default();
        self.pending = vec![self.names.clone()];
        let mut bytes = 0;
        for file in self.files.values_mut() {
            bytes += file.cut(chance);
        }
        self.sweep();
        self.lost = (bytes, changes);
    }

    /// How often the power came back: requests of an earlier life may still come.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// It is back; bytes and changes of names that were lost.
    pub fn power(&mut self) -> (u64, u64) {
        self.dead = false;
        self.life += 1;
        self.lost
    }
}

fn copy_page(from: &[u8], to: &mut [u8], page: usize) {
    let end = (page + 1).saturating_mul(PAGE).min(from.len()).min(to.len());
    let begin = page.saturating_mul(PAGE).min(end);
    if let (Some(from), Some(to)) = (from.get(begin..end), to.get_mut(begin..end)) {
        to.copy_from_slice(from);
    }
}

impl Bytes {
    /// Leaves what a cut leaves; how many bytes that were written since the last sync are not there any more.
    fn cut(&mut self, chance: &mut Chance) -> u64 {
        if self.dirty.is_empty() && self.now.len() == self.synced.len() {
            return 0;
        }
        let mut found = self.synced.clone();
        match chance.within(0, 6) {
            // Nothing of it.
            0 | 1 => {}
            // Up to some byte of what was appended; of what was changed before, every page.
            2..=4 => {
                let (old, new) = (self.synced.len(), self.now.len());
                let end = old
                    + usize::try_from(chance.within(0, new.saturating_sub(old) as u64 + 1))
                        .unwrap_or_default();
                found.resize(end.min(new.max(old)), 0);
                for page in &self.dirty {
                    copy_page(&self.now, &mut found, *page);
                }
            }
            // Any pages, and the new length.
            _ => {
                found.resize(self.now.len(), 0);
                for page in &self.dirty {
                    if chance.within(0, 2) == 0 {
                        copy_page(&self.now, &mut found, *page);
                    }
                }
            }
        }
        let same = found.iter().zip(&self.now).filter(|(a, b)| a == b).count();
        let lost = self.now.len().max(found.len()) - same;
        self.now.clone_from(&found);
        self.synced = found;
        self.dirty.clear();
        lost as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a file is written, synced, written on; a second one is not synced; a third is renamed over a fourth and nothing synced
    /// after; then the power goes, with 200 seeds. Guarantee: what was synced is there to the byte, of the rest there is nothing that was
    /// not written; each name is the old or the new one; both come.
    #[test]
    fn what_was_synced_is_there() {
        let (mut shorter, mut renamed) = (0, 0);
        for seed in 0..200 {
            let mut disk = Lossy::default();
            let folder = disk.make(ROOT, "d", true).unwrap();
            let log = disk.make(folder, "log", false).unwrap();
            let old = disk.make(folder, "CURRENT", false).unwrap();
            disk.write(old, 0, b"old").unwrap();
            disk.sync(old).unwrap();
            disk.write(log, 0, &[7; 10_000]).unwrap();
            disk.sync(log).unwrap();
            disk.write(log, 10_000, &[8; 9_000]).unwrap();
            let new = disk.make(folder, "tmp", false).unwrap();
            disk.write(new, 0, b"new").unwrap();
            disk.sync(new).unwrap();
            disk.rename((folder, "tmp"), (folder, "CURRENT")).unwrap();
            disk.cut(&mut Chance::new(seed * 2 + 1));
            assert_eq!(disk.read(log, 0, 1), Err(EIO));
            disk.power();
            assert_eq!(disk.read(log, 0, 10_000).unwrap(), [7; 10_000]);
            let rest = disk.read(log, 10_000, 100_000).unwrap();
            assert!(rest.len() <= 9_000 && rest.iter().all(|b| *b == 8 || *b == 0));
            shorter += usize::from(rest.len() < 9_000);
            let current = disk.look_up(folder, "CURRENT").unwrap();
            let text = disk.read(current, 0, 9).unwrap();
            assert!(text == b"old" || text == b"new");
            renamed += usize::from(text == b"new");
            assert_eq!(disk.look_up(folder, "tmp").is_ok(), text == b"old");
        }
        assert!(
            shorter > 50 && shorter < 200 && renamed > 50 && renamed < 150,
            "{shorter} {renamed}"
        );
    }

    /// Scenario: names that are not there, folders that are not empty, files larger than may be. Guarantee: an error each, nothing changed.
    #[test]
    fn what_cannot_be_done_says_so() {
        let mut disk = Lossy::default();
        let folder = disk.make(ROOT, "d", true).unwrap();
        let file = disk.make(folder, "f", false).unwrap();
        assert_eq!(disk.make(folder, "f", false), Err(EEXIST));
        assert_eq!(disk.remove(ROOT, "d", true), Err(ENOTEMPTY));
        assert_eq!(disk.remove(ROOT, "d", false), Err(EISDIR));
        assert_eq!(disk.remove(folder, "f", true), Err(ENOTDIR));
        assert_eq!(disk.remove(folder, "g", false), Err(ENOENT));
        assert_eq!(disk.rename((folder, "g"), (ROOT, "h")), Err(ENOENT));
        assert_eq!(disk.write(file, u64::MAX, b"x"), Err(EFBIG));
        assert_eq!(disk.length(99), Err(ENOENT));
        assert_eq!(disk.read(file, u64::MAX, 5).unwrap(), b"");
        assert_eq!(disk.list(ROOT).unwrap().len(), 1);
    }
}
