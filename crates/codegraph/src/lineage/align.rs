//! Children of paired nodes: equal ones, then alike ones in order.

use std::collections::{HashMap, VecDeque};

use super::forest::get;
use super::nodes::{By, Matching};
use crate::clones::minhash::dice;
use crate::quoted::Kind;

/// Most pairs of children that are compared each with each: beyond, children are paired in order.
const CELLS_MAX: usize = 10_000;
/// Most nodes of a subtree that are looked at to compare it.
const LABELS_MAX: usize = 256;
/// Least likeness, in thousandths, for a call to be the same under another name.
const RENAMED_DICE_MIN: u32 = 500;
/// Words that make structure: a call of one is never a renamed call of another.
const STRUCTURE: &[&[u8]] = &[
    b"=",
    b"->",
    b"<-",
    b"|>",
    b"__block__",
    b"fn",
    b"case",
    b"cond",
    b"if",
    b"unless",
    b"with",
    b"for",
    b"receive",
    b"try",
    b"def",
    b"defp",
    b"defmacro",
    b"defmacrop",
    b"defmodule",
    b"@",
    b"{}",
    b"%{}",
    b"%",
    b"<<>>",
    b"when",
    b"::",
    b"&",
    b"^",
    b".",
    b"__aliases__",
    b"quote",
    b"unquote",
];

impl Matching<'_> {
    /// Aligns the children of each pair, and theirs.
    pub(super) fn align(&mut self, mut work: Vec<(u32, u32)>) {
        while let Some((old, new)) = work.pop() {
            let unit = (self.old.unit_at(old), self.new.unit_at(new));
            let olds: Vec<u32> = self.old.kids(old).collect();
            let news: Vec<u32> = self.new.kids(new).collect();
            // What another function or module owns is matched with that.
            let olds_free: Vec<u32> = olds
                .into_iter()
                .filter(|kid| self.old.unit_at(*kid) == unit.0)
                .collect();
            let news_free: Vec<u32> = news
                .into_iter()
                .filter(|kid| self.new.unit_at(*kid) == unit.1)
                .collect();
            self.align_lists(&olds_free, &news_free, &mut work);
        }
    }

    /// Pairs free nodes of two lists; pairs that are not equal are left in `work`.
    pub(super) fn align_lists(&mut self, olds: &[u32], news: &[u32], work: &mut Vec<(u32, u32)>) {
        for by in [By::Exact, By::Blind] {
            self.equal(olds, news, by);
        }
        let olds: Vec<u32> = olds
            .iter()
            .copied()
            .filter(|node| self.old.is_free(*node))
            .collect();
        let news: Vec<u32> = news
            .iter()
            .copied()
            .filter(|node| self.new.is_free(*node))
            .collect();
        if olds.is_empty() || news.is_empty() {
            return;
        }
        for (old, new) in self.best(&olds, &news) {
            if self.pair(old, new) {
                work.push((old, new));
            }
        }
    }

    /// Equal children: the first with the first.
    fn equal(&mut self, olds: &[u32], news: &[u32], by: By) {
        let mut known: HashMap<u64, VecDeque<u32>> = HashMap::new();
        for old in olds.iter().filter(|old| self.old.is_free(**old)) {
            known
                .entry(self.hash(by, true, *old))
                .or_default()
                .push_back(*old);
        }
        if known.is_empty() {
            return;
        }
        for new in news {
            if !self.new.is_free(*new) {
                continue;
            }
            if let Some(old) = known
                .get_mut(&self.hash(by, false, *new))
                .and_then(VecDeque::pop_front)
                && self.old.size(old) == self.new.size(*new)
            {
                self.pair_subtrees(old, *new);
            }
        }
    }

    /// The pairs in order with the greatest sum of likeness (Needleman and Wunsch 1970, without a price for gaps).
    fn best(&self, olds: &[u32], news: &[u32]) -> Vec<(u32, u32)> {
        if let ([old], [new]) = (olds, news) {
            let fits = self.likeness(*old, *new, None, None) > 0;
            return fits.then_some((*old, *new)).into_iter().collect();
        }
        if olds.len().saturating_mul(news.len()) > CELLS_MAX {
            let fits = |(old, new): &(&u32, &u32)| get(&self.old.label, **old) == get(&self.new.label, **new);
            let pairs = olds.iter().zip(news).filter(fits);
            return pairs.map(|(old, new)| (*old, *new)).collect();
        }
        let old_labels: Vec<Vec<u64>> = olds
            .iter()
            .map(|node| self.old.labels(*node, LABELS_MAX))
            .collect();
        let new_labels: Vec<Vec<u64>> = news
            .iter()
            .map(|node| self.new.labels(*node, LABELS_MAX))
            .collect();
        let width = news.len() + 1;
        // `sum[i][j]`: the best of the first i and the first j; `weight[i][j]` of the two themselves.
        let mut sum = vec![0u64; (olds.len() + 1) * width];
        let mut weight = vec![0u64; (olds.len() + 1) * width];
        for (i, old) in olds.iter().enumerate() {
            for (j, new) in news.iter().enumerate() {
                let own = self.likeness(
                    *old,
                    *new,
                    old_labels.get(i).map(Vec::as_slice),
                    new_labels.get(j).map(Vec::as_slice),
                );
                let here = (i + 1) * width + j + 1;
                let (both, left, up) = (
                    get(&sum, (i * width + j) as u32) + own,
                    get(&sum, ((i + 1) * width + j) as u32),
                    get(&sum, (i * width + j + 1) as u32),
                );
                let both = if own == 0 { 0 } else { both };
                if let (Some(sum), Some(weight)) = (sum.get_mut(here), weight.get_mut(here)) {
                    *sum = both.max(left).max(up);
                    *weight = own;
                }
            }
        }
        let mut pairs = Vec::new();
        let (mut i, mut j) = (olds.len(), news.len());
        while i > 0 && j > 0 {
            let at = |i: usize, j: usize| get(&sum, (i * width + j) as u32);
            let own = get(&weight, (i * width + j) as u32);
            if own > 0 && at(i, j) == at(i - 1, j - 1) + own {
                i -= 1;
                j -= 1;
                pairs.extend(olds.get(i).copied().zip(news.get(j).copied()));
            } else if at(i, j) == at(i - 1, j) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        pairs.reverse();
        pairs
    }

    /// How much two nodes may be the same: 0 not at all.
    fn likeness(&self, old: u32, new: u32, old_labels: Option<&[u64]>, new_labels: Option<&[u64]>) -> u64 {
        let (a, b) = (self.old.node(old), self.new.node(new));
        if a.kind != b.kind {
            return 0;
        }
        let same = get(&self.old.label, old) == get(&self.new.label, new);
        if a.size == 1 && b.size == 1 && a.kind != Kind::Call {
            return if same { 3000 } else { 1000 };
        }
        let alike = match (old_labels, new_labels) {
            (Some(a), Some(b)) => dice(a, b),
            _ => dice(
                &self.old.labels(old, LABELS_MAX),
                &self.new.labels(new, LABELS_MAX),
            ),
        };
        let (mut old_kids, mut new_kids) = (self.old.kids(old), self.new.kids(new));
        let count = old_kids.len() == new_kids.len();
        let first = match (old_kids.next(), new_kids.next()) {
            (Some(a), Some(b)) => get(&self.old.exact, a) == get(&self.new.exact, b),
            _ => false,
        };
        if same {
            // `do: x` and `do: y` belong together, and `a = x` and `a = y`.
            return 2000 + u64::from(alike) + if first { 2000 } else { 0 };
        }
        if a.kind != Kind::Call || is_structure(self.old.bytes(old)) || is_structure(self.new.bytes(new)) {
            return 0;
        }
        if count || alike >= RENAMED_DICE_MIN {
            500 + u64::from(alike)
        } else {
            0
        }
    }
}

pub(super) fn is_structure(word: &[u8]) -> bool {
    STRUCTURE.contains(&word)
}
