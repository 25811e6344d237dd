//! A program as Elixir's quoted form, and which node each point is.

use std::collections::HashMap;

use codegraph::quoted::{Builder, Flags, Kind, NodeId, Place, Quoted, Symbol};

use super::program::{Clause, Expr, Function, Pattern, Point, Statement};

#[derive(Default)]
pub(crate) struct Emitter {
    builder: Builder,
    pub(crate) points: HashMap<Point, NodeId>,
}

impl Emitter {
    pub(crate) fn program(mut self, program: &[Function]) -> (Quoted, HashMap<Point, NodeId>) {
        let functions: Vec<NodeId> = program
            .iter()
            .enumerate()
            .map(|(place, function)| {
                let parameters: Vec<NodeId> =
                    function.parameters.iter().map(|name| self.var(*name)).collect();
                let head = self.call(&format!("f{place}"), &parameters);
                let body = self.block(&function.body);
                let list = self.keywords(&[("do", body)]);
                self.call("def", &[head, list])
            })
            .collect();
        let root = self.call("__block__", &functions);
        (self.builder.finish(Some(root)), self.points)
    }

    fn add(&mut self, kind: Kind, text: &str, kids: &[NodeId]) -> NodeId {
        self.builder
            .named(kind, text, Flags::default(), Place::default(), kids)
    }

    fn call(&mut self, name: &str, kids: &[NodeId]) -> NodeId {
        self.add(Kind::Call, name, kids)
    }

    fn var(&mut self, name: u32) -> NodeId {
        self.add(Kind::Variable, &format!("v{name}"), &[])
    }

    fn list(&mut self, kids: &[NodeId]) -> NodeId {
        self.builder
            .add(Kind::List, Symbol::NONE, Flags::default(), Place::default(), kids)
    }

    fn pair(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.builder.add(
            Kind::Pair,
            Symbol::NONE,
            Flags::default(),
            Place::default(),
            &[a, b],
        )
    }

    // Keys come behind their values in the arena, which no analysis may mind.
    fn keywords(&mut self, pairs: &[(&str, NodeId)]) -> NodeId {
        let pairs: Vec<NodeId> = pairs
            .iter()
            .map(|(key, value)| {
                let key = self.add(Kind::Atom, key, &[]);
                self.pair(key, *value)
            })
            .collect();
        self.list(&pairs)
    }

    fn block(&mut self, block: &[Statement]) -> NodeId {
        let statements: Vec<NodeId> = block.iter().map(|statement| self.statement(statement)).collect();
        self.call("__block__", &statements)
    }

    fn statement(&mut self, statement: &Statement) -> NodeId {
        match statement {
            Statement::Expr(expr) => self.expr(expr),
            Statement::Bind(name, expr) => {
                let (name, value) = (self.var(*name), self.expr(expr));
                self.call("=", &[name, value])
            }
            Statement::Split(names, expr) => {
                let names: Vec<NodeId> = names.iter().map(|name| self.var(*name)).collect();
                let pattern = self.pair(names[0], names[1]);
                let value = self.expr(expr);
                self.call("=", &[pattern, value])
            }
        }
    }

    fn pattern(&mut self, pattern: &Pattern) -> NodeId {
        match pattern {
            Pattern::Var(name) => self.var(*name),
            Pattern::Tuple(_, names) => {
                let names: Vec<NodeId> = names.iter().map(|name| self.var(*name)).collect();
                self.pair(names[0], names[1])
            }
            Pattern::Pin(_, name) => {
                let name = self.var(*name);
                self.call("^", &[name])
            }
        }
    }

    fn clauses(&mut self, clauses: &[Clause]) -> NodeId {
        let clauses: Vec<NodeId> = clauses
            .iter()
            .map(|clause| {
                let mut head = self.pattern(&clause.pattern);
                if let Some((_, a, b)) = clause.guard {
                    let (a, b) = (self.var(a), self.var(b));
                    let guard = self.call(">", &[a, b]);
                    head = self.call("when", &[head, guard]);
                }
                let heads = self.list(&[head]);
                let body = self.block(&clause.body);
                self.call("->", &[heads, body])
            })
            .collect();
        self.list(&clauses)
    }

    fn remote(&mut self, module: &str, name: &str, arguments: &[NodeId]) -> NodeId {
        let module = self.add(Kind::Atom, module, &[]);
        let name = self.add(Kind::Atom, name, &[]);
        let dot = self.call(".", &[module, name]);
        let kids: Vec<NodeId> = std::iter::once(dot).chain(arguments.iter().copied()).collect();
        self.add(Kind::Apply, "", &kids)
    }

    fn exprs(&mut self, exprs: &[Expr]) -> Vec<NodeId> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn expr(&mut self, expr: &Expr) -> NodeId {
        match expr {
            Expr::Var(name) => self.var(*name),
            Expr::Op(point, operands) => {
                let operands = self.exprs(operands);
                let node = self.remote("Op", &format!("t{point}"), &operands);
                self.points.insert(*point, node);
                node
            }
            Expr::If(_, condition, then, otherwise) => {
                let (condition, then) = (self.expr(condition), self.block(then));
                let list = if otherwise.is_empty() {
                    self.keywords(&[("do", then)])
                } else {
                    let otherwise = self.block(otherwise);
                    self.keywords(&[("do", then), ("else", otherwise)])
                };
                self.call("if", &[condition, list])
            }
            Expr::Case(subject, clauses) => {
                let (subject, clauses) = (self.expr(subject), self.clauses(clauses));
                let list = self.keywords(&[("do", clauses)]);
                self.call("case", &[subject, list])
            }
            Expr::With(parts, body, otherwise) => {
                let mut kids: Vec<NodeId> = parts
                    .iter()
                    .map(|(_, pattern, value)| {
                        let (pattern, value) = (self.pattern(pattern), self.expr(value));
                        self.call("<-", &[pattern, value])
                    })
                    .collect();
                let body = self.block(body);
                kids.push(if otherwise.is_empty() {
                    self.keywords(&[("do", body)])
                } else {
                    let otherwise = self.clauses(otherwise);
                    self.keywords(&[("do", body), ("else", otherwise)])
                });
                self.call("with", &kids)
            }
            Expr::And(_, left, right) => {
                let (left, right) = (self.expr(left), self.expr(right));
                self.call("&&", &[left, right])
            }
            Expr::Tuple(parts) => {
                let parts = self.exprs(parts);
                self.pair(parts[0], parts[1])
            }
            Expr::Call(function, arguments) => {
                let arguments = self.exprs(arguments);
                self.call(&format!("f{function}"), &arguments)
            }
            Expr::For(_, name, source, filter, body) => {
                let (name, source) = (self.var(*name), self.expr(source));
                let mut kids = vec![self.call("<-", &[name, source])];
                if let Some((_, name)) = filter {
                    let name = self.var(*name);
                    kids.push(self.call("is_nil", &[name]));
                }
                let body = self.block(body);
                kids.push(self.keywords(&[("do", body)]));
                self.call("for", &kids)
            }
            Expr::Try(body, name, handler) => {
                let (body, name) = (self.block(body), self.var(*name));
                let heads = self.list(&[name]);
                let handler = self.block(handler);
                let clause = self.call("->", &[heads, handler]);
                let clauses = self.list(&[clause]);
                let list = self.keywords(&[("do", body), ("rescue", clauses)]);
                self.call("try", &[list])
            }
            Expr::Fn(parameter, body) => {
                let parameter = self.var(*parameter);
                let heads = self.list(&[parameter]);
                let body = self.block(body);
                let clause = self.call("->", &[heads, body]);
                self.call("fn", &[clause])
            }
            Expr::Run(name, argument) => {
                let name = self.var(*name);
                let dot = self.call(".", &[name]);
                let argument = self.expr(argument);
                self.add(Kind::Apply, "", &[dot, argument])
            }
            Expr::Raise => {
                let text = self.add(Kind::String, "no", &[]);
                self.call("raise", &[text])
            }
        }
    }
}
