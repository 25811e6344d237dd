//! What files say: one process that is asked for one content after another.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use codegraph::{SOURCE_BYTES_MAX, SourceHash};
use sha2::{Digest as _, Sha256};

use super::{BlobId, GitFault, Repository};

/// A file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its hash.
    pub hash: SourceHash,
    /// The bytes; `None` if there are more than a source may have.
    pub bytes: Option<Vec<u8>>,
}

impl Content {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        Self {
            hash: SourceHash::of(&bytes),
            bytes: (bytes.len() <= SOURCE_BYTES_MAX).then_some(bytes),
        }
    }
}

/// A process that answers what is asked for.
#[derive(Debug)]
pub struct Contents {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Repository {
    /// Asks for contents.
    pub fn contents(&self) -> Result<Contents, GitFault> {
        let io = |fault| GitFault::io("cat-file", &fault);
        let mut command = self.command(&["cat-file", "--batch"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(io)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err(GitFault::answer("cat-file", b"nothing"));
        };
        Ok(Contents {
            child,
            input,
            output: BufReader::new(output),
        })
    }
}

impl Contents {
    /// The content of a file. One that is too large is hashed, not kept.
    pub fn read(&mut self, blob: &BlobId) -> Result<Content, GitFault> {
        let io = |fault: std::io::Error| GitFault::io("cat-file", &fault);
        writeln!(self.input, "{}", blob.0).map_err(io)?;
        self.input.flush().map_err(io)?;
        let mut header = String::new();
        (&mut self.output).take(200).read_line(&mut header).map_err(io)?;
        let mut words = header.split_whitespace().skip(1);
        let size = match (words.next(), words.next()) {
            (Some("blob"), Some(size)) => size.parse::<u64>().ok(),
            (Some("missing"), _) => return Err(GitFault::Missing(blob.0.clone())),
            _ => None,
        };
        let size = size.ok_or_else(|| GitFault::answer("cat-file", header.as_bytes()))?;
        let content = if size > SOURCE_BYTES_MAX as u64 {
            Content {
                hash: self.hashed(size).map_err(io)?,
                bytes: None,
            }
        } else {
            let mut bytes = Vec::new();
            (&mut self.output)
                .take(size)
                .read_to_end(&mut bytes)
                .map_err(io)?;
            if bytes.len() as u64 != size {
                return Err(GitFault::answer("cat-file", b"less than it said"));
            }
            Content::of(bytes)
        };
        let mut end = [0];
        self.output.read_exact(&mut end).map_err(io)?;
        Ok(content)
    }

    fn hashed(&mut self, size: u64) -> std::io::Result<SourceHash> {
        let (mut hasher, mut left) = (Sha256::new(), size);
        while left > 0 {
            let part = self.output.fill_buf()?;
            let part = part
                .get(..usize::try_from(left).unwrap_or(usize::MAX))
                .unwrap_or(part);
            if part.is_empty() {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(part);
            let read = part.len();
            self.output.consume(read);
            left -= read as u64;
        }
        Ok(SourceHash(hasher.finalize().into()))
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
