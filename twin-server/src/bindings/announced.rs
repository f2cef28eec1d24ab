//! The engine and devices that announce themselves: an announcement changes the set of
//! bindings, which then is another engine that takes the place of this one.

use std::sync::Arc;

use super::{
    binding::Binding,
    discovery::{Discovered, Discovery, Noted},
    engine::Engine,
    reader::trouble,
};
use crate::ingest::Message;

impl Engine {
    /// The same engine, listening for announcements.
    #[must_use]
    pub fn discovering(mut self, dialects: Vec<Discovery>) -> Self {
        self.discovered = Discovered::new(dialects);
        self
    }

    /// The topic filters of its bindings and of the announcements it listens for.
    pub fn filters(&self) -> Vec<String> {
        let announced = self.announced_by().iter().flat_map(Discovery::filters);
        self.bound().map(Binding::filter).chain(announced).collect()
    }

    /// Its bindings, those that were announced among them.
    pub fn bound(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.iter()
    }

    /// The dialects whose announcements it listens for.
    pub fn announced_by(&self) -> &[Discovery] {
        self.discovered.dialects()
    }

    /// Whether a message was an announcement; what is wrong with one is on the board.
    pub(super) fn announced(&mut self, message: &Message) -> bool {
        let noted = self.discovered.note(&message.topic, &message.payload);
        self.news |= matches!(noted, Noted::News | Noted::Lost(_));
        match noted {
            Noted::NotMine => return false,
            Noted::Known | Noted::News => {}
            Noted::Refused(reason) | Noted::Lost(reason) => {
                self.board.rejected.lock().note(&trouble(None, message), &reason);
            }
        }
        true
    }

    /// Makes bindings of what was announced since; whether there was anything. The board
    /// is then another one.
    pub fn settle(&mut self) -> bool {
        if !self.news {
            return false;
        }
        let renewed = self.renewed();
        let old = std::mem::replace(self, renewed);
        self.inherit(old);
        true
    }

    /// The engine to go on with, after another one: with what that one knew.
    #[must_use]
    pub fn following(mut self, old: Self) -> Self {
        self.discovered.take_over(&old.discovered);
        let mut engine = self.renewed();
        engine.inherit(old);
        engine
    }

    /// Takes over what another engine knows, and what it had begun.
    fn inherit(&mut self, old: Self) {
        self.take_over(&old);
        // Births of Sparkplug nodes, which tell what later data means, come once.
        if self.sparkplug.is_some() && old.sparkplug.is_some() {
            self.sparkplug = old.sparkplug;
            self.spoken = old.spoken;
        }
        self.outgoing = old.outgoing;
        // Computed points of the same rules go on with the values they have.
        if format!("{:?}", self.rules) == format!("{:?}", old.rules) {
            self.computing = old.computing;
        }
    }

    fn renewed(&self) -> Self {
        let mut bindings = self.bindings[..self.configured].to_vec();
        bindings.extend(self.discovered.bindings().cloned());
        let mut engine = Self::new(bindings, Arc::clone(&self.finder.scene));
        engine.configured = self.configured;
        engine.discovered = self.discovered.clone();
        engine.with_computed(self.rules.clone())
    }
}
