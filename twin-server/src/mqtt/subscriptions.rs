//! Which topic filters are wanted, which the broker has been asked for, and the next step
//! from one to the other. One request is under way at a time, so that an answer needs no
//! number to be matched with its question.

use std::collections::BTreeSet;

use tokio::sync::watch;

/// A request to the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
}

/// The state of the subscriptions of one client.
#[derive(Debug)]
pub(super) struct Subscriptions {
    wanted: watch::Receiver<Vec<String>>,
    /// What the broker sends us, or would if it kept our session.
    held: BTreeSet<String>,
    /// Whether this connection has asked for what is held.
    asked: bool,
    under_way: Option<Step>,
}

impl Subscriptions {
    pub(super) fn new(wanted: watch::Receiver<Vec<String>>) -> Self {
        Self { wanted, held: BTreeSet::new(), asked: false, under_way: None }
    }

    /// Waits until other filters are wanted; false where nobody can want any more.
    pub(super) async fn changed(&mut self) -> bool {
        self.wanted.changed().await.is_ok()
    }

    /// A new connection: everything is asked for again.
    pub(super) fn connected(&mut self) {
        self.asked = false;
        self.under_way = None;
    }

    /// Whether there is nothing to ask for.
    pub(super) fn settled(&self) -> bool {
        self.next().is_none() && self.under_way.is_none()
    }

    /// The next request, where none is under way. First what is new, then what is no
    /// longer wanted: a topic that both take is never without a subscription.
    pub(super) fn next(&self) -> Option<Step> {
        if self.under_way.is_some() {
            return None;
        }
        let wanted = self.wanted.borrow();
        let new = wanted.iter().filter(|filter| !self.asked || !self.held.contains(*filter));
        let new: Vec<String> = new.cloned().collect();
        if !new.is_empty() {
            return Some(Step::Subscribe(new));
        }
        let old = self.held.iter().filter(|filter| !wanted.contains(filter));
        let old: Vec<String> = old.cloned().collect();
        (!old.is_empty()).then_some(Step::Unsubscribe(old))
    }

    /// A request has been sent.
    pub(super) fn sent(&mut self, step: Step) {
        match &step {
            Step::Subscribe(filters) => {
                self.held.extend(filters.iter().cloned());
                self.asked = true;
            }
            Step::Unsubscribe(filters) => self.held.retain(|filter| !filters.contains(filter)),
        }
        self.under_way = Some(step);
    }

    /// The broker's answer to a subscription: the filters it refuses, by their positions,
    /// and all that are wanted.
    pub(super) fn subscribed(&mut self, refused: &[usize]) -> (Vec<String>, Vec<String>) {
        let asked = match self.under_way.take() {
            Some(Step::Subscribe(filters)) => filters,
            _ => Vec::new(),
        };
        let refused = refused.iter().filter_map(|n| asked.get(*n).cloned()).collect();
        (refused, self.wanted.borrow().clone())
    }

    /// The request under way came to its end, well or not.
    pub(super) fn answered(&mut self) {
        self.under_way = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(list: &[&str]) -> Vec<String> {
        list.iter().map(|filter| (*filter).to_owned()).collect()
    }

    #[test]
    fn new_filters_come_before_old_ones_go() {
        let (sender, wanted) = watch::channel(filters(&["a/#", "b"]));
        let mut subscriptions = Subscriptions::new(wanted);
        subscriptions.connected();
        let first = Step::Subscribe(filters(&["a/#", "b"]));
        assert_eq!(subscriptions.next(), Some(first.clone()));
        subscriptions.sent(first);
        assert_eq!(subscriptions.next(), None, "one at a time");
        assert_eq!(subscriptions.subscribed(&[1]).0, filters(&["b"]));
        assert!(subscriptions.settled());

        sender.send_replace(filters(&["a/+/c", "b"]));
        let new = subscriptions.next().unwrap();
        assert_eq!(new, Step::Subscribe(filters(&["a/+/c"])));
        subscriptions.sent(new);
        subscriptions.subscribed(&[]);
        let old = subscriptions.next().unwrap();
        assert_eq!(old, Step::Unsubscribe(filters(&["a/#"])));
        subscriptions.sent(old);
        subscriptions.answered();
        assert!(subscriptions.settled());
    }

    #[test]
    fn what_is_dropped_while_away_is_given_back_after_the_connect() {
        let (sender, wanted) = watch::channel(filters(&["a"]));
        let mut subscriptions = Subscriptions::new(wanted);
        subscriptions.connected();
        let step = subscriptions.next().unwrap();
        subscriptions.sent(step);
        sender.send_replace(filters(&["b"]));
        subscriptions.connected();
        let step = subscriptions.next().unwrap();
        assert_eq!(step, Step::Subscribe(filters(&["b"])));
        subscriptions.sent(step);
        subscriptions.subscribed(&[]);
        assert_eq!(subscriptions.next(), Some(Step::Unsubscribe(filters(&["a"]))));
    }
}
