//! Comparisons of one set of nodes with another within an XPath expression: the evaluator may
//! compare each node of the one with each of the other, and tells nobody of it.
//!
//! So the sides are filtered by variables that say yes to every node: the evaluator asks for
//! them before it compares. That no expression can write such a variable makes them ours.
//!
//! Invariant: what an expression gives stays the same.

use std::cell::RefCell;
use xpath_eval::{Expr, FilterExpr, FunctionCall, LocationPath, PathExpr, PrimaryExpr, QName};

/// A comparison begins; it meets a node of its left or of its right side.
const BEGIN: char = '|';
const LEFT: char = '<';
const RIGHT: char = '>';

pub(super) struct Comparisons {
    /// How many nodes the left side of each has.
    left: RefCell<Vec<usize>>,
    /// The letters of one text may be compared with those of another.
    pub(super) of_letters: bool,
}

#[derive(Default)]
struct Found {
    sets: usize,
    of_letters: bool,
}

impl Comparisons {
    /// Finds those of an expression, and has the evaluator tell of them.
    pub(super) fn watch(expression: &mut Expr) -> Comparisons {
        let mut found = Found::default();
        watch(expression, &mut found);
        Comparisons { left: RefCell::new(vec![0; found.sets]), of_letters: found.of_letters }
    }

    /// What a variable of ours tells: so many comparisons are to come. `None`: it is none.
    pub(super) fn met(&self, variable: &QName) -> Option<usize> {
        let mut characters = variable.local.chars();
        let what = characters.next()?;
        let place: usize = characters.as_str().parse().ok()?;
        let mut all = self.left.borrow_mut();
        let left = all.get_mut(place)?;
        match what {
            BEGIN => *left = 0,
            LEFT => *left += 1,
            RIGHT => return Some(*left),
            _ => return None,
        }
        Some(0)
    }
}

fn watch(expression: &mut Expr, found: &mut Found) {
    match expression {
        Expr::Or(left, right) | Expr::And(left, right) | Expr::Union(left, right) => {
            watch(left, found);
            watch(right, found);
        }
        Expr::Additive(left, _, right) => {
            watch(left, found);
            watch(right, found);
        }
        Expr::Multiplicative(left, _, right) => {
            watch(left, found);
            watch(right, found);
        }
        Expr::Negate(inner) => watch(inner, found),
        Expr::Equality(left, _, right) | Expr::Relational(left, _, right) => {
            watch(left, found);
            watch(right, found);
            if is_set(left) && is_set(right) {
                tell(left, variable(LEFT, found.sets));
                tell(right, variable(RIGHT, found.sets));
                let compared = std::mem::replace(expression, nothing());
                let begins = variable(BEGIN, found.sets);
                *expression = Expr::And(Box::new(begins), Box::new(compared));
                found.sets += 1;
            }
        }
        Expr::Path(path) => match path {
            PathExpr::Location(location) => watch_location(location, found),
            PathExpr::Filter(filter) => watch_filter(filter, found),
            PathExpr::FilterLocation(filter, location) => {
                watch_filter(filter, found);
                watch_location(location, found);
            }
        },
    }
}

fn watch_location(location: &mut LocationPath, found: &mut Found) {
    let predicates = location.steps.iter_mut().flat_map(|step| &mut step.predicates);
    predicates.for_each(|it| watch(it, found));
}

fn watch_filter(filter: &mut FilterExpr, found: &mut Found) {
    match &mut filter.primary {
        PrimaryExpr::Parenthesized(inner) => watch(inner, found),
        PrimaryExpr::Function(FunctionCall { name, args }) => {
            found.of_letters |= name.local == "translate" && !args.get(1).is_some_and(is_literal);
            args.iter_mut().for_each(|it| watch(it, found));
        }
        PrimaryExpr::Variable(_) | PrimaryExpr::Literal(_) | PrimaryExpr::Number(_) => {}
    }
    filter.predicates.iter_mut().for_each(|it| watch(it, found));
}

fn is_literal(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Path(PathExpr::Filter(FilterExpr { primary: PrimaryExpr::Literal(_), .. }))
    )
}

/// Whether it gives nodes: XPath 1.0 knows without evaluating.
fn is_set(expression: &Expr) -> bool {
    match expression {
        Expr::Union(..) => true,
        Expr::Path(PathExpr::Location(_) | PathExpr::FilterLocation(..)) => true,
        Expr::Path(PathExpr::Filter(filter)) => match &filter.primary {
            PrimaryExpr::Parenthesized(inner) => is_set(inner),
            PrimaryExpr::Function(call) => call.name.prefix.is_none() && call.name.local == "id",
            PrimaryExpr::Variable(_) | PrimaryExpr::Literal(_) | PrimaryExpr::Number(_) => false,
        },
        Expr::Or(..)
        | Expr::And(..)
        | Expr::Equality(..)
        | Expr::Relational(..)
        | Expr::Additive(..)
        | Expr::Multiplicative(..)
        | Expr::Negate(_) => false,
    }
}

/// Filters nodes by a variable of ours.
fn tell(side: &mut Expr, variable: Expr) {
    let inner = std::mem::replace(side, nothing());
    let primary = PrimaryExpr::Parenthesized(Box::new(inner));
    *side = Expr::Path(PathExpr::Filter(FilterExpr { primary, predicates: vec![variable] }));
}

fn variable(what: char, place: usize) -> Expr {
    let name = QName { prefix: None, local: format!("{what}{place}") };
    of(PrimaryExpr::Variable(name))
}

/// What stands for an expression while it is taken elsewhere.
fn nothing() -> Expr {
    of(PrimaryExpr::Number(0.0))
}

fn of(primary: PrimaryExpr) -> Expr {
    Expr::Path(PathExpr::Filter(FilterExpr { primary, predicates: Vec::new() }))
}
