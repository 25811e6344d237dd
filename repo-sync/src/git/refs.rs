//! Branches and tags.

use codegraph::version::CommitId;

use super::{GitFault, Repository};

/// What kind of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefKind {
    /// A branch, here or of a remote repository.
    Branch,
    /// A tag.
    Tag,
}

/// A name of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// What kind.
    pub kind: RefKind,
    /// `main`, `origin/main`, `v1.0`.
    pub name: String,
    /// The commit.
    pub commit: CommitId,
}

impl Repository {
    /// All branches and tags that name commits, by name.
    pub fn refs(&self) -> Result<Vec<Ref>, GitFault> {
        let format = "--format=%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00%(refname)";
        let args = ["for-each-ref", format, "refs/heads", "refs/remotes", "refs/tags"];
        let listed = self.text(&args)?;
        Ok(listed.lines().filter_map(read).collect())
    }
}

fn read(line: &str) -> Option<Ref> {
    let mut fields = line.split('\0');
    let mut next = || fields.next();
    let (kind, id, peeled_kind, peeled, name) = (next()?, next()?, next()?, next()?, next()?);
    let commit = match (kind, peeled_kind) {
        ("commit", _) => id,
        (_, "commit") => peeled,
        _ => return None,
    };
    let branch = |name: &'_ str| -> Option<String> {
        let name = name
            .strip_prefix("refs/heads/")
            .or_else(|| name.strip_prefix("refs/remotes/"))?;
        Some(name.to_owned())
    };
    let (kind, name) = match name.strip_prefix("refs/tags/") {
        Some(name) => (RefKind::Tag, name.to_owned()),
        None => (RefKind::Branch, branch(name)?),
    };
    Some(Ref {
        kind,
        name,
        commit: CommitId::parse(commit)?,
    })
}
