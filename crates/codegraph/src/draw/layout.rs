//! Where everything in a picture lies.

use super::layers::Layers;
use super::order::ordered;
use super::place::{Link, placed};
use super::{BENDS_MAX, Drawing, Shape, text};

/// Around the picture, in pixels.
pub(super) const MARGIN: f64 = 20.0;
const LAYER_GAP: f64 = 26.0;
const BOX_GAP: f64 = 26.0;
const LINE_GAP: f64 = 14.0;
/// Room at a box's side for an arrow to itself.
pub(super) const LOOP: f64 = 26.0;

/// A box or a label: its middle and its size.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An arrow's way, from its start to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Route {
    /// Points, between which lines leave and arrive upright; none of an arrow to its own box.
    pub(super) points: Vec<(f64, f64)>,
    /// The middle of its label.
    pub(super) label: Option<(f64, f64)>,
}

/// A picture's layout in pixels, from the top left.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) boxes: Vec<Area>,
    /// One for each arrow that is drawn, in order.
    pub(super) routes: Vec<Route>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An arrow as cells from its upper to its lower end; empty if it leads to its own box.
struct Chain {
    cells: Vec<usize>,
    label: Option<usize>,
    upward: bool,
}

#[derive(Default)]
struct Cells {
    layer: Vec<usize>,
    width: Vec<f64>,
    height: Vec<f64>,
}

impl Cells {
    fn add(&mut self, layer: usize, width: f64, height: f64) -> usize {
        self.layer.push(layer);
        self.width.push(width);
        self.height.push(height);
        self.layer.len() - 1
    }
}

impl Layout {
    /// The layout; `None` if lines would take up too many places.
    pub(super) fn of(drawing: &Drawing) -> Option<Self> {
        let (cells, chains) = cells(drawing)?;
        let boxes = drawing.boxes.len();
        let count = cells.layer.len();
        let mut links = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for chain in &chains {
            for two in chain.cells.windows(2) {
                let lines = two.iter().filter(|cell| **cell >= boxes).count();
                let weight = [1.0, 2.0, 8.0][lines];
                links.0[two[1]].push(Link { to: two[0], weight });
                links.1[two[0]].push(Link { to: two[1], weight });
            }
        }
        let ends = |links: &[Vec<Link>]| -> Vec<Vec<usize>> {
            links
                .iter()
                .map(|links| links.iter().map(|link| link.to).collect())
                .collect()
        };
        let layers = cells.layer.iter().max().map_or(0, |last| last + 1);
        let mut rows = vec![Vec::new(); layers];
        for (cell, layer) in cells.layer.iter().enumerate() {
            rows[*layer].push(cell);
        }
        let rows = ordered(rows, &ends(&links.0), &ends(&links.1));
        let gap = |left: usize, right: usize| {
            if left.max(right) < boxes {
                BOX_GAP
            } else {
                LINE_GAP
            }
        };
        let mut x = placed(&rows, &cells.width, gap, &links.0, &links.1);
        let sides = x.iter().zip(&cells.width);
        let left = sides
            .clone()
            .map(|(x, width)| x - width / 2.0)
            .fold(f64::INFINITY, f64::min);
        let left = if left.is_finite() { left } else { 0.0 };
        let right = sides.map(|(x, width)| x + width / 2.0).fold(left, f64::max);
        for x in &mut x {
            *x += MARGIN - left;
        }
        let mut y = Vec::with_capacity(layers);
        let mut top = MARGIN;
        let mut tallest = Vec::with_capacity(layers);
        for row in &rows {
            let height = row.iter().map(|cell| cells.height[*cell]).fold(0.0, f64::max);
            y.push(top + height / 2.0);
            tallest.push(height);
            top += height + LAYER_GAP;
        }
        let area = |cell: usize| Area {
            x: x[cell],
            y: y[cells.layer[cell]],
            width: cells.width[cell],
            height: cells.height[cell],
        };
        let passing = |cell: usize| tallest[cells.layer[cell]] / 2.0;
        Some(Self {
            boxes: (0..boxes).map(area).collect(),
            routes: routes(&chains, boxes, &area, &passing),
            width: right - left + 2.0 * MARGIN,
            height: (top - LAYER_GAP).max(MARGIN) + MARGIN,
        })
    }
}

/// The boxes, then a cell for each layer that an arrow passes. If there are labels, each arrow has a layer between any
/// two for its own.
fn cells(drawing: &Drawing) -> Option<(Cells, Vec<Chain>)> {
    let ends: Vec<(usize, usize)> = drawing
        .arrows_drawn()
        .map(|(_, arrow)| (arrow.from as usize, arrow.to as usize))
        .collect();
    let layers = Layers::of(drawing.boxes.len(), &ends);
    let labelled = drawing
        .arrows_drawn()
        .any(|(_, a)| !a.label.is_empty() && a.from != a.to);
    let scale = 1 + usize::from(labelled);
    let mut cells = Cells::default();
    let mut loops = vec![0.0f64; drawing.boxes.len()];
    for (_, arrow) in drawing.arrows_drawn().filter(|(_, arrow)| arrow.from == arrow.to) {
        let room = LOOP + text::width(&text::line(&arrow.label));
        let at = &mut loops[arrow.from as usize];
        *at = at.max(room);
    }
    for (number, figure) in drawing.boxes.iter().enumerate() {
        let lines = text::lines(&figure.label);
        let widest = lines.iter().map(|line| text::width(line)).fold(0.0, f64::max);
        let padding = if figure.shape == Shape::Decision {
            40.0
        } else {
            24.0
        };
        let width = (widest + padding).max(36.0) + 2.0 * loops[number];
        let height = lines.len().max(1) as f64 * text::LINE + 12.0;
        cells.add(layers.of[number] * scale, width, height);
    }
    let mut chains = Vec::with_capacity(ends.len());
    for ((number, (from, to)), (_, arrow)) in ends.iter().enumerate().zip(drawing.arrows_drawn()) {
        let upward = layers.upward[number];
        let (upper, lower) = if upward { (*to, *from) } else { (*from, *to) };
        let mut chain = Chain {
            cells: Vec::new(),
            label: None,
            upward,
        };
        if from != to {
            chain.cells.push(upper);
            let between = cells.layer[upper] + 1..cells.layer[lower];
            if cells.layer.len() + between.len() > BENDS_MAX {
                return None;
            }
            // The label lies near the arrow's start.
            let labelled = if upward {
                between.end.wrapping_sub(1)
            } else {
                between.start
            };
            for layer in between {
                let (mut width, mut height) = (2.0, 0.0);
                let here = layer == labelled && !arrow.label.is_empty();
                if here {
                    width = text::width(&text::line(&arrow.label)) + 8.0;
                    height = text::LINE;
                }
                let cell = cells.add(layer, width, height);
                if here {
                    chain.label = Some(cell);
                }
                chain.cells.push(cell);
            }
            chain.cells.push(lower);
        }
        chains.push(chain);
    }
    Some((cells, chains))
}

/// The points of each arrow. At a box, arrows leave and arrive side by side in the order of where they go.
fn routes(
    chains: &[Chain],
    boxes: usize,
    area: &impl Fn(usize) -> Area,
    passing: &impl Fn(usize) -> f64,
) -> Vec<Route> {
    let mut leaving = vec![Vec::new(); boxes];
    let mut arriving = vec![Vec::new(); boxes];
    for (number, chain) in chains.iter().enumerate() {
        if let [upper, below, ..] = chain.cells.as_slice() {
            leaving[*upper].push((area(*below).x, number));
        }
        if let [.., above, lower] = chain.cells.as_slice() {
            arriving[*lower].push((area(*above).x, number));
        }
    }
    let mut ports = vec![(0.0, 0.0); chains.len()];
    for node in 0..boxes {
        let side = area(node);
        for (list, bottom) in [(&mut leaving[node], true), (&mut arriving[node], false)] {
            list.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let step = (side.width * 0.5 / list.len().max(1) as f64).min(18.0);
            let middle = list.len().saturating_sub(1) as f64 / 2.0;
            for (at, (_, number)) in list.iter().enumerate() {
                let x = side.x + (at as f64 - middle) * step;
                if bottom {
                    ports[*number].0 = x;
                } else {
                    ports[*number].1 = x;
                }
            }
        }
    }
    let route = |(chain, (out, into)): (&Chain, &(f64, f64))| {
        let mut points = Vec::new();
        let last = chain.cells.len().saturating_sub(1);
        for (at, cell) in chain.cells.iter().enumerate() {
            let here = area(*cell);
            if at == 0 {
                points.push((*out, here.y + here.height / 2.0));
            } else if at == last {
                points.push((*into, here.y - here.height / 2.0));
            } else {
                points.push((here.x, here.y - passing(*cell)));
                points.push((here.x, here.y + passing(*cell)));
            }
        }
        if chain.upward {
            points.reverse();
        }
        Route {
            points,
            label: chain.label.map(|cell| (area(cell).x, area(cell).y)),
        }
    };
    chains.iter().zip(&ports).map(route).collect()
}
