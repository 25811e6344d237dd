//! Selections and stages over a trace: sets of spans in, sets of spans out.

use std::collections::BTreeMap;

use event::Value;

use super::aggregate::Number;
use super::structure::{related, union};
use super::{Cx, Node, Val, holds};
use crate::Trace;
use crate::ast::{CompareOp, Expr, Field, Pipeline, Spans, SpansOp, Stage};
use crate::label::Label;

/// Spans of one trace that a query found together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanSet {
    /// Places of the spans in the trace, ascending.
    pub spans: Vec<u32>,
    /// What `by` and aggregates said of it: `by(name)`, `count()`.
    pub attributes: Vec<(String, Value)>,
}

/// A selection, made ready.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    Filter(Option<Node>),
    Op(SpansOp, Box<Self>, Box<Self>),
    Stages(Box<Stages>),
}

/// Stages, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Stages(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Spans(Selection),
    Where(CompareOp, Number, Number),
    By(Node, String),
    Coalesce,
    /// Says what comes back, not which spans.
    Select,
}

impl Stages {
    pub(crate) fn of(pipeline: &Pipeline) -> Self {
        let steps = pipeline.stages.iter().map(|stage| match stage {
            Stage::Spans(spans) => Step::Spans(Selection::of(spans)),
            Stage::Where { op, left, right } => Step::Where(*op, Number::of(left), Number::of(right)),
            Stage::By(expr) => Step::By(Node::of(expr), stage.to_string()),
            Stage::Coalesce => Step::Coalesce,
            Stage::Select(_) => Step::Select,
        });
        Self(steps.collect())
    }

    /// The sets that come out of all spans of a trace; none is empty.
    pub(crate) fn run(&self, trace: &Trace<'_>) -> Vec<SpanSet> {
        let all = (0..trace.spans().len() as u32).collect();
        self.run_on(trace, all)
    }

    fn run_on(&self, trace: &Trace<'_>, spans: Vec<u32>) -> Vec<SpanSet> {
        let mut sets = vec![SpanSet {
            spans,
            attributes: Vec::new(),
        }];
        for step in &self.0 {
            sets = step.run(trace, sets);
            sets.retain(|set| !set.spans.is_empty());
        }
        sets
    }

    /// Calls for each field of a condition.
    pub(crate) fn fields(&self, each: &mut dyn FnMut(&Field)) {
        for step in &self.0 {
            match step {
                Step::Spans(selection) => selection.fields(each),
                Step::Where(_, left, right) => {
                    left.fields(each);
                    right.fields(each);
                }
                Step::By(by, _) => by.fields(each),
                Step::Coalesce | Step::Select => {}
            }
        }
    }
}

impl Step {
    fn run(&self, trace: &Trace<'_>, mut sets: Vec<SpanSet>) -> Vec<SpanSet> {
        match self {
            Self::Spans(selection) => {
                for set in &mut sets {
                    set.spans = selection.run(trace, std::mem::take(&mut set.spans));
                }
                sets
            }
            Self::Where(op, left, right) => {
                sets.retain_mut(|set| {
                    let SpanSet { spans, attributes } = set;
                    let before = attributes.len();
                    let mut each = |key: &str, value: Val<'_>| {
                        if !attributes.iter().any(|(other, _)| other == key) {
                            attributes.push((key.to_owned(), value.to_value()));
                        }
                    };
                    let left = left.value(trace, spans, &mut each);
                    let keeps = holds(*op, left, right.value(trace, spans, &mut each), None);
                    if !keeps {
                        attributes.truncate(before);
                    }
                    keeps
                });
                sets
            }
            Self::By(by, key) => sets
                .into_iter()
                .flat_map(|set| split(trace, &set, by, key))
                .collect(),
            Self::Coalesce => {
                let mut spans: Vec<u32> = sets.into_iter().flat_map(|set| set.spans).collect();
                spans.sort_unstable();
                spans.dedup();
                vec![SpanSet {
                    spans,
                    attributes: Vec::new(),
                }]
            }
            Self::Select => sets,
        }
    }
}

/// A set for each value, in the order of values.
fn split(trace: &Trace<'_>, set: &SpanSet, by: &Node, key: &str) -> Vec<SpanSet> {
    let mut groups = BTreeMap::<Label, Vec<u32>>::new();
    for cx in set.spans.iter().filter_map(|place| Cx::new(trace, *place)) {
        groups.entry(Label::of(by.value(&cx))).or_default().push(cx.place);
    }
    let sets = groups.into_iter().map(|(label, spans)| {
        let mut attributes = set.attributes.clone();
        attributes.push((key.to_owned(), label.to_value()));
        SpanSet { spans, attributes }
    });
    sets.collect()
}

impl Selection {
    pub(crate) fn of(spans: &Spans) -> Self {
        match spans {
            Spans::Filter(condition) => Self::filter(condition.as_ref()),
            Spans::Op { op, left, right } => {
                Self::Op(*op, Box::new(Self::of(left)), Box::new(Self::of(right)))
            }
            Spans::Pipeline(pipeline) => Self::Stages(Box::new(Stages::of(pipeline))),
        }
    }

    fn filter(condition: Option<&Expr>) -> Self {
        Self::Filter(condition.map(Node::of))
    }

    fn run(&self, trace: &Trace<'_>, mut spans: Vec<u32>) -> Vec<u32> {
        match self {
            Self::Filter(None) => spans,
            Self::Filter(Some(condition)) => {
                spans.retain(|place| Cx::new(trace, *place).is_some_and(|cx| condition.holds(&cx)));
                spans
            }
            Self::Op(op, left, right) => {
                let left = left.run(trace, spans.clone());
                related(*op, trace, &left, &right.run(trace, spans))
            }
            Self::Stages(stages) => {
                let sets = stages.run_on(trace, spans);
                sets.into_iter()
                    .fold(Vec::new(), |all, set| union(&all, &set.spans))
            }
        }
    }

    fn fields(&self, each: &mut dyn FnMut(&Field)) {
        match self {
            Self::Filter(condition) => condition.iter().for_each(|condition| condition.fields(each)),
            Self::Op(_, left, right) => {
                left.fields(each);
                right.fields(each);
            }
            Self::Stages(stages) => stages.fields(each),
        }
    }
}
