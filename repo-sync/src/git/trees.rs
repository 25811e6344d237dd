//! Which source files a commit changed, and which it has. No file's content is read for that, and no rename is guessed:
//! lineage finds renames by what the files say.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use codegraph::version::{CommitId, is_file_name};

use super::paths::source_path;
use super::{GitFault, Repository};

/// Most bytes of a path.
const PATH_BYTES_MAX: u64 = 1 << 16;
/// A line that is no commit, and no beginning of an id.
const END: &str = "end of changes";

/// A file's content, as git names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub(super) String);

/// A file that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileChange {
    /// Inside the project, with `/`.
    pub path: String,
    /// Its content from now on; `None`: it is gone, or no file any more (a symbolic link).
    pub blob: Option<BlobId>,
}

impl Repository {
    /// All source files of a commit, by path.
    pub fn files(&self, commit: &CommitId) -> Result<Vec<FileChange>, GitFault> {
        let name = commit.to_string();
        let args = ["ls-tree", "-r", "-z", "--full-tree", "--end-of-options", &name];
        let listed = self.bytes(&args)?;
        let mut files = Vec::new();
        for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let wrong = || GitFault::answer("ls-tree", line);
            let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(wrong)?;
            let (about, path) = line.split_at(tab);
            let about = std::str::from_utf8(about).map_err(|_| wrong())?;
            let mut about = about.split(' ');
            let (mode, blob) = (about.next().unwrap_or_default(), about.nth(1).unwrap_or_default());
            let path = path.get(1..).unwrap_or_default();
            if let (true, Some(path)) = (is_file(mode), self.source(path)) {
                files.push(FileChange {
                    path,
                    blob: Some(blob_id(blob).ok_or_else(wrong)?),
                });
            }
        }
        files.sort();
        Ok(files)
    }

    /// Asks for the changes of one commit after another.
    pub fn changes(&self) -> Result<Changes<'_>, GitFault> {
        let args = [
            "diff-tree",
            "--stdin",
            "-r",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
        ];
        let rest = ["--no-ext-diff", "--no-textconv", "--always", "--root"];
        let mut command = self.command(&[&args[..], &rest].concat());
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|fault| GitFault::io("diff-tree", &fault))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err(GitFault::answer("diff-tree", b"nothing"));
        };
        Ok(Changes {
            repository: self,
            child,
            input,
            output: BufReader::new(output),
        })
    }

    fn source(&self, path: &[u8]) -> Option<String> {
        let path = std::str::from_utf8(path).ok()?;
        let path = source_path(&self.prefix, path)?;
        path.split('/').all(is_file_name).then(|| path.to_owned())
    }
}

/// A process that answers which files changed.
#[derive(Debug)]
pub struct Changes<'a> {
    repository: &'a Repository,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Changes<'_> {
    /// The source files that differ between a commit and another, its first parent, by path.
    pub fn of(&mut self, commit: &CommitId, parent: &CommitId) -> Result<Vec<FileChange>, GitFault> {
        let io = |fault: std::io::Error| GitFault::io("diff-tree", &fault);
        // A line that is no commit is given back: after that, nothing more belongs to the first.
        writeln!(self.input, "{commit} {parent}\n{END}").map_err(io)?;
        self.input.flush().map_err(io)?;
        let mut changes = Vec::new();
        while let Some(header) = self.header()? {
            let Some(about) = header.strip_prefix(b":") else {
                continue;
            };
            let wrong = || GitFault::answer("diff-tree", &header);
            let mut about = std::str::from_utf8(about).map_err(|_| wrong())?.split(' ');
            let (was, is) = (about.next().unwrap_or_default(), about.next().unwrap_or_default());
            let blob = about.nth(1).unwrap_or_default();
            let path = self.field()?;
            if let (true, Some(path)) = (is_file(was) || is_file(is), self.repository.source(&path)) {
                let blob = if is_file(is) {
                    Some(blob_id(blob).ok_or_else(wrong)?)
                } else {
                    None
                };
                changes.push(FileChange { path, blob });
            }
        }
        changes.sort();
        Ok(changes)
    }

    /// The next line about a file, or the id of a commit; `None` at the line that was echoed.
    fn header(&mut self) -> Result<Option<Vec<u8>>, GitFault> {
        let io = |fault: std::io::Error| GitFault::io("diff-tree", &fault);
        if !self.output.fill_buf().map_err(io)?.starts_with(b"e") {
            return self.field().map(Some);
        }
        let mut end = [0; END.len() + 1];
        self.output.read_exact(&mut end).map_err(io)?;
        // Ids may begin with an `e` too.
        if end.strip_suffix(b"\n") == Some(END.as_bytes()) {
            return Ok(None);
        }
        self.field().map(|rest| Some([&end[..], &rest].concat()))
    }

    /// Up to the next zero byte.
    fn field(&mut self) -> Result<Vec<u8>, GitFault> {
        let io = |fault: std::io::Error| GitFault::io("diff-tree", &fault);
        let mut field = Vec::new();
        let output = &mut self.output;
        output
            .take(PATH_BYTES_MAX)
            .read_until(0, &mut field)
            .map_err(io)?;
        if field.pop() != Some(0) {
            let status = self.child.try_wait().ok().flatten();
            return Err(GitFault::Failed {
                command: "diff-tree".to_owned(),
                message: format!("ended early ({status:?})"),
            });
        }
        Ok(field)
    }
}

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An ordinary file: neither a symbolic link nor another repository.
fn is_file(mode: &str) -> bool {
    mode.starts_with("100")
}

fn blob_id(text: &str) -> Option<BlobId> {
    CommitId::parse(text).map(|id| BlobId(id.to_string()))
}
