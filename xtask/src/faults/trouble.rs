//! A member whose clock jumps and whose syncs fail when it is told so: a library in front of libc (`trouble.c`, built with the C
//! compiler at hand) that follows a page of numbers. libfaketime and libfiu do each of the two, but not both in one process.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use testbed::Launcher;

use crate::run;

const SOURCE: &str = include_str!("trouble.c");
/// Numbers of 64 bits in the page.
const NUMBERS: usize = 4;

/// Input and output error.
pub const EIO: i64 = 5;

/// Builds the library into a folder.
pub fn library(folder: &Path) -> Result<PathBuf> {
    let (source, library) = (folder.join("trouble.c"), folder.join("trouble.so"));
    fs::write(&source, SOURCE)?;
    let mut cc = run::command("cc", &["-shared", "-fPIC", "-O1", "-Wall", "-o"]);
    run::check(cc.arg(&library).arg(&source).args(["-ldl", "-lpthread"]))?;
    Ok(library)
}

/// The page of one member.
pub struct Trouble {
    page: File,
    path: PathBuf,
}

impl Trouble {
    /// An empty page in a new file: nothing is wrong.
    pub fn new(path: &Path) -> Result<Self> {
        let mut options = File::options();
        let page = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        page.write_all_at(&[0; NUMBERS * 8], 0)?;
        Ok(Self {
            page,
            path: path.to_owned(),
        })
    }

    /// How a member is started that follows it.
    pub fn launcher(&self, library: &Path) -> Launcher {
        Launcher {
            before: Vec::new(),
            env: vec![
                ("LD_PRELOAD".to_owned(), library.display().to_string()),
                ("TROUBLE_FILE".to_owned(), self.path.display().to_string()),
            ],
        }
    }

    /// The wall clock is wrong by so many seconds.
    pub fn clock(&self, seconds: i64) -> Result<()> {
        Ok(self.page.write_all_at(&(seconds * 1_000_000).to_ne_bytes(), 0)?)
    }

    /// Syncs fail with this error; 0 = they do not.
    pub fn sync(&self, error: i64) -> Result<()> {
        Ok(self.page.write_all_at(&error.to_ne_bytes(), 8)?)
    }

    fn number(&self, at: u64) -> Result<i64> {
        let mut bytes = [0; 8];
        self.page.read_exact_at(&mut bytes, at * 8)?;
        Ok(i64::from_ne_bytes(bytes))
    }

    /// Times that the clock was told wrong, and syncs that failed.
    pub fn hits(&self) -> Result<(i64, i64)> {
        Ok((self.number(2)?, self.number(3)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Scenario: a program that tells the year and syncs a file, before a page says that the clock is 40 years ahead and syncs fail, and
    /// after. Guarantee: both are so, and counted; without it neither.
    #[test]
    fn a_program_follows_its_page() {
        let folder = tempfile::tempdir().unwrap();
        let library = library(folder.path()).unwrap();
        let trouble = Trouble::new(&folder.path().join("page")).unwrap();
        let said = || {
            let mut sh = Command::new("sh");
            sh.args(["-c", "date +%Y; sync -d \"$TROUBLE_FILE\" && echo synced"]);
            sh.envs(trouble.launcher(&library).env);
            String::from_utf8(sh.output().unwrap().stdout).unwrap()
        };
        let year = |text: &str| text.lines().next().unwrap().parse::<i64>().unwrap();
        let before = said();
        assert!(before.ends_with("synced\n"));
        assert_eq!(trouble.hits().unwrap(), (0, 0));
        trouble.clock(40 * 31_557_600).unwrap();
        trouble.sync(EIO).unwrap();
        let after = said();
        assert!(
            (39..=41).contains(&(year(&after) - year(&before))),
            "{before} {after}"
        );
        assert!(!after.contains("synced"));
        let (clock, sync) = trouble.hits().unwrap();
        assert!(clock >= 1 && sync == 1);
    }
}
