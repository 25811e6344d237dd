//! What the graph engine costs on a scale-free graph of 100,000 nodes and 1.7 million edges: one JSON object a line,
//! `{"name", "value", "unit", "goal"}`, medians of five. Run by `cargo xtask bench graph`.
//!
//! The graph is made by a copying model (Kumar et al. 2000) from a fixed seed: an edge starts anywhere and, one time in
//! two, ends where an earlier edge ended. A few nodes are the end of thousands of edges, and most lie in one strongly
//! connected component, which is the hard case for PageRank: real call graphs are nearly free of cycles.
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::sync::Arc;
use std::time::Instant;

use codegraph::fact::Mark;
use codegraph::graph::{
    Between, Builder, Components, Delta, Direction, Edge, EdgeKind, Graph, Grouping, Method, Overlay, Rank,
    Selection, View, Walk,
};

const NODES: u32 = 100_000;
const EDGES: usize = 1_700_000;
const ROUNDS: usize = 5;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ bits >> 31) % end
    }
}

/// Edges until so many are distinct.
fn edges() -> Vec<Edge> {
    let mut random = Random(1);
    let mut seen = std::collections::HashSet::with_capacity(EDGES);
    let mut edges: Vec<Edge> = Vec::with_capacity(EDGES);
    while edges.len() < EDGES {
        let from = random.below(NODES.into()) as u32;
        let to = match edges.len() as u64 {
            made @ 1.. if random.below(2) == 0 => edges[random.below(made) as usize].to,
            _ => random.below(NODES.into()) as u32,
        };
        if seen.insert((from, to)) {
            edges.push(Edge {
                from,
                to,
                kind: EdgeKind::CALLS,
                mark: Mark::default(),
            });
        }
    }
    edges
}

fn figure(name: &str, value: f64, unit: &str, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
    println!(r#"{{"name":"{name}","value":{value},"unit":"{unit}","goal":{goal}}}"#);
}

/// The median time of five runs in milliseconds, and what the last one gave.
fn timed<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut times = Vec::new();
    loop {
        let start = Instant::now();
        let result = run();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if times.len() == ROUNDS {
            times.sort_by(f64::total_cmp);
            return (times[ROUNDS / 2], result);
        }
    }
}

/// PageRank as its definition reads: power iteration over all nodes, with what ends in dead ends spread over all, until
/// nothing changes.
fn reference(graph: &Graph) -> Vec<f64> {
    let out: Vec<Vec<u32>> = (0..NODES)
        .map(|node| graph.row(node, EdgeKind::CALLS, Direction::Out).targets.to_vec())
        .collect();
    let each = 1.0 / f64::from(NODES);
    let mut score = vec![each; NODES as usize];
    for _ in 0..300 {
        let mut next = vec![0.0; score.len()];
        let mut lost = 0.0;
        for (node, ends) in out.iter().enumerate() {
            if ends.is_empty() {
                lost += score[node];
            }
            for end in ends {
                next[*end as usize] += 0.85 * score[node] / ends.len() as f64;
            }
        }
        let everywhere = (0.15 + 0.85 * lost) * each;
        for value in &mut next {
            *value += everywhere;
        }
        let change: f64 = next.iter().zip(&score).map(|(a, b)| (a - b).abs()).sum();
        score = next;
        if change < 1e-15 {
            break;
        }
    }
    score
}

fn main() {
    let edges = edges();
    let calls = Selection::of(EdgeKind::CALLS);
    let (ms, built) = timed(|| {
        let mut builder = Builder::new(NODES);
        builder.extend(edges.iter().copied());
        builder.build().unwrap_or_default()
    });
    figure("build from an edge list", ms, "ms", None);
    let graph = Arc::new(built);

    let (ms, ranks) = timed(|| Rank::default().of(&*graph, calls));
    figure("PageRank", ms, "ms", Some(100.0));
    figure("PageRank, rounds", f64::from(ranks.rounds), "rounds", None);
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>();
    let apart = distance(&ranks.scores, &reference(&graph));
    figure(
        "PageRank, sum of all differences to power iteration",
        apart,
        "of 1",
        Some(1e-9),
    );

    let (ms, components) = timed(|| Components::of(&*graph, calls));
    figure("strongly connected components", ms, "ms", None);
    let largest = components
        .cycles()
        .first()
        .map_or(0, |c| components.members(*c).len());
    figure("nodes in the largest component", largest as f64, "nodes", None);

    impact(&graph);

    let bytes = graph.encode();
    figure("encoded", bytes.len() as f64 / 1e6, "MB", None);
    let (ms, read) = timed(|| Graph::decode(&bytes, NODES).unwrap_or_default());
    figure(
        "decode, with reverse rows (part of a warm open)",
        ms,
        "ms",
        Some(300.0),
    );
    figure(
        "decoded graph differs",
        f64::from(u8::from(read != *graph)),
        "graphs",
        Some(0.0),
    );

    let (ms, delta) = timed(|| change_a_file(&graph));
    figure("overlay of 50 changed edges and its delta", ms, "ms", None);
    figure(
        "delta of 50 changed edges",
        delta.encode().len() as f64,
        "bytes",
        None,
    );

    let grouping = Grouping {
        passes_max: 2,
        ..Grouping::default()
    };
    let (ms, groups) = timed(|| grouping.of(&*graph, calls));
    figure("communities, two passes of Leiden", ms, "ms", None);
    figure("communities, modularity", groups.modularity, "of 1", None);

    let (ms, between) = timed(|| Between::default().of(&*graph, calls));
    figure("betweenness, sampled", ms, "ms", None);
    if let Method::Sampled { samples, error, .. } = between.method {
        figure("betweenness, samples", f64::from(samples), "samples", None);
        figure("betweenness, stated error at 95 %", error, "of 1", Some(0.03));
        let most = between.scores.iter().copied().fold(0.0, f64::max);
        figure("betweenness, greatest score", most, "of 1", None);
    }
}

/// A version in which one node's calls are gone and fifty others call it.
fn change_a_file(graph: &Arc<Graph>) -> Delta {
    let mut overlay = Overlay::new(Arc::clone(graph));
    for to in graph.row(7, EdgeKind::CALLS, Direction::Out).targets {
        overlay.remove_edge(7, *to, EdgeKind::CALLS);
    }
    for from in 1000..1050 {
        let edge = Edge {
            from,
            to: 7,
            kind: EdgeKind::CALLS,
            mark: Mark::default(),
        };
        overlay.add_edge(edge).unwrap_or_default();
    }
    overlay.delta()
}

fn impact(graph: &Graph) {
    let mut random = Random(2);
    let mut times: Vec<f64> = Vec::new();
    let mut met = 0;
    for _ in 0..10_000 {
        let node = random.below(NODES.into()) as u32;
        let start = Instant::now();
        let impact = Walk::impact().depth(2).ranked(graph, &[node]);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        met += impact.nodes.len();
    }
    times.sort_by(f64::total_cmp);
    figure("2-hop impact, p50", times[times.len() / 2], "ms", None);
    figure(
        "2-hop impact, p99",
        times[times.len() * 99 / 100],
        "ms",
        Some(1.0),
    );
    figure(
        "2-hop impact, nodes met on average",
        met as f64 / 1e4,
        "nodes",
        None,
    );
}
