//! The Bevy app: what happens in a frame, in which order.

use bevy::{
    app::{App, Update},
    ecs::{
        schedule::IntoScheduleConfigs,
        system::{Res, ResMut},
    },
    prelude::Resource,
};

use super::{
    gesture::Input,
    render::{DrawPlugin, Picture},
    scene::{Arrival, Clock, Scene, Wake},
};
use crate::bridge;

/// What happened since the frame before; whoever runs the app fills it.
#[derive(Resource, Default)]
pub(super) struct Inbox {
    /// On the canvas.
    pub(super) inputs: Vec<Input>,
    /// From the network.
    pub(super) arrivals: Vec<Arrival>,
}

/// The app, without a device to draw with: [`super::render::Graphics::install`] adds it.
pub fn build() -> App {
    let mut app = App::new();
    app.add_plugins(DrawPlugin)
        .init_resource::<Scene>()
        .init_resource::<Inbox>()
        .init_resource::<Clock>()
        .init_resource::<Wake>()
        .add_systems(
            Update,
            (take_commands, take_arrivals, take_inputs, move_camera, paint, stream, point, compose)
                .chain(),
        );
    app
}

fn take_commands(
    mut scene: ResMut<'_, Scene>,
    mut picture: ResMut<'_, Picture>,
    clock: Res<'_, Clock>,
) {
    for command in bridge::take_commands() {
        scene.command(command, &mut picture, clock.now_ms);
    }
}

fn take_arrivals(
    mut scene: ResMut<'_, Scene>,
    mut inbox: ResMut<'_, Inbox>,
    clock: Res<'_, Clock>,
) {
    for arrival in inbox.arrivals.drain(..) {
        scene.arrive(arrival, clock.now_ms);
    }
}

fn take_inputs(mut scene: ResMut<'_, Scene>, mut inbox: ResMut<'_, Inbox>, clock: Res<'_, Clock>) {
    scene.input(std::mem::take(&mut inbox.inputs), &clock);
}

fn move_camera(mut scene: ResMut<'_, Scene>, clock: Res<'_, Clock>, mut wake: ResMut<'_, Wake>) {
    *wake = Wake::default();
    scene.drift(&clock, &mut wake);
}

fn paint(mut scene: ResMut<'_, Scene>, clock: Res<'_, Clock>) {
    scene.apply_paints(&clock);
}

fn stream(
    mut scene: ResMut<'_, Scene>,
    mut picture: ResMut<'_, Picture>,
    clock: Res<'_, Clock>,
    mut wake: ResMut<'_, Wake>,
) {
    scene.stream_tiles(&mut picture, &clock, &mut wake);
}

fn point(mut scene: ResMut<'_, Scene>) {
    scene.point();
}

fn compose(
    mut scene: ResMut<'_, Scene>,
    mut picture: ResMut<'_, Picture>,
    clock: Res<'_, Clock>,
    mut wake: ResMut<'_, Wake>,
) {
    scene.compose(&mut picture, &clock, &mut wake);
}
