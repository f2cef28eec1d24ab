//! Topics that no binding takes, with their last payloads: what suggestions are made of.

use std::collections::HashMap;

/// Topics kept; more are counted.
const MAX_TOPICS: usize = 100_000;
/// Longest payload kept, bytes; of a longer one only the topic is.
const MAX_PAYLOAD: usize = 4_096;
/// All payloads kept together, bytes; beyond it only topics are.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A topic and what was last said there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The topic.
    pub topic: Box<str>,
    /// Its last payload; empty where it was too long to keep.
    pub payload: Box<[u8]>,
}

/// Topics that no binding takes.
#[derive(Debug, Default)]
pub struct Seen {
    topics: HashMap<Box<str>, Box<[u8]>>,
    bytes: usize,
    unlisted: u64,
}

impl Seen {
    /// Notes a message.
    pub fn note(&mut self, topic: &str, payload: &[u8]) {
        let old = self.topics.get(topic).map_or(0, |payload| payload.len());
        let fits = payload.len() <= MAX_PAYLOAD && self.bytes - old + payload.len() <= MAX_BYTES;
        let payload = if fits { payload } else { &[] };
        if let Some(kept) = self.topics.get_mut(topic) {
            self.bytes = self.bytes - old + payload.len();
            *kept = payload.into();
        } else if self.topics.len() < MAX_TOPICS {
            self.bytes += payload.len();
            self.topics.insert(topic.into(), payload.into());
        } else {
            self.unlisted += 1;
        }
    }

    /// What was noted, by topic.
    pub fn list(&self) -> Vec<Observed> {
        let topics = self.topics.iter();
        let mut list: Vec<Observed> = topics
            .map(|(topic, payload)| Observed { topic: topic.clone(), payload: payload.clone() })
            .collect();
        list.sort_unstable_by(|a, b| a.topic.cmp(&b.topic));
        list
    }

    /// Messages of topics that found no room.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_topics_is_bounded_and_counted() {
        let mut seen = Seen::default();
        for n in 0..MAX_TOPICS + 7 {
            seen.note(&format!("t/{n}"), &[b'x'; 1_000]);
        }
        seen.note("t/1", &vec![0; MAX_PAYLOAD + 1]);
        seen.note("t/2", b"later");
        assert_eq!((seen.topics.len(), seen.unlisted()), (MAX_TOPICS, 7));
        let bytes: usize = seen.topics.values().map(|payload| payload.len()).sum();
        assert_eq!(bytes, seen.bytes);
        assert!(bytes <= MAX_BYTES);
        assert_eq!(&*seen.topics["t/2"], b"later");
        assert!(seen.topics["t/1"].is_empty());
    }
}
