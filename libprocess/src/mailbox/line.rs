//! Senders that wait for room in a mailbox: who came first is served first.

use tokio::sync::{Notify, Semaphore};

use super::{Claim, Letter, Mailbox, Pushed};
use crate::parcel::Parcel;

/// Those who wait, in a line. Made with the first of them: most mailboxes have none.
pub(super) struct Line {
    /// Held by the first.
    first: Semaphore,
    /// Told when there is room again, or the mailbox ended.
    pub(super) room: Notify,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            first: Semaphore::new(1),
            room: Notify::new(),
        }
    }
}

impl Mailbox {
    /// Queues a message as soon as there is room and nobody waits for longer. Gives it back if the actor ended.
    pub(crate) async fn push_ready(&self, letter: Letter<'_>) -> Result<(), Box<dyn Parcel>> {
        let Letter { label, from, .. } = letter;
        let mut parcel = match self.push_by(Claim::Polite, letter) {
            Pushed::Taken => return Ok(()),
            Pushed::Ended(parcel) => return Err(parcel),
            Pushed::Full(parcel) => parcel,
        };
        let line = self.line.get_or_init(Box::default);
        let _place = Place::at_the_end(self);
        // It is never closed.
        let _first = line.first.acquire().await;
        loop {
            let mut room = std::pin::pin!(line.room.notified());
            room.as_mut().enable();
            let letter = Letter {
                label,
                from,
                parcel,
            };
            parcel = match self.push_by(Claim::First, letter) {
                Pushed::Taken => return Ok(()),
                Pushed::Ended(parcel) => return Err(parcel),
                Pushed::Full(parcel) => parcel,
            };
            room.await;
        }
    }
}

/// A place in the line, given up when dropped.
struct Place<'a>(&'a Mailbox);

impl<'a> Place<'a> {
    fn at_the_end(mailbox: &'a Mailbox) -> Self {
        mailbox.lock().waiting += 1;
        Self(mailbox)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}
