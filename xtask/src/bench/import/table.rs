//! What the runs came to, for people.
#![expect(clippy::print_stdout, reason = "a table to read is what this module makes")]

use serde::Serialize;

use super::Run;

const OURS: &str = "bim-import";

/// Our time over theirs, over the models that both did.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Ratio {
    /// The other tool.
    tool: &'static str,
    /// Which models.
    models: String,
    /// By the clock.
    wall: f64,
    /// By processor time.
    cpu: Option<f64>,
}

/// The sums over the shared models, and each synthetic one.
pub(super) fn ratios(runs: &[Run]) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    for tool in ["IfcOpenShell", "web-ifc"] {
        ratios.extend(ratio(tool, "all shared models", runs.iter().filter(|run| !run.synthetic)));
        for ours in runs.iter().filter(|run| run.synthetic && run.tool == OURS) {
            let same = runs.iter().filter(|run| run.model == ours.model);
            ratios.extend(ratio(tool, &ours.model, same));
        }
    }
    ratios
}

fn ratio<'a>(
    tool: &'static str,
    models: &str,
    runs: impl Iterator<Item = &'a Run> + Clone,
) -> Option<Ratio> {
    let (mut wall, mut cpu, mut pairs) = ([0.0; 2], [Some(0.0); 2], 0);
    for theirs in runs.clone().filter(|run| run.tool == tool) {
        let ours = runs.clone().find(|run| run.tool == OURS && run.model == theirs.model);
        let Some((ours, theirs)) = ours.and_then(|ours| ours.cost.zip(theirs.cost)) else {
            continue;
        };
        pairs += 1;
        for (n, cost) in [ours, theirs].into_iter().enumerate() {
            wall[n] += cost.wall_s;
            cpu[n] = cpu[n].zip(cost.cpu_s).map(|(sum, more)| sum + more);
        }
    }
    let cpu = cpu[0].zip(cpu[1]).map(|(ours, theirs)| ours / theirs);
    (pairs > 0).then(|| Ratio { tool, models: models.to_owned(), wall: wall[0] / wall[1], cpu })
}

/// Prints a line for each run and the ratios.
pub(super) fn print(runs: &[Run]) {
    println!(
        "\n  model                             tool             wall s    cpu s  peak MiB  elements  triangles"
    );
    for run in runs {
        let figure = |value: Option<f64>, places: usize| {
            value.map_or_else(|| "–".into(), |value| format!("{value:.places$}"))
        };
        println!(
            "  {:<33} {:<12} {:>10} {:>8} {:>9} {:>9} {:>10} {}",
            run.model,
            run.tool,
            figure(run.cost.map(|cost| cost.wall_s), 2),
            figure(run.cost.and_then(|cost| cost.cpu_s), 2),
            figure(run.cost.and_then(|cost| cost.peak_mib), 0),
            run.elements,
            run.triangles,
            run.failure.as_deref().unwrap_or_default(),
        );
    }
    println!("\n  our time over theirs               of                wall      cpu");
    for ratio in ratios(runs) {
        let cpu = ratio.cpu.map_or_else(|| "–".into(), |cpu| format!("{cpu:.2}"));
        println!("  {:<33} {:<12} {:>10.2} {cpu:>8}", ratio.models, ratio.tool, ratio.wall);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::import::measure::Cost;

    fn run(model: &str, tool: &'static str, wall_s: Option<f64>) -> Run {
        Run {
            model: model.into(),
            bytes: 1,
            synthetic: false,
            tool,
            cost: wall_s.map(|wall_s| Cost { wall_s, cpu_s: Some(wall_s * 2.0), peak_mib: None }),
            elements: 0,
            triangles: 0,
            failure: None,
        }
    }

    #[test]
    fn only_what_both_did_is_compared() {
        let runs = [
            run("a", OURS, Some(1.0)),
            run("a", "web-ifc", Some(4.0)),
            run("b", OURS, Some(100.0)),
            run("b", "web-ifc", None),
        ];
        let found = ratios(&runs);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].wall, found[0].cpu), (0.25, Some(0.25)));
    }
}
