//! Where the database is, and whether the way there is encrypted.

use std::{fmt, sync::Arc};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PATIENCE;
use crate::history::HistoryError;

/// A checked `[history] url`.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    config: Config,
    /// Certificates (PEM) to trust instead of the system's.
    ca: Option<Vec<u8>>,
}

/// Without user and password: names of stores end up in logs and answers.
impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (n, host) in self.config.get_hosts().iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "," })?;
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            let ports = self.config.get_ports();
            if let Some(port) = ports.get(n).or(ports.first()).filter(|port| **port != 5432) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresOptions({self})")
    }
}

impl PostgresOptions {
    /// Reads `postgres://user@host[:port]/database`, with the parameters of libpq that
    /// the client knows (`sslmode`, `connect_timeout`, `target_session_attrs`, …).
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(
        url: &str,
        password: Option<Vec<u8>>,
        ca: Option<Vec<u8>>,
    ) -> Result<Self, String> {
        const EXPECTED: &str = "expected postgres://USER@HOST[:PORT]/DATABASE";
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(format!("not a PostgreSQL URL; {EXPECTED}"));
        }
        let mut config: Config =
            url.parse().map_err(|error| format!("{}; {EXPECTED}", reason(&error)))?;
        if config.get_password().is_some() {
            return Err("a URL with a password in it ends up in logs; use `password_file`".into());
        }
        if config.get_hosts().is_empty() {
            return Err(format!("no host; {EXPECTED}"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(format!("no database; {EXPECTED}"));
        }
        if let Some(password) = password {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        // A server that went away without a word must not hold a question for ever.
        config.tcp_user_timeout(PATIENCE * 2).application_name("twin-server");
        let named = url.contains("sslmode=");
        let mode = match config.get_hosts().iter().all(is_this_machine) {
            true if !named => SslMode::Disable,
            // Half-hearted modes fall back to plain text on an attacker's word.
            _ if config.get_ssl_mode() != SslMode::Disable => SslMode::Require,
            _ => SslMode::Disable,
        };
        config.ssl_mode(mode);
        Ok(Self { config, ca })
    }

    /// For the connection that writes. Its statements are planned once and look at few rows
    /// each, which a plan made while the tables were empty must not forget.
    pub(super) fn for_writer(&self) -> Config {
        self.with("-c jit=off -c enable_seqscan=off")
    }

    /// For connections that answer questions.
    pub(super) fn for_readers(&self) -> Config {
        self.with("-c jit=off -c statement_timeout=60s")
    }

    fn with(&self, settings: &str) -> Config {
        let mut config = self.config.clone();
        let given = config.get_options().unwrap_or_default().to_owned();
        config.options(format!("{settings} {given}").trim_end());
        config
    }

    /// A TLS setup that verifies the server, whatever the mode.
    pub(super) fn tls(&self) -> Result<MakeRustlsConnect, HistoryError> {
        let failed = |reason: String| HistoryError::Failed {
            store: self.to_string(),
            operation: "preparing TLS",
            reason,
        };
        let mut roots = rustls::RootCertStore::empty();
        match &self.ca {
            Some(pem) => {
                use rustls::pki_types::{CertificateDer, pem::PemObject};
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                    roots.add(certificate).map_err(|error| failed(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(failed("ca_file holds no certificate".into()));
                }
            }
            None => {
                // Some may be unreadable; what counts is that the server's is among the rest.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

/// An error with what is behind it: the client's own words are one level deep.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<PostgresOptions, String> {
        PostgresOptions::parse(url, None, None)
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        let mode = |url| parse(url).unwrap().config.get_ssl_mode();
        assert_eq!(mode("postgres://twin@127.0.0.1/twin"), SslMode::Disable);
        assert_eq!(mode("postgres://twin@localhost:5433/twin"), SslMode::Disable);
        assert_eq!(mode("postgres://twin@db.example/twin"), SslMode::Require);
        assert_eq!(mode("postgres://twin@localhost,db.example/twin"), SslMode::Require);
        assert_eq!(mode("postgres://twin@db.example/twin?sslmode=prefer"), SslMode::Require);
        assert_eq!(mode("postgres://twin@db.example/twin?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://twin@localhost/twin?sslmode=require"), SslMode::Require);
    }

    #[test]
    fn refuses_what_it_cannot_use_and_never_shows_a_password() {
        for bad in ["", "mysql://a@b/c", "postgres://a@/c", "postgres://a@b", "postgres://a@b:x/c"]
        {
            assert!(parse(bad).unwrap_err().contains("expected postgres://"), "{bad}");
        }
        assert!(parse("postgres://a:secret@b/c").unwrap_err().contains("password_file"));
        let secret = PostgresOptions::parse("postgres://a@b:5433/c", Some(b"secret".into()), None);
        let shown = format!("{0} {0:?}", secret.unwrap());
        assert_eq!(shown, "postgres://b:5433/c PostgresOptions(postgres://b:5433/c)");
    }
}
