//! A function's control flow, data flow and syntax as pictures.

use std::collections::BTreeSet;

use codegraph::draw::{Arrow, Drawing, Figure, Shape, Tone};
use codegraph::flow::{EdgeKind, FlowKind, FunctionFlow, Origin, StepId, StepKind};
use codegraph::quoted::{Kind, NodeId};
use repo_sync::project::{Definition, FileSource};

/// Longest text of a box, in characters.
const LABEL_CHARS_MAX: usize = 48;
/// Boxes of a syntax tree; what lies deeper is left out.
const TREE_BOXES_MAX: usize = 400;

/// A drawing, with the source line of each box (0: none).
pub(super) struct Picture {
    pub(super) drawing: Drawing,
    pub(super) lines: Vec<u32>,
}

/// A node's text on one line.
fn text(source: &FileSource, node: NodeId) -> String {
    let whole = source.text_of(node);
    let mut text: String = whole.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > LABEL_CHARS_MAX {
        text = text.chars().take(LABEL_CHARS_MAX - 3).collect::<String>() + "...";
    }
    text
}

fn line(source: &FileSource, node: NodeId) -> u32 {
    match source.tree.node(node).line {
        0 => source.lines(node).0,
        line => line,
    }
}

/// Control flow: the steps that can run.
pub(super) fn control(source: &FileSource, flow: &FunctionFlow, title: String) -> Picture {
    let cfg = &flow.cfg;
    let linked: BTreeSet<StepId> = cfg.edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
    let drawn: Vec<StepId> = linked
        .into_iter()
        .filter(|step| cfg.is_reachable(*step))
        .collect();
    let (mut boxes, mut lines) = (Vec::new(), Vec::new());
    for id in &drawn {
        let Some(step) = cfg.steps.get(*id as usize) else {
            continue;
        };
        let is_closure = cfg
            .graphs
            .get(step.graph as usize)
            .is_some_and(|graph| graph.closure.is_some());
        let written = step.node.map(|node| text(source, node)).unwrap_or_default();
        let label = match step.kind {
            StepKind::Entry if is_closure => "closure".to_owned(),
            StepKind::Entry => "start".to_owned(),
            StepKind::Return => "return".to_owned(),
            StepKind::Raise => "raise".to_owned(),
            StepKind::Guard => format!("when {written}"),
            StepKind::Join => "together".to_owned(),
            StepKind::Wait => "receive".to_owned(),
            StepKind::Dispatch => "exception".to_owned(),
            StepKind::Unwind => "after".to_owned(),
            StepKind::Generator => format!("each {written}"),
            _ => written,
        };
        let shape = match step.kind {
            StepKind::Entry | StepKind::Return | StepKind::Raise => Shape::Terminal,
            StepKind::Head
            | StepKind::Guard
            | StepKind::Branch
            | StepKind::Generator
            | StepKind::Dispatch => Shape::Decision,
            _ => Shape::Plain,
        };
        boxes.push(Figure { label, shape });
        let shown = !matches!(step.kind, StepKind::Entry | StepKind::Return | StepKind::Raise);
        lines.push(step.node.filter(|_| shown).map_or(0, |node| line(source, node)));
    }
    let number = |step: StepId| drawn.binary_search(&step).ok().map(|at| at as u32);
    let arrows = cfg.edges.iter().filter_map(|edge| {
        let (label, tone) = match edge.kind {
            EdgeKind::Next | EdgeKind::Return => ("", Tone::Flow),
            EdgeKind::True => ("true", Tone::Yes),
            EdgeKind::False => ("false", Tone::No),
            EdgeKind::Match => ("match", Tone::Yes),
            EdgeKind::NoMatch => ("else", Tone::No),
            EdgeKind::Exception => ("exception", Tone::Exception),
            EdgeKind::After => ("after", Tone::No),
            EdgeKind::Each => ("each", Tone::Yes),
            EdgeKind::Done => ("done", Tone::No),
        };
        Some(Arrow {
            from: number(edge.from)?,
            to: number(edge.to)?,
            label: label.to_owned(),
            tone,
        })
    });
    let arrows = arrows.collect();
    Picture {
        drawing: Drawing { title, boxes, arrows },
        lines,
    }
}

/// Data flow between parameters, bindings, calls and the result; what lies between is passed over.
pub(super) fn data(source: &FileSource, flow: &FunctionFlow, title: String) -> Picture {
    let (locals, dfg) = (&flow.locals, &flow.dfg);
    let nodes = dfg.bindings.iter().map(|binding| binding.node);
    let nodes = nodes.chain(dfg.calls.iter().map(|call| call.node));
    let mut shown: BTreeSet<u32> = nodes.filter_map(|node| locals.of(node)).collect();
    shown.extend((0..locals.parameters()).filter_map(|place| locals.parameter(place)));
    shown.insert(locals.result());
    let shown: Vec<u32> = shown.into_iter().collect();
    let number = |vertex: u32| shown.binary_search(&vertex).ok();
    let mut arrows = BTreeSet::new();
    for (to, vertex) in shown.iter().enumerate() {
        let mut work = vec![(*vertex, "")];
        let mut seen = BTreeSet::new();
        while let Some((at, label)) = work.pop() {
            for flow in dfg.flows_into(at) {
                let label = match flow.kind {
                    FlowKind::Test => "test",
                    FlowKind::Capture | FlowKind::Closure => "closure",
                    FlowKind::Raised => "raised",
                    FlowKind::Default => "default",
                    _ => label,
                };
                match number(flow.from) {
                    Some(from) if from != to => {
                        arrows.insert((from as u32, to as u32, label));
                    }
                    None if seen.insert(flow.from) => work.push((flow.from, label)),
                    _ => {}
                }
            }
        }
    }
    let used: BTreeSet<u32> = arrows.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    let used: Vec<u32> = used.into_iter().collect();
    let (mut boxes, mut lines) = (Vec::new(), Vec::new());
    for at in &used {
        let origin = shown.get(*at as usize).map(|vertex| locals.origin(*vertex));
        let (label, at_line, shape) = match origin {
            Some(Origin::Node(node)) => (text(source, node), line(source, node), Shape::Plain),
            Some(Origin::Parameter(place)) => (format!("parameter {}", place + 1), 0, Shape::Terminal),
            Some(Origin::Result) => ("result".to_owned(), 0, Shape::Terminal),
            Some(Origin::Given(_)) | None => ("closure".to_owned(), 0, Shape::Terminal),
        };
        boxes.push(Figure { label, shape });
        lines.push(at_line);
    }
    let place = |old: u32| used.binary_search(&old).unwrap_or_default() as u32;
    let arrows = arrows.into_iter().map(|(from, to, label)| Arrow {
        from: place(from),
        to: place(to),
        label: label.to_owned(),
        tone: if label == "test" {
            Tone::Control
        } else {
            Tone::Data
        },
    });
    let arrows = arrows.collect();
    Picture {
        drawing: Drawing { title, boxes, arrows },
        lines,
    }
}

/// The syntax tree, in Elixir's quoted form, down to a number of boxes.
pub(super) fn syntax(source: &FileSource, definition: &Definition, title: String) -> Picture {
    let tree = &source.tree;
    let mut picture = Picture {
        drawing: Drawing {
            title,
            ..Drawing::default()
        },
        lines: Vec::new(),
    };
    let mut work: std::collections::VecDeque<(NodeId, Option<u32>)> = source
        .clauses(definition)
        .map(|clause| (clause.node, None))
        .collect();
    while let Some((node, parent)) = work.pop_front() {
        if picture.lines.len() >= TREE_BOXES_MAX {
            break;
        }
        let at = picture.lines.len() as u32;
        let is = tree.node(node);
        let label = match is.kind {
            Kind::List => "[]".to_owned(),
            Kind::Pair => "{,}".to_owned(),
            Kind::Apply => "apply".to_owned(),
            Kind::Error => "error".to_owned(),
            Kind::Atom => format!(":{}", tree.text(node)),
            Kind::String | Kind::Charlist => format!("{:?}", tree.text(node)),
            Kind::Variable | Kind::Integer | Kind::Float => tree.text(node).to_owned(),
            Kind::Call => format!("{}/{}", tree.text(node), tree.kids(node).len()),
        };
        let shape = if tree.kids(node).is_empty() {
            Shape::Terminal
        } else {
            Shape::Plain
        };
        picture.drawing.boxes.push(Figure { label, shape });
        picture.lines.push(is.line);
        if let Some(parent) = parent {
            picture.drawing.arrows.push(Arrow {
                from: parent,
                to: at,
                ..Arrow::default()
            });
        }
        work.extend(tree.kids(node).iter().map(|kid| (*kid, Some(at))));
    }
    picture
}
