//! Writing ISO 10303-21 ("STEP") instance lines, one at a time, without keeping them.

use std::fmt::Write as _;
use std::io::{self, Write};

/// The number of an instance already written: `#12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ref(pub(crate) u64);

/// One attribute of an instance.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    /// `$`: no value.
    Null,
    /// `*`: derived by a subtype.
    Derived,
    Ref(Ref),
    Refs(Vec<Ref>),
    Text(String),
    /// `.NAME.`
    Enum(&'static str),
    Real(f64),
    Int(i64),
    Bool(bool),
    Reals(Vec<f64>),
    Ints(Vec<i64>),
    /// A list of coordinate lists, as in `IfcCartesianPointList3D`.
    Points(Vec<Vec<f64>>),
    /// A list of 1-based triangle corners, as in `IfcTriangulatedFaceSet`.
    Triangles(Vec<[u32; 3]>),
    /// A value of a select type: `IFCLABEL('x')`.
    Typed(&'static str, Box<Arg>),
}

impl Arg {
    /// An optional value, `$` where there is none.
    pub(crate) fn opt<T: Into<Arg>>(value: Option<T>) -> Arg {
        value.map_or(Arg::Null, Into::into)
    }
}

macro_rules! arg_from {
    ($($ty:ty => $variant:ident),* $(,)?) => {
        $(impl From<$ty> for Arg { fn from(value: $ty) -> Arg { Arg::$variant(value) } })*
    };
}
arg_from!(Ref => Ref, Vec<Ref> => Refs, String => Text, f64 => Real, i64 => Int, bool => Bool,
    Vec<f64> => Reals, Vec<i64> => Ints, Vec<Vec<f64>> => Points, Vec<[u32; 3]> => Triangles);

impl From<&str> for Arg {
    fn from(value: &str) -> Arg {
        Arg::Text(value.to_owned())
    }
}

/// Builds the attribute list of one instance out of mixed values.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::step::Arg::from($value)),*] };
}
pub(crate) use args;

/// Writes instances to any sink. The first failure is kept and returned by [`Step::finish`], so that
/// building code reads without a `?` on every line; nothing is written after it.
pub(crate) struct Step<'w> {
    out: &'w mut dyn Write,
    next: u64,
    line: String,
    failed: Option<io::Error>,
}

impl<'w> Step<'w> {
    /// Starts the file with its header.
    pub(crate) fn begin(out: &'w mut dyn Write, file_name: &str, description: &str) -> Self {
        let mut step = Step { out, next: 1, line: String::with_capacity(512), failed: None };
        step.line.push_str("ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION((");
        push_text(&mut step.line, description);
        step.line.push_str("),'2;1');\nFILE_NAME(");
        push_text(&mut step.line, file_name);
        // A fixed time stamp keeps the file the same from run to run.
        step.line.push_str(",'2025-01-01T00:00:00',('demo-campus'),('demo-campus'),'demo-campus','demo-campus','');\n");
        step.line.push_str("FILE_SCHEMA(('IFC4'));\nENDSEC;\nDATA;\n");
        step.flush_line();
        step
    }

    /// Writes one instance and returns its number.
    pub(crate) fn add(&mut self, entity: &str, args: &[Arg]) -> Ref {
        let id = self.next;
        self.next += 1;
        // Writing into a String cannot fail.
        let _ = write!(self.line, "#{id}={entity}(");
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.line.push(',');
            }
            push_arg(&mut self.line, arg);
        }
        self.line.push_str(");\n");
        self.flush_line();
        Ref(id)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The first error any write met.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.line.push_str("ENDSEC;\nEND-ISO-10303-21;\n");
        self.flush_line();
        match self.failed {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn flush_line(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.out.write_all(self.line.as_bytes())
        {
            self.failed = Some(error);
        }
        self.line.clear();
    }
}

fn push_arg(line: &mut String, arg: &Arg) {
    match arg {
        Arg::Null => line.push('$'),
        Arg::Derived => line.push('*'),
        Arg::Ref(Ref(id)) => {
            let _ = write!(line, "#{id}");
        }
        Arg::Refs(list) => push_list(line, list, |line, Ref(id)| {
            let _ = write!(line, "#{id}");
        }),
        Arg::Text(text) => push_text(line, text),
        Arg::Enum(name) => {
            let _ = write!(line, ".{name}.");
        }
        Arg::Real(value) => push_real(line, *value),
        Arg::Int(value) => {
            let _ = write!(line, "{value}");
        }
        Arg::Bool(value) => line.push_str(if *value { ".T." } else { ".F." }),
        Arg::Reals(list) => push_list(line, list, |line, value| push_real(line, *value)),
        Arg::Ints(list) => push_list(line, list, |line, value| {
            let _ = write!(line, "{value}");
        }),
        Arg::Points(list) => {
            push_list(line, list, |line, point| {
                push_list(line, point, |line, value| push_real(line, *value));
            });
        }
        Arg::Triangles(list) => push_list(line, list, |line, [a, b, c]| {
            let _ = write!(line, "({a},{b},{c})");
        }),
        Arg::Typed(name, value) => {
            line.push_str(name);
            line.push('(');
            push_arg(line, value);
            line.push(')');
        }
    }
}

fn push_list<T>(line: &mut String, list: &[T], mut push: impl FnMut(&mut String, &T)) {
    line.push('(');
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        push(line, item);
    }
    line.push(')');
}

/// A REAL needs its point: `3.`; a tenth of a millimetre is finer than anything built here, except
/// for angles and unit vectors, which are below one and get more digits.
fn push_real(line: &mut String, value: f64) {
    let start = line.len();
    let value = if value == 0.0 { 0.0 } else { value };
    let _ = if value.abs() < 1.0 { write!(line, "{value:.7}") } else { write!(line, "{value:.4}") };
    let trimmed = line[start..].trim_end_matches('0').len();
    line.truncate(start + trimmed);
    if &line[start..] == "-0." {
        line.truncate(start);
        line.push_str("0.");
    }
}

/// Text in apostrophes; what is not printable ASCII as `\X2\…\X0\` in UTF-16.
fn push_text(line: &mut String, text: &str) {
    line.push('\'');
    let mut wide = false;
    for c in text.chars() {
        let plain = matches!(c, ' '..='~');
        if plain == wide {
            line.push_str(if wide { "\\X0\\" } else { "\\X2\\" });
            wide = !wide;
        }
        match c {
            '\'' => line.push_str("''"),
            '\\' => line.push_str("\\\\"),
            _ if plain => line.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(line, "{unit:04X}");
                }
            }
        }
    }
    if wide {
        line.push_str("\\X0\\");
    }
    line.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(arg: Arg) -> String {
        let mut line = String::new();
        push_arg(&mut line, &arg);
        line
    }

    #[test]
    fn reals_keep_their_point_and_no_negative_zero() {
        assert_eq!(written(Arg::Real(3.0)), "3.");
        assert_eq!(written(Arg::Real(-0.000_000_01)), "0.");
        assert_eq!(written(Arg::Real(2.125)), "2.125");
        assert_eq!(written(Arg::Real(0.123_456_7)), "0.1234567");
    }

    #[test]
    fn text_is_escaped_as_part_21_says() {
        assert_eq!(written("it's a \\".into()), "'it''s a \\\\'");
        assert_eq!(written("一号 A".into()), "'\\X2\\4E0053F7\\X0\\ A'");
    }

    #[test]
    fn a_failing_sink_is_reported_once_at_the_end() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("disk full"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = Full;
        let mut step = Step::begin(&mut sink, "a.ifc", "");
        step.add("IFCDIRECTION", args![vec![1.0, 0.0]]);
        assert_eq!(step.finish().expect_err("the sink is full").to_string(), "disk full");
    }
}
