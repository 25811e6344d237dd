//! `try` with `rescue`, `catch`, `else` and `after`, also as sections of a function.
//!
//! `after` runs on two ways. On the normal one its steps are made; on the exceptional one a single [`StepKind::Unwind`]
//! stands for it. If there is no normal way, its steps are made on the exceptional one.

use super::{
    EdgeKind, FlowKind, Handler, Machine, Miss, NO_STEP, NodeId, Pending, StepId, StepKind, Style, Subject,
    Task,
};

/// A part of the construct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The protected body is done.
    Body,
    /// Its handlers follow.
    Handlers,
    /// `after` follows.
    After,
}

/// Where exceptions of the body go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Routes {
    dispatch: StepId,
    catch: StepId,
    unwind: StepId,
    first_edge: usize,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            dispatch: NO_STEP,
            catch: NO_STEP,
            unwind: NO_STEP,
            first_edge: 0,
        }
    }
}

impl Machine<'_, '_> {
    /// Whether a keyword list has sections beside `do`.
    pub(super) fn is_protected(&self, list: NodeId) -> bool {
        ["rescue", "catch", "else", "after"]
            .iter()
            .any(|key| self.has(list, key))
    }

    /// Plans the construct, whose value is that of `construct`.
    pub(super) fn attempt(&mut self, construct: NodeId, list: NodeId) {
        let key = |name| self.tree.keyword(list, name);
        let (body, rescue, catch, after) = (key("do"), key("rescue"), key("catch"), key("after"));
        let mut routes = Routes {
            first_edge: self.cfg.edges.len(),
            ..Routes::default()
        };
        let raise = self.graph().raise;
        let mut outer = self.handlers.last().copied().unwrap_or(Handler {
            raised: raise,
            thrown: raise,
            catches: false,
            value: None,
        });
        if let Some(after) = after {
            routes.unwind = self.lone_step(StepKind::Unwind, Some(after), None);
            outer = Handler {
                raised: routes.unwind,
                thrown: routes.unwind,
                ..outer
            };
            self.handlers.push(outer);
        }
        if let Some(value) = rescue.or(catch) {
            routes.dispatch = self.lone_step(StepKind::Dispatch, Some(list), None);
            routes.catch = match (rescue, catch) {
                (Some(rescue), Some(catch)) => {
                    let entry = self.lone_step(StepKind::Dispatch, Some(catch), None);
                    self.edge(routes.dispatch, entry, EdgeKind::Next, false);
                    self.flow(rescue, catch, FlowKind::Raised);
                    entry
                }
                (None, Some(_)) => routes.dispatch,
                _ => NO_STEP,
            };
            self.handlers.push(Handler {
                raised: routes.dispatch,
                thrown: if catch.is_some() {
                    routes.catch
                } else {
                    outer.thrown
                },
                catches: true,
                value: Some(value),
            });
        }
        self.frame(construct).routes = routes;
        self.plan(&[
            Task::Try(list, Part::Body),
            Task::Try(list, Part::Handlers),
            Task::Try(list, Part::After),
            Task::Join(construct),
        ]);
        self.tasks.extend(body.map(Task::Statement));
    }

    pub(super) fn protect(&mut self, list: NodeId, part: Part) {
        let Some(frame) = self.frames.last() else {
            return;
        };
        let (routes, construct, mark) = (frame.routes, frame.construct, frame.mark);
        match part {
            Part::Body => {
                if routes.dispatch != NO_STEP {
                    self.handlers.pop();
                }
                let body = self.tree.keyword(list, "do");
                match (self.tree.keyword(list, "else"), body) {
                    (Some(otherwise), Some(body)) => {
                        self.scope.leave(mark);
                        self.plan_clauses(
                            otherwise,
                            construct,
                            Subject::Node(body),
                            Style::Patterns,
                            Miss::Fail,
                        );
                    }
                    _ => self.end_arm(body),
                }
            }
            Part::Handlers => {
                let (rescue, catch) = (
                    self.tree.keyword(list, "rescue"),
                    self.tree.keyword(list, "catch"),
                );
                if let Some(catch) = catch {
                    self.plan_clauses(catch, construct, Subject::Node(catch), Style::Catch, Miss::Fail);
                    self.tasks.push(Task::From(routes.catch));
                }
                if let Some(rescue) = rescue {
                    let miss = match catch {
                        Some(_) => Miss::To(routes.catch),
                        None => Miss::Fail,
                    };
                    self.plan_clauses(rescue, construct, Subject::Node(rescue), Style::Rescue, miss);
                    self.tasks.push(Task::From(routes.dispatch));
                }
            }
            Part::After => self.after(list, routes),
        }
    }

    fn plan_clauses(&mut self, list: NodeId, construct: NodeId, subject: Subject, style: Style, miss: Miss) {
        self.plan(&[
            Task::Clauses {
                list,
                construct,
                subject,
                style,
                miss,
            },
            Task::EndArm(None),
        ]);
    }

    fn after(&mut self, list: NodeId, routes: Routes) {
        let Some(after) = self.tree.keyword(list, "after") else {
            return;
        };
        self.handlers.pop();
        self.frontier.clear();
        let normal = match self.frames.last_mut() {
            Some(frame) => std::mem::take(&mut frame.ends),
            None => Vec::new(),
        };
        let edges = self.cfg.edges.get(routes.first_edge..).unwrap_or_default();
        let mut unwinding = edges.iter().filter(|edge| edge.to == routes.unwind).peekable();
        let unwinds = unwinding.peek().is_some();
        // A written `raise` goes on as one.
        let implicit = unwinding.all(|edge| edge.implicit);
        let exceptional = Pending {
            from: routes.unwind,
            kind: EdgeKind::After,
        };
        if normal.is_empty() && unwinds {
            self.frontier.push(exceptional);
            self.tasks.push(Task::Rethrow(implicit));
        } else {
            if unwinds {
                self.frontier.push(Pending {
                    kind: EdgeKind::Exception,
                    ..exceptional
                });
                self.fail_as(implicit);
            }
            self.frontier = normal;
        }
        self.plan(&[Task::Open, Task::Statement(after), Task::Close]);
    }
}
