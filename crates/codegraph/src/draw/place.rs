//! Where each cell lies from left to right.

use super::order::Rows;

/// Rounds of straightening.
const ROUNDS: usize = 80;

/// A line between two cells of neighbouring layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) to: usize,
    /// How much it matters that it is straight.
    pub(super) weight: f64,
}

/// The middle of each cell. Alternately from the top and from the bottom, each layer is put where its cells lie, in
/// least squares, closest to the mean of their neighbours, keeping order and distances: isotonic regression by
/// pooling adjacent violators (Ayer and others 1955).
pub(super) fn placed(
    rows: &Rows,
    width: &[f64],
    gap: impl Fn(usize, usize) -> f64,
    above: &[Vec<Link>],
    below: &[Vec<Link>],
) -> Vec<f64> {
    let mut middle = vec![0.0; width.len()];
    let offsets: Vec<Vec<f64>> = rows.iter().map(|row| offsets(row, width, &gap)).collect();
    for (row, offsets) in rows.iter().zip(&offsets) {
        let half = offsets.last().copied().unwrap_or_default() / 2.0;
        for (cell, offset) in row.iter().zip(offsets) {
            middle[*cell] = offset - half;
        }
    }
    for round in 0..ROUNDS {
        for step in 0..rows.len() {
            let down = round % 2 == 0;
            let at = if down { step } else { rows.len() - 1 - step };
            // In the second half both sides count.
            let both = round >= ROUNDS / 2;
            let wishes: Vec<(f64, f64)> = rows[at]
                .iter()
                .map(|cell| {
                    let up = above[*cell].iter().filter(|_| down || both);
                    let links = up.chain(below[*cell].iter().filter(|_| !down || both));
                    wish(links, &middle, middle[*cell])
                })
                .collect();
            for (cell, x) in rows[at].iter().zip(fitted(&wishes, &offsets[at])) {
                middle[*cell] = x;
            }
        }
    }
    middle
}

/// Distance of each cell's middle from the first one's if all lie as close as they may.
fn offsets(row: &[usize], width: &[f64], gap: &impl Fn(usize, usize) -> f64) -> Vec<f64> {
    let mut offsets = Vec::with_capacity(row.len());
    let mut at = 0.0;
    for (place, cell) in row.iter().enumerate() {
        if let Some(left) = place.checked_sub(1).map(|left| row[left]) {
            at += f64::midpoint(width[left], width[*cell]) + gap(left, *cell);
        }
        offsets.push(at);
    }
    offsets
}

/// Where a cell wants to lie, and how much.
fn wish<'a>(links: impl Iterator<Item = &'a Link>, middle: &[f64], now: f64) -> (f64, f64) {
    let (sum, weight) = links.fold((0.0, 0.0), |(sum, weight), link| {
        (sum + link.weight * middle[link.to], weight + link.weight)
    });
    if weight > 0.0 {
        (sum / weight, weight)
    } else {
        (now, 0.1)
    }
}

/// The places closest to the wishes that keep the offsets at least.
fn fitted(wishes: &[(f64, f64)], offsets: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for ((wish, weight), offset) in wishes.iter().zip(offsets) {
        let mut block = (wish - offset, *weight, 1);
        while let Some(last) = blocks.pop_if(|last| last.0 >= block.0) {
            let weight = last.1 + block.1;
            block = (
                (last.0 * last.1 + block.0 * block.1) / weight,
                weight,
                last.2 + block.2,
            );
        }
        blocks.push(block);
    }
    let starts = blocks
        .iter()
        .flat_map(|(start, _, cells)| std::iter::repeat_n(*start, *cells));
    starts
        .zip(offsets)
        .map(|(start, offset)| start + offset)
        .collect()
}
