//! Large documents, written once for all who ask for them at the same time.
//!
//! Whoever asks joins the others who wait for the same document to be begun; from then on those who come wait for the next
//! one, since what they are shown must not be older than their request. So a crowd that polls costs little more than
//! one of it. No more documents are written at once than leaves the rest of the cores to the master and its agents.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use mesos::protocols::reader::ReadError;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::sheet::Pages;

/// A document as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Printed {
    pub(super) content_type: String,
    pub(super) body: Body,
    pub(super) gzip: bool,
}

/// Its content.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Whole(Bytes),
    /// Is still being written.
    Growing(Pages),
}

/// Which document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub(super) path: String,
    pub(super) query: String,
    pub(super) gzip: bool,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failed {
    Unreadable(ReadError),
    /// The process ends.
    Stopping,
}

pub(super) type Outcome = Result<Printed, Failed>;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Press {
    /// Documents that somebody waits for and that are not begun; no more than requests.
    waiting: Mutex<BTreeMap<Order, Arc<OnceCell<Outcome>>>>,
    turns: Arc<Semaphore>,
}

impl Press {
    /// On a machine with so many cores.
    pub(super) fn new(cores: usize) -> Press {
        Press {
            waiting: Mutex::default(),
            turns: Arc::new(Semaphore::new((cores / 2).max(1))),
        }
    }

    /// The document, which `write` writes if nobody else does. It keeps its turn as long as it writes, which may be
    /// longer than it takes to answer.
    pub(super) async fn print<F: Future<Output = Outcome>>(
        &self,
        order: Order,
        write: impl FnOnce(OwnedSemaphorePermit) -> F,
    ) -> Outcome {
        let sheet = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.entry(order.clone()).or_default().clone()
        };
        // If whoever writes it goes, the next of those who wait does it.
        let printed = sheet.get_or_init(|| async {
            let Ok(turn) = self.turns.clone().acquire_owned().await else {
                return Err(Failed::Stopping);
            };
            self.begin(&order, &sheet);
            write(turn).await
        });
        printed.await.clone()
    }

    /// Whoever comes from now on waits for another one.
    fn begin(&self, order: &Order, sheet: &Arc<OnceCell<Outcome>>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if (waiting.get(order)).is_some_and(|waiting| Arc::ptr_eq(waiting, sheet)) {
            waiting.remove(order);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Notify;

    use super::*;

    fn order() -> Order {
        Order {
            path: "/state".to_owned(),
            query: String::new(),
            gzip: false,
        }
    }

    fn sheet(number: usize) -> Outcome {
        Ok(Printed {
            content_type: "text/plain".to_owned(),
            body: Body::Whole(number.to_string().into()),
            gzip: false,
        })
    }

    /// Numbers what it writes, and takes until it is told to end.
    #[derive(Default)]
    struct Writer {
        begun: Cell<usize>,
        end: Notify,
    }

    impl Writer {
        async fn write(&self, _turn: OwnedSemaphorePermit) -> Outcome {
            self.begun.set(self.begun.get() + 1);
            let number = self.begun.get();
            self.end.notified().await;
            sheet(number)
        }
    }

    #[tokio::test]
    async fn those_who_wait_share_one_and_those_who_come_later_another() {
        let (press, writer) = (Press::new(1), Writer::default());
        let print = || press.print(order(), |turn| writer.write(turn));
        let late = async {
            // The first one is begun by now: whoever comes gets the second.
            assert_eq!(writer.begun.get(), 1);
            let crowd = async { tokio::join!(print(), print(), print()) };
            let end = async {
                writer.end.notify_one();
                tokio::task::yield_now().await;
                writer.end.notify_one();
            };
            tokio::join!(crowd, end).0
        };
        let (first, (a, b, c)) = tokio::join!(print(), late);
        assert_eq!(first, sheet(1));
        assert_eq!([a, b, c], [sheet(2), sheet(2), sheet(2)]);
        assert!(press.waiting.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn one_who_goes_leaves_his_turn_to_the_next() {
        let (press, writer) = (Press::new(1), Writer::default());
        let print = || press.print(order(), |turn| writer.write(turn));
        let mut first = Box::pin(print());
        let mut second = Box::pin(print());
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(first);
        writer.end.notify_one();
        // The first had begun one that nobody ended.
        assert_eq!(second.await, sheet(2));
    }
}
