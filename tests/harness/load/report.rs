//! What the measurements say: ratios of neighbours in time, with their spread.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    cell::{Load, Measured},
    cpu, systems,
};

/// Whose cost is 1.
const YARDSTICKS: [&str; 2] = ["mosquitto", "nats"];

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// Which round.
    pub repetition: usize,
    /// What was measured.
    pub contender: &'static str,
    /// Under what.
    pub load: Load,
    /// What was found.
    pub measured: Measured,
}

impl Run {
    /// For whoever watches.
    pub fn line(&self) -> String {
        let found = &self.measured;
        format!(
            "{} {}: {}: {:.3} s CPU in {:.1} s, {:.2} us/update, p99 {:.1} ms, lost {}, twice {}, \
             out of order {}, generator {:.0} %",
            self.repetition + 1,
            self.load,
            self.contender,
            found.cpu_secs,
            found.window_secs,
            found.cpu_us_per_update,
            found.p99_ms,
            found.lost,
            found.duplicates,
            found.reordered,
            found.generator_share * 100.0,
        )
    }
}

/// All measurements of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order they were made.
    pub runs: Vec<Run>,
    processor: String,
    versions: Vec<String>,
}

/// Median, least and most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of some numbers; absent where there are none.
    pub fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let (least, most) = (*numbers.first()?, *numbers.last()?);
        let (low, high) = (numbers[(numbers.len() - 1) / 2], numbers[numbers.len() / 2]);
        Some(Self { median: f64::midpoint(low, high), least, most })
    }

    fn show(self, digits: usize) -> String {
        let Self { median, least, most } = self;
        format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}

/// One contender under one load.
#[derive(Clone, Debug, Serialize)]
struct Cell {
    contender: &'static str,
    load: Load,
    cpu_us_per_update: Option<Spread>,
    /// CPU time for the same load, by that of the yardstick, in the same round. A yardstick
    /// that does not keep up is charged for what it has not delivered yet.
    cpu_ratio: Vec<(&'static str, Option<Spread>)>,
    /// CPU time for each delivered update, by that of the yardstick, in the same round.
    cpu_per_update_ratio: Vec<(&'static str, Option<Spread>)>,
    bytes_ratio: Vec<(&'static str, Option<Spread>)>,
    p50_ms: Option<Spread>,
    p99_ms: Option<Spread>,
    lost: u64,
    lost_share: f64,
    duplicates: u64,
    reordered: u64,
    bytes_per_s_per_viewer: f64,
    generator_share: f64,
    resident_mib: f64,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { runs: Vec::new(), processor: cpu::describe(), versions: systems::versions() }
    }

    /// Everything, for programs.
    pub fn to_json(&self) -> Value {
        json!({
            "processor": self.processor,
            "versions": self.versions,
            "cells": self.cells(),
            "runs": self.runs,
        })
    }

    fn cells(&self) -> Vec<Cell> {
        let mut keys: Vec<(Load, &'static str)> = Vec::new();
        for run in &self.runs {
            if !keys.contains(&(run.load, run.contender)) {
                keys.push((run.load, run.contender));
            }
        }
        keys.sort_by_key(|(load, name)| {
            (load.hz, load.viewers, self.runs.iter().position(|run| run.contender == *name))
        });
        keys.into_iter().map(|(load, name)| self.cell(load, name)).collect()
    }

    fn of(&self, load: Load, name: &str) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.load == load && run.contender == name)
    }

    fn spread(&self, load: Load, name: &str, what: fn(&Measured) -> f64) -> Option<Spread> {
        Spread::of(self.of(load, name).map(|run| what(&run.measured)).collect())
    }

    /// Ratios within a round: what disturbs the machine disturbs both. `ours` of the one is
    /// set beside `theirs` of the yardstick.
    fn ratios(
        &self,
        load: Load,
        name: &str,
        ours: fn(&Measured) -> f64,
        theirs: fn(&Measured) -> f64,
    ) -> Vec<(&'static str, Option<Spread>)> {
        let by = |yardstick: &'static str| {
            let ratios = self.of(load, name).filter_map(|run| {
                let other =
                    self.of(load, yardstick).find(|other| other.repetition == run.repetition)?;
                Some(ours(&run.measured) / theirs(&other.measured))
            });
            (yardstick, Spread::of(ratios.collect()))
        };
        YARDSTICKS.into_iter().filter(|yardstick| *yardstick != name).map(by).collect()
    }

    fn cell(&self, load: Load, contender: &'static str) -> Cell {
        let sum = |what: fn(&Measured) -> u64| {
            self.of(load, contender).map(|run| what(&run.measured)).sum()
        };
        let median = |what| self.spread(load, contender, what).map_or(0.0, |found| found.median);
        Cell {
            contender,
            load,
            cpu_us_per_update: self.spread(load, contender, |found| found.cpu_us_per_update),
            cpu_ratio: self.ratios(
                load,
                contender,
                |ours| ours.cpu_us_per_offered,
                |theirs| theirs.cpu_us_per_update,
            ),
            cpu_per_update_ratio: self.ratios(
                load,
                contender,
                |ours| ours.cpu_us_per_update,
                |theirs| theirs.cpu_us_per_update,
            ),
            bytes_ratio: self.ratios(
                load,
                contender,
                |ours| ours.bytes_per_offered,
                |theirs| theirs.bytes as f64 / theirs.delivered.max(1) as f64,
            ),
            p50_ms: self.spread(load, contender, |found| found.p50_ms),
            p99_ms: self.spread(load, contender, |found| found.p99_ms),
            lost: sum(|found| found.lost),
            lost_share: median(|found| found.lost_share),
            duplicates: sum(|found| found.duplicates),
            reordered: sum(|found| found.reordered),
            bytes_per_s_per_viewer: median(|found| found.bytes as f64 / found.window_secs)
                / load.viewers as f64,
            generator_share: median(|found| found.generator_share),
            resident_mib: median(|found| found.resident_kib as f64 / 1024.0),
        }
    }

    /// A table for people, in Markdown.
    pub fn table(&self) -> String {
        let mut out = String::from(
            "| load | contender | CPU µs/update | CPU/update ÷ mosquitto | ÷ nats | CPU ÷ mosquitto \
             | bytes ÷ mosquitto | p50 ms | p99 ms | lost | twice | out of order | kB/s/viewer \
             | generator | RSS MiB |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        let show = |spread: Option<Spread>, digits| {
            spread.map_or_else(String::new, |spread| spread.show(digits))
        };
        for cell in self.cells() {
            let by = |ratios: &[(&str, Option<Spread>)], name: &str| {
                let found = ratios.iter().find(|(yardstick, _)| *yardstick == name);
                show(found.and_then(|(_, spread)| *spread), 2)
            };
            let _ = writeln!(
                out,
                "| {} x {} Hz, {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} \
                 | {:.0} % | {:.0} |",
                cell.load.points,
                cell.load.hz,
                cell.load.viewers,
                cell.contender,
                show(cell.cpu_us_per_update, 2),
                by(&cell.cpu_per_update_ratio, "mosquitto"),
                by(&cell.cpu_per_update_ratio, "nats"),
                by(&cell.cpu_ratio, "mosquitto"),
                by(&cell.bytes_ratio, "mosquitto"),
                cell.p50_ms.map_or_else(String::new, |found| format!("{:.1}", found.median)),
                cell.p99_ms.map_or_else(String::new, |found| format!("{:.1}", found.median)),
                percent(cell.lost, cell.lost_share),
                cell.duplicates,
                cell.reordered,
                cell.bytes_per_s_per_viewer / 1000.0,
                cell.generator_share * 100.0,
                cell.resident_mib,
            ); // a String takes every write
        }
        out
    }

    /// The goals that are missed, one line each; nothing where all hold.
    pub fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        for cell in self.cells() {
            let (lossless, ours) = (
                cell.contender == "twin lossless",
                ["twin lossless", "twin 10 Hz"].contains(&cell.contender),
            );
            if !ours {
                continue;
            }
            let (goal, ratios) = if lossless {
                (1.0, vec![("CPU per update", &cell.cpu_per_update_ratio)])
            } else {
                (0.2, vec![("CPU", &cell.cpu_ratio), ("bytes", &cell.bytes_ratio)])
            };
            for (what, ratios) in ratios {
                for (yardstick, spread) in ratios {
                    let Some(spread) = spread.filter(|spread| spread.median > goal) else {
                        continue;
                    };
                    missed.push(format!(
                        "{}: {}: {what} is {} of {yardstick}'s; the goal is {goal}",
                        cell.load,
                        cell.contender,
                        spread.show(2)
                    ));
                }
            }
            let (lost, twice, mixed) = (cell.lost, cell.duplicates, cell.reordered);
            if lost + twice + mixed > 0 {
                missed.push(format!(
                    "{}: {}: {lost} lost, {twice} twice, {mixed} out of order; the goal is none",
                    cell.load, cell.contender,
                ));
            }
        }
        missed
    }
}

fn percent(count: u64, share: f64) -> String {
    if count == 0 { "0".to_owned() } else { format!("{count} ({:.1} %)", share * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_hold_what_they_are_of() {
        assert_eq!(Spread::of(vec![]), None);
        let spread = Spread::of(vec![3.0, 1.0, 2.0, 8.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.5, least: 1.0, most: 8.0 });
        assert_eq!(spread.show(1), "2.5 (1.0–8.0)");
    }
}
