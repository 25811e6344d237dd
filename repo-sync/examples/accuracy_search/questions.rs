//! Questions with known answers, made of the sources without the ranking that is measured.

use std::collections::{BTreeMap, BTreeSet};

use search::{Clause, Document, Kind, Query, Role, What, words};

use crate::corpus::Corpus;

/// Most questions of one sort.
const COUNT_MAX: usize = 1500;
/// Fewer words ask nothing.
const WORDS_MIN: usize = 3;

/// Which modules' functions are asked for: the weights were chosen on one half and are measured on the other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Measured,
    Tuning,
}

/// A question and all its right answers.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) query: Query,
    pub(crate) answers: BTreeSet<String>,
}

/// FNV-1a: the same choice everywhere.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Functions and macros of this half, of the library and not of its tests.
fn functions(corpus: &Corpus, half: Half) -> impl Iterator<Item = &Document> {
    let is_asked = move |path: &str, document: &Document| {
        let measured = (hash(&document.module) >> 32).is_multiple_of(2);
        matches!(document.kind, Kind::Function | Kind::Macro | Kind::Guard)
            && !path.contains("/test/")
            && measured == (half == Half::Measured)
    };
    corpus
        .documents()
        .filter(move |(path, document)| is_asked(path, document))
        .map(|(_, document)| document)
}

/// Puts questions of the same words together and takes some of them, by their hash.
fn gathered(found: BTreeMap<String, BTreeSet<String>>) -> Vec<Question> {
    let questions = found.into_iter().map(|(text, answers)| {
        let word = |word: &str| Clause {
            what: What::Word(word.to_owned()),
            is_excluded: false,
        };
        let clauses = text.split(' ').map(word).collect();
        Question {
            query: Query { clauses },
            text,
            answers,
        }
    });
    let mut questions: Vec<Question> = questions.collect();
    questions.sort_by_key(|question| hash(&question.text));
    questions.truncate(COUNT_MAX);
    questions
}

/// Words of a text as they stand there, in lower case: of names the parts.
fn plain_words(text: &str) -> Vec<String> {
    let parts = words(text).into_iter().filter(|word| word.role != Role::Whole);
    parts
        .filter_map(|word| text.get(word.range).map(str::to_lowercase))
        .collect()
}

fn stems(text: &str) -> BTreeSet<String> {
    words(text).into_iter().map(|word| word.text).collect()
}

/// The first sentence of each documented public function, without the words of its own name and module.
pub(crate) fn by_doc(corpus: &Corpus, half: Half) -> Vec<Question> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in functions(corpus, half).filter(|document| document.is_public) {
        let doc = document.doc.trim();
        let ends = [". ", ".\n", "\n\n", ":\n"]
            .into_iter()
            .filter_map(|end| doc.find(end));
        let sentence = doc.get(..ends.min().unwrap_or(doc.len())).unwrap_or_default();
        let own = stems(&format!("{} {}", document.name, document.module));
        let asked: Vec<String> = plain_words(sentence)
            .into_iter()
            .filter(|word| stems(word).is_disjoint(&own))
            .collect();
        if asked.len() >= WORDS_MIN {
            found
                .entry(asked.join(" "))
                .or_default()
                .insert(document.id.clone());
        }
    }
    gathered(found)
}

fn module_words(document: &Document) -> Vec<String> {
    plain_words(document.module.rsplit('.').next().unwrap_or_default())
}

/// Functions whose name has several parts, with their names' parts and the words by which they are asked for.
fn named(
    corpus: &Corpus,
    half: Half,
    asked: impl Fn(&Document, Vec<String>) -> Vec<String>,
) -> Vec<Question> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in functions(corpus, half) {
        let parts = plain_words(&document.name);
        if parts.len() >= 2 {
            let text = asked(document, parts).join(" ");
            found.entry(text).or_default().insert(document.id.clone());
        }
    }
    gathered(found)
}

/// The words of the module's last part and of the name.
pub(crate) fn by_name(corpus: &Corpus, half: Half) -> Vec<Question> {
    named(corpus, half, |document, parts| {
        let mut text = module_words(document);
        text.extend(parts);
        text
    })
}

/// The words of the name, the last one first: all functions of this name are right.
pub(crate) fn by_parts(corpus: &Corpus, half: Half) -> Vec<Question> {
    let mut questions = named(corpus, half, |_, parts| parts.into_iter().rev().collect());
    let mut all: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
    for (_, document) in corpus
        .documents()
        .filter(|(_, document)| document.arity.is_some())
    {
        let key = plain_words(&document.name).into_iter().collect();
        all.entry(key).or_default().insert(document.id.clone());
    }
    for question in &mut questions {
        let key = question.text.split(' ').map(str::to_owned).collect();
        question
            .answers
            .extend(all.get(&key).into_iter().flatten().cloned());
    }
    questions
}

/// As [`by_name`], with two neighbouring letters of the longest word exchanged, inside it.
pub(crate) fn mistyped(corpus: &Corpus, half: Half) -> Vec<Question> {
    let mut questions = by_name(corpus, half);
    questions.retain_mut(|question| {
        let mut words: Vec<String> = question.text.split(' ').map(str::to_owned).collect();
        let Some(longest) = words.iter_mut().max_by_key(|word| word.len()) else {
            return false;
        };
        let mut letters: Vec<char> = longest.chars().collect();
        let at = 1 + hash(longest) as usize % (letters.len().max(4) - 3);
        if letters.len() < 6 || letters.get(at) == letters.get(at + 1) {
            return false;
        }
        letters.swap(at, at + 1);
        *longest = letters.into_iter().collect();
        question.text = words.join(" ");
        let clauses = words.into_iter().map(|word| Clause {
            what: What::Word(word),
            is_excluded: false,
        });
        question.query.clauses = clauses.collect();
        true
    });
    questions
}

/// The whole name.
pub(crate) fn exact(corpus: &Corpus, half: Half) -> Vec<Question> {
    let found = functions(corpus, half).map(|document| {
        let answers: BTreeSet<String> = [document.id.clone()].into();
        (document.id.clone(), answers)
    });
    gathered(found.collect())
}
