//! Starts the `git` program so that it reads objects and does nothing else.

use std::io::Read as _;
use std::process::{Command, Stdio};

use super::{GitFault, Repository};

/// Settings that win over those of the repository, the user and the machine. Each switches off something that would
/// execute a program or change what is read.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.commitGraph=true",
    "diff.external=",
    "log.showSignature=false",
    "log.mailmap=false",
    "i18n.logOutputEncoding=UTF-8",
    "protocol.allow=never",
];

/// Most bytes of a text that is read as a whole: a list of commits or of references.
const TEXT_BYTES_MAX: u64 = 1 << 28;
/// Most bytes of a message of git that are shown.
const MESSAGE_BYTES_MAX: u64 = 2000;

impl Repository {
    /// A command in the repository's folder. Nothing is inherited of git's own environment.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("LC_ALL", "C")
            .arg("--no-pager");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command
            .arg("-C")
            .arg(&self.folder)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a command prints.
    pub(super) fn bytes(&self, args: &[&str]) -> Result<Vec<u8>, GitFault> {
        let name = args.first().copied().unwrap_or_default();
        let io = |fault: std::io::Error| GitFault::io(name, &fault);
        let mut child = self.command(args).spawn().map_err(io)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // Both are read at once: a full pipe would block the program.
        let (out, message) = std::thread::scope(|scope| {
            let message = scope.spawn(|| stderr.map_or_else(Vec::new, drained));
            let mut out = Vec::new();
            let read = stdout.map_or(Ok(0), |stdout| {
                stdout.take(TEXT_BYTES_MAX + 1).read_to_end(&mut out)
            });
            (read.map(|_| out), message.join().unwrap_or_default())
        });
        let status = child.wait().map_err(io)?;
        let out = out.map_err(io)?;
        if out.len() as u64 > TEXT_BYTES_MAX {
            return Err(GitFault::Failed {
                command: name.to_owned(),
                message: format!("more than {TEXT_BYTES_MAX} bytes"),
            });
        }
        if status.success() {
            return Ok(out);
        }
        let message = String::from_utf8_lossy(&message).trim().to_owned();
        if message.contains("not a git repository") || message.contains("dubious ownership") {
            return Err(GitFault::NotARepository {
                folder: self.folder.clone(),
                message,
            });
        }
        Err(GitFault::Failed {
            command: name.to_owned(),
            message,
        })
    }

    /// What a command prints, as text.
    pub(super) fn text(&self, args: &[&str]) -> Result<String, GitFault> {
        Ok(String::from_utf8_lossy(&self.bytes(args)?).into_owned())
    }
}

/// The beginning of what there is to read; the rest is read too, so that nothing blocks.
fn drained(mut from: impl std::io::Read) -> Vec<u8> {
    let mut start = Vec::new();
    let _ = (&mut from).take(MESSAGE_BYTES_MAX).read_to_end(&mut start);
    let _ = std::io::copy(&mut from, &mut std::io::sink());
    start
}
