//! How well code search finds what is known to be there, and how fast, for `cargo xtask accuracy search`.
//!
//! Arguments: a folder with Elixir sources below `lib`; optionally `--tuning`, for the half of the modules on which the
//! weights were chosen instead of the other. Prints one JSON object a figure.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

mod corpus;
mod plain;
mod questions;
mod score;
mod speed;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use search::{Index, Stamp};

use corpus::Corpus;
use plain::Plain;
use questions::{Half, Question};
use score::Score;

/// Parts of the documented functions whose documentation is taken out at once.
const FOLDS: usize = 8;
/// Hits that are looked through for the answer.
const LIMIT: usize = 50;

type Fault = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.as_slice() {
        [root] => run(Path::new(root), Half::Measured),
        [root, tuning] if tuning == "--tuning" => run(Path::new(root), Half::Tuning),
        _ => Err("expected one folder".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a figure; without a goal it is only said.
pub(crate) fn figure(name: &str, value: f64, unit: &str, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
    println!("{{\"name\":\"{name}\",\"value\":{value:.3},\"unit\":\"{unit}\",\"goal\":{goal}}}");
}

fn run(root: &Path, half: Half) -> Result<(), Fault> {
    let corpus = Corpus::read(root)?;
    let plain = Plain::of(&corpus);
    let mut times = Vec::new();
    let whole = index(&corpus, &|_| false)?;

    let by_doc = questions::by_doc(&corpus, half);
    let mut with_doc = Score::default();
    ask(&whole, &by_doc, &mut with_doc, &mut times)?;
    with_doc.print("documentation's first sentence, search");
    Score::of(&by_doc, |question| plain.ask(question, false, LIMIT))
        .print("documentation's first sentence, plain BM25");

    let mut without_doc = Score::default();
    for fold in 0..FOLDS {
        let asked: Vec<Question> = by_doc.iter().skip(fold).step_by(FOLDS).cloned().collect();
        let is_asked = |id: &str| asked.iter().any(|question| question.answers.contains(id));
        ask(&index(&corpus, &is_asked)?, &asked, &mut without_doc, &mut times)?;
    }
    without_doc.print("same, its documentation taken out, search");
    Score::of(&by_doc, |question| plain.ask(question, true, LIMIT))
        .print("same, its documentation taken out, plain BM25");

    for (name, asked) in [
        ("module's and name's words", questions::by_name(&corpus, half)),
        ("name's words, other order", questions::by_parts(&corpus, half)),
        (
            "module's and name's words, one mistyped",
            questions::mistyped(&corpus, half),
        ),
        ("Module.name/arity", questions::exact(&corpus, half)),
    ] {
        let mut found = Score::default();
        ask(&whole, &asked, &mut found, &mut times)?;
        found.print(&format!("{name}, search"));
        Score::of(&asked, |question| plain.ask(question, false, LIMIT)).print(&format!("{name}, plain BM25"));
    }
    speed::questions(times);
    speed::index(&corpus, root)
}

/// An index of the corpus in which what `is_bare` says has no documentation.
fn index(corpus: &Corpus, is_bare: &dyn Fn(&str) -> bool) -> Result<Index, Fault> {
    let mut index = Index::memory()?;
    for file in &corpus.files {
        let mut documents = file.documents.clone();
        for document in documents.iter_mut().filter(|document| is_bare(&document.id)) {
            document.doc.clear();
            document.summary.clear();
        }
        index.replace(&file.path, Stamp::default(), &documents)?;
    }
    index.commit()?;
    Ok(index)
}

fn ask(index: &Index, asked: &[Question], score: &mut Score, times: &mut Vec<f64>) -> Result<(), Fault> {
    for question in asked {
        let started = Instant::now();
        let answer = index.search(&question.query, LIMIT)?;
        times.push(started.elapsed().as_secs_f64());
        let ids: Vec<String> = answer.hits.into_iter().map(|hit| hit.id).collect();
        if let Ok(wanted) = std::env::var("SEARCH_SHOW")
            && score.questions.is_multiple_of(wanted.parse::<usize>()?)
        {
            let place = ids.iter().position(|id| question.answers.contains(id));
            println!(
                "  {:?} {:?} at {place:?}: {:?}",
                question.text,
                question.answers,
                &ids[..ids.len().min(3)]
            );
        }
        score.add(question, &ids);
    }
    Ok(())
}
