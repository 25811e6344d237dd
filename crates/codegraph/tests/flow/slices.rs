//! Precision and recall of slices, backward and forward.

use std::collections::{BTreeSet, HashMap};

use codegraph::definitions::Outline;
use codegraph::flow::{Analyzer, Callee, Program, Wires};
use codegraph::graph::Direction;
use codegraph::quoted::NodeId;

use super::emit::Emitter;
use super::generate::Generator;
use super::interpret::Interpreter;
use super::program::{Function, Point};

/// Runs for each point.
const SEEDS: u64 = 1_500;
/// Runs for points that no run has shown yet to belong to a slice that was computed: some need many tests to come out one
/// way. A run is a proof wherever it is looked for.
const SEEDS_MAX: u64 = 100_000;

type Slices = HashMap<Point, BTreeSet<Point>>;

/// What the interpreter finds in these runs: for each point that can be reached, what it depends on.
fn observe(
    program: &[Function],
    points: &[(usize, Point)],
    seeds: std::ops::Range<u64>,
    changed: &BTreeSet<Point>,
    slices: &mut Slices,
) {
    for seed in seeds {
        for entry in 0..program.len() {
            let run = |changed| {
                let mut interpreter = Interpreter {
                    program,
                    seed,
                    changed,
                    seen: HashMap::new(),
                    handled: false,
                };
                interpreter.run(entry);
                interpreter.seen
            };
            let plain = run(None);
            for changed in changed.iter().filter(|point| plain.contains_key(point)) {
                let other = run(Some(*changed));
                for (_, point) in points {
                    if plain.get(point) != other.get(point) {
                        slices.entry(*point).or_default().insert(*changed);
                    }
                }
            }
        }
    }
}

fn observed(program: &[Function], points: &[(usize, Point)], found: &Slices) -> Slices {
    let mut slices = Slices::new();
    let all = points.iter().map(|(_, point)| *point).collect();
    observe(program, points, 0..SEEDS, &all, &mut slices);
    let mut next = SEEDS;
    while next < SEEDS_MAX {
        let missing: BTreeSet<Point> = slices
            .iter()
            .flat_map(|(point, truth)| found[point].difference(truth).copied())
            .collect();
        if missing.is_empty() {
            break;
        }
        observe(program, points, next..next * 2, &missing, &mut slices);
        next *= 2;
    }
    slices
}

/// By which of the program's questions slices are computed.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Backward,
    /// Backward, with evidence.
    Traced,
    /// Forward from every point, and turned round.
    Forward,
}

fn computed(program: &[Function], points: &[(usize, Point)], how: How) -> Slices {
    let (tree, nodes) = Emitter::default().program(program);
    let outline = Outline::of(&tree);
    let flows = Analyzer::new(&tree, &outline).all();
    let linked = Program::new(&flows, |_, call| match call.callee {
        Callee::Local(name) => {
            let found = outline
                .functions
                .iter()
                .position(|function| function.name == name)?;
            Some(found as u32)
        }
        _ => None,
    });
    let traced = |function: usize, point: Point, direction| -> BTreeSet<NodeId> {
        let trace = linked.trace(
            &[(function as u32, nodes[&point])],
            direction,
            &Wires::default(),
            usize::MAX,
        );
        trace.reached.iter().filter_map(|reached| reached.node).collect()
    };
    let mut slices: Slices = points
        .iter()
        .map(|(_, point)| (*point, BTreeSet::new()))
        .collect();
    for (function, point) in points {
        let node = nodes[point];
        let found: BTreeSet<_> = match how {
            How::Backward if program.len() == 1 => flows[0].backward(node).into_iter().collect(),
            How::Backward => {
                let slice = linked.backward(*function as u32, node);
                slice.into_iter().flat_map(|(_, nodes)| nodes).collect()
            }
            How::Traced => traced(*function, *point, Direction::Back),
            How::Forward => traced(*function, *point, Direction::Out),
        };
        for (_, other) in points.iter().filter(|(_, other)| found.contains(&nodes[other])) {
            let (of, held) = if how == How::Forward {
                (other, point)
            } else {
                (point, other)
            };
            slices.entry(*of).or_default().insert(*held);
        }
    }
    slices
}

/// Right, computed, true: summed over programs.
fn compare(programs: std::ops::Range<u64>, functions: usize, how: How) -> (f64, f64, usize) {
    let (mut right, mut computed_all, mut true_all) = (0usize, 0usize, 0usize);
    for seed in programs {
        let (program, points) = Generator::program(seed + 1, functions);
        if points.len() > 40 {
            continue;
        }
        let found = computed(&program, &points, how);
        let truth = observed(&program, &points, &found);
        for (_, point) in &points {
            // What no run reaches has no slice.
            let Some(truth) = truth.get(point) else {
                continue;
            };
            let found = &found[point];
            if functions == 1 {
                assert_eq!(truth, found, "point {point} of program {seed}: {program:#?}");
            }
            right += truth.intersection(found).count();
            computed_all += found.len();
            true_all += truth.len();
        }
    }
    (
        right as f64 / computed_all as f64,
        right as f64 / true_all as f64,
        true_all,
    )
}

/// Scenario: 150 generated functions with rebinding, branches, clauses with pins and guards, `with`, `for`, `try`, closures and raises;
/// every operation is a criterion. Guarantee: the slices are those of the interpreter: precision and recall 1.
#[test]
fn slices_inside_a_function_are_exact() {
    let (precision, recall, count) = compare(0..150, 1, How::Backward);
    println!("within a function: precision {precision:.4}, recall {recall:.4}, {count} true dependences");
    assert!(count > 3_000, "{count}");
    assert!(precision >= 1.0 && recall >= 1.0, "{precision} {recall}");
}

/// Scenario: 250 generated modules of three functions that call one another. Guarantee: slices through calls have a
/// precision and a recall of 0.95 at least.
#[test]
fn slices_across_calls_are_nearly_exact() {
    let (precision, recall, count) = compare(0..250, 3, How::Backward);
    println!("across calls: precision {precision:.4}, recall {recall:.4}, {count} true dependences");
    assert!(count > 3_000, "{count}");
    assert!(precision >= 0.95 && recall >= 0.95, "{precision} {recall}");
}

/// Scenario: 150 more such modules, slices forward from every operation. Guarantee: precision and recall of 0.95 at
/// least against the interpreter.
#[test]
fn forward_slices_across_calls_are_nearly_exact() {
    let (precision, recall, count) = compare(1000..1150, 3, How::Forward);
    println!("forward across calls: precision {precision:.4}, recall {recall:.4}, {count} true dependences");
    assert!(count > 3_000, "{count}");
    assert!(precision >= 0.95 && recall >= 0.95, "{precision} {recall}");
}

/// Scenario: 200 generated modules of one to four functions. Guarantee: a slice with evidence holds what the one without
/// holds, and what a point's forward slice holds is exactly what has the point in its backward slice.
#[test]
fn forward_is_backward_turned_round() {
    for seed in 0..200 {
        let (program, points) = Generator::program(seed + 5000, 1 + seed as usize % 4);
        let backward = computed(&program, &points, How::Backward);
        assert_eq!(
            computed(&program, &points, How::Traced),
            backward,
            "{seed}: {program:#?}"
        );
        assert_eq!(
            computed(&program, &points, How::Forward),
            backward,
            "{seed}: {program:#?}"
        );
    }
}
