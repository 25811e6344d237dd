//! Random programs: every variable is bound before it is read, every arm ends with an operation of its own.

use super::program::{Clause, Expr, Function, Pattern, Point, Statement};

pub(crate) struct Generator {
    state: u64,
    next: u32,
    pub(crate) points: Vec<(usize, Point)>,
    function: usize,
    functions: usize,
    in_closure: bool,
    in_try: bool,
    arities: Vec<usize>,
}

const NAMES: u32 = 5;

impl Generator {
    /// A program of so many functions; each may call those after it.
    pub(crate) fn program(seed: u64, functions: usize) -> (Vec<Function>, Vec<(usize, Point)>) {
        let mut made = Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            next: 0,
            points: Vec::new(),
            function: 0,
            functions,
            in_closure: false,
            in_try: false,
            arities: Vec::new(),
        };
        made.arities = (0..functions).map(|_| 1 + made.below(3) as usize).collect();
        let mut program = Vec::new();
        for function in 0..functions {
            made.function = function;
            let parameters: Vec<u32> = (0..made.arities[function] as u32).collect();
            let mut known = parameters.clone();
            let body = made.block(&mut known, 3);
            program.push(Function { parameters, body });
        }
        (program, made.points)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % end
    }

    fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn name(&mut self, known: &mut Vec<u32>) -> u32 {
        let name = self.below(u64::from(NAMES)) as u32;
        if !known.contains(&name) {
            known.push(name);
        }
        name
    }

    fn var(&mut self, known: &[u32]) -> u32 {
        known[self.below(known.len() as u64) as usize]
    }

    fn op(&mut self, known: &[u32]) -> Expr {
        let point = self.fresh();
        self.points.push((self.function, point));
        let count = 1 + self.below(2);
        let operands = (0..count).map(|_| Expr::Var(self.var(known))).collect();
        Expr::Op(point, operands)
    }

    /// Statements, the last an operation.
    fn block(&mut self, known: &mut Vec<u32>, depth: u32) -> Vec<Statement> {
        let mut block = Vec::new();
        for _ in 0..self.below(3) + u64::from(depth > 2) {
            self.statement(known, depth, &mut block);
        }
        block.push(Statement::Expr(self.op(known)));
        block
    }

    fn statement(&mut self, known: &mut Vec<u32>, depth: u32, block: &mut Vec<Statement>) {
        match self.below(12) {
            0 if !self.in_try => {
                let value = if self.below(2) == 0 {
                    Expr::Tuple(vec![self.op(known), self.op(known)])
                } else {
                    self.op(known)
                };
                let names = vec![self.name(known), NAMES];
                known.push(NAMES);
                block.push(Statement::Split(names, value));
            }
            1 if depth > 0 => {
                let condition = self.operand(known, 0);
                let test = self.fresh();
                let arm = if self.in_closure {
                    self.block(&mut known.clone(), 0)
                } else {
                    vec![Statement::Expr(Expr::Raise)]
                };
                block.push(Statement::Expr(Expr::If(
                    test,
                    Box::new(condition),
                    arm,
                    Vec::new(),
                )));
            }
            2 if depth > 1 && !self.in_closure && !self.in_try => {
                // A closure, called once, at once or inside an arm.
                let (name, parameter) = (100 + self.fresh(), self.below(u64::from(NAMES)) as u32);
                let mut inner = known.clone();
                inner.push(parameter);
                self.in_closure = true;
                let body = self.block(&mut inner, depth - 1);
                self.in_closure = false;
                block.push(Statement::Bind(name, Expr::Fn(parameter, body)));
                let argument = self.op(known);
                let run = Expr::Run(name, Box::new(argument));
                if self.below(2) == 0 {
                    let target = self.name(known);
                    block.push(Statement::Bind(target, run));
                } else {
                    let (test, condition, last) = (self.fresh(), self.operand(known, 0), self.op(known));
                    let arm = vec![Statement::Expr(run), Statement::Expr(last)];
                    block.push(Statement::Expr(Expr::If(
                        test,
                        Box::new(condition),
                        arm,
                        Vec::new(),
                    )));
                }
            }
            3 => {
                let value = self.operand(known, depth);
                block.push(Statement::Expr(value));
            }
            _ => {
                let value = self.operand(known, depth);
                let name = self.name(known);
                block.push(Statement::Bind(name, value));
            }
        }
    }

    /// An expression, the value of which is an operation's or made of such.
    fn operand(&mut self, known: &[u32], depth: u32) -> Expr {
        if depth == 0 {
            return self.op(known);
        }
        match self.below(12) {
            0 | 1 => {
                let (test, condition) = (self.fresh(), self.operand(known, depth - 1));
                let then = self.block(&mut known.to_vec(), depth - 1);
                let otherwise = if self.below(3) == 0 {
                    Vec::new()
                } else {
                    self.block(&mut known.to_vec(), depth - 1)
                };
                Expr::If(test, Box::new(condition), then, otherwise)
            }
            2 | 3 => {
                let subject = self.operand(known, depth - 1);
                Expr::Case(Box::new(subject), self.clauses(known, depth))
            }
            4 => {
                let mut inner = known.to_vec();
                let mut parts = Vec::new();
                for _ in 0..=self.below(2) {
                    let value = self.operand(&inner, depth - 1);
                    let pattern = self.pattern(&mut inner);
                    parts.push((0, pattern, value));
                }
                let body = self.block(&mut inner, depth - 1);
                let otherwise = if self.below(2) == 0 {
                    Vec::new()
                } else {
                    self.clauses(known, depth)
                };
                Expr::With(parts, body, otherwise)
            }
            5 => {
                let (test, left) = (self.fresh(), self.op(known));
                let right = self.op(known);
                Expr::And(test, Box::new(left), Box::new(right))
            }
            9 if !self.in_try => {
                let (test, source) = (self.fresh(), self.operand(known, depth - 1));
                let mut inner = known.to_vec();
                let name = self.name(&mut inner);
                let filter = (self.below(2) == 0).then(|| (self.fresh(), self.var(&inner)));
                let body = self.block(&mut inner, depth - 1);
                Expr::For(test, name, Box::new(source), filter, body)
            }
            // Inside one function: a callee's operations do not raise.
            10 | 11 if !self.in_try && !self.in_closure && self.functions == 1 => {
                self.in_try = true;
                let body = self.block(&mut known.to_vec(), depth - 1);
                self.in_try = false;
                let mut inner = known.to_vec();
                let name = self.name(&mut inner);
                let handler = self.block(&mut inner, depth - 1);
                Expr::Try(body, name, handler)
            }
            6 | 7 if self.function + 1 < self.functions && !self.in_closure => {
                let span = self.functions - self.function - 1;
                let callee = self.function + 1 + self.below(span as u64) as usize;
                let arguments = (0..self.arities[callee]).map(|_| self.op(known)).collect();
                Expr::Call(callee, arguments)
            }
            _ => self.op(known),
        }
    }

    fn pattern(&mut self, known: &mut Vec<u32>) -> Pattern {
        match self.below(4) {
            0 => Pattern::Pin(self.fresh(), self.var(known)),
            1 => Pattern::Var(self.name(known)),
            _ => {
                let (test, first) = (self.fresh(), self.name(known));
                known.push(NAMES);
                Pattern::Tuple(test, vec![first, NAMES])
            }
        }
    }

    /// Clauses, the last of which takes everything.
    fn clauses(&mut self, known: &[u32], depth: u32) -> Vec<Clause> {
        let mut clauses = Vec::new();
        for _ in 0..=self.below(2) {
            let mut inner = known.to_vec();
            let mut pattern = self.pattern(&mut inner);
            let guard = (self.below(3) == 0).then(|| (self.fresh(), self.var(&inner), self.var(&inner)));
            if matches!(pattern, Pattern::Var(_)) && guard.is_none() {
                pattern = Pattern::Pin(self.fresh(), self.var(known));
                inner = known.to_vec();
            }
            let body = self.block(&mut inner, depth - 1);
            clauses.push(Clause { pattern, guard, body });
        }
        let mut inner = known.to_vec();
        let pattern = Pattern::Var(self.name(&mut inner));
        let body = self.block(&mut inner, depth - 1);
        clauses.push(Clause {
            pattern,
            guard: None,
            body,
        });
        clauses
    }
}
