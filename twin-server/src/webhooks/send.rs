//! One post over HTTP or HTTPS, signed.

use std::{error::Error as _, time::Duration};

use axum::http::{Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use ring::hmac;
use thiserror::Error;

use super::queue::Delivery;

/// How long a post may take, from the connection to the answer's first line.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a post was not taken.
#[derive(Debug, Error)]
pub enum SendError {
    /// The system has no certificates to trust.
    #[error("webhooks: reading the certificates to trust: {0}")]
    Certificates(std::io::Error),
    /// No connection, or it broke.
    #[error("{url}: {reason}")]
    Unreachable {
        /// Scheme and host.
        url: String,
        /// What happened.
        reason: String,
    },
    /// No answer in time.
    #[error("{url}: no answer within {} s", PATIENCE.as_secs())]
    Slow {
        /// Scheme and host.
        url: String,
    },
    /// Another answer than a success.
    #[error("{url}: answered {status}{}", if status.is_redirection() {
        "; redirects are not followed, configure the address they lead to"
    } else {
        ""
    })]
    Refused {
        /// Scheme and host.
        url: String,
        /// The answer.
        status: StatusCode,
    },
}

/// What posts are signed with.
pub(super) struct Secret(hmac::Key);

impl Secret {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// `t=SECONDS,v1=HEX`: HMAC-SHA256 over the seconds, a point and the body. With the
    /// time in it, who listens in cannot post the same again later.
    fn signature(&self, at: Timestamp, body: &[u8]) -> String {
        let seconds = at.as_second();
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{seconds}.").as_bytes());
        context.update(body);
        let hex: String =
            context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={seconds},v1={hex}")
    }
}

/// Posts to one address.
pub(super) struct Sender {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    secret: Option<Secret>,
}

impl Sender {
    pub(super) fn new(url: Uri, secret: Option<Secret>) -> Result<Self, SendError> {
        let provider = rustls::crypto::ring::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(SendError::Certificates)?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, url, secret })
    }

    pub(super) async fn send(&self, delivery: &Delivery) -> Result<(), SendError> {
        let url = || {
            let host = self.url.authority().map_or("", |authority| authority.as_str());
            // Without what stands before an @, which would be a password.
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{}://{host}", self.url.scheme_str().unwrap_or_default())
        };
        let unreachable = |reason: String| SendError::Unreachable { url: url(), reason };
        let mut request = Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("twin-server/", env!("CARGO_PKG_VERSION")))
            .header("twin-delivery", &delivery.id);
        if let Some(secret) = &self.secret {
            let signature = secret.signature(Timestamp::now(), &delivery.body);
            request = request.header("twin-signature", signature);
        }
        let request = request.body(Full::new(delivery.body.clone()));
        let request = request.map_err(|error| unreachable(error.to_string()))?;
        // The client follows no redirects; the answer's body is of no interest.
        let answer = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        let answer = answer.map_err(|_| SendError::Slow { url: url() })?.map_err(|error| {
            let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            unreachable(format!("{error}{cause}"))
        })?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(SendError::Refused { url: url(), status }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_time_and_body() {
        // As `printf '1700000000.{}' | openssl dgst -sha256 -hmac key` says.
        let secret = Secret::new(b"key");
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let signed = secret.signature(at, b"{}");
        let hex = signed.strip_prefix("t=1700000000,v1=").unwrap();
        assert_eq!(hex, EXPECTED);
    }

    const EXPECTED: &str = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
}
