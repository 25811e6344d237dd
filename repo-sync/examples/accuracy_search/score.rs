//! How good answers are: mean reciprocal rank, an answer at the first and among the first ten places, and the normalised
//! discounted cumulative gain of the first ten (Jarvelin, Kekalainen 2002).

use std::collections::BTreeSet;

use crate::figure;
use crate::questions::Question;

/// Sums over questions.
#[derive(Default)]
pub(crate) struct Score {
    pub(crate) questions: usize,
    reciprocal: f64,
    first: usize,
    ten: usize,
    gain: f64,
}

impl Score {
    /// Of all answers to these questions.
    pub(crate) fn of(questions: &[Question], ask: impl Fn(&Question) -> Vec<String>) -> Self {
        let mut score = Self::default();
        for question in questions {
            score.add(question, &ask(question));
        }
        score
    }

    /// Counts one answer.
    pub(crate) fn add(&mut self, question: &Question, found: &[String]) {
        // A function that two files define is found twice and counts once.
        let mut seen = BTreeSet::new();
        let found: Vec<&String> = found.iter().filter(|id| seen.insert(*id)).collect();
        self.questions += 1;
        let places = found.iter().enumerate();
        let places = places.filter(|(_, id)| question.answers.contains(**id));
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        if let Some(place) = places.first() {
            self.reciprocal += 1.0 / (*place as f64 + 1.0);
            self.first += usize::from(*place == 0);
            self.ten += usize::from(*place < 10);
        }
        let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
        let ideal: f64 = (0..question.answers.len().min(10)).map(gain).sum();
        self.gain += places
            .iter()
            .filter(|place| **place < 10)
            .map(|place| gain(*place))
            .sum::<f64>()
            / ideal;
    }

    /// Prints its figures.
    pub(crate) fn print(&self, name: &str) {
        let share = |sum: f64| 100.0 * sum / self.questions.max(1) as f64;
        figure(&format!("{name}: questions"), self.questions as f64, "", None);
        figure(&format!("{name}: MRR"), share(self.reciprocal), "%", None);
        figure(&format!("{name}: recall@1"), share(self.first as f64), "%", None);
        figure(&format!("{name}: recall@10"), share(self.ten as f64), "%", None);
        figure(&format!("{name}: NDCG@10"), share(self.gain), "%", None);
    }
}
