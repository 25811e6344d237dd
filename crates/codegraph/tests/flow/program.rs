//! Small programs, apart from Elixir's quoted form: what is generated, interpreted, and written as a quoted form.
//!
//! Operations and tests are symbols that nothing is known of, each written once in a program: what depends on what is then
//! a matter of the flow alone, and the smallest slice is well defined (Laurence, "Static Program Slicing Algorithms Are
//! Minimal for Free Liberal Program Schemas", 2005).

/// Names an operation: a point that a slice may hold.
pub(crate) type Point = u32;

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Var(u32),
    /// `Op.t7(a, b)`.
    Op(Point, Vec<Expr>),
    If(u32, Box<Expr>, Vec<Statement>, Vec<Statement>),
    Case(Box<Expr>, Vec<Clause>),
    /// Clauses, body, `else`.
    With(Vec<(u32, Pattern, Expr)>, Vec<Statement>, Vec<Clause>),
    And(u32, Box<Expr>, Box<Expr>),
    Tuple(Vec<Expr>),
    /// A local call.
    Call(usize, Vec<Expr>),
    /// A closure of one parameter.
    Fn(u32, Vec<Statement>),
    /// `f.(a)`, `f` bound to a closure.
    Run(u32, Box<Expr>),
    Raise,
    /// `for name <- source, filter do body end`: the first number names how many elements there are.
    For(u32, u32, Box<Expr>, Option<(u32, u32)>, Vec<Statement>),
    /// `try do body rescue name -> handler end`. Every operation in the body may raise.
    Try(Vec<Statement>, u32, Vec<Statement>),
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Var(u32),
    /// Matches or not: the number names the test.
    Tuple(u32, Vec<u32>),
    Pin(u32, u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Clause {
    pub(crate) pattern: Pattern,
    /// `when a > b`: the number names the test.
    pub(crate) guard: Option<(u32, u32, u32)>,
    pub(crate) body: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Expr(Expr),
    Bind(u32, Expr),
    /// `{a, b} = e`.
    Split(Vec<u32>, Expr),
}

#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) parameters: Vec<u32>,
    pub(crate) body: Vec<Statement>,
}
