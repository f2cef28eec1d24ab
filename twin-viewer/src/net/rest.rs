//! REST, with errors as data: a panel shows what went wrong and what to do.

use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestInit, Response};

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// No answer: no network, or no server.
    #[error("no answer from {0}")]
    Unreachable(String),
    /// The server refused.
    #[error("{path}: {status} {message}")]
    Refused {
        /// What was asked for.
        path: String,
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The answer is not what this viewer understands.
    #[error("{path}: {reason}")]
    Unreadable {
        /// What was asked for.
        path: String,
        /// Why.
        reason: String,
    },
}

impl ApiError {
    /// Whether the thing asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// Longest wait for an answer, ms.
const TIMEOUT_MS: i32 = 30_000;

/// Fetches JSON.
pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, ApiError> {
    let (response, text) = fetch(path, &RequestInit::new()).await?;
    if !response.ok() {
        return Err(refused(path, &response, &text));
    }
    parse(path, &text)
}

/// Sends JSON and reads the answer.
pub async fn post<T: DeserializeOwned>(
    path: &str,
    body: &serde_json::Value,
) -> Result<T, ApiError> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(&body.to_string()));
    if let Ok(headers) = Headers::new() {
        // Fails only on names that are none.
        let _ = headers.set("content-type", "application/json");
        init.set_headers(&headers);
    }
    let (response, text) = fetch(path, &init).await?;
    if !response.ok() {
        return Err(refused(path, &response, &text));
    }
    parse(path, &text)
}

/// Fetches JSON that comes with a status of failure too, as from `/readyz`.
pub async fn get_whatever<T: DeserializeOwned>(path: &str) -> Result<T, ApiError> {
    let (_, text) = fetch(path, &RequestInit::new()).await?;
    parse(path, &text)
}

fn parse<T: DeserializeOwned>(path: &str, text: &str) -> Result<T, ApiError> {
    serde_json::from_str(text)
        .map_err(|error| ApiError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}

/// The answer and its text.
async fn fetch(path: &str, init: &RequestInit) -> Result<(Response, String), ApiError> {
    let unreachable = |_: JsValue| ApiError::Unreachable(path.to_owned());
    let window = web_sys::window().ok_or_else(|| unreachable(JsValue::NULL))?;
    let abort = AbortController::new().map_err(unreachable)?;
    init.set_signal(Some(&abort.signal()));
    let timer = {
        let stop = wasm_bindgen::closure::Closure::once_into_js(move || abort.abort());
        window
            .set_timeout_with_callback_and_timeout_and_arguments_0(stop.unchecked_ref(), TIMEOUT_MS)
            .map_err(unreachable)?
    };
    let answer = read(&window, path, init).await;
    window.clear_timeout_with_handle(timer);
    answer
}

async fn read(
    window: &web_sys::Window,
    path: &str,
    init: &RequestInit,
) -> Result<(Response, String), ApiError> {
    let unreachable = |_: JsValue| ApiError::Unreachable(path.to_owned());
    let response = JsFuture::from(window.fetch_with_str_and_init(path, init)).await;
    let response: Response = response.map_err(unreachable)?.unchecked_into();
    let text = JsFuture::from(response.text().map_err(unreachable)?).await.map_err(unreachable)?;
    Ok((response, text.as_string().unwrap_or_default()))
}

/// What a refusal says of itself.
fn refused(path: &str, response: &Response, text: &str) -> ApiError {
    let message = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|body| Some(body.get("message").or(body.get("error"))?.as_str()?.to_owned()))
        .unwrap_or_else(|| response.status_text());
    ApiError::Refused { path: path.to_owned(), status: response.status(), message }
}
