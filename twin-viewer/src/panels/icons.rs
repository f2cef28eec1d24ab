//! Icons, inline so that they take the text's colour and size.

use leptos::prelude::*;
use twin_model::EntityKind;

macro_rules! icons {
    ($($name:literal)*) => {
        fn svg(name: &str) -> &'static str {
            match name {
                $($name => include_str!(concat!("../../assets/icons/", $name, ".svg")),)*
                _ => include_str!("../../assets/icons/element.svg"),
            }
        }
    };
}

icons! {
    "alert" "bolt" "brand" "building" "charger" "chevron" "close" "controller" "copy" "door"
    "element" "equipment" "fly" "help" "home" "isolate" "landmark" "layers" "lift" "list"
    "history" "meter" "offline" "pause" "people" "play" "pump" "question" "scene" "search" "sensor" "silent" "site"
    "space" "step" "step-back" "storey" "tree" "wait" "warn" "live" "zone"
}

/// An icon; decoration only, so the words stand beside it.
pub(crate) fn icon(name: &str) -> impl IntoView + use<> {
    view! { <span class="icon" aria-hidden="true" inner_html=svg(name)></span> }
}

/// The icon of a kind of entity.
pub(crate) fn kind_icon(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Project | EntityKind::Site => "site",
        EntityKind::Building => "building",
        EntityKind::Storey => "storey",
        EntityKind::Space => "space",
        EntityKind::Zone | EntityKind::System => "zone",
        EntityKind::Door | EntityKind::Window => "door",
        EntityKind::Lift => "lift",
        EntityKind::Meter => "meter",
        EntityKind::Sensor => "sensor",
        EntityKind::Controller => "controller",
        EntityKind::Pump => "pump",
        EntityKind::Charger => "charger",
        EntityKind::Landmark => "landmark",
        EntityKind::Equipment | EntityKind::Distribution => "equipment",
        _ => "element",
    }
}

/// The icon of a severity: each has its own shape.
pub(crate) fn severity_icon(severity: crate::store::Severity) -> &'static str {
    match severity {
        crate::store::Severity::High => "alert",
        crate::store::Severity::Medium => "warn",
        crate::store::Severity::Low => "silent",
    }
}

/// The icon of a quality named by [`super::ctx::Ctx::quality`].
pub(crate) fn quality_icon(quality: &str) -> &'static str {
    match quality {
        "good" => "live",
        "uncertain" => "question",
        "stale" => "silent",
        "bad" => "alert",
        _ => "wait",
    }
}
