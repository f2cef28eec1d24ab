//! The live thread: a value goes from a real broker through the real server into a real
//! browser, and is seen there as text and as a colour; and each part may fail and come back.

use std::{cell::Cell, time::Duration};

use anyhow::{Result, ensure};
use twin_e2e::{broker::Mosquitto, browser::Browser, prerequisite, scene, server::Server, wait};

/// A bedroom on the upper floor of the Duplex, below nothing but the roof.
const ROOM: &str = "0BTBFw6f90Nfh9rP1dlXrc";
const MODEL: &str = "ifc/duplex_a_2x3_georef.ifc";

/// Software rendering on two cores: generous, since none of this measures speed.
const PATIENCE: Duration = Duration::from_secs(120);

const CONFIG: &str = r#"
[scene]
package = "scene"
[http]
listen = "{listen}"
viewer = "{viewer}"
[mqtt]
url = "mqtt://127.0.0.1:{broker}"
[[binding]]
name = "rooms"
topic = "site/{room}/temperature"
entity = { global_id = "{room}" }
decode = "json"
  [[binding.point]]
  metric = "temperature"
  value = "$.c"
  unit = "Cel"
  stale_after = "10min"
"#;

/// The parts of one run; dropped in this order.
struct Thread {
    browser: Browser,
    server: Server,
    broker: Mosquitto,
    folder: tempfile::TempDir,
}

impl Thread {
    async fn start() -> Result<Option<Self>> {
        let (Some(models), Some(binaries), Some(viewer)) =
            (prerequisite("TWIN_MODELS"), prerequisite("TWIN_BIN"), prerequisite("TWIN_VIEWER"))
        else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        scene::import(&binaries, &models.join(MODEL), folder.path())?;
        let broker = Mosquitto::start(folder.path())?;
        let config = CONFIG
            .replace("{viewer}", &viewer.display().to_string())
            .replace("{broker}", &broker.port.to_string());
        let server = Server::start(&binaries, folder.path(), &config)?;
        let browser = Browser::start(folder.path(), 1280, 720).await?;
        Ok(Some(Self { browser, server, broker, folder }))
    }

    async fn publish(&self, celsius: f64) -> Result<()> {
        self.broker
            .publish(&format!("site/{ROOM}/temperature"), &format!(r#"{{"c":{celsius}}}"#))
            .await
    }

    /// Waits until the inspector shows a value of the room.
    async fn see_value(&self, text: &str) -> Result<()> {
        let row = format!("[data-testid=inspector] [data-point=\"{ROOM}/temperature\"]");
        self.browser.see(&row, text, PATIENCE).await
    }

    async fn see_connection(&self, state: &str) -> Result<()> {
        self.browser.see_attribute("[data-testid=connection]", "data-state", state, PATIENCE).await
    }

    /// The room's colour on the screen, once two looks in a row agree.
    async fn room_color(&self) -> Result<[f64; 3]> {
        let last = Cell::new(None);
        wait::until_async(PATIENCE, "the room to be drawn and at rest", || async {
            let now = self.look().await?;
            let before = last.replace(now);
            let rested = before.zip(now).is_some_and(|(a, b)| distance(a, b) < 1.0);
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(now.filter(|_| rested))
        })
        .await
    }

    /// Where the room's middle is on the screen, and the colour around it.
    async fn look(&self) -> Result<Option<[f64; 3]>> {
        let script = format!(
            "const at = window.twin?.locate({ROOM:?});
             const canvas = document.querySelector('canvas')?.getBoundingClientRect();
             return at && canvas ? [at[0] + canvas.left, at[1] + canvas.top] : null"
        );
        let place = self.browser.script(&script).await?;
        let (Some(x), Some(y)) = (place[0].as_f64(), place[1].as_f64()) else { return Ok(None) };
        Ok(self.browser.picture().await?.mean(x, y, 4))
    }
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// How much more red than blue; rises from cold to warm on the temperature scale.
fn warmth([red, _, blue]: [f64; 3]) -> f64 {
    red - blue
}

#[ignore = "needs the browser bundle: cargo xtask test e2e"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_reaches_the_page_and_every_part_may_fail() -> Result<()> {
    let Some(mut thread) = Thread::start().await? else { return Ok(()) };
    let outcome = live(&mut thread).await;
    if outcome.is_err() {
        let kept = std::env::temp_dir().join("twin-e2e-failure.png");
        if let Ok(picture) = thread.browser.picture().await {
            picture.save(&kept)?;
            eprintln!("the screen at the failure: {}", kept.display());
        }
        eprintln!("the server said:\n{}", thread.server.output());
    }
    outcome
}

async fn live(thread: &mut Thread) -> Result<()> {
    let page = format!("?entity={ROOM}&layer=temperature&lang=en");
    thread.browser.open(&thread.server.url(&page)).await?;
    thread.see_connection("live").await?;

    sees_text_and_colour(thread).await?;
    survives_a_broker_restart(thread).await?;
    resynchronises_after_a_crash(thread).await?;

    let said = thread.server.terminate()?;
    ensure!(!said.contains("panicked"), "the server panicked: {said}");
    thread.see_connection("reconnecting").await
}

async fn sees_text_and_colour(thread: &Thread) -> Result<()> {
    thread.publish(16.5).await?;
    thread.see_value("16.5").await?;
    let cold = thread.room_color().await?;
    thread.publish(29.5).await?;
    thread.see_value("29.5").await?;
    let warm = thread.room_color().await?;
    thread.browser.picture().await?.save(&thread.folder.path().join("warm.png"))?;
    ensure!(
        warmth(warm) > warmth(cold) + 20.0,
        "the room does not turn warmer on the screen: {cold:?} at 16.5 °C, {warm:?} at 29.5 °C"
    );
    Ok(())
}

async fn survives_a_broker_restart(thread: &mut Thread) -> Result<()> {
    thread.broker.stop();
    thread.broker.restart()?;
    // Published again and again: the server subscribes anew when it has found the broker.
    wait::until_async(PATIENCE, "a value after the broker's restart", || async {
        thread.publish(21.5).await?;
        let row = format!("[data-point=\"{ROOM}/temperature\"]");
        Ok(thread.browser.text(&row).await?.filter(|text| text.contains("21.5")))
    })
    .await?;
    Ok(())
}

async fn resynchronises_after_a_crash(thread: &mut Thread) -> Result<()> {
    thread.server.kill();
    thread.see_connection("reconnecting").await?;
    thread.server.restart()?;
    thread.see_connection("live").await?;
    wait::until_async(PATIENCE, "the server to subscribe", || async {
        Ok(thread.server.get("readyz").ok())
    })
    .await?;
    thread.publish(24.5).await?;
    thread.see_value("24.5").await
}
