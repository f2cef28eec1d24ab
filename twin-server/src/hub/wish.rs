//! What a client wants to hear, checked against the scene and the bounds.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use twin_protocol::{ErrorCode, Interest};

use super::{
    Format, Settings,
    group::{GroupKey, Pace},
};
use crate::scene::{Intervals, LoadedScene};

/// Slowest rate a client may ask for.
const MIN_HZ: f32 = 0.01;
/// Most subtrees that moves may lead to.
const MAX_SUBTREES: usize = 10_000;

/// A refusal that the client is told of.
pub type Refusal = (ErrorCode, String);

/// A checked subscription.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Roots of the subtrees of interest; absent for the whole scene.
    roots: Option<BTreeSet<u32>>,
    interval: Duration,
    lossless: bool,
}

impl Wish {
    /// Checks what a client asks for.
    ///
    /// # Errors
    /// Where the rate is out of bounds or an entity is not in the scene.
    pub fn new(
        scene: &LoadedScene,
        settings: &Settings,
        interest: &Interest,
        max_hz: f32,
        lossless: bool,
    ) -> Result<Self, Refusal> {
        let limit = settings.max_hz;
        if !(MIN_HZ..=limit).contains(&max_hz) {
            let message = format!("max_hz is {max_hz}; it must be from {MIN_HZ} to {limit}");
            return Err((ErrorCode::OutOfRange, message));
        }
        let roots = match interest {
            Interest::All => None,
            Interest::Subtrees(ids) => {
                Some(ids.iter().map(|id| find(scene, id)).collect::<Result<_, _>>()?)
            }
        };
        let interval = Duration::from_millis((1000.0 / max_hz).round() as u64);
        Ok(Self { roots, interval, lossless })
    }

    /// The wish with some subtrees more and others less.
    ///
    /// # Errors
    /// Where an entity is not in the scene, or was not asked for before, or there are too
    /// many subtrees; or where the whole scene is followed.
    pub(super) fn moved(
        &self,
        scene: &LoadedScene,
        add: &[String],
        remove: &[String],
    ) -> Result<Self, Refusal> {
        let Some(mut roots) = self.roots.clone() else {
            let message = "the whole scene is followed; subscribe to entities first".to_owned();
            return Err((ErrorCode::Unsupported, message));
        };
        for id in remove {
            if !roots.remove(&find(scene, id)?) {
                let message = format!("entity {id:?} is not one of the subscription's");
                return Err((ErrorCode::UnknownEntity, message));
            }
        }
        for id in add {
            roots.insert(find(scene, id)?);
        }
        if roots.len() > MAX_SUBTREES {
            let message =
                format!("{} subtrees; a subscription has at most {MAX_SUBTREES}", roots.len());
            return Err((ErrorCode::OutOfRange, message));
        }
        Ok(Self { roots: Some(roots), ..self.clone() })
    }

    pub(super) fn interest(&self, scene: &LoadedScene) -> Option<Arc<Intervals>> {
        let roots = self.roots.as_ref()?;
        Some(Arc::new(scene.tour().intervals(roots.iter().copied())))
    }

    /// The group it belongs to. Where only moments are shown, there are no samples to send
    /// every one of.
    pub(super) fn key(&self, scene: &LoadedScene, format: Format, samples: bool) -> GroupKey {
        let pace = match self.lossless && samples {
            true => Pace::Lossless,
            false => Pace::Latest(self.interval),
        };
        GroupKey { format, interest: self.interest(scene), pace }
    }
}

fn find(scene: &LoadedScene, id: &str) -> Result<u32, Refusal> {
    scene.scene().index(id).ok_or_else(|| {
        let message = format!(
            "entity {id:?} is not in scene {}; /api/v1/entities lists them",
            scene.info().revision
        );
        (ErrorCode::UnknownEntity, message)
    })
}
