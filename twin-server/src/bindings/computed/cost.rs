//! What one evaluation may cost. The few loops of an expression end, and still hide others:
//! `p.map(x, sum(p))` goes over all of `p` for each of `p`, and `t + t` doubles a text. So the
//! steps are counted out from how large the inputs are, before anything is evaluated.

use cel::{
    Value as Cel,
    common::ast::{CallExpr, ComprehensionExpr, Expr as Node, IdedExpr, LiteralValue, operators},
};

/// Most steps of one evaluation: values read or made, each [`TEXT_STEP`] bytes of a text
/// counting as one. Some hundredths of a second, and some dozen megabytes at once.
pub(super) const MAX_COST: u64 = 1_000_000;
/// Bytes of a text that cost as much as a number.
const TEXT_STEP: usize = 16;

/// How large a value is, or can become: everything in it, its elements, the largest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    whole: u64,
    items: u64,
    item: u64,
}

impl Size {
    const NUMBER: Self = Self::single(1);

    /// A value that is no list.
    const fn single(whole: u64) -> Self {
        Self { whole, items: 1, item: whole }
    }

    fn text(bytes: usize) -> Self {
        Self::single(1 + (bytes / TEXT_STEP) as u64)
    }

    fn list(items: impl IntoIterator<Item = Self>) -> Self {
        let empty = Self { whole: 1, items: 0, item: 0 };
        items.into_iter().fold(empty, |list, item| Self {
            whole: list.whole.saturating_add(item.whole),
            items: list.items + 1,
            item: list.item.max(item.whole),
        })
    }

    /// One of its elements, which may be a list itself.
    fn element(self) -> Self {
        Self { whole: self.item, items: self.item, item: self.item }
    }

    /// Two of them in one: lists appended, or texts.
    fn and(self, other: Self) -> Self {
        Self {
            whole: self.whole.saturating_add(other.whole),
            items: self.items.saturating_add(other.items),
            item: self.item.max(other.item),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            whole: self.whole.max(other.whole),
            items: self.items.max(other.items),
            item: self.item.max(other.item),
        }
    }

    /// As many of them in one list.
    fn times(self, turns: u64) -> Self {
        Self {
            whole: self.whole.saturating_mul(turns),
            items: self.items.saturating_mul(turns),
            item: self.item,
        }
    }

    fn of(value: &Cel) -> Self {
        match value {
            Cel::List(list) => Self::list(list.iter().map(Self::of)),
            Cel::String(text) => Self::text(text.len()),
            _ => Self::NUMBER,
        }
    }
}

/// Most steps that an expression takes with these inputs.
pub(super) fn cost<'e>(root: &'e IdedExpr, inputs: &[(&'e str, Cel)]) -> u64 {
    let known: Vec<_> = inputs.iter().map(|(name, value)| (*name, Size::of(value))).collect();
    let taken = known.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(size.whole));
    let mut count = Count { known, cost: taken };
    count.node(root, 1);
    count.cost
}

struct Count<'e> {
    /// Inputs, and what loops name.
    known: Vec<(&'e str, Size)>,
    cost: u64,
}

impl<'e> Count<'e> {
    /// Counts a part of the expression that is evaluated in so many turns of a loop; how
    /// large what it gives can be.
    fn node(&mut self, node: &'e IdedExpr, turns: u64) -> Size {
        let (made, size) = match &node.expr {
            Node::Literal(LiteralValue::String(text)) => (1, Size::text(text.inner().len())),
            // What has a name is lent and not copied.
            Node::Ident(name) => {
                let known = self.known.iter().rev().find(|(known, _)| *known == name.as_str());
                (1, known.map_or(Size::NUMBER, |(_, size)| *size))
            }
            Node::Select(select) => (1, self.node(&select.operand, turns)),
            Node::List(list) => {
                let list = Size::list(list.elements.iter().map(|item| self.node(item, turns)));
                (list.whole, list)
            }
            Node::Call(call) => self.call(call, turns),
            Node::Comprehension(over) => self.over(over, turns),
            // The rest has been refused, or is one value.
            _ => (1, Size::NUMBER),
        };
        self.cost = self.cost.saturating_add(made.saturating_mul(turns));
        size
    }

    fn call(&mut self, call: &'e CallExpr, turns: u64) -> (u64, Size) {
        let arguments = call.target.as_deref().into_iter().chain(&call.args);
        let sizes: Vec<Size> = arguments.map(|argument| self.node(argument, turns)).collect();
        let all = sizes.iter().copied().reduce(Size::and).unwrap_or(Size::NUMBER);
        let read = all.whole.saturating_add(1);
        match (call.func_name.as_str(), &*sizes) {
            (operators::INDEX | operators::OPT_INDEX, [list, _]) => {
                (list.item.saturating_add(1), list.element())
            }
            (operators::CONDITIONAL, [_, yes, no]) => (1, yes.or(*no)),
            (operators::ADD, _) => (all.whole, all),
            (name, _) if gives_one(name) => (read, Size::NUMBER),
            // A conversion, or another function that CEL brings: a number has up to 330 digits.
            _ => (read, all.and(Size::text(330))),
        }
    }

    /// A loop: `map` and `filter` collect a list, all others one value.
    fn over(&mut self, over: &'e ComprehensionExpr, turns: u64) -> (u64, Size) {
        let range = self.node(&over.iter_range, turns);
        let start = self.node(&over.accu_init, turns);
        let collects = matches!(over.accu_init.expr, Node::List(_));
        let known = self.known.len();
        let inside = turns.saturating_mul(range.items);
        self.known.extend([(&*over.iter_var, range.element()), (&*over.accu_var, start)]);
        self.cost = self.cost.saturating_add(inside.saturating_mul(range.item.saturating_add(1)));
        self.node(&over.loop_cond, inside);
        let step = self.node(&over.loop_step, inside);
        self.known.truncate(known);
        let collected = if collects { step.times(range.items) } else { Size::NUMBER };
        self.known.push((&*over.accu_var, collected));
        let result = self.node(&over.result, turns);
        self.known.truncate(known);
        (result.whole.saturating_add(1), result)
    }
}

/// What gives one number or yes or no, whatever it is given.
fn gives_one(function: &str) -> bool {
    const OPERATORS: [&str; 16] = [
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
        operators::IN,
        operators::LOGICAL_AND,
        operators::LOGICAL_OR,
        operators::LOGICAL_NOT,
        operators::NOT_STRICTLY_FALSE,
        operators::SUBSTRACT,
        operators::MULTIPLY,
        operators::DIVIDE,
        operators::MODULO,
        operators::NEGATE,
    ];
    const FUNCTIONS: [&str; 14] = [
        "double",
        "int",
        "uint",
        "sum",
        "avg",
        "min",
        "max",
        "round",
        "abs",
        "count",
        "size",
        "contains",
        "startsWith",
        "endsWith",
    ];
    OPERATORS.contains(&function) || FUNCTIONS.contains(&function)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bindings::computed::expr::Expr;

    fn steps(text: &str, values: usize) -> u64 {
        let list = Cel::List(Arc::new(vec![Cel::Float(1.0); values]));
        let names = ["p".to_owned()];
        Expr::parse(text, &names).unwrap().cost(&[("p", list)])
    }

    /// Whatever goes over its values a few times stays below the bound at the most values
    /// that an input takes.
    #[test]
    fn plain_expressions_cost_in_step_with_their_inputs() {
        for text in [
            "sum(p)",
            "avg(p.filter(x, x > 5))",
            "sum(p.map(x, -x * 2 + 1)) / count(p)",
            "p.exists(x, x > 3) ? max(p) - min(p) : 0",
            "p.filter(x, x > 1).map(x, x * 3).exists_one(x, x == 3)",
        ] {
            let (few, many) = (steps(text, 100), steps(text, 10_000));
            assert!(many < MAX_COST, "{text}: {many}");
            assert!(many > 50 * few && many < 101 * few, "{text}: {few} and {many}");
        }
    }

    #[test]
    fn a_loop_hidden_in_a_loop_is_counted() {
        for text in [
            "sum(p.map(x, sum(p)))",
            "count(p.filter(x, x in p))",
            "p.all(x, p == p)",
            "sum(p.map(x, p))",
            "count(p.map(x, p + p))",
        ] {
            let (few, many) = (steps(text, 10), steps(text, 1_000));
            assert!(many > MAX_COST && many > 2_000 * few, "{text}: {few} and {many}");
        }
    }

    /// As the documentation has it.
    #[test]
    fn each_value_against_all_ends_below_a_thousand() {
        let text = "count(p.filter(x, x > avg(p)))";
        assert!(steps(text, 950) < MAX_COST && steps(text, 1_000) > MAX_COST);
    }

    #[test]
    fn lists_of_lists_and_appended_texts_are_counted() {
        let twice = |text: &str| format!("[{text},{text}]");
        let nested = (0..6).fold("p".to_owned(), |text, _| twice(&text));
        assert!(steps(&format!("sum({nested})"), 10_000) > 64 * 10_000);
        let long = Cel::String(Arc::new("x".repeat(64 * 1024)));
        let appended = Expr::parse(&format!("t{}", "+t".repeat(30)), &["t".to_owned()]).unwrap();
        assert!(appended.cost(&[("t", long)]) > MAX_COST);
    }
}
