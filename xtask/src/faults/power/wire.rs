//! The kernel's side of a file system in user space: requests as bytes, and answers (`linux/fuse.h`, protocol 7.31). Only what is needed.

use super::disk::Done;

/// Bytes before a request's own: length, number of the operation, unique, node, user, group, process, rest.
pub const HEAD: usize = 40;
/// Most bytes of one write.
pub const WRITE_MAX: u32 = 1 << 17;
/// Room for a request: its heads and what it writes.
pub const REQUEST_MAX: usize = WRITE_MAX as usize + 4_096;

const VERSION: (u32, u32) = (7, 31);
/// More than 4 KiB a write; large requests.
const BIG_WRITES: u32 = 1 << 5;
const MAX_PAGES: u32 = 1 << 22;
/// Folder or file, with everybody's rights: the mount is root's.
const FOLDER: u32 = 0o40_755;
const FILE: u32 = 0o100_644;

/// A request of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is asked for.
    pub operation: u32,
    /// To be repeated in the answer.
    pub unique: u64,
    /// Of which file or folder.
    pub node: u64,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads one; `None` if it is none.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let whole = Request {
            operation: 0,
            unique: 0,
            node: 0,
            body: bytes,
        };
        Some(Self {
            operation: whole.word(4)?,
            unique: whole.long(8)?,
            node: whole.long(16)?,
            body: bytes.get(HEAD..)?,
        })
    }

    /// 32 bits of its body.
    pub fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.body.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// 64 bits of its body.
    pub fn long(&self, at: usize) -> Option<u64> {
        let bytes = self.body.get(at..at + 8)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// Its body from there.
    pub fn rest(&self, at: usize) -> &'a [u8] {
        self.body.get(at..).unwrap_or_default()
    }

    /// Names from there on, each ended by a zero.
    pub fn names(&self, at: usize) -> impl Iterator<Item = &'a str> {
        let names = self.rest(at).split(|byte| *byte == 0);
        names.filter_map(|name| std::str::from_utf8(name).ok())
    }
}

/// An answer's own bytes.
#[derive(Debug, Default)]
pub struct Answer(Vec<u8>);

impl Answer {
    fn word(mut self, value: u32) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    fn long(mut self, value: u64) -> Self {
        self.0.extend(value.to_ne_bytes());
        self
    }

    /// These bytes.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// What the file system can do.
    pub fn hello(readahead: u32) -> Self {
        let answer = Self::default().word(VERSION.0).word(VERSION.1).word(readahead);
        let answer = answer.word(BIG_WRITES | MAX_PAGES);
        // Sixteen requests at once, twelve are many; a nanosecond; 32 pages.
        let mut answer = answer
            .word(12 << 16 | 16)
            .word(WRITE_MAX)
            .word(1)
            .word(WRITE_MAX / 4_096);
        answer.0.resize(64, 0);
        answer
    }

    fn attributes(self, node: u64, length: u64, folder: bool) -> Self {
        let mut answer = self.long(node).long(length).long(length.div_ceil(512));
        for _ in 0..3 {
            answer = answer.long(0);
        }
        for _ in 0..3 {
            answer = answer.word(0);
        }
        let (mode, links) = if folder { (FOLDER, 2) } else { (FILE, 1) };
        answer
            .word(mode)
            .word(links)
            .word(0)
            .word(0)
            .word(0)
            .word(4_096)
            .word(0)
    }

    /// What a file or folder is; not to be remembered.
    pub fn attribute(node: u64, length: u64, folder: bool) -> Self {
        Self::default()
            .long(0)
            .word(0)
            .word(0)
            .attributes(node, length, folder)
    }

    /// The same of one that was looked up.
    pub fn entry(node: u64, length: u64, folder: bool) -> Self {
        let head = Self::default().long(node).long(0).long(0).long(0).word(0).word(0);
        head.attributes(node, length, folder)
    }

    /// A file that was opened, by its number.
    #[must_use]
    pub fn opened(self) -> Self {
        self.long(0).word(0).word(0)
    }

    /// So many bytes were written.
    pub fn wrote(bytes: u32) -> Self {
        Self::default().word(bytes).word(0)
    }

    /// A file system with much room.
    pub fn room() -> Self {
        let mut answer = Self::default();
        for value in [1 << 22, 1 << 21, 1 << 21, 1 << 20, 1 << 19] {
            answer = answer.long(value);
        }
        let mut answer = answer.word(4_096).word(255).word(4_096);
        answer.0.resize(80, 0);
        answer
    }

    /// Adds a name of a folder, if that leaves at most `room` bytes; was it added?
    pub fn add_name(&mut self, room: usize, place: u64, number: u64, name: &str, folder: bool) -> bool {
        let padded = (24 + name.len()).next_multiple_of(8);
        if self.0.len() + padded > room {
            return false;
        }
        let end = self.0.len() + padded;
        self.0.extend(number.to_ne_bytes());
        self.0.extend(place.to_ne_bytes());
        self.0
            .extend(u32::try_from(name.len()).unwrap_or_default().to_ne_bytes());
        self.0.extend(if folder { 4_u32 } else { 8 }.to_ne_bytes());
        self.0.extend(name.as_bytes());
        self.0.resize(end, 0);
        true
    }

    /// With its head, as the kernel takes it.
    pub fn with_head(unique: u64, done: Done<Self>) -> Vec<u8> {
        let (error, body) = match done {
            Ok(answer) => (0, answer.0),
            Err(error) => (-error, Vec::new()),
        };
        let length = u32::try_from(body.len() + 16).unwrap_or_default();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(error.to_ne_bytes());
        bytes.extend(unique.to_ne_bytes());
        bytes.extend(body);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: each kind of answer. Guarantee: as long as the kernel's header says; names are padded and bounded.
    #[test]
    fn answers_have_their_lengths() {
        assert_eq!(Answer::hello(0).0.len(), 64);
        assert_eq!(Answer::attribute(1, 5, false).0.len(), 104);
        assert_eq!(Answer::entry(1, 5, true).0.len(), 128);
        assert_eq!(Answer::entry(1, 5, true).opened().0.len(), 144);
        assert_eq!(Answer::default().opened().0.len(), 16);
        assert_eq!(Answer::wrote(1).0.len(), 8);
        assert_eq!(Answer::room().0.len(), 80);
        let mut names = Answer::default();
        assert!(names.add_name(64, 1, 2, "abc", false) && names.add_name(64, 2, 3, "abcdefgh", true));
        assert_eq!(names.0.len(), 64);
        assert!(!names.add_name(64, 3, 4, "x", false));
        assert_eq!(Answer::with_head(7, Err(5)).len(), 16);
    }

    /// Scenario: a request with two names, and pieces of it. Guarantee: fields are found; pieces are no request, never a panic.
    #[test]
    fn requests_are_read() {
        let mut bytes = vec![0; HEAD];
        bytes[4..8].copy_from_slice(&12_u32.to_ne_bytes());
        bytes[8..16].copy_from_slice(&99_u64.to_ne_bytes());
        bytes[16..24].copy_from_slice(&3_u64.to_ne_bytes());
        bytes.extend(4_u64.to_ne_bytes());
        bytes.extend(b"old\0new\0");
        let request = Request::read(&bytes).unwrap();
        assert_eq!((request.operation, request.unique, request.node), (12, 99, 3));
        assert_eq!(request.long(0), Some(4));
        assert_eq!(request.names(8).take(2).collect::<Vec<_>>(), ["old", "new"]);
        assert_eq!(request.word(14), None);
        assert!((0..HEAD).all(|end| Request::read(&bytes[..end]).is_none()));
    }
}
