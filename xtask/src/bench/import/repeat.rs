//! Makes a large IFC file of a small one: the same building again and again, side by
//! side in one project, with numbers and GlobalIds of its own each time.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// Copies in one row before the next row begins.
const PER_ROW: u64 = 10;
/// From one copy to the next, m.
const SPACING_M: f64 = 120.0;

/// A STEP file taken apart.
pub(super) struct Model<'a> {
    header: &'a str,
    records: Vec<Record<'a>>,
    /// Largest instance name.
    last: u64,
    project: Option<u64>,
    site: Option<Site<'a>>,
    /// Units of the file in a metre.
    per_metre: f64,
}

/// One record: `#name=KEYWORD(arguments)`, without the semicolon.
struct Record<'a> {
    name: u64,
    keyword: &'a str,
    text: &'a str,
}

/// What has to change to move a copy: the placement of its site.
struct Site<'a> {
    placement: u64,
    parent: &'a str,
    /// What stands behind the location in the site's axis placement.
    directions: [&'a str; 2],
    location: [f64; 3],
}

impl<'a> Model<'a> {
    /// Takes a file apart.
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let data = text.find("DATA;").context("it has no DATA section")? + "DATA;".len();
        let (header, body) = text.split_at(data);
        let records: Vec<Record<'_>> = statements(body).filter_map(record).collect();
        let last = records.iter().map(|record| record.name).max().context("it has no records")?;
        let named = |keyword: &str| records.iter().find(|record| record.keyword == keyword);
        let project = named("IFCPROJECT").map(|record| record.name);
        let by_name: HashMap<u64, &Record<'_>> =
            records.iter().map(|record| (record.name, record)).collect();
        let site = named("IFCSITE").and_then(|record| site(record, &by_name));
        let in_millimetres = text.contains(".MILLI.,.METRE.");
        let per_metre = if in_millimetres { 1_000.0 } else { 1.0 };
        Ok(Self { header, records, last, project, site, per_metre })
    }

    /// Writes copies until the file has so many bytes; returns how many there are.
    pub(super) fn write(&self, bytes: u64, out: &mut impl Write) -> io::Result<u64> {
        let mut written = self.header.len() as u64;
        out.write_all(self.header.as_bytes())?;
        out.write_all(b"\n")?;
        let mut copy = 0;
        while copy == 0 || written < bytes {
            let text = self.copy(copy);
            out.write_all(text.as_bytes())?;
            written += text.len() as u64;
            copy += 1;
        }
        out.write_all(b"ENDSEC;\nEND-ISO-10303-21;\n")?;
        Ok(copy)
    }

    fn copy(&self, copy: u64) -> String {
        // Two names more than the file has, for the place of the copy.
        let shift = copy * (self.last + 2);
        let rename = |name: u64| if Some(name) == self.project { name } else { name + shift };
        let mut text = String::with_capacity(self.records.iter().map(|r| r.text.len() + 4).sum());
        for record in &self.records {
            match &self.site {
                _ if copy > 0 && Some(record.name) == self.project => {}
                Some(site) if copy > 0 && record.name == site.placement => {
                    self.place(site, copy, shift, &mut text);
                }
                _ => {
                    rewrite(record.text, rename, copy, &mut text);
                    text.push_str(";\n");
                }
            }
        }
        text
    }

    fn place(&self, site: &Site<'_>, copy: u64, shift: u64, text: &mut String) {
        let step = SPACING_M * self.per_metre;
        let [x, y, z] = site.location;
        let (x, y) = (x + (copy % PER_ROW) as f64 * step, y + (copy / PER_ROW) as f64 * step);
        let (point, axes) = (self.last + 1, self.last + 2);
        let lines = format!(
            "#{point}=IFCCARTESIANPOINT(({x:?},{y:?},{z:?}));\n\
             #{axes}=IFCAXIS2PLACEMENT3D(#{point},{},{});\n\
             #{}=IFCLOCALPLACEMENT({},#{axes});\n",
            site.directions[0], site.directions[1], site.placement, site.parent,
        );
        rewrite(&lines, |name| name + shift, copy, text);
    }
}

fn site<'a>(site: &Record<'a>, by_name: &HashMap<u64, &Record<'a>>) -> Option<Site<'a>> {
    let follow = |argument: &str| by_name.get(&argument.strip_prefix('#')?.parse().ok()?);
    let placement = follow(arguments(site.text).get(5)?)?;
    let &[parent, axes] = arguments(placement.text).as_slice() else { return None };
    let axes = arguments(follow(axes)?.text);
    let point = follow(axes.first()?)?.text;
    let numbers = point[point.find("((")? + 2..].trim_end_matches([')', ' ']);
    let location: Vec<f64> =
        numbers.split(',').map(|number| number.trim().parse().unwrap_or_default()).collect();
    Some(Site {
        placement: placement.name,
        parent,
        directions: [axes.get(1)?, axes.get(2)?],
        location: location.try_into().ok()?,
    })
}

/// The statements of a section, without their semicolons.
fn statements(body: &str) -> impl Iterator<Item = &str> {
    let mut in_string = false;
    body.split(move |letter| {
        in_string ^= letter == '\'';
        letter == ';' && !in_string
    })
}

fn record(statement: &str) -> Option<Record<'_>> {
    let text = statement.trim();
    let (name, rest) = text.strip_prefix('#')?.split_once('=')?;
    let keyword = rest.trim_start().split('(').next()?.trim();
    Some(Record { name: name.trim().parse().ok()?, keyword, text })
}

/// The arguments of a record, split at its outermost commas.
fn arguments(record: &str) -> Vec<&str> {
    let Some((_, inside)) = record.split_once('(') else { return Vec::new() };
    let inside = inside.trim_end().strip_suffix(')').unwrap_or(inside);
    let (mut depth, mut in_string) = (0, false);
    let parts = inside.split(|letter| {
        in_string ^= letter == '\'';
        match letter {
            '(' if !in_string => depth += 1,
            ')' if !in_string => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0 && !in_string
    });
    parts.map(str::trim).collect()
}

/// Appends a record with its references renamed and, in a copy, its GlobalId replaced.
fn rewrite(record: &str, rename: impl Fn(u64) -> u64, copy: u64, out: &mut String) {
    let mut in_string = false;
    let mut rest = record;
    while let Some(at) = rest.find(['#', '\'']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = &from[1..];
        if from.starts_with('\'') {
            out.push('\'');
            let is_first = !in_string && before.ends_with('(');
            in_string = !in_string;
            if copy > 0 && is_first && rest.get(22..23) == Some("'") && is_global_id(&rest[..22]) {
                out.push_str(&global_id(&rest[..22], copy));
                rest = &rest[22..];
            }
        } else {
            out.push('#');
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            match rest[..digits].parse() {
                Ok(name) if !in_string => out.push_str(&rename(name).to_string()),
                _ => out.push_str(&rest[..digits]),
            }
            rest = &rest[digits..];
        }
    }
    out.push_str(rest);
}

/// The letters of a GlobalId, in the order of their values.
const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$";

fn is_global_id(text: &str) -> bool {
    text.bytes().all(|letter| LETTERS.contains(&letter))
}

/// Another GlobalId for the same thing in another copy.
fn global_id(original: &str, copy: u64) -> String {
    let hash = Sha256::new().chain_update(original).chain_update(copy.to_le_bytes()).finalize();
    // 128 bits in 22 letters: the first holds two of them.
    let letter = |(n, byte): (usize, &u8)| {
        let value = if n == 0 { byte & 3 } else { byte & 63 };
        char::from(LETTERS[usize::from(value)])
    };
    hash.iter().take(22).enumerate().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n\
        #1=IFCPROJECT('0dRKpJoajA$OtvzH4NdFr0',$,'it''s #3; not (cut)',$);\n\
        #2=IFCCARTESIANPOINT((1.,2.,3.));\n\
        #3= IFCAXIS2PLACEMENT3D(#2,$,#9);\n\
        #4=IFCLOCALPLACEMENT($,#3);\n\
        #5=IFCSITE('3uvHw2l7bB8O6tEkm4daL7',$,'Site',$,$,#4,$,$,.ELEMENT.,$,$,$,$,$);\n\
        #6=IFCRELAGGREGATES('1uvHw2l7bB8O6tEkm4daL7',$,$,$,#1,(#5));\n\
        #9=IFCDIRECTION((1.,0.,0.));\nENDSEC;\nEND-ISO-10303-21;\n";

    #[test]
    fn copies_share_the_project_and_nothing_else() {
        let model = Model::parse(SMALL).unwrap();
        let first = model.copy(0);
        assert!(first.contains("'it''s #3; not (cut)'"), "{first}");
        assert!(first.contains("#4=IFCLOCALPLACEMENT($,#3);"), "{first}");
        let second = model.copy(1);
        assert!(!second.contains("IFCPROJECT("));
        // Eleven names in a copy: nine, and two for its place.
        assert!(second.contains("#16=IFCSITE('"), "{second}");
        assert!(!second.contains("3uvHw2l7bB8O6tEkm4daL7"));
        assert!(second.contains(",#1,(#16));"), "{second}");
        assert!(second.contains("#21=IFCCARTESIANPOINT((121.0,2.0,3.0));"), "{second}");
        assert!(second.contains("#22=IFCAXIS2PLACEMENT3D(#21,$,#20);"), "{second}");
        assert!(second.contains("#15=IFCLOCALPLACEMENT($,#22);"), "{second}");
        assert_eq!(model.copy(1), second);
        assert_ne!(global_id("3uvHw2l7bB8O6tEkm4daL7", 1), global_id("3uvHw2l7bB8O6tEkm4daL7", 2));
    }

    #[test]
    fn a_file_grows_to_its_size() {
        let model = Model::parse(SMALL).unwrap();
        let mut out = Vec::new();
        let copies = model.write(2_000, &mut out).unwrap();
        assert!(copies > 2 && out.len() > 2_000 && out.len() < 3_000, "{copies} {}", out.len());
        assert!(out.ends_with(b"END-ISO-10303-21;\n"));
        assert!(Model::parse("nothing").is_err());
    }
}
