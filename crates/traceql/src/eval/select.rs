//! What comes back with each span: fields of conditions, and those that `select` names.

use event::KeyValue;

use super::{Cx, Stages, one};
use crate::Trace;
use crate::ast::{Field, Intrinsic, Pipeline, Spans, Stage};

/// Fields that come back, without those that every span of an answer has anyway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selected(Vec<Field>);

impl Selected {
    pub(crate) fn of(pipeline: &Pipeline, stages: &Stages) -> Self {
        let mut fields = Vec::new();
        stages.fields(&mut |field| {
            if !is_of_trace(field) {
                fields.push(field.clone());
            }
        });
        selects(pipeline, &mut fields);
        let mut once = Vec::new();
        for field in fields {
            if !is_of_answer(&field) && !once.contains(&field) {
                once.push(field);
            }
        }
        Self(once)
    }

    /// Fields that a span has.
    pub(crate) fn values(&self, trace: &Trace<'_>, place: u32) -> Vec<KeyValue> {
        let Some(cx) = Cx::new(trace, place) else {
            return Vec::new();
        };
        let values = self.0.iter().filter_map(|field| {
            let value = one(field, &cx);
            (!value.is_nil()).then(|| KeyValue {
                key: field.key().to_owned(),
                value: value.to_value(),
            })
        });
        values.collect()
    }
}

fn selects(pipeline: &Pipeline, fields: &mut Vec<Field>) {
    for stage in &pipeline.stages {
        match stage {
            Stage::Select(named) => fields.extend(named.iter().cloned()),
            Stage::Spans(spans) => selects_in(spans, fields),
            _ => {}
        }
    }
}

fn selects_in(spans: &Spans, fields: &mut Vec<Field>) {
    match spans {
        Spans::Filter(_) => {}
        Spans::Op { left, right, .. } => {
            selects_in(left, fields);
            selects_in(right, fields);
        }
        Spans::Pipeline(pipeline) => selects(pipeline, fields),
    }
}

/// Whether each span of an answer says it in a place of its own.
fn is_of_answer(field: &Field) -> bool {
    matches!(
        field,
        Field::Intrinsic {
            which: Intrinsic::Name | Intrinsic::Duration | Intrinsic::SpanId,
            ..
        }
    )
}

/// Whether the answer says it once for the trace.
fn is_of_trace(field: &Field) -> bool {
    matches!(
        field,
        Field::Intrinsic {
            which: Intrinsic::TraceDuration
                | Intrinsic::RootName
                | Intrinsic::RootService
                | Intrinsic::TraceId,
            ..
        }
    )
}
