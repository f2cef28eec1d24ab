//! `/api/v1/rooms`: the present, replays, and their clocks.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Json, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use twin_protocol::{ClockMode, ErrorCode, json};
use utoipa::ToSchema;

use super::{App, error::ApiError};
use crate::rooms::{Replay, Room, RoomError};

/// The header that carries the key of a locked room.
const KEY_HEADER: &str = "x-room-key";

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomInfo {
    /// Its name in addresses and messages; `live` is the present.
    id: String,
    /// Its name for people.
    name: String,
    clock: ClockInfo,
    /// Who is in it.
    members: Vec<MemberInfo>,
    /// Whether it stays when it is empty.
    pinned: bool,
    /// Whether its clock takes a key.
    locked: bool,
    /// Told once, to whoever made a locked room.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// The run of the sequence its members are in; another one after each jump.
    epoch: String,
    /// Points with a value.
    points: usize,
    /// Points of the recording whose entity is not in the scene any more.
    foreign_points: usize,
}

/// A clock.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClockInfo {
    /// `live` or `replay`.
    #[schema(value_type = String)]
    mode: ClockMode,
    /// What the room showed …
    #[schema(value_type = String, format = DateTime)]
    t: Timestamp,
    /// … at this time of the server's clock.
    #[schema(value_type = String, format = DateTime)]
    server_time: Timestamp,
    /// Seconds of the room in a second; negative: backwards.
    speed: f32,
    paused: bool,
    /// First and last moment; absent where it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    range: Option<[Timestamp; 2]>,
    /// Why it stopped, or how far a step has searched.
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
}

/// Someone in a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberInfo {
    /// `postcard`, `postcard.deflate`, `json` or `events`.
    format: &'static str,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Rooms, the present first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomList {
    items: Vec<RoomInfo>,
}

/// A replay to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewRoom {
    /// Name for people.
    name: String,
    /// First moment, RFC 3339; absent: where the recording begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Last moment; absent: where the recording ends now.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Where to begin; absent: at the first moment.
    #[schema(value_type = Option<String>, format = DateTime)]
    t: Option<Timestamp>,
    /// Seconds of the room in a second, -16 to 600; absent: 1.
    speed: Option<f32>,
    /// Whether it plays at once.
    playing: bool,
    /// Whether it stays when it is empty.
    pinned: bool,
    /// Whether its clock takes a key, which the answer tells.
    locked: bool,
    /// Entities whose events steps go to, with everything below; absent: the whole scene.
    entities: Option<Vec<String>>,
}

/// What to change; done in the order of the fields.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RoomPatch {
    /// Whether it stays when it is empty.
    pinned: Option<bool>,
    /// Seconds of the room in a second, -16 to 600.
    speed: Option<f32>,
    /// Jumps to a time, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    t: Option<Timestamp>,
    /// `next` or `previous`: jumps to that event and pauses there.
    step: Option<StepTo>,
    /// Stops it, or lets it run.
    paused: Option<bool>,
}

/// Which event.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StepTo {
    /// The next one.
    Next,
    /// The one before.
    Previous,
}

impl RoomInfo {
    fn new(room: &Room, key: Option<String>) -> Self {
        let view = room.view();
        let clock = view.clock;
        let live = clock.mode == ClockMode::Live;
        let now = Timestamp::now();
        Self {
            id: room.id().to_owned(),
            name: room.name().to_owned(),
            clock: ClockInfo {
                mode: clock.mode,
                t: if live { now } else { clock.time },
                server_time: if live { now } else { clock.server_time },
                speed: clock.speed,
                paused: clock.paused,
                range: clock.range,
                note: clock.note,
            },
            members: room
                .members()
                .into_iter()
                .map(|member| MemberInfo { format: member.format, since: member.since })
                .collect(),
            pinned: room.pinned(),
            locked: room.locked(),
            key,
            created: room.created(),
            epoch: view.channel.live().epoch().to_owned(),
            points: view.channel.live().len(),
            foreign_points: view.foreign_points,
        }
    }
}

impl From<RoomError> for ApiError {
    fn from(error: RoomError) -> Self {
        let message = error.to_string();
        match error.code() {
            ErrorCode::UnknownRoom => Self::not_found(message),
            ErrorCode::Forbidden => Self::forbidden(message),
            ErrorCode::Unavailable => Self::unavailable(message),
            ErrorCode::Unsupported => Self::not_implemented(message),
            _ => Self::bad_request(message),
        }
    }
}

/// A room by its id.
pub(crate) fn find(app: &App, id: &str) -> Result<Arc<Room>, ApiError> {
    let unknown = || RoomError::Unknown { room: id.to_owned() }.into();
    app.hub.rooms().get(id).ok_or_else(unknown)
}

/// A body in JSON, with our error where it is none.
#[derive(Debug)]
pub(crate) struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Json::from_request(request, state).await;
        body.map(|Json(body)| Self(body)).map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

fn key(headers: &HeaderMap) -> &str {
    headers.get(KEY_HEADER).and_then(|key| key.to_str().ok()).unwrap_or_default()
}

/// All rooms, the present first.
#[utoipa::path(get, path = "/api/v1/rooms", tag = "rooms", responses(
    (status = 200, description = "Rooms", body = RoomList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<RoomList> {
    let rooms = app.hub.rooms().list();
    Json(RoomList { items: rooms.iter().map(|room| RoomInfo::new(room, None)).collect() })
}

/// Makes a room that replays a part of the recording. It stands at its first moment until
/// somebody plays it, unless told otherwise.
#[utoipa::path(post, path = "/api/v1/rooms", tag = "rooms", request_body = NewRoom, responses(
    (status = 201, description = "The room", body = RoomInfo),
    (status = 400, description = "Nothing to replay in that range",
        body = super::error::ErrorBody),
    (status = 403, description = "Page of a foreign origin", body = super::error::ErrorBody),
    (status = 501, description = "No history is kept", body = super::error::ErrorBody),
    (status = 503, description = "As many rooms as may be, or the history does not answer",
        body = super::error::ErrorBody)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(new): Body<NewRoom>,
) -> Result<Response, ApiError> {
    app.guard.check_origin(&headers)?;
    let NewRoom { name, from, to, t, speed, playing, pinned, locked, entities } = new;
    if name.len() > 200 {
        return Err(ApiError::bad_request("the name has more than 200 bytes"));
    }
    let replay = Replay { name, from, to, at: t, speed, playing, pinned, locked, entities };
    let room = app.hub.rooms().create(replay).await?;
    let info = RoomInfo::new(&room, room.key().map(str::to_owned));
    Ok((StatusCode::CREATED, Json(info)).into_response())
}

/// One room with its clock and who is in it.
#[utoipa::path(get, path = "/api/v1/rooms/{id}", tag = "rooms",
    params(("id" = String, Path, description = "Which room")), responses(
    (status = 200, description = "The room", body = RoomInfo),
    (status = 404, description = "No such room", body = super::error::ErrorBody)))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<RoomInfo>, ApiError> {
    Ok(Json(RoomInfo::new(&*find(&app, &id)?, None)))
}

/// Changes a replay: plays it, stops it, turns it, jumps to a time or to an event.
#[utoipa::path(patch, path = "/api/v1/rooms/{id}", tag = "rooms", request_body = RoomPatch,
    params(("id" = String, Path, description = "Which room"),
        ("x-room-key" = Option<String>, Header, description = "Key of a locked room")),
    responses(
    (status = 200, description = "The room, changed", body = RoomInfo),
    (status = 400, description = "Not a speed", body = super::error::ErrorBody),
    (status = 403, description = "The room takes a key", body = super::error::ErrorBody),
    (status = 404, description = "No such room", body = super::error::ErrorBody),
    (status = 501, description = "The present", body = super::error::ErrorBody),
    (status = 503, description = "Busy, or the history does not answer",
        body = super::error::ErrorBody)))]
pub(crate) async fn patch(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(patch): Body<RoomPatch>,
) -> Result<Json<RoomInfo>, ApiError> {
    app.guard.check_origin(&headers)?;
    let room = find(&app, &id)?;
    if let Some(pinned) = patch.pinned {
        room.check_key(key(&headers))?;
        room.pin(pinned);
    }
    for action in actions(&patch) {
        let action = action.action().map_err(ApiError::bad_request)?;
        room.control(action, key(&headers)).await?;
    }
    Ok(Json(RoomInfo::new(&room, None)))
}

fn actions(patch: &RoomPatch) -> Vec<json::Control> {
    let action = |action| json::Control {
        action,
        t: patch.t,
        speed: patch.speed,
        back: matches!(patch.step, Some(StepTo::Previous)),
        key: String::new(),
    };
    let wanted = [
        (patch.speed.is_some(), json::Action::Speed),
        (patch.t.is_some(), json::Action::Seek),
        (patch.step.is_some(), json::Action::Step),
        (patch.paused == Some(true), json::Action::Pause),
        (patch.paused == Some(false), json::Action::Play),
    ];
    wanted.into_iter().filter(|(wanted, _)| *wanted).map(|(_, kind)| action(kind)).collect()
}

/// Ends a replay. Whoever is in it goes back to the present.
#[utoipa::path(delete, path = "/api/v1/rooms/{id}", tag = "rooms",
    params(("id" = String, Path, description = "Which room"),
        ("x-room-key" = Option<String>, Header, description = "Key of a locked room")),
    responses(
    (status = 204, description = "Gone"),
    (status = 403, description = "The room takes a key", body = super::error::ErrorBody),
    (status = 404, description = "No such room", body = super::error::ErrorBody),
    (status = 501, description = "The present", body = super::error::ErrorBody)))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    app.guard.check_origin(&headers)?;
    app.hub.rooms().remove(&id, key(&headers))?;
    Ok(StatusCode::NO_CONTENT)
}
