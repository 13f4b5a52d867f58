//! Terms with their variables resolved to slots, and their values.

use std::cell::RefCell;

use distsys_facts::{Interner, Sym};

use super::ast::{Aggregate, Comparison, Functor, Test};
use super::problem::Pos;
use super::relation::Type;

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Constant(u32),
    Slot(usize),
    Call(Functor, Vec<Expression>),
}

/// A column of an atom: a term, or whatever stands there.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Any,
    Is(Expression),
}

#[derive(Clone, Debug)]
pub(super) struct AtomOf {
    pub relation: usize,
    pub patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
pub(super) enum LiteralOf {
    Atom(AtomOf),
    Not(AtomOf),
    Compare(Comparison, Expression, Expression, Type),
    Test(Test, Expression, Expression, bool),
    Aggregate(AggregateOf),
    Range(RangeOf),
    Never,
}

/// Binds its slot to one number after the other.
#[derive(Clone, Debug)]
pub(super) struct RangeOf {
    pub slot: usize,
    pub from: Expression,
    pub to: Expression,
    /// None: towards `to`, one by one.
    pub step: Option<Expression>,
}

impl RangeOf {
    pub(super) fn bounds(&self) -> impl Iterator<Item = &Expression> {
        [&self.from, &self.to].into_iter().chain(&self.step)
    }
}

#[derive(Clone, Debug)]
pub(super) struct AggregateOf {
    pub slot: usize,
    pub aggregate: Aggregate,
    pub value: Option<Expression>,
    pub bodies: Vec<Vec<LiteralOf>>,
    /// Variables of the clause that the bodies use; bound before.
    pub outer: Vec<usize>,
}

/// A clause with a body.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub head: usize,
    pub values: Vec<Expression>,
    pub body: Vec<LiteralOf>,
    /// The name of each slot, for messages.
    pub slots: Vec<String>,
    pub pos: Pos,
}

impl Expression {
    pub(super) fn slots(&self, found: &mut Vec<usize>) {
        match self {
            Expression::Constant(_) => {}
            Expression::Slot(slot) => found.push(*slot),
            Expression::Call(_, arguments) => arguments.iter().for_each(|argument| argument.slots(found)),
        }
    }

    /// The value, none if there is none: a division by zero, a text that is no number.
    pub(super) fn value(&self, slots: &[u32], symbols: &RefCell<&mut Interner>) -> Option<u32> {
        match self {
            Expression::Constant(value) => Some(*value),
            Expression::Slot(slot) => Some(slots[*slot]),
            Expression::Call(functor, arguments) => call(*functor, arguments, slots, symbols),
        }
    }
}

fn call(functor: Functor, arguments: &[Expression], slots: &[u32], symbols: &RefCell<&mut Interner>) -> Option<u32> {
    let value = |number: usize| arguments[number].value(slots, symbols);
    let number = |at: usize| value(at).map(|value| value as i32);
    let text = |at: usize| value(at).map(|value| symbols.borrow().text(Sym(value)).to_owned());
    let intern = |text: &str| symbols.borrow_mut().intern(text).0;
    let of_two = |operation: fn(i32, i32) -> Option<i32>| operation(number(0)?, number(1)?);
    let result = match functor {
        Functor::Add => of_two(|a, b| Some(a.wrapping_add(b)))?,
        Functor::Subtract => of_two(|a, b| Some(a.wrapping_sub(b)))?,
        Functor::Multiply => of_two(|a, b| Some(a.wrapping_mul(b)))?,
        Functor::Divide => of_two(i32::checked_div)?,
        Functor::Remainder => of_two(i32::checked_rem)?,
        Functor::Power => of_two(|a, b| Some(u32::try_from(b).map_or(0, |b| a.wrapping_pow(b))))?,
        Functor::Negate => number(0)?.wrapping_neg(),
        Functor::BitAnd => of_two(|a, b| Some(a & b))?,
        Functor::BitOr => of_two(|a, b| Some(a | b))?,
        Functor::BitXor => of_two(|a, b| Some(a ^ b))?,
        Functor::BitNot => !number(0)?,
        Functor::ShiftLeft => of_two(|a, b| Some(a.wrapping_shl(b as u32)))?,
        Functor::ShiftRight => of_two(|a, b| Some(a.wrapping_shr(b as u32)))?,
        Functor::LogicalAnd => of_two(|a, b| Some(i32::from(a != 0 && b != 0)))?,
        Functor::LogicalOr => of_two(|a, b| Some(i32::from(a != 0 || b != 0)))?,
        Functor::LogicalNot => i32::from(number(0)? == 0),
        Functor::Min => (0..arguments.len()).map(number).collect::<Option<Vec<i32>>>()?.into_iter().min()?,
        Functor::Max => (0..arguments.len()).map(number).collect::<Option<Vec<i32>>>()?.into_iter().max()?,
        Functor::Ordinal => number(0)?,
        Functor::Length => i32::try_from(text(0)?.chars().count()).ok()?,
        Functor::ToNumber => number_of(text(0)?.trim())?,
        Functor::Cat => {
            let parts: Option<Vec<String>> = (0..arguments.len()).map(text).collect();
            return Some(intern(&parts?.concat()));
        }
        Functor::Substring => {
            let (from, count) = (usize::try_from(number(1)?).ok()?, usize::try_from(number(2)?).ok()?);
            let part: String = text(0)?.chars().skip(from).take(count).collect();
            return Some(intern(&part));
        }
        Functor::ToText => return Some(intern(&number(0)?.to_string())),
    };
    Some(result as u32)
}

/// `42`, `-0x2a`, `0b101010`
fn number_of(text: &str) -> Option<i32> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let with_base =
        |prefix: &str, base: u32| digits.strip_prefix(prefix).map(|digits| i64::from_str_radix(digits, base));
    match with_base("0x", 16).or_else(|| with_base("0b", 2)) {
        Some(number) => i32::try_from(sign * number.ok().filter(|number| *number >= 0)?).ok(),
        None => text.parse().ok(),
    }
}

/// Whether two values compare so: numbers by size, symbols by their text.
pub(super) fn compares(
    comparison: Comparison,
    type_: Type,
    left: u32,
    right: u32,
    symbols: &RefCell<&mut Interner>,
) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match (comparison, type_) {
        (Comparison::Equal, _) => return left == right,
        (Comparison::Unequal, _) => return left != right,
        (_, Type::Symbol) => {
            let symbols = symbols.borrow();
            symbols.text(Sym(left)).cmp(symbols.text(Sym(right)))
        }
        _ => (left as i32).cmp(&(right as i32)),
    };
    match comparison {
        Comparison::Less => order == Less,
        Comparison::LessEqual => order != Greater,
        Comparison::Greater => order == Greater,
        Comparison::GreaterEqual => order != Less,
        Comparison::Equal | Comparison::Unequal => order == Equal,
    }
}
