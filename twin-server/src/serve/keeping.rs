//! The store that a server keeps its samples in, opened.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use anyhow::Context;

use crate::{
    cause::line,
    config::{HistoryConfig, HistoryPlace},
    history::{self, Recorder, Store, embedded::EmbeddedStore, postgres::PostgresStore},
    live::Live,
};

/// Whether this server leads those that share a store.
pub(super) type Leads = Arc<dyn Fn() -> bool + Send + Sync>;

/// Opens the store. The live state is put back to what it held last: at once, or as soon
/// as a database that is away answers. Also whether this server leads those that share the
/// store.
pub(super) async fn open(
    config: &HistoryConfig,
    live: &Arc<Live>,
    shares: bool,
) -> anyhow::Result<(Arc<Recorder>, Leads)> {
    let retention = config.retention.clone();
    let (store, leads): (Arc<dyn Store>, Leads) = match config.place.clone() {
        HistoryPlace::Directory(dir) => {
            let tuning = history::embedded::Tuning::default();
            let open = move || EmbeddedStore::open(&dir, retention, tuning);
            let opened = tokio::task::spawn_blocking(open).await;
            (Arc::new(opened.context("opening the history")??), Arc::new(|| true))
        }
        HistoryPlace::Database(options) => {
            let store = PostgresStore::start(&options, &retention).await?;
            if shares {
                store.want_to_lead();
            }
            let leads = Arc::new(store.leads());
            (Arc::new(store), leads)
        }
    };
    match (history::restore(store.as_ref(), live).await, &config.place) {
        (Ok(points), _) => restored(points),
        // What is damaged is the past: the present goes on, from nothing.
        (Err(error), HistoryPlace::Directory(_)) => {
            tracing::error!("live state not restored from the history: {}", line(&error.into()));
        }
        (Err(_), HistoryPlace::Database(_)) => {
            let (store, live) = (Arc::downgrade(&store), Arc::clone(live));
            tokio::spawn(restore_later(store, live));
        }
    }
    Ok((Recorder::new(store), leads))
}

/// Until it is done, or nobody has the store any more. What came meanwhile is newer and
/// stays.
async fn restore_later(store: Weak<dyn Store>, live: Arc<Live>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Some(store) = store.upgrade() else { return };
        if let Ok(points) = history::restore(store.as_ref(), &live).await {
            return restored(points);
        }
    }
}

fn restored(points: usize) {
    tracing::info!(points, "live state restored from the history");
}
