//! The bar of a replay: which moment is shown, and how its time runs. It stands under the
//! scene for as long as what is shown is not the present.

use leptos::{ev, prelude::*};
use twin_protocol::ClockAction;

use super::{ctx::Ctx, icons::icon, room, top_bar::zone_minutes};
use crate::{store::RoomClock, text};

/// Speeds to choose from; the server takes any from -16 to 600.
const SPEEDS: [f32; 10] = [-16.0, -4.0, -1.0, 1.0, 2.0, 4.0, 16.0, 60.0, 300.0, 600.0];

pub(crate) fn replay_bar(ctx: Ctx) -> impl IntoView {
    let shown = Memo::new(move |_| ctx.replay.with(Option::is_some));
    move || {
        shown.get().then(|| {
            view! {
                <section
                    class="panel replay"
                    data-testid="replay"
                    aria-label=move || ctx.t("replay.title")
                >
                    {buttons(ctx)}
                    {moment(ctx)}
                    {line(ctx)}
                    {speed(ctx)}
                    <button class="button live-again" data-testid="back-to-live" on:click=move |_| room::leave(ctx)>
                        {icon("live")}{move || ctx.t("replay.leave")}
                    </button>
                </section>
            }
        })
    }
}

fn paused(ctx: Ctx) -> bool {
    ctx.replay.with(|clock| clock.as_ref().is_some_and(RoomClock::paused))
}

fn buttons(ctx: Ctx) -> impl IntoView {
    let button = move |name: &'static str, key: &'static str, act: fn(Ctx)| {
        view! {
            <button
                class="button square"
                data-testid=key
                aria-label=move || ctx.t(key)
                title=move || ctx.t(key)
                on:click=move |_| act(ctx)
            >
                {icon(name)}
            </button>
        }
    };
    let play = move || {
        let (name, key) =
            if paused(ctx) { ("play", "replay.play") } else { ("pause", "replay.pause") };
        view! {
            <button
                class="button square play"
                data-testid="replay.toggle"
                aria-label=ctx.t(key)
                title=ctx.t(key)
                on:click=move |_| room::toggle(ctx)
            >
                {icon(name)}
            </button>
        }
    };
    view! {
        <div class="replay-buttons">
            {button("step-back", "replay.back", |ctx| room::control(ctx, ClockAction::StepBack))}
            {play}
            {button("step", "replay.next", |ctx| room::control(ctx, ClockAction::StepForward))}
        </div>
    }
}

/// The time shown, large, and what stands about it.
fn moment(ctx: Ctx) -> impl IntoView {
    let parts = move || {
        let full = text::date_time(ctx.clock.get(), zone_minutes());
        let (date, time) = full.split_once(' ').unwrap_or((&full, ""));
        (date.to_owned(), time.to_owned())
    };
    let note = move || {
        ctx.replay.with(|clock| clock.as_ref().map(|c| c.note().to_owned())).unwrap_or_default()
    };
    view! {
        <div class="replay-moment" role="status" title=note>
            <time class="replay-time" data-testid="replay.time">{move || parts().1}</time>
            <span class="replay-date">{move || parts().0}</span>
        </div>
    }
}

/// The line of time: where on it the room stands, and where to go by pulling.
fn line(ctx: Ctx) -> impl IntoView {
    // While it is pulled it follows the hand, not the clock.
    let pulled = RwSignal::new(None::<i64>);
    let range = move || {
        let range = ctx.replay.with(|clock| clock.as_ref().and_then(RoomClock::range_ms));
        range.unwrap_or([ctx.clock.get_untracked(); 2])
    };
    // Seconds from the start: a slider's numbers must stay small to be exact.
    let secs = move |ms: i64| (ms - range()[0]) / 1_000;
    let value = move || secs(pulled.get().unwrap_or_else(|| ctx.clock.get())).to_string();
    let asked = move |event: &ev::Event| {
        event_target_value(event).parse::<i64>().ok().map(|secs| range()[0] + secs * 1_000)
    };
    let label = move |ms: i64| text::date_time(ms, zone_minutes());
    let spoken = move || label(pulled.get().unwrap_or_else(|| ctx.clock.get()));
    view! {
        <div class="replay-line">
            <input
                type="range"
                min="0"
                step="1"
                max=move || secs(range()[1]).max(1).to_string()
                prop:value=value
                data-testid="replay.line"
                aria-label=move || ctx.t("replay.line")
                aria-valuetext=spoken
                on:input=move |event| pulled.set(asked(&event))
                on:change=move |event| {
                    if let Some(ms) = asked(&event) {
                        room::control(ctx, ClockAction::Seek(ms));
                    }
                    pulled.set(None);
                }
            />
            <div class="replay-ends">
                <span>{move || label(range()[0])}</span>
                <span class="replay-pulled">{move || pulled.get().map(label)}</span>
                <span>{move || label(range()[1])}</span>
            </div>
        </div>
    }
}

fn speed(ctx: Ctx) -> impl IntoView {
    let now = move || ctx.replay.with(|clock| clock.as_ref().map_or(1.0, RoomClock::speed));
    let options = move || {
        let mut speeds = SPEEDS.to_vec();
        // Another screen in the room may have chosen one that is not on our list.
        if !speeds.contains(&now()) {
            speeds.push(now());
            speeds.sort_by(f32::total_cmp);
        }
        speeds
            .into_iter()
            .map(|speed| {
                let words = format!("{}{}×", if speed < 0.0 { "−" } else { "" }, speed.abs());
                view! { <option value=speed.to_string() selected=move || speed == now()>{words}</option> }
            })
            .collect_view()
    };
    view! {
        <label class="replay-speed">
            <span class="visually-hidden">{move || ctx.t("replay.speed")}</span>
            <select
                data-testid="replay.speed"
                title=move || ctx.t("replay.speed")
                on:change=move |event| {
                    if let Ok(speed) = event_target_value(&event).parse() {
                        room::control(ctx, ClockAction::Speed(speed));
                    }
                }
            >
                {options}
            </select>
        </label>
    }
}
