//! A source whose spans have no values, and whose index is not asked about them.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use event::{Span, TraceId};
use traceql::ast::{Field, Intrinsic};
use traceql::{Condition, Conditions, SpanCondition};

use super::allow::shows;
use super::span;
use crate::tempo::{Found, Inspected, SourceError, SpanSource, TimeRange};

/// What those see who may not see values.
#[derive(Clone)]
pub struct Redacted(Arc<dyn SpanSource>);

impl Redacted {
    /// Of a source with values.
    pub fn of(source: Arc<dyn SpanSource>) -> Self {
        Self(source)
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redacted").finish_non_exhaustive()
    }
}

impl SpanSource for Redacted {
    fn trace(&self, id: TraceId, range: TimeRange) -> Result<Found, SourceError> {
        let mut found = self.0.trace(id, range)?;
        span::spans(&mut found.spans);
        Ok(found)
    }

    fn candidates(
        &self,
        conditions: &Conditions,
        range: TimeRange,
        each: &mut dyn FnMut(Vec<Span>) -> ControlFlow<()>,
    ) -> Result<Inspected, SourceError> {
        let asked = weaker(conditions);
        let inspected = self.0.candidates(&asked, range, &mut |mut spans| {
            span::spans(&mut spans);
            each(spans)
        })?;
        // How much was read tells how long values are.
        Ok(Inspected {
            missing: inspected.missing,
            ..Inspected::default()
        })
    }

    fn shows(&self, field: &Field) -> bool {
        match field {
            Field::Attribute { name, .. } => shows(name),
            Field::Intrinsic { which, .. } => *which != Intrinsic::StatusMessage,
        }
    }
}

/// Only what an index may be asked without telling of values. Names of spans are shown, but not all of BEAM points; names of events, not all.
fn asks_index(condition: &Condition) -> bool {
    match &condition.field {
        Field::Attribute { name, .. } => shows(name),
        Field::Intrinsic { which, .. } => !matches!(
            which,
            Intrinsic::StatusMessage | Intrinsic::EventName | Intrinsic::Name | Intrinsic::RootName
        ),
    }
}

/// Conditions that hold wherever the given ones do, without those that say something of values.
fn weaker(conditions: &Conditions) -> Conditions {
    match conditions {
        Conditions::All(of) => Conditions::All(of.iter().map(weaker).collect()),
        Conditions::Any(of) => {
            let of: Vec<Conditions> = of.iter().map(weaker).collect();
            if of.iter().any(always) {
                Conditions::ALWAYS
            } else {
                Conditions::Any(of)
            }
        }
        Conditions::Span(of) => match weaker_span(of) {
            of if of.is_always() => Conditions::ALWAYS,
            of => Conditions::Span(of),
        },
    }
}

/// As [`Conditions::is_always`], through empty ones in one another.
fn always(of: &Conditions) -> bool {
    match of {
        Conditions::All(of) => of.iter().all(always),
        Conditions::Any(_) => false,
        Conditions::Span(of) => of.is_always(),
    }
}

fn weaker_span(condition: &SpanCondition) -> SpanCondition {
    match condition {
        SpanCondition::All(of) => {
            let of = of.iter().map(weaker_span).filter(|one| !one.is_always());
            SpanCondition::All(of.collect())
        }
        SpanCondition::Any(of) => {
            let of: Vec<SpanCondition> = of.iter().map(weaker_span).collect();
            if of.iter().any(SpanCondition::is_always) {
                SpanCondition::All(Vec::new())
            } else {
                SpanCondition::Any(of)
            }
        }
        SpanCondition::Is(one) if asks_index(one) => SpanCondition::Is(one.clone()),
        SpanCondition::Is(_) => SpanCondition::All(Vec::new()),
    }
}
