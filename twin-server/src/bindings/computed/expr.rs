//! Expressions of computed points: CEL, which has no loops but those over a list, kept
//! small enough that every evaluation ends soon.

use std::{collections::BTreeSet, fmt, sync::Arc};

use cel::{
    Context, ExecutionError, Value as Cel,
    common::{
        ast::{Expr as Node, IdedExpr, LiteralValue, operators},
        types::CelDouble,
    },
    extractors::Arguments,
    parser::PrattParser,
};
use twin_model::Value;

use super::cost::{MAX_COST, cost};
use crate::bindings::value;

/// Makes one number of several; nothing where there are too few.
type Fold = fn(&[f64]) -> Option<f64>;

/// Longest expression, bytes.
const MAX_TEXT: usize = 1_024;
/// Largest expression, in values, names, operators and calls.
const MAX_NODES: usize = 256;
/// Deepest expression: every step of it takes stack when it is evaluated.
const MAX_DEPTH: usize = 64;

/// A checked expression.
#[derive(Clone)]
pub struct Expr {
    text: Arc<str>,
    root: Arc<IdedExpr>,
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({})", self.text)
    }
}

impl Expr {
    /// Reads an expression over some inputs.
    ///
    /// # Errors
    /// Where it is no CEL, names something else, or is too large.
    pub fn parse(text: &str, inputs: &[String]) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("an expression has at most {MAX_TEXT} bytes"));
        }
        // The parser reads recursively: brackets beyond what is allowed are not shown to it.
        let nested = text.matches(['(', '[', '{', '?', '!', '-']).count();
        if nested > MAX_NODES {
            return Err(format!("more than {MAX_NODES} operators and brackets"));
        }
        let parser = PrattParser::new()
            .max_recursion_depth(MAX_DEPTH as u16)
            .error_recovery_limit(4)
            .max_expression_node_count(4 * MAX_NODES);
        let mut root = parser.parse(text).map_err(|errors| {
            let first = errors.to_string();
            format!("not CEL: {}", first.lines().next().unwrap_or_default())
        })?;
        let mut walk = Walk { nodes: 0, loops: 0, names: BTreeSet::new(), bound: Vec::new() };
        walk.check(&mut root, 0)?;
        let unknown = walk.names.iter().find(|name| !inputs.contains(*name));
        if let Some(name) = unknown {
            let known = if inputs.is_empty() { "none".to_owned() } else { inputs.join(", ") };
            return Err(format!("{name:?} is no input; there are {known}"));
        }
        if let Some(unused) = inputs.iter().find(|input| !walk.names.contains(*input)) {
            return Err(format!("does not use the input {unused:?}"));
        }
        Ok(Self { text: text.into(), root: Arc::new(root) })
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its value where its input `p` is some numbers.
    pub(crate) fn try_with_numbers(&self, numbers: &[f64]) -> Result<Value, String> {
        thread_local! {
            static FUNCTIONS: Functions = Functions::default();
        }
        let list = Cel::List(Arc::new(numbers.iter().copied().map(Cel::Float).collect()));
        FUNCTIONS.with(|functions| self.evaluate(functions, vec![("p", list)]))
    }

    /// Most steps that it takes for some inputs.
    pub(super) fn cost(&self, inputs: &[(&str, Cel)]) -> u64 {
        cost(&self.root, inputs)
    }

    /// Its value for some inputs.
    ///
    /// # Errors
    /// Where it has none: a division by zero, a text where a number is needed; or where it
    /// would take more than [`MAX_COST`] steps.
    pub(super) fn evaluate(
        &self,
        functions: &Functions,
        inputs: Vec<(&str, Cel)>,
    ) -> Result<Value, String> {
        let steps = self.cost(&inputs);
        if steps > MAX_COST {
            return Err(format!("{steps} steps for inputs as large as these; at most {MAX_COST}"));
        }
        let mut context = functions.0.new_inner_scope();
        for (name, value) in inputs {
            context.add_variable_from_value(name, value);
        }
        match context.resolve(&self.root).map_err(|error| shorten(&error.to_string()))? {
            Cel::Bool(yes) => Ok(Value::Bool(yes)),
            Cel::Float(number) => {
                Value::number(number).ok_or_else(|| format!("{number} is not a finite number"))
            }
            #[allow(clippy::cast_precision_loss)] // a count
            Cel::Int(number) => Ok(Value::Number(number as f64)),
            #[allow(clippy::cast_precision_loss)]
            Cel::UInt(number) => Ok(Value::Number(number as f64)),
            // Expressions over expressions would double it each time.
            Cel::String(text) if text.len() > value::MAX_TEXT => {
                Err(format!("gives a text of {} bytes; at most {}", text.len(), value::MAX_TEXT))
            }
            Cel::String(text) => Ok(Value::Text(text.to_string())),
            other => Err(format!("gives {}, where one value is needed", other.type_of())),
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Looks an expression through, and makes its whole numbers decimal ones: in CEL `power * 2`
/// is an error, since a measurement is no integer.
struct Walk {
    nodes: usize,
    /// Loops around the node at hand.
    loops: usize,
    names: BTreeSet<String>,
    /// Names of the loops around.
    bound: Vec<String>,
}

impl Walk {
    fn check(&mut self, node: &mut IdedExpr, depth: usize) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MAX_NODES * 2 {
            return Err(format!("more than {MAX_NODES} parts"));
        }
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        let depth = depth + 1;
        match &mut node.expr {
            Node::Literal(literal) => {
                if let LiteralValue::Int(number) = literal {
                    #[allow(clippy::cast_precision_loss)] // as people write numbers
                    let number = *number.inner() as f64;
                    *literal = LiteralValue::Double(CelDouble::from(number));
                }
            }
            Node::Ident(name) => {
                if !self.bound.contains(name) {
                    self.names.insert(name.clone());
                }
            }
            Node::Call(call) => {
                if let Some(target) = &mut call.target {
                    self.check(target, depth)?;
                }
                let index = [operators::INDEX, operators::OPT_INDEX].contains(&&*call.func_name);
                for (n, argument) in call.args.iter_mut().enumerate() {
                    // A position is a whole number, and stays one.
                    let position = index && n == 1 && matches!(argument.expr, Node::Literal(_));
                    if !position {
                        self.check(argument, depth)?;
                    }
                }
            }
            Node::List(list) => {
                for element in &mut list.elements {
                    self.check(element, depth)?;
                }
            }
            Node::Select(select) => self.check(&mut select.operand, depth)?,
            Node::Comprehension(over) => {
                self.check(&mut over.iter_range, depth)?;
                if self.loops > 0 {
                    return Err("a loop over a list inside another one".to_owned());
                }
                self.loops += 1;
                let bound = self.bound.len();
                self.bound.extend([over.iter_var.clone(), over.accu_var.clone()]);
                self.bound.extend(over.iter_var2.clone());
                for part in [
                    &mut over.accu_init,
                    &mut over.loop_cond,
                    &mut over.loop_step,
                    &mut over.result,
                ] {
                    self.check(part, depth)?;
                }
                self.bound.truncate(bound);
                self.loops -= 1;
            }
            Node::Map(_) | Node::Struct(_) => {
                return Err("a map or a message: one value is needed".to_owned());
            }
            Node::Unspecified => return Err("not CEL: nothing there".to_owned()),
        }
        Ok(())
    }
}

/// What an expression can call besides what CEL brings: `sum`, `avg`, `min`, `max` of lists
/// and numbers, `count` of a list, `round` and `abs` of a number.
pub(super) struct Functions(Context<'static, 'static>);

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Functions")
    }
}

impl Default for Functions {
    fn default() -> Self {
        let mut context = Context::default();
        let numbers = |name: &'static str, fold: Fold| {
            move |Arguments(arguments): Arguments| {
                let mut all = Vec::new();
                flatten(name, &arguments, &mut all)?;
                let none = || ExecutionError::function_error(name, "there are no values");
                fold(&all).map(Cel::Float).ok_or_else(none)
            }
        };
        #[allow(clippy::cast_precision_loss)] // at most some thousand
        let folds: [(&'static str, Fold); 6] = [
            ("sum", |all| Some(all.iter().sum())),
            ("avg", |all| (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)),
            ("min", |all| all.iter().copied().reduce(f64::min)),
            ("max", |all| all.iter().copied().reduce(f64::max)),
            ("round", |all| all.first().map(|number| number.round())),
            ("abs", |all| all.first().map(|number| number.abs())),
        ];
        for (name, fold) in folds {
            // Fails only for a name that CEL has already; a test calls them all.
            let _ = context.add_function(name, numbers(name, fold));
        }
        #[allow(clippy::cast_precision_loss)]
        let count = |Arguments(arguments): Arguments| match arguments.first() {
            Some(Cel::List(list)) => Ok(Cel::Float(list.len() as f64)),
            _ => Err(ExecutionError::function_error("count", "needs a list")),
        };
        let _ = context.add_function("count", count);
        Self(context)
    }
}

fn flatten(name: &str, values: &[Cel], all: &mut Vec<f64>) -> Result<(), ExecutionError> {
    for value in values {
        match value {
            Cel::List(list) => flatten(name, list, all)?,
            Cel::Float(number) => all.push(*number),
            #[allow(clippy::cast_precision_loss)]
            Cel::Int(number) => all.push(*number as f64),
            Cel::Bool(yes) => all.push(f64::from(u8::from(*yes))),
            other => {
                let why = format!("needs numbers, and got {}", other.type_of());
                return Err(ExecutionError::function_error(name, why));
            }
        }
    }
    Ok(())
}

/// A measured value as CEL has it.
pub(super) fn to_cel(value: &Value) -> Cel {
    match value {
        Value::Bool(yes) => Cel::Bool(*yes),
        Value::Number(number) => Cel::Float(*number),
        Value::Text(text) => Cel::String(Arc::new(text.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[f64]) -> Cel {
        Cel::List(Arc::new(values.iter().copied().map(Cel::Float).collect()))
    }

    fn run(text: &str, inputs: Vec<(&str, Cel)>) -> Result<Value, String> {
        let names: Vec<String> = inputs.iter().map(|(name, _)| (*name).to_owned()).collect();
        Expr::parse(text, &names)?.evaluate(&Functions::default(), inputs)
    }

    #[test]
    fn arithmetic_conditions_and_lists() {
        let p = || vec![("p", list(&[1.0, 2.0, 6.0]))];
        for (text, expected) in [
            ("sum(p)", Value::Number(9.0)),
            ("avg(p)", Value::Number(3.0)),
            ("min(p) + max(p)", Value::Number(7.0)),
            ("count(p) * 2", Value::Number(6.0)),
            ("count(p.filter(x, x > 1))", Value::Number(2.0)),
            ("sum(p.map(x, x * 2 + 1))", Value::Number(21.0)),
            ("p.exists(x, x > 5) ? 'high' : 'ok'", Value::Text("high".into())),
            ("p.all(x, x >= 1)", Value::Bool(true)),
            ("size(p) > 2", Value::Bool(true)),
            ("p[0] - 3", Value::Number(-2.0)),
            ("round(avg(p) / 7 * 100)", Value::Number(43.0)),
            ("abs(min(p, -4))", Value::Number(4.0)),
        ] {
            assert_eq!(run(text, p()), Ok(expected), "{text}");
        }
        let door = vec![("door", Cel::String(Arc::new("open".into())))];
        assert_eq!(run("door == 'open'", door), Ok(Value::Bool(true)));
    }

    #[test]
    fn what_has_no_value_is_told() {
        let p = || vec![("p", list(&[]))];
        assert!(run("avg(p)", p()).unwrap_err().contains("no values"));
        assert_eq!(run("sum(p)", p()), Ok(Value::Number(0.0)));
        assert!(run("1 / sum(p)", p()).unwrap_err().contains("finite"));
        assert!(run("p", p()).unwrap_err().contains("one value"));
        let text = vec![("d", Cel::String(Arc::new("x".into())))];
        assert!(run("d * 2", text.clone()).is_err());
        assert!(run("sum(d)", text).unwrap_err().contains("needs numbers"));
    }

    #[test]
    fn what_would_take_long_for_its_inputs_is_not_evaluated() {
        let p = || vec![("p", list(&[1.0; 5_000]))];
        assert_eq!(run("count(p.filter(x, x > 0))", p()), Ok(Value::Number(5_000.0)));
        for text in ["count(p.filter(x, x in p))", "sum(p.map(x, [p, p, p, p]))"] {
            assert!(run(text, p()).unwrap_err().contains("steps"), "{text}");
        }
        let text = |bytes: usize| vec![("t", Cel::String(Arc::new("x".repeat(bytes))))];
        assert_eq!(run("t + t", text(512)), Ok(Value::Text("x".repeat(1_024))));
        assert!(run("t + t", text(513)).unwrap_err().contains("1026 bytes"));
    }

    #[test]
    fn what_could_take_long_or_deep_is_refused() {
        let refuse = |text: &str| Expr::parse(text, &["p".to_owned()]).unwrap_err();
        assert!(refuse("p.map(x, p.map(y, x))").contains("inside another"));
        assert!(refuse("q + p").contains("\"q\" is no input"));
        assert!(refuse("1 + 1").contains("does not use"));
        assert!(refuse("p +").contains("not CEL"));
        assert!(refuse("").contains("not CEL"));
        assert!(refuse("{'a': p}").contains("map"));
        assert!(refuse(&"p+".repeat(1_000)).contains("1024"));
        for deep in [
            format!("p{}", "+p".repeat(200)),
            format!("{}p{}", "[".repeat(250), "]".repeat(250)),
            format!("{}p", "p?p:".repeat(200)),
            "p".to_owned() + &".p".repeat(500),
            "(".repeat(1_000),
        ] {
            assert!(Expr::parse(&deep, &["p".to_owned()]).is_err(), "{deep}");
        }
        // Brackets and signs around one value leave no trace, or little: any answer will do,
        // on the stack of a test.
        for deep in [
            format!("{}p{}", "(".repeat(MAX_NODES), ")".repeat(MAX_NODES)),
            format!("{}p", "-".repeat(MAX_NODES)),
            format!("{}p", "!".repeat(MAX_NODES)),
        ] {
            let _ = Expr::parse(&deep, &["p".to_owned()]);
        }
    }
}
