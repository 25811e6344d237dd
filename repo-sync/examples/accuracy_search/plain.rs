//! What is compared with: BM25 (Robertson, Walker 1994; k1 = 1.2, b = 0.75) over one field that holds a definition's name,
//! specification, source and documentation, split at all that is no letter or digit, in lower case.

use std::collections::BTreeMap;

use crate::corpus::Corpus;
use crate::questions::Question;

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// How often a word is in a document: in its source, in its documentation.
type Posting = (u32, u32, u32);

/// All documents as bags of words.
pub(crate) struct Plain {
    ids: Vec<String>,
    // Words of the source, words of the documentation.
    lengths: Vec<(u32, u32)>,
    average: f64,
    postings: BTreeMap<String, Vec<Posting>>,
}

fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

impl Plain {
    pub(crate) fn of(corpus: &Corpus) -> Self {
        let mut plain = Self {
            ids: Vec::new(),
            lengths: Vec::new(),
            average: 0.0,
            postings: BTreeMap::new(),
        };
        for file in &corpus.files {
            for (document, source) in file.documents.iter().zip(&file.sources) {
                let number = plain.ids.len() as u32;
                let mut bag: BTreeMap<String, (u32, u32)> = BTreeMap::new();
                let mut length = (0, 0);
                for word in split(source) {
                    bag.entry(word).or_default().0 += 1;
                    length.0 += 1;
                }
                for word in split(&document.doc) {
                    bag.entry(word).or_default().1 += 1;
                    length.1 += 1;
                }
                for (word, (source, doc)) in bag {
                    plain
                        .postings
                        .entry(word)
                        .or_default()
                        .push((number, source, doc));
                }
                plain.ids.push(document.id.clone());
                plain.lengths.push(length);
            }
        }
        let all: u64 = plain
            .lengths
            .iter()
            .map(|(source, doc)| u64::from(source + doc))
            .sum();
        plain.average = all as f64 / plain.ids.len().max(1) as f64;
        plain
    }

    /// The best documents; if `is_bare`, those that are asked for have no documentation.
    pub(crate) fn ask(&self, question: &Question, is_bare: bool, limit: usize) -> Vec<String> {
        let count = self.ids.len() as f64;
        let mut scores: BTreeMap<u32, f64> = BTreeMap::new();
        for word in split(&question.text) {
            let postings = self.postings.get(&word).map_or(&[][..], Vec::as_slice);
            let having = postings.len() as f64;
            let idf = (1.0 + (count - having + 0.5) / (having + 0.5)).ln();
            for (number, source, doc) in postings {
                let (source_length, doc_length) = self.lengths[*number as usize];
                let bare = is_bare && question.answers.contains(&self.ids[*number as usize]);
                let (often, length) = if bare {
                    (*source, source_length)
                } else {
                    (source + doc, source_length + doc_length)
                };
                let often = f64::from(often);
                let norm = K1 * (1.0 - B + B * f64::from(length) / self.average);
                *scores.entry(*number).or_default() += idf * often * (K1 + 1.0) / (often + norm);
            }
        }
        let mut best: Vec<(u32, f64)> = scores.into_iter().filter(|(_, score)| *score > 0.0).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.into_iter()
            .take(limit)
            .map(|(number, _)| self.ids[number as usize].clone())
            .collect()
    }
}
