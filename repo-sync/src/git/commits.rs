//! The commits of a range, along first parents.

use codegraph::version::CommitId;

use super::{GitFault, Repository};

/// Most commits of one range.
pub const COMMITS_MAX: usize = 1_000_000;
/// One field a line end: commit, parents, author's time, first line of the message.
const FORMAT: &str = "--format=%H%x00%P%x00%at%x00%s";

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its parents; the first is the line that is followed.
    pub parents: Vec<CommitId>,
    /// When its author wrote it, in seconds since 1970.
    pub time_s: i64,
    /// The first line of its message.
    pub subject: String,
}

impl Repository {
    /// The commits of a range (`main`, `v1.0..main`), the oldest first: of a merge, its first parent is followed.
    pub fn commits(&self, range: &str) -> Result<Vec<Commit>, GitFault> {
        let unknown = |message: String| GitFault::Range {
            range: range.to_owned(),
            message,
        };
        if range.starts_with('-') || range.contains(['\0', '\n']) {
            return Err(unknown("not a name".to_owned()));
        }
        let limit = format!("--max-count={}", COMMITS_MAX + 1);
        let args = [
            "log",
            "-z",
            "--first-parent",
            "--no-show-signature",
            &limit,
            FORMAT,
        ];
        let args = [&args[..], &["--end-of-options", range, "--"]].concat();
        let listed = self.text(&args).map_err(|fault| match fault {
            GitFault::Failed { message, .. } => unknown(message),
            other => other,
        })?;
        let mut fields = listed.split_terminator('\0');
        let mut commits = Vec::new();
        while let Some(id) = fields.next() {
            let commit = read(id, &mut fields).ok_or_else(|| GitFault::answer("log", id.as_bytes()))?;
            commits.push(commit);
        }
        if commits.len() > COMMITS_MAX {
            return Err(GitFault::TooMany {
                range: range.to_owned(),
                max: COMMITS_MAX,
            });
        }
        commits.reverse();
        Ok(commits)
    }

    /// What is known of one commit.
    pub fn commit(&self, id: &CommitId) -> Result<Commit, GitFault> {
        let name = id.to_string();
        let args = ["log", "-z", "--no-show-signature", "--max-count=1", FORMAT];
        let listed = self.text(&[&args[..], &["--end-of-options", &name, "--"]].concat())?;
        let mut fields = listed.split_terminator('\0');
        let found = fields.next().and_then(|id| read(id, &mut fields));
        found.ok_or_else(|| GitFault::answer("log", listed.as_bytes()))
    }

    /// The commit without parents that first parents lead to.
    pub(super) fn first_commit(&self, revision: &str) -> Result<String, GitFault> {
        let args = [
            "rev-list",
            "--first-parent",
            "--max-parents=0",
            "--end-of-options",
            revision,
            "--",
        ];
        let found = self.text(&args)?;
        // The last line: a range may have more beginnings.
        let first = found.lines().last().unwrap_or_default();
        match CommitId::parse(first) {
            Some(id) => Ok(id.to_string()),
            None => Err(GitFault::answer("rev-list", found.as_bytes())),
        }
    }

    /// The commit that a name means: `main`, `v1.0`, `HEAD~3`, the beginning of an id; `None` if it means none.
    pub fn revision(&self, name: &str) -> Result<Option<CommitId>, GitFault> {
        if name.is_empty() || name.starts_with('-') || name.contains(['\0', '\n']) {
            return Ok(None);
        }
        let wanted = format!("{name}^{{commit}}");
        match self.text(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]) {
            // The option itself is printed too.
            Ok(found) => Ok(found.lines().last().and_then(CommitId::parse)),
            Err(GitFault::Failed { .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The last commits that first parents lead to from one, the nearest first, at most so many.
    pub fn before(&self, id: &CommitId, limit: usize) -> Result<Vec<CommitId>, GitFault> {
        let limit = format!("--max-count={}", limit.saturating_add(1));
        let name = id.to_string();
        let listed = self.text(&[
            "rev-list",
            "--first-parent",
            &limit,
            "--end-of-options",
            &name,
            "--",
        ])?;
        Ok(listed.lines().skip(1).filter_map(CommitId::parse).collect())
    }

    /// The commit of the working tree, if there is one.
    pub fn head(&self) -> Result<Option<CommitId>, GitFault> {
        match self.text(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]) {
            Ok(found) => Ok(CommitId::parse(found.trim())),
            Err(GitFault::Failed { .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

fn read<'a>(id: &str, fields: &mut impl Iterator<Item = &'a str>) -> Option<Commit> {
    let parents = fields.next()?.split_whitespace();
    Some(Commit {
        id: CommitId::parse(id)?,
        parents: parents.map(CommitId::parse).collect::<Option<_>>()?,
        // Dates that git itself cannot read are empty.
        time_s: fields.next()?.parse().unwrap_or(0),
        subject: fields.next()?.to_owned(),
    })
}
