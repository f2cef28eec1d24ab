//! What is looked at, how well it is, and what that means.

use hashbrown::HashSet;

use super::{
    facts::Facts,
    html::{Text, counted, escape, number, text},
    place, rows, words,
};
use crate::{
    imported::Note,
    report::{GraphReport, SourceReport},
};

/// How well something is; the order is that of urgency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Fine,
    Note,
    Look,
    Bad,
}

impl State {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Look => "look",
            Self::Bad => "bad",
        }
    }

    pub(super) fn word(self) -> Text {
        match self {
            Self::Fine => text("正常", "Fine"),
            Self::Note => text("说明", "Note"),
            Self::Look => text("请检查", "Check"),
            Self::Bad => text("缺失", "Missing"),
        }
    }

    /// A sign of its own shape, so that colour alone says nothing.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Fine => {
                r#"<svg class="sign" viewBox="0 0 28 28" aria-hidden="true"><circle cx="14" cy="14" r="12" fill="currentColor"/><path d="M8.5 14.5l3.8 3.8 7.4-8" fill="none" stroke="white" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>"#
            }
            Self::Note => {
                r#"<svg class="sign" viewBox="0 0 28 28" aria-hidden="true"><rect x="3" y="3" width="22" height="22" rx="5" fill="currentColor"/><path d="M14 12.6v7.2M14 8.2v.1" stroke="white" stroke-width="2.8" stroke-linecap="round"/></svg>"#
            }
            Self::Look => {
                r#"<svg class="sign" viewBox="0 0 28 28" aria-hidden="true"><path d="M14 2.6 26.4 24.6H1.6Z" fill="currentColor" stroke="currentColor" stroke-width="2" stroke-linejoin="round"/><path d="M14 11v6.2M14 21v.1" stroke="white" stroke-width="2.6" stroke-linecap="round"/></svg>"#
            }
            Self::Bad => {
                r#"<svg class="sign" viewBox="0 0 28 28" aria-hidden="true"><path d="M8.9 2h10.2L26 8.9v10.2L19.1 26H8.9L2 19.1V8.9Z" fill="currentColor"/><path d="M9.6 9.6l8.8 8.8M18.4 9.6l-8.8 8.8" stroke="white" stroke-width="2.6" stroke-linecap="round"/></svg>"#
            }
        }
    }
}

/// One thing that was looked at.
pub(super) struct Check {
    pub(super) state: State,
    pub(super) title: Text,
    pub(super) value: Text,
    pub(super) why: Text,
    pub(super) list: String,
}

/// Everything that is looked at; the most urgent first.
pub(super) fn all(facts: &Facts<'_>) -> Vec<Check> {
    let mut checks = vec![
        dropped(facts),
        approximated(facts),
        place::georeference(facts),
        units(facts),
        names(facts),
        boundaries(facts),
        shapeless(facts),
        duplicates(facts),
        exits(facts),
    ];
    // The first of those that are as urgent.
    checks.splice(0..0, cut_off(&facts.report.sources));
    checks.extend(clashes(facts));
    checks.extend(failed(facts));
    checks.extend(unseen(facts));
    checks.extend(merged(facts));
    checks.extend(remarks(facts));
    checks.sort_by_key(|check| std::cmp::Reverse(check.state));
    checks
}

/// Fine where there is none of something, else of another state.
fn found(count: usize, state: State) -> State {
    if count == 0 { State::Fine } else { state }
}

fn items(count: usize) -> Text {
    if count == 0 {
        text("无", "None")
    } else {
        text(format!("{} 个", number(count)), number(count))
    }
}

fn cut_off(sources: &[SourceReport]) -> Option<Check> {
    let found: Vec<_> = sources
        .iter()
        .filter_map(|source| Some((source.file.as_str(), source.cut_off_note()?.reason.as_str())))
        .collect();
    (!found.is_empty()).then(|| Check {
        state: State::Bad,
        title: text("被截断的文件", "Files that are cut off"),
        value: items(found.len()),
        why: text(
            "断点之后的内容不在场景中，缺失多少无从得知。请取得完整的文件后重新导入。",
            "What stood behind the break is not in the scene, and nobody can tell how much that is. Get the whole file, and import it again.",
        ),
        list: by_file(&found),
    })
}

/// What is wrong with each of some files.
fn by_file(files: &[(&str, &str)]) -> String {
    let line = |(file, why): &(&str, &str)| {
        format!("<li><p><b>{}</b> {}</p></li>", escape(file), words::reason(why).html())
    };
    format!("<ul class=\"reasons\">{}</ul>", files.iter().map(line).collect::<String>())
}

fn failed(facts: &Facts<'_>) -> Option<Check> {
    let failed: Vec<_> = facts
        .report
        .sources
        .iter()
        .filter_map(|source| Some((source.file.as_str(), source.error.as_deref()?)))
        .collect();
    (!failed.is_empty()).then(|| Check {
        state: State::Bad,
        title: text("无法读取的文件", "Files that could not be read"),
        value: items(failed.len()),
        why: text("这些文件的内容都不在场景中。", "Nothing of these files is in the scene."),
        list: by_file(&failed),
    })
}

fn dropped(facts: &Facts<'_>) -> Check {
    let count = facts.report.sources.iter().map(|source| source.dropped).sum();
    Check {
        state: found(count, State::Bad),
        title: text("缺失的构件", "Elements that are missing"),
        value: items(count),
        why: text(
            "文件中有几何、但未能画出或读入的构件，附原因与 GlobalId。",
            "What the file holds and the scene does not, each with its reason and GlobalId.",
        ),
        list: if count == 0 { String::new() } else { rows::groups(facts, &facts.drops) },
    }
}

fn drops<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Note> {
    facts.drops.iter().flat_map(|group| group.notes.iter().map(|(_, note)| *note))
}

fn unseen(facts: &Facts<'_>) -> Option<Check> {
    let missing: HashSet<&str> =
        drops(facts).filter_map(|note| note.global_id.as_deref()).collect();
    let ids = facts.report.tiles.undrawn.iter().map(String::as_str);
    let ids: Vec<&str> = ids.filter(|id| !missing.contains(id)).collect();
    let entities: Vec<_> = ids.iter().filter_map(|id| facts.by_id.get(id).copied()).collect();
    (!ids.is_empty()).then(|| Check {
        state: State::Look,
        title: text("读入但在三维中看不到的构件", "Elements read but not to be seen"),
        value: items(ids.len()),
        why: text(
            "坐标不可用，或小到画不出来。",
            "Their coordinates are of no use, or they are too small to be drawn.",
        ),
        list: rows::entities(facts, &entities),
    })
}

fn approximated(facts: &Facts<'_>) -> Check {
    let count = facts.report.sources.iter().map(|source| source.approximated).sum();
    Check {
        state: found(count, State::Look),
        title: text("近似的构件", "Elements drawn otherwise than written"),
        value: items(count),
        why: text(
            "已画出，但与文件所述不完全一致。",
            "They are in the picture, but not exactly as the file says.",
        ),
        list: if count == 0 { String::new() } else { rows::groups(facts, &facts.approximations) },
    }
}

fn units(facts: &Facts<'_>) -> Check {
    let mut units: Vec<&str> = facts
        .report
        .sources
        .iter()
        .map(|source| source.unit.as_str())
        .filter(|unit| !unit.is_empty())
        .collect();
    units.sort_unstable();
    units.dedup();
    let mixed = units.len() > 1;
    let value = if units.is_empty() {
        text("这些格式没有自己的长度单位", "The formats have none of their own")
    } else {
        text(units.join("、"), units.join(", "))
    };
    Check {
        state: if mixed { State::Note } else { State::Fine },
        title: text("长度单位", "Length units of the files"),
        value,
        why: text("场景统一为米。", "The scene counts in metres, whatever the files do."),
        list: String::new(),
    }
}

fn names(facts: &Facts<'_>) -> Check {
    Check {
        state: found(facts.unnamed.len(), State::Look),
        title: text(
            "没有名称的建筑、楼层与空间（建筑模型）",
            "Buildings, storeys and spaces without a name, in building models",
        ),
        value: items(facts.unnamed.len()),
        why: text(
            "没有名称就无法按名称查找或绑定，操作员也认不出。",
            "Nobody can find them, name them on the radio, or bind to them by name.",
        ),
        list: rows::entities(facts, &facts.unnamed),
    }
}

fn boundaries(facts: &Facts<'_>) -> Check {
    let count = facts.unbounded.len();
    let title = text("没有空间边界的空间", "Spaces without boundaries");
    if facts.spaces == 0 {
        return Check {
            state: State::Note,
            title,
            value: text("模型没有空间", "The model has no spaces"),
            why: text(
                "没有空间就没有按房间的读数、密度与疏散路径。",
                "Without spaces there are no readings by room, no density, no ways out.",
            ),
            list: String::new(),
        };
    }
    let of = text(
        format!("{} / {}", number(count), number(facts.spaces)),
        format!("{} of {}", number(count), number(facts.spaces)),
    );
    Check {
        state: found(count, State::Note),
        title,
        value: of,
        why: text(
            "它们的门由几何推断，而不是取自文件。",
            "Which doors lead into them is read off the geometry instead of the file.",
        ),
        list: rows::entities(facts, &facts.unbounded),
    }
}

fn shapeless(facts: &Facts<'_>) -> Check {
    Check {
        state: found(facts.shapeless.len(), State::Note),
        title: text(
            "自身与部件都没有几何的构件",
            "Elements without geometry, their own or of their parts",
        ),
        value: items(facts.shapeless.len()),
        why: text(
            "可以查找和绑定，但在三维中看不见。",
            "They can be found and bound, but not seen.",
        ),
        list: rows::entities(facts, &facts.shapeless),
    }
}

fn duplicates(facts: &Facts<'_>) -> Check {
    Check {
        state: found(facts.duplicates.len(), State::Look),
        title: text("重复的 GlobalId", "GlobalIds used twice in one file"),
        value: items(facts.duplicates.len()),
        why: text(
            "第二次出现的以 GlobalId~2 保存；建模软件应为每个对象给出唯一标识。",
            "The second use is kept as GlobalId~2; the authoring tool should give each object its own.",
        ),
        list: rows::entities(facts, &facts.duplicates),
    }
}

fn clashes(facts: &Facts<'_>) -> Option<Check> {
    (!facts.clashes.is_empty()).then(|| Check {
        state: State::Look,
        title: text("两个文件中同一 GlobalId 的不同对象", "One GlobalId, but not the same in two files"),
        value: items(facts.clashes.len()),
        why: text(
            "先前的文件也有它们的 GlobalId，但类别或位置不同；两者都在场景中，后者以 GlobalId~2 保存。若两个文件是同一模型的两个版本，请只导入其中一个。",
            "An earlier file has their GlobalIds, too, but of another class or in another place. Both are in the scene, the later one as GlobalId~2. If the files are two versions of one model, import one of them.",
        ),
        list: rows::clashes(facts, &facts.clashes),
    })
}

fn exits(facts: &Facts<'_>) -> Check {
    let graph = &facts.report.graph;
    let check = ways_out(graph, rows::causes(facts, &graph.causes));
    let is_cut_off = facts.report.sources.iter().any(|source| source.cut_off);
    if is_cut_off { in_part(check) } else { check }
}

/// What is found of the ways out where a file is cut off.
fn in_part(check: Check) -> Check {
    let Check { state, why, .. } = check;
    let why = text(
        format!("有文件被截断：部分空间、通道和出口可能缺失。{}", why.zh),
        format!("A file is cut off: spaces, ways and exits may be missing. {}", why.en),
    );
    Check { state: state.max(State::Look), why, ..check }
}

fn ways_out(graph: &GraphReport, list: String) -> Check {
    let title = text("疏散路径", "Ways out");
    if graph.spaces == 0 && !graph.is_partial {
        return without_spaces(graph, title, list);
    }
    let count = graph.unreachable.len();
    let say = text(
        format!(
            "{} 个空间到不了出口，共 {} 个空间、{} 个出口",
            number(count),
            number(graph.spaces),
            number(graph.exits)
        ),
        format!(
            "{} of {} no exit; {}",
            number(count),
            counted(graph.spaces, "space reaches", "spaces reach"),
            counted(graph.exits, "exit", "exits")
        ),
    );
    let state = if graph.is_partial { State::Look } else { found(count, State::Look) };
    let why = if graph.is_partial {
        text(
            "墙体多于导入程序所能查看的数量：部分通道和出口可能缺失。疏散演练不会把人算进下列空间；原因如下。",
            "There are more walls than the importer looks at: some ways and exits may be missing. A drill counts nobody in these spaces; the reasons stand below.",
        )
    } else {
        text(
            "疏散演练不会把人算进这些空间；原因如下。",
            "A drill counts nobody in these spaces; the reasons stand below.",
        )
    };
    Check { state, title, value: say, why, list }
}

/// Where there are no spaces, enclosed parts of storeys stand for them, if there are any.
fn without_spaces(graph: &GraphReport, title: Text, list: String) -> Check {
    let parts = graph.parts_of_storeys;
    let (value, why) = if parts == 0 && graph.unreachable.is_empty() {
        (
            text("模型没有空间", "The model has no spaces"),
            text(
                "没有空间就没有可走的路径：疏散演练无从进行。",
                "Without spaces there is nowhere to walk, and no drill.",
            ),
        )
    } else {
        let count = graph.unreachable.len();
        (
            text(
                format!("模型没有空间；{} 个楼层或楼层的部分到不了出口", number(count)),
                format!(
                    "The model has no spaces; {} no exit",
                    counted(
                        count,
                        "storey or part of one reaches",
                        "storeys or parts of them reach"
                    )
                ),
            ),
            text(
                "没有空间时，以楼层中围合的部分代替：没有按房间的路径。",
                "In place of spaces stand the enclosed parts of storeys: there are no ways from room to room.",
            ),
        )
    };
    Check { state: State::Note, title, value, why, list }
}

fn merged(facts: &Facts<'_>) -> Option<Check> {
    let count: usize = facts.merges.iter().map(|group| group.notes.len()).sum();
    (count > 0).then(|| Check {
        state: State::Note,
        title: text("文件之间的合并", "Shared between files"),
        value: items(count),
        why: text(
            "多个文件描述同一栋建筑时，共用的部分合而为一，取先前文件中的几何与属性。",
            "Where files describe one building, what they share stands once, as the earlier file has it.",
        ),
        list: rows::merges(facts, &facts.merges),
    })
}

fn remarks(facts: &Facts<'_>) -> Option<Check> {
    let count: usize = facts.notes.iter().map(|group| group.notes.len()).sum();
    (count > 0).then(|| Check {
        state: State::Note,
        title: text("其他说明", "Also worth knowing"),
        value: items(count),
        why: text("导入时的其他发现。", "What else the import came across."),
        list: rows::groups(facts, &facts.notes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_of_part_of_the_walls_is_never_fine() {
        let whole = GraphReport { spaces: 9, ..GraphReport::default() };
        assert!(ways_out(&whole, String::new()).state == State::Fine);
        let partial = ways_out(&GraphReport { is_partial: true, ..whole }, String::new());
        assert!(partial.state == State::Look);
        assert!(partial.why.en.contains("may be missing") && partial.why.zh.contains("可能缺失"));
        let whole = GraphReport { spaces: 9, ..GraphReport::default() };
        for graph in [whole, GraphReport::default()] {
            let cut = in_part(ways_out(&graph, String::new()));
            assert!(cut.state == State::Look && cut.why.en.contains("cut off"));
        }
    }
}
