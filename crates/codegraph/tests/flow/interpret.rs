//! Runs a program over uninterpreted values: a value is the hash of how it was made, a test's result is the hash of what
//! it tests and of the run's seed. Nothing here is shared with the analysis.
//!
//! A point `q` belongs to the slice of a criterion `c` if in some run, from some function, another value at `q` changes
//! what is seen at `c`: the list of the values that it had, empty if it was never evaluated.

use std::collections::HashMap;

use super::program::{Clause, Expr, Function, Pattern, Point, Statement};

type Value = u64;

/// A raise, and what is raised.
pub(crate) struct Raised(Value);

type Run<T> = Result<T, Raised>;
type Scope = HashMap<u32, Bound>;

#[derive(Clone)]
enum Bound {
    Value(Value),
    Closure(u32, Vec<Statement>, Box<Scope>),
}

pub(crate) struct Interpreter<'a> {
    pub(crate) program: &'a [Function],
    pub(crate) seed: u64,
    /// This operation gives another value.
    pub(crate) changed: Option<Point>,
    pub(crate) seen: HashMap<Point, Vec<Value>>,
    /// Operations may raise: something handles it.
    pub(crate) handled: bool,
}

fn mix(a: u64, b: u64) -> u64 {
    let x = (a ^ b.wrapping_mul(0xff51_afd7_ed55_8ccd)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (x ^ (x >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (x >> 32)
}

impl Interpreter<'_> {
    /// Runs a function with arguments that nothing is known of.
    pub(crate) fn run(&mut self, function: usize) {
        let arguments = (0..self.program[function].parameters.len())
            .map(|place| mix(function as u64 + 1, place as u64))
            .collect();
        let _ = self.call(function, arguments);
    }

    fn call(&mut self, function: usize, arguments: Vec<Value>) -> Run<Value> {
        let called = &self.program[function];
        let values = arguments.into_iter().map(Bound::Value);
        let mut scope: Scope = called.parameters.iter().copied().zip(values).collect();
        self.block(&called.body, &mut scope)
    }

    fn test(&self, test: u32, values: &[Value]) -> bool {
        let all = values
            .iter()
            .fold(mix(self.seed, u64::from(test)), |all, value| mix(all, *value));
        mix(all, 77) >> 40 & 1 == 1
    }

    fn block(&mut self, block: &[Statement], scope: &mut Scope) -> Run<Value> {
        let mut last = 0;
        for statement in block {
            last = match statement {
                Statement::Expr(expr) => self.eval(expr, scope)?,
                Statement::Bind(name, Expr::Fn(parameter, body)) => {
                    let closure = Bound::Closure(*parameter, body.clone(), Box::new(scope.clone()));
                    scope.insert(*name, closure);
                    0
                }
                Statement::Bind(name, expr) => {
                    let value = self.eval(expr, scope)?;
                    scope.insert(*name, Bound::Value(value));
                    value
                }
                Statement::Split(names, Expr::Tuple(parts)) => {
                    let mut values = Vec::new();
                    for part in parts {
                        values.push(self.eval(part, scope)?);
                    }
                    scope.extend(names.iter().copied().zip(values.into_iter().map(Bound::Value)));
                    0
                }
                Statement::Split(names, expr) => {
                    let value = self.eval(expr, scope)?;
                    split(names, value, scope);
                    value
                }
            };
        }
        Ok(last)
    }

    fn matches(&self, pattern: &Pattern, value: Value, scope: &mut Scope) -> bool {
        match pattern {
            Pattern::Var(name) => {
                scope.insert(*name, Bound::Value(value));
                true
            }
            Pattern::Tuple(test, names) => {
                split(names, value, scope);
                self.test(*test, &[value])
            }
            Pattern::Pin(test, name) => self.test(*test, &[value, read(scope, *name)]),
        }
    }

    fn clauses(&mut self, clauses: &[Clause], value: Value, scope: &Scope) -> Run<Value> {
        for clause in clauses {
            let mut inner = scope.clone();
            let taken = self.matches(&clause.pattern, value, &mut inner)
                && clause
                    .guard
                    .is_none_or(|(test, a, b)| self.test(test, &[read(&inner, a), read(&inner, b)]));
            if taken {
                return self.block(&clause.body, &mut inner);
            }
        }
        unreachable!("the last clause takes everything")
    }

    fn protected(
        &mut self,
        body: &[Statement],
        name: u32,
        handler: &[Statement],
        scope: &Scope,
    ) -> Run<Value> {
        self.handled = true;
        let done = self.block(body, &mut scope.clone());
        self.handled = false;
        match done {
            Ok(value) => Ok(value),
            Err(Raised(value)) => {
                let mut inner = scope.clone();
                inner.insert(name, Bound::Value(value));
                self.block(handler, &mut inner)
            }
        }
    }

    fn eval(&mut self, expr: &Expr, scope: &mut Scope) -> Run<Value> {
        Ok(match expr {
            Expr::Var(name) => read(scope, *name),
            Expr::Op(point, operands) => {
                let mut value = mix(3, u64::from(*point));
                for operand in operands {
                    value = mix(value, self.eval(operand, scope)?);
                }
                if self.changed == Some(*point) {
                    value = mix(value, 0xdead);
                }
                self.seen.entry(*point).or_default().push(value);
                if self.handled && self.test(*point, &[value, 1]) && self.test(*point, &[value, 2]) {
                    return Err(Raised(mix(value, 13)));
                }
                value
            }
            Expr::If(test, condition, then, otherwise) => {
                let condition = self.eval(condition, scope)?;
                let arm = if self.test(*test, &[condition]) {
                    then
                } else {
                    otherwise
                };
                self.block(arm, &mut scope.clone())?
            }
            Expr::Case(subject, clauses) => {
                let value = self.eval(subject, scope)?;
                self.clauses(clauses, value, scope)?
            }
            Expr::With(parts, body, otherwise) => {
                let mut inner = scope.clone();
                for (_, pattern, value) in parts {
                    let value = self.eval(value, &mut inner)?;
                    if !self.matches(pattern, value, &mut inner) {
                        return if otherwise.is_empty() {
                            Ok(value)
                        } else {
                            self.clauses(otherwise, value, scope)
                        };
                    }
                }
                self.block(body, &mut inner)?
            }
            Expr::And(test, left, right) => {
                let left = self.eval(left, scope)?;
                if self.test(*test, &[left]) {
                    self.eval(right, scope)?
                } else {
                    left
                }
            }
            Expr::Tuple(parts) => {
                let mut value = 5;
                for part in parts {
                    value = mix(value, self.eval(part, scope)?);
                }
                value
            }
            Expr::Call(function, arguments) => {
                let mut values = Vec::new();
                for argument in arguments {
                    values.push(self.eval(argument, scope)?);
                }
                self.call(*function, values)?
            }
            Expr::Run(name, argument) => {
                let argument = self.eval(argument, scope)?;
                let Some(Bound::Closure(parameter, body, captured)) = scope.get(name).cloned() else {
                    unreachable!("a closure is bound before it is called")
                };
                let mut inner = *captured;
                inner.insert(parameter, Bound::Value(argument));
                self.block(&body, &mut inner)?
            }
            Expr::For(test, name, source, filter, body) => {
                let source = self.eval(source, scope)?;
                let count =
                    u64::from(self.test(*test, &[source, 1])) + u64::from(self.test(*test, &[source, 2]));
                let mut value = 7;
                for element in 0..count {
                    let mut inner = scope.clone();
                    inner.insert(*name, Bound::Value(mix(source, 2000 + element)));
                    if filter.is_none_or(|(test, name)| self.test(test, &[read(&inner, name)])) {
                        value = mix(value, self.block(body, &mut inner)?);
                    }
                }
                value
            }
            Expr::Try(body, name, handler) => self.protected(body, *name, handler, scope)?,
            Expr::Fn(..) => unreachable!("closures are bound"),
            Expr::Raise => return Err(Raised(9)),
        })
    }
}

fn read(scope: &Scope, name: u32) -> Value {
    match scope.get(&name) {
        Some(Bound::Value(value)) => *value,
        _ => unreachable!("{name} is bound to a value"),
    }
}

fn split(names: &[u32], value: Value, scope: &mut Scope) {
    for (place, name) in names.iter().enumerate() {
        scope.insert(*name, Bound::Value(mix(value, 1000 + place as u64)));
    }
}
