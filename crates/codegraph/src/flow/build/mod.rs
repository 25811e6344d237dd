//! Makes the graphs of one function: a machine with a stack of tasks instead of recursion, because real code nests ten
//! thousand levels deep.
//!
//! The machine runs through the function as evaluation would. Its **frontier** is the set of edges that wait for the next
//! step; an empty one means that nothing gets here, and steps made then are unreachable. A construct with arms keeps a
//! **frame** while its arms are made.

mod arms;
mod calls;
mod clauses;
mod closures;
mod evaluate;
mod loops;
mod patterns;
mod protect;
mod scope;
mod whole;

use super::cfg::{Cfg, Edge, EdgeKind, Graph, NO_STEP, Step, StepId, StepKind};
use super::dfg::{Dfg, Flow, FlowKind, Use, Vertex};
use super::forms::{Form, Forms};
use super::locals::Locals;
use crate::definitions::Clause;
use crate::quoted::{Kind, NodeId, Quoted};
pub(super) use scope::Scope;

/// What is to be done next.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Evaluates an operand.
    Evaluate(NodeId),
    /// Evaluates a whole statement: it has a step, however small it is.
    Statement(NodeId),
    /// The step of an expression whose operands are done.
    Step(NodeId),
    /// The step of a call, with what is piped into it.
    Call(NodeId, Option<NodeId>),
    /// The step after which nothing follows.
    Stop(NodeId, Option<NodeId>),
    /// The right side of `|>`, the left one of which is done.
    Piped(NodeId, NodeId),
    /// The value of `|>` is known.
    PipeEnd(NodeId, NodeId),
    /// The match of `=`, the right side of which is done.
    Match(NodeId),
    /// `match?`, the value of which is done.
    MatchTest(NodeId, NodeId, NodeId),
    /// A construct (first) branches on a value (second).
    Branch(NodeId, NodeId),
    /// Goes on from the frame's branch, in a scope of its own.
    Arm(EdgeKind),
    /// An arm with this value ends.
    EndArm(Option<NodeId>),
    /// The frame's branch leads to the construct's end.
    Fall(EdgeKind),
    /// The construct's arms come together.
    Join(NodeId),
    /// The next clause of the frame.
    NextClause,
    /// Clauses inside of another construct's frame: a frame of their own, until they are merged.
    Clauses {
        list: NodeId,
        construct: NodeId,
        subject: Subject,
        style: Style,
        miss: Miss,
    },
    /// Goes on from this step.
    From(StepId),
    /// `after` ran because of an exception, which goes on; whether that was not written down.
    Rethrow(bool),
    /// A parameter's default.
    Default(u32, NodeId),
    /// A condition of `cond` was evaluated: the clause, its condition.
    CondTest(NodeId),
    /// The frame ends; what follows goes on from its arms' ends.
    Merge,
    /// A scope begins, or ends.
    Open,
    /// It ends.
    Close,
    /// `pattern <- value` of `with`; the value is done.
    WithMatch(NodeId),
    /// The body of `with` is done.
    WithBody(Option<NodeId>),
    /// A generator, the source of which is done.
    Generator(NodeId),
    /// A filter was evaluated.
    Filter(NodeId),
    /// The body of `for` is done.
    ForBody(NodeId, Option<NodeId>),
    /// `receive` waits: itself, its clauses, what follows `after`.
    Wait(NodeId, Option<NodeId>, Option<NodeId>),
    /// A part of `try`, or of a function with its sections: the keyword list, which part.
    Try(NodeId, protect::Part),
    /// The closure's body is done.
    Leave(NodeId),
    /// A clause of the function.
    Clause(u32),
    /// Its value is known.
    Returned(Option<NodeId>),
    /// What was bound since the last `Open` waits until `Unshelve`.
    Shelve,
    /// Opens the shelf, or puts back what is on it.
    OpenShelf,
    /// See `Shelve`.
    Unshelve,
}

/// An edge that waits for its end.
#[derive(Clone, Copy, Debug)]
struct Pending {
    from: StepId,
    kind: EdgeKind,
}

/// What the patterns of clauses are matched against.
#[derive(Clone, Copy, Debug)]
enum Subject {
    /// Nothing that is known here: a message, an exception.
    Nothing,
    /// The value of a node.
    Node(NodeId),
    /// A value without a node of its own.
    Vertex(Vertex),
    /// The function's parameters, in order.
    Parameters,
}

/// Which clauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `pattern -> body`.
    Patterns,
    /// `condition -> body`.
    Cond,
    /// `variable in [Exception] -> body`.
    Rescue,
    /// `value -> body` takes what is thrown only, `kind, value -> body` all.
    Catch,
}

/// What happens if no clause takes it.
#[derive(Clone, Copy, Debug)]
enum Miss {
    /// An error.
    Fail,
    /// The construct ends without having done anything.
    End,
    /// On to this step.
    To(StepId),
}

/// A construct whose arms are being made.
#[derive(Debug)]
struct Frame<'t> {
    construct: NodeId,
    result: FlowKind,
    branch: StepId,
    mark: usize,
    ends: Vec<Pending>,
    misses: Vec<Pending>,
    clauses: &'t [NodeId],
    next: usize,
    style: Style,
    subject: Subject,
    miss: Miss,
    /// Of `for`: the generators so far.
    loops: Vec<StepId>,
    /// Of `try`: where its exceptions go.
    routes: protect::Routes,
    /// Of a closure: what to return to.
    outside: Option<closures::Outside>,
}

/// Who handles what is raised here.
#[derive(Clone, Copy, Debug)]
struct Handler {
    /// Where an exception goes.
    raised: StepId,
    /// Where a throw or an exit goes, if that is not the same.
    thrown: StepId,
    /// Something, here or further out, may stop it from leaving the function.
    catches: bool,
    /// What stands for the exception's value.
    value: Option<NodeId>,
}

/// The machine. See the module.
#[derive(Debug)]
pub(super) struct Machine<'t, 's> {
    tree: &'t Quoted,
    forms: &'s Forms,
    scope: &'s mut Scope,
    clauses: &'s [Clause],
    locals: Locals,
    cfg: Cfg,
    dfg: Dfg,
    step_of: Vec<StepId>,
    tasks: Vec<Task>,
    frames: Vec<Frame<'t>>,
    frontier: Vec<Pending>,
    handlers: Vec<Handler>,
    graph: u32,
    closures: u32,
    // Closures so far: node and what it is given.
    given: Vec<(NodeId, Vertex)>,
    // Closures and calls that may run them.
    invoked: Vec<(Vertex, Vertex)>,
    // Values that only stand for where others meet (what failed in a `with`, an exception): nothing decides about them.
    meetings: Vec<Vertex>,
    marks: Vec<usize>,
    shelf: Vec<(crate::quoted::Symbol, u32)>,
    patterns: u32,
    stack: Vec<(NodeId, Subject)>,
    misses: Vec<Pending>,
}

impl<'t> Machine<'t, '_> {
    fn form(&self, node: NodeId) -> Form {
        let found = self.tree.node(node);
        if found.kind == Kind::Call {
            self.forms.get(found.symbol)
        } else {
            Form::Plain
        }
    }

    fn run(&mut self) {
        while let Some(task) = self.tasks.pop() {
            self.perform(task);
        }
    }

    fn perform(&mut self, task: Task) {
        match task {
            Task::Evaluate(node) => self.evaluate(node),
            Task::Statement(node) => self.statement(node),
            Task::Step(node) => {
                self.step(StepKind::Compute, node);
            }
            Task::Call(node, piped) => self.call(node, piped),
            Task::Stop(node, piped) => self.stop(node, piped),
            Task::Piped(left, right) => self.piped(left, right),
            Task::PipeEnd(node, right) => self.pipe_end(node, right),
            Task::Match(node) => self.match_operator(node),
            Task::MatchTest(node, pattern, value) => self.match_test(node, pattern, value),
            Task::Branch(node, on) => self.branch(node, on),
            Task::Arm(kind) => self.arm(kind),
            Task::EndArm(value) => self.end_arm(value),
            Task::Fall(kind) => self.fall(kind),
            Task::Join(node) => self.join(node),
            Task::NextClause => self.next_clause(),
            Task::Clauses {
                list,
                construct,
                subject,
                style,
                miss,
            } => self.inner_clauses(list, construct, subject, style, miss),
            Task::From(from) => {
                self.frontier.clear();
                self.frontier.push(Pending {
                    from,
                    kind: EdgeKind::Next,
                });
            }
            Task::Rethrow(implicit) => self.fail_as(implicit),
            Task::Default(place, node) => self.default(place, node),
            Task::CondTest(clause) => self.cond_test(clause),
            Task::Merge => self.merge(),
            Task::Open => self.marks.push(self.scope.mark()),
            Task::Close => {
                if let Some(mark) = self.marks.pop() {
                    self.scope.leave(mark);
                }
            }
            Task::WithMatch(clause) => self.with_match(clause),
            Task::WithBody(body) => self.with_body(body),
            Task::Generator(node) => self.generator(node),
            Task::Filter(node) => self.filter(node),
            Task::ForBody(node, body) => self.for_body(node, body),
            Task::Wait(node, clauses, after) => self.wait(node, clauses, after),
            Task::Try(list, part) => self.protect(list, part),
            Task::Leave(node) => self.leave_closure(node),
            Task::Clause(place) => self.clause(place),
            Task::Returned(value) => self.returned(value),
            Task::Shelve => self.shelve(),
            Task::OpenShelf => self.marks.push(self.shelf.len()),
            Task::Unshelve => self.unshelve(),
        }
    }

    /// Pushes tasks so that the first runs first.
    fn plan(&mut self, tasks: &[Task]) {
        self.tasks.extend(tasks.iter().rev());
    }

    /// A step that nothing leads to yet.
    fn lone_step(&mut self, kind: StepKind, node: Option<NodeId>, decides: Option<NodeId>) -> StepId {
        let id = self.cfg.steps.len() as StepId;
        self.cfg.steps.push(Step {
            kind,
            node,
            decides,
            graph: self.graph,
            raises: false,
        });
        id
    }

    /// The next step; what comes now follows it.
    fn step_deciding(&mut self, kind: StepKind, node: NodeId, decides: Option<NodeId>) -> StepId {
        let id = self.lone_step(kind, Some(node), decides);
        self.lead(id);
        self.frontier.push(Pending {
            from: id,
            kind: EdgeKind::Next,
        });
        if let Some(slot) = self
            .locals
            .of(node)
            .and_then(|at| self.step_of.get_mut(at as usize))
        {
            *slot = id;
        }
        id
    }

    fn step(&mut self, kind: StepKind, node: NodeId) -> StepId {
        self.step_deciding(kind, node, None)
    }

    /// What waits leads to this step.
    fn lead(&mut self, to: StepId) {
        for pending in self.frontier.drain(..) {
            self.cfg.edges.push(Edge {
                from: pending.from,
                to,
                kind: pending.kind,
                implicit: false,
            });
        }
    }

    fn edge(&mut self, from: StepId, to: StepId, kind: EdgeKind, implicit: bool) {
        self.cfg.edges.push(Edge {
            from,
            to,
            kind,
            implicit,
        });
    }

    fn graph(&self) -> Graph {
        self.cfg
            .graphs
            .get(self.graph as usize)
            .copied()
            .unwrap_or(Graph {
                entry: NO_STEP,
                normal: NO_STEP,
                raise: NO_STEP,
                closure: None,
                outer: None,
            })
    }

    /// What waits fails: no clause matched.
    fn fail(&mut self) {
        self.fail_as(true);
    }

    /// What waits fails; `implicit`: for a reason that is not written down, unless something may stop it.
    fn fail_as(&mut self, implicit: bool) {
        let (to, implicit) = match self.handlers.last() {
            Some(handler) => (handler.raised, implicit && !handler.catches),
            None => (self.graph().raise, implicit),
        };
        for pending in self.frontier.drain(..) {
            self.cfg.edges.push(Edge {
                from: pending.from,
                to,
                kind: pending.kind,
                implicit,
            });
        }
    }

    /// This step may raise for a reason that is not written.
    fn may_raise(&mut self, step: StepId) {
        if let Some(slot) = self.cfg.steps.get_mut(step as usize) {
            slot.raises = true;
        }
        let Some(handler) = self.handlers.last().copied() else {
            return;
        };
        let node = self.cfg.steps.get(step as usize).and_then(|step| step.node);
        if let Some(slot) = self.cfg.steps.get_mut(step as usize) {
            slot.decides = slot.decides.or(node);
        }
        self.edge(step, handler.raised, EdgeKind::Exception, !handler.catches);
        if let (Some(node), Some(value)) = (node, handler.value) {
            self.flow(node, value, FlowKind::Raised);
        }
    }

    fn number(&self, node: NodeId) -> Vertex {
        self.locals.of(node).unwrap_or(Vertex::MAX)
    }

    fn flow(&mut self, from: NodeId, to: NodeId, kind: FlowKind) {
        self.flow_between(self.number(from), self.number(to), kind);
    }

    fn flow_between(&mut self, from: Vertex, to: Vertex, kind: FlowKind) {
        if from != Vertex::MAX && to != Vertex::MAX && from != to {
            self.dfg.flows.push(Flow { from, to, kind });
        }
    }

    fn flow_subject(&mut self, from: Subject, to: NodeId, kind: FlowKind) {
        match from {
            Subject::Node(node) => self.flow(node, to, kind),
            Subject::Vertex(vertex) => self.flow_between(vertex, self.number(to), kind),
            Subject::Nothing | Subject::Parameters => {}
        }
    }

    /// A variable is read.
    fn read(&mut self, node: NodeId) {
        let name = self.tree.node(node).symbol;
        let binding = self.scope.get(name);
        self.dfg.uses.push(Use { node, binding });
        if let Some(bound) = binding.and_then(|at| self.dfg.bindings.get(at as usize)).copied() {
            let kind = if bound.graph == self.graph {
                FlowKind::Use
            } else {
                FlowKind::Capture
            };
            self.flow(bound.node, node, kind);
        }
    }

    fn frame(&mut self, construct: NodeId) -> &mut Frame<'t> {
        let mark = self.scope.mark();
        self.frames.push(Frame {
            construct,
            result: FlowKind::Result,
            branch: NO_STEP,
            mark,
            ends: Vec::new(),
            misses: Vec::new(),
            clauses: &[],
            next: 0,
            style: Style::Patterns,
            subject: Subject::Nothing,
            miss: Miss::Fail,
            loops: Vec::new(),
            routes: protect::Routes::default(),
            outside: None,
        });
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }
}

/// Names that are written like variables and are none.
fn is_constant(name: &str) -> bool {
    matches!(
        name,
        "__MODULE__" | "__ENV__" | "__CALLER__" | "__DIR__" | "__STACKTRACE__" | "_" | "..."
    )
}
