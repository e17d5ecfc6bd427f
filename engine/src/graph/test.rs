//! One comparison: a field or transformer, and what its value has to be.

use super::matcher::{Failure, Matcher, takes, unsupported};
use super::text::TextMatcher;
use crate::Event;
use crate::condition::ast::{Call, Check, FieldRef, Op, Operand, Values};
use crate::fields::{Accessor, Data, Owned, Scope, Type, Value};

#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) left: Accessor,
    pub(crate) right: Right,
}

#[derive(Debug)]
pub(crate) enum Right {
    /// It must be there.
    Nothing,
    /// It is compared with what is written down.
    Matcher { matcher: Matcher, every: bool },
    /// It is compared with another field or transformer.
    Operand { op: Op, right: Accessor },
}

impl Test {
    pub(crate) fn new(check: &Check, scope: Scope<'_>) -> Result<Self, Failure> {
        let left =
            Accessor::new(&check.left, scope).map_err(|message| (message, check.left.span().clone()))?;
        if let Some(field) = left.row().filter(|field| field.print_only) {
            return Err((
                format!("field '{}' can't be used in a condition", field.name),
                check.left.span().clone(),
            ));
        }
        let right = match &check.values {
            Values::None => Right::Nothing,
            Values::Val(field) => Self::val(&left, check, field, scope)?,
            Values::Call(call) => Self::call(&left, check, call, scope)?,
            _ => {
                let matcher = Matcher::new(&left, check)?;
                let every = matcher.is_for_every(&left, check.op);
                Right::Matcher { matcher, every }
            }
        };
        Ok(Self { left, right })
    }

    fn val(left: &Accessor, check: &Check, field: &FieldRef, scope: Scope<'_>) -> Result<Right, Failure> {
        let right = Accessor::field(field, scope).map_err(|message| (message, field.span.clone()))?;
        if let Some(row) = right.row().filter(|row| row.no_rhs) {
            return Err((
                format!("field '{}' can't be used on the right side of a comparison", row.name),
                field.span.clone(),
            ));
        }
        Self::operand(left, check, right, &field.span)
    }

    fn call(left: &Accessor, check: &Check, call: &Call, scope: Scope<'_>) -> Result<Right, Failure> {
        let right = Accessor::new(&Operand::Call(call.clone()), scope)
            .map_err(|message| (message, call.span.clone()))?;
        Self::operand(left, check, right, &call.span)
    }

    fn operand(
        left: &Accessor,
        check: &Check,
        right: Accessor,
        span: &std::ops::Range<usize>,
    ) -> Result<Right, Failure> {
        if !takes(left.ty, check.op) || matches!(check.op, Op::Pmatch | Op::Regex) || left.ty == Type::Ipnet {
            return Err(unsupported(left, check));
        }
        let same = left.ty == right.ty || left.ty.is_text() && right.ty.is_text();
        if !same || left.is_list != right.is_list {
            let message = format!(
                "the two sides of '{}' have different types: {} and {}",
                check.op.name(),
                left.ty.name(),
                right.ty.name()
            );
            return Err((message, span.clone()));
        }
        Ok(Right::Operand { op: check.op, right })
    }

    pub(crate) fn is_true(&self, event: &Event<'_>, buffer: &mut Vec<u8>) -> bool {
        match &self.right {
            Right::Nothing => self.left.matches(event, buffer, false, |_| true),
            Right::Matcher { matcher, every } => {
                self.left.matches(event, buffer, *every, |value| matcher.is_match(value))
            }
            Right::Operand { op, right } => match (self.left.data(event), right.data(event)) {
                (Some(left), Some(right)) => compare(*op, &left, &right),
                _ => false,
            },
        }
    }
}

fn compare(op: Op, left: &Data, right: &Data) -> bool {
    let values = |data: &Data| match data {
        Data::One(value) => vec![value.clone()],
        Data::List(values) => values.clone(),
    };
    let (left, right) = (values(left), values(right));
    match op {
        Op::In => left.iter().all(|value| right.contains(value)),
        Op::Intersects => left.iter().any(|value| right.contains(value)),
        op => match (left.first(), right.first()) {
            (Some(left), Some(right)) => compare_one(op, left, right),
            _ => false,
        },
    }
}

fn compare_one(op: Op, left: &Owned, right: &Owned) -> bool {
    match (op, left.as_value(), right.as_value()) {
        (Op::Eq | Op::EqEq, left, right) => left == right,
        (Op::Ne, left, right) => left != right,
        (op, Value::Text(left), Value::Text(right)) => TextMatcher::bytes(op, right).is_match(left),
        (op, Value::Number(left), Value::Number(right)) => match op {
            Op::Lt => left < right,
            Op::Le => left <= right,
            Op::Gt => left > right,
            Op::Ge => left >= right,
            _ => false,
        },
        _ => false,
    }
}
