//! A real PostgreSQL on a port of its own, in a folder of its own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{PATIENCE, free_port};

/// Who says that the server is `localhost`.
pub(crate) const AUTHORITY: &str = include_str!("tls/ca.pem");

/// The password of the one user, `twin`.
pub(crate) const PASSWORD: &str = "not a secret";

/// A database server; stopped when dropped.
pub(crate) struct Postgres {
    programs: PathBuf,
    dir: tempfile::TempDir,
    pub(crate) port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Postgres {
    /// Nothing where PostgreSQL is not installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// The same with more settings, such as `ssl=on`; files are looked for in the folder.
    pub(crate) async fn start_with(settings: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { programs, dir, port: free_port(), settings, child: None };
        server.initialise();
        server.up().await;
        Some(server)
    }

    /// One that takes encrypted connections alone, as `localhost`, and can prove it to those
    /// who trust [`AUTHORITY`].
    pub(crate) async fn start_with_tls() -> Option<Self> {
        Self::start_with(&["ssl=on", "ssl_cert_file=../server.pem", "ssl_key_file=../server.key"])
            .await
    }

    fn initialise(&self) {
        let write = |name: &str, content: &str| {
            let file = self.dir.path().join(name);
            std::fs::write(&file, content).unwrap();
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(file, private).unwrap();
        };
        write("password", PASSWORD);
        write("server.pem", include_str!("tls/server.pem"));
        write("server.key", include_str!("tls/server.key"));
        if is_root() {
            let mut owned = Command::new("chown");
            let owned = owned.args(["-R", "postgres:"]).arg(self.dir.path()).status();
            assert!(owned.unwrap().success(), "giving the folder to postgres");
        }
        let made = self
            .program("initdb")
            .args(["-U", "twin", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"])
            .arg("--pwfile")
            .arg(self.dir.path().join("password"))
            .arg(self.data())
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "initdb");
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// As a user other than root, which these programs refuse to be.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        // Where the tests run is no place for that user.
        command.current_dir(self.dir.path());
        command
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn up(&mut self) {
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        let usual = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"];
        let settings = usual.into_iter().chain(self.settings.iter().map(String::as_str));
        for setting in settings {
            command.args(["-c", setting]);
        }
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while self.query("postgres", "SELECT 1").await.is_err() {
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap();
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none(), "PostgreSQL ended: {}", log());
            assert!(Instant::now() < deadline, "PostgreSQL does not answer: {}", log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// As if the power were cut, but for what the disk has.
    pub(crate) fn crash(&mut self) {
        self.signal("-QUIT");
    }

    fn signal(&mut self, signal: &str) {
        let Some(mut child) = self.child.take() else { return };
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        child.wait().unwrap();
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://twin@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as its own connection; the number of rows.
    pub(crate) async fn query(&self, database: &str, sql: &str) -> Result<usize, String> {
        Ok(self.rows(database, sql).await?.len())
    }

    /// Runs SQL as its own connection; the first column of each row, as text.
    pub(crate) async fn rows(&self, database: &str, sql: &str) -> Result<Vec<String>, String> {
        let mut config: tokio_postgres::Config = self.url(database).parse().unwrap();
        config.password(PASSWORD).connect_timeout(Duration::from_secs(5));
        let connected = config.connect(tokio_postgres::NoTls).await;
        let (client, connection) = connected.map_err(|error| error.to_string())?;
        let connection = tokio::spawn(connection);
        let answer = client.simple_query(sql).await.map_err(|error| error.to_string())?;
        drop(client);
        let _ = connection.await;
        let row = |message: &tokio_postgres::SimpleQueryMessage| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        Ok(answer.iter().filter_map(row).collect())
    }

    pub(crate) async fn create(&self, database: &str) {
        self.query("postgres", &format!("CREATE DATABASE {database}")).await.unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.signal("-QUIT");
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// Where `initdb` and `postgres` are: on the `PATH`, or where Debian keeps the newest.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|dir| has_both(dir));
    on_path.or_else(|| {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let dirs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
        let mut dirs: Vec<PathBuf> = dirs.filter(|dir| has_both(dir)).collect();
        dirs.sort();
        dirs.pop()
    })
}

fn has_both(dir: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| dir.join(program).is_file())
}
