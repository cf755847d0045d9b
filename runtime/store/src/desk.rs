//! Where start keys are looked up: whoever asks while a look-up is under way is answered by the next
//! one, which is for all of them. There is no timer: a single question leaves at once, and load makes
//! look-ups wide by itself.
//!
//! Order: a look-up begins after everything it is for was asked, so it sees whatever was committed
//! before a question.

use sagaflow_core::port::{Error, KeyName, KeyRow, Result};
use std::future::Future;
use tokio::sync::{mpsc, oneshot};

/// Bound: questions that wait; each shard asks a few at a time.
const QUEUE_MAX: usize = 1_024;

/// Bound: names in one look-up, after which the rest is the next one's.
const NAMES_MAX: usize = 1_024;

type Found = Vec<Option<KeyRow>>;

struct Question {
    names: Vec<KeyName>,
    reply: oneshot::Sender<Result<Found>>,
}

/// The desk's handle. Its task ends when the last one is dropped and everybody is answered.
#[derive(Clone)]
pub(crate) struct Desk {
    queue: mpsc::Sender<Question>,
}

impl Desk {
    /// Looks up by `ask`, which answers in the order of the names.
    pub(crate) fn start<A, F>(ask: A) -> Self
    where
        A: Fn(Vec<KeyName>) -> F + Send + 'static,
        F: Future<Output = Result<Found>> + Send,
    {
        let (queue, mut questions) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(async move {
            while let Some(first) = questions.recv().await {
                let together = gather(first, &mut questions);
                let names = together.iter().flat_map(|question| question.names.clone()).collect();
                answer(together, ask(names).await);
            }
        });
        Self { queue }
    }

    /// The runs that these keys started, in the order of the names.
    pub(crate) async fn keys(&self, names: &[KeyName]) -> Result<Found> {
        let (reply, answer) = oneshot::channel();
        let stopped = || Error::Unavailable("nobody looks start keys up any more".to_owned());
        let question = Question { names: names.to_vec(), reply };
        self.queue.send(question).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn gather(first: Question, questions: &mut mpsc::Receiver<Question>) -> Vec<Question> {
    let mut names = first.names.len();
    let mut together = vec![first];
    while names < NAMES_MAX {
        let Ok(next) = questions.try_recv() else { break };
        names += next.names.len();
        together.push(next);
    }
    together
}

fn answer(together: Vec<Question>, found: Result<Found>) {
    let mut found = found.map(Vec::into_iter);
    for Question { names, reply } in together {
        let part = match &mut found {
            Ok(rows) => Ok(rows.by_ref().take(names.len()).collect()),
            Err(error) => Err(error.clone()),
        };
        // Whoever asked may have stopped waiting.
        let _ = reply.send(part);
    }
}

#[cfg(test)]
mod tests {
    use super::Desk;
    use sagaflow_core::id::RunId;
    use sagaflow_core::port::{Error, KeyName, KeyRow};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    fn name(key: &str) -> KeyName {
        let (namespace, workflow) = ("default".to_owned(), "w".to_owned());
        KeyName { namespace, workflow, key: key.to_owned() }
    }

    /// Knows every key that begins with `k`, and fails where one is `down`.
    fn row(name: KeyName) -> Option<KeyRow> {
        let KeyName { namespace, workflow, key } = name;
        let run = RunId::new(1, 1, [7; 8]);
        key.starts_with('k').then_some(KeyRow {
            namespace,
            workflow,
            key,
            run,
            fingerprint: [0; 32],
        })
    }

    #[tokio::test]
    async fn whoever_asks_during_a_look_up_shares_the_next_one_and_gets_his_own() {
        let (looks, gate) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
        let (counted, opened) = (Arc::clone(&looks), Arc::clone(&gate));
        let desk = Desk::start(move |names: Vec<KeyName>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let opened = Arc::clone(&opened);
            async move {
                opened.acquire().await.expect("open").forget();
                if names.iter().any(|name| name.key == "down") {
                    return Err(Error::Unavailable("down".to_owned()));
                }
                Ok(names.into_iter().map(row).collect())
            }
        });
        let ask = |keys: Vec<String>| {
            let desk = desk.clone();
            tokio::spawn(async move {
                let names: Vec<_> = keys.iter().map(|key| name(key)).collect();
                desk.keys(&names).await
            })
        };
        let first = ask(vec!["k0".to_owned()]);
        while looks.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> =
            (1..100).map(|n| ask(vec![format!("k{n}"), format!("x{n}")])).collect();
        tokio::task::yield_now().await;
        gate.add_permits(2);
        assert_eq!(first.await.expect("it runs").expect("found").len(), 1);
        for (n, other) in (1..100).zip(others) {
            let rows = other.await.expect("it runs").expect("found");
            let keys: Vec<_> = rows.iter().map(|row| row.as_ref().map(|row| &row.key)).collect();
            assert_eq!(keys, [Some(&format!("k{n}")), None]);
        }
        assert_eq!(looks.load(Ordering::Relaxed), 2);
        gate.add_permits(1);
        assert!(ask(vec!["down".to_owned()]).await.expect("it runs").is_err());
    }
}
