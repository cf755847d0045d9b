//! Since when the store answers this node.
//!
//! An outage of the store ends every lease. Whoever held one sees the store again when everybody does,
//! and gets the time of one lease to go on before another node takes it from him.

use sagaflow_core::port;
use std::time::Duration;
use tokio::time::Instant;

/// What this node knows of its way to the store. One for all its shards: a task that wanted nothing
/// while the store was away must be as patient as one that did, and one that wants something for the
/// first time long after must not.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    lost: bool,
    /// Since when it lasts; none where it was never lost.
    since: Option<Instant>,
}

impl Contact {
    /// What the store has answered to anything.
    pub(crate) fn note<T>(&mut self, answer: &port::Result<T>) {
        match answer {
            Err(port::Error::Unavailable(_) | port::Error::Unknown(_)) => self.lost = true,
            _ if self.lost => *self = Self { lost: false, since: Some(Instant::now()) },
            _ => {}
        }
    }

    /// Whether others may not have had the time of a lease since it came back.
    pub(crate) fn fresh(&self, ttl: Duration) -> bool {
        self.lost || self.since.is_some_and(|since| since.elapsed() < ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::Contact;
    use sagaflow_core::port::Error;
    use std::time::Duration;

    const TTL: Duration = Duration::from_secs(3);

    fn away() -> Result<(), Error> {
        Err(Error::Unavailable("the server is starting".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_lease_is_counted_from_the_first_answer_after_an_outage() {
        let mut contact = Contact::default();
        contact.note(&Ok(()));
        assert!(!contact.fresh(TTL), "there was no outage");
        contact.note(&away());
        tokio::time::advance(TTL * 2).await;
        assert!(contact.fresh(TTL), "it is not over");
        contact.note(&Ok(()));
        assert!(contact.fresh(TTL));
        // Other answers do not begin it again.
        tokio::time::advance(TTL / 2).await;
        contact.note(&Err::<(), _>(Error::Held("another node".to_owned())));
        tokio::time::advance(TTL / 2).await;
        assert!(!contact.fresh(TTL), "its time has passed, whoever looks now for the first time");
    }

    #[tokio::test(start_paused = true)]
    async fn another_outage_begins_it_again() {
        let mut contact = Contact::default();
        for _ in 0..2 {
            contact.note(&away());
            contact.note(&Ok(()));
            assert!(contact.fresh(TTL));
            tokio::time::advance(TTL).await;
            assert!(!contact.fresh(TTL));
        }
    }
}
