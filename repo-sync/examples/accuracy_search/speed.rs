//! How fast and how large.

use std::path::Path;
use std::time::Instant;

use repo_sync::documents;
use search::{Index, Stamp};

use crate::corpus::Corpus;
use crate::{Fault, figure};

const RUNS: usize = 5;
const EDITS: usize = 41;

fn middle(mut times: Vec<f64>, share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = (times.len() as f64 * share) as usize;
    times
        .get(at.min(times.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Times of questions, in seconds.
pub(crate) fn questions(times: Vec<f64>) {
    figure("a question, p50", middle(times.clone(), 0.5) * 1e3, "ms", None);
    figure("a question, p99", middle(times, 0.99) * 1e3, "ms", None);
}

/// Making an index, and changing one file of it.
pub(crate) fn index(corpus: &Corpus, root: &Path) -> Result<(), Fault> {
    let (mut alone, mut parsed) = (Vec::new(), Vec::new());
    let mut size = 0;
    for _ in 0..RUNS {
        let started = Instant::now();
        let mut index = Index::memory()?;
        for file in &corpus.files {
            index.replace(&file.path, Stamp::default(), &file.documents)?;
        }
        index.commit()?;
        alone.push(started.elapsed().as_secs_f64());
        size = index.bytes()?;
        let started = Instant::now();
        documents::fill(&corpus.project, &mut Index::memory()?)?;
        parsed.push(started.elapsed().as_secs_f64());
    }
    let lines = corpus.lines as f64;
    figure("lines", lines, "", None);
    figure("documents", corpus.documents().count() as f64, "", None);
    figure(
        "indexed, one thread, documents given",
        lines / middle(alone, 0.5),
        "lines/s",
        None,
    );
    figure(
        "read, parsed and indexed, all processors",
        lines / middle(parsed, 0.5),
        "lines/s",
        None,
    );
    figure("index", size as f64 / 1e6, "MB", None);
    figure(
        "index, of the sources' bytes",
        100.0 * size as f64 / corpus.bytes as f64,
        "%",
        None,
    );

    let dir = tempfile::tempdir()?;
    let mut index = Index::open(dir.path())?;
    documents::fill(&corpus.project, &mut index)?;
    let mut edits = Vec::new();
    for file in corpus.files.iter().cycle().step_by(7).take(EDITS) {
        let started = Instant::now();
        index.replace(&file.path, Stamp::default(), &file.documents)?;
        index.commit()?;
        edits.push(started.elapsed().as_secs_f64());
    }
    figure(
        "one file replaced on disk and seen, p50",
        middle(edits.clone(), 0.5) * 1e3,
        "ms",
        None,
    );
    figure(
        "one file replaced on disk and seen, p99",
        middle(edits, 0.99) * 1e3,
        "ms",
        None,
    );
    drop(index);
    let started = Instant::now();
    let index = Index::open(dir.path())?;
    figure("opened", started.elapsed().as_secs_f64() * 1e3, "ms", None);
    let started = Instant::now();
    let count = index.stamps()?.len();
    figure(
        "files' stamps read",
        started.elapsed().as_secs_f64() * 1e3,
        "ms",
        None,
    );
    if count != corpus.files.len() {
        return Err(format!("{count} files of {} in {}", corpus.files.len(), root.display()).into());
    }
    Ok(())
}
