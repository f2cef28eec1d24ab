//! A real, headless Chromium through ChromeDriver.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use thirtyfour::{By, ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};

use crate::{picture::Picture, process::Process, wait};

/// Software rendering, and none of the browser's own errands on the network.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--lang=en",
];

/// A browser of the test's own.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    profile: PathBuf,
    _process: Process,
}

impl Browser {
    /// Starts ChromeDriver and opens a window of this size in CSS pixels.
    pub async fn start(folder: &Path, width: u32, height: u32) -> Result<Self> {
        let port = wait::free_port()?;
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        let process = Process::start(&mut command, &folder.join("chromedriver.log"))?;
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument)?;
        }
        wanted.add_arg(&format!("--window-size={width},{height}"))?;
        let profile = folder.join("profile");
        wanted.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        let url = format!("http://127.0.0.1:{port}");
        let driver = wait::until_async(Duration::from_secs(30), "ChromeDriver", || async {
            Ok(WebDriver::new(&url, wanted.clone()).await.ok())
        })
        .await?;
        // The first frame takes seconds in software; scripts wait behind it.
        driver.set_script_timeout(Duration::from_secs(60)).await?;
        Ok(Self { driver, profile, _process: process })
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) -> Result<()> {
        Ok(self.driver.goto(url).await?)
    }

    /// Text of the first element that fits a CSS selector, if there is one.
    pub async fn text(&self, selector: &str) -> Result<Option<String>> {
        match self.driver.find(By::Css(selector)).await {
            Ok(element) => Ok(element.text().await.ok()),
            Err(_) => Ok(None),
        }
    }

    /// An attribute of the first element that fits, if both are there.
    pub async fn attribute(&self, selector: &str, name: &str) -> Result<Option<String>> {
        match self.driver.find(By::Css(selector)).await {
            Ok(element) => Ok(element.attr(name).await.ok().flatten()),
            Err(_) => Ok(None),
        }
    }

    /// Waits until the text of an element holds `wanted`.
    pub async fn see(&self, selector: &str, wanted: &str, limit: Duration) -> Result<()> {
        let what = format!("{wanted:?} in {selector}");
        let seen = wait::until_async(limit, &what, || async {
            Ok(self.text(selector).await?.filter(|text| text.contains(wanted)))
        })
        .await;
        if seen.is_err() {
            let found = self.text(selector).await?;
            return seen.map(|_| ()).with_context(|| format!("found {found:?}"));
        }
        Ok(())
    }

    /// Waits until an attribute has a value.
    pub async fn see_attribute(
        &self,
        selector: &str,
        name: &str,
        wanted: &str,
        limit: Duration,
    ) -> Result<()> {
        wait::until_async(limit, &format!("{name}={wanted} on {selector}"), || async {
            Ok((self.attribute(selector, name).await?.as_deref() == Some(wanted)).then_some(()))
        })
        .await
    }

    /// Runs a script and returns what it returns.
    pub async fn script(&self, script: &str) -> Result<serde_json::Value> {
        Ok(self.driver.execute(script, vec![]).await?.json().clone())
    }

    /// What is on the screen.
    pub async fn picture(&self) -> Result<Picture> {
        Picture::decode(&self.driver.screenshot_as_png().await?)
    }
}

impl Drop for Browser {
    /// Ends the browser: it outlives a driver that is killed, and would render for ever.
    fn drop(&mut self) {
        // Chromium's lock on its profile is a link to `host-pid`.
        let Ok(lock) = self.profile.join("SingletonLock").read_link() else { return };
        let lock = lock.to_string_lossy();
        if let Some((_, pid)) = lock.rsplit_once('-') {
            // Fails only where it has already ended.
            let _ = Command::new("kill").args(["-KILL", pid]).status();
        }
    }
}
