//! Senders that wait for room in a mailbox.

use tokio::sync::Notify;

use super::{Letter, Mailbox, Pushed};
use crate::line::Line;
use crate::parcel::Parcel;

/// Made with the first who waits: most mailboxes have none.
#[derive(Default)]
pub(super) struct Waiting {
    line: Line,
    /// Told when there is room again, or the mailbox ended.
    pub(super) room: Notify,
}

impl Mailbox {
    /// Queues a message as soon as there is room and its turn comes. Gives it back if the actor ended.
    pub(crate) async fn push_ready(&self, letter: Letter<'_>) -> Result<(), Box<dyn Parcel>> {
        let Letter { label, from, .. } = letter;
        let waiting = self.waiting.get();
        let mut parcel = letter.parcel;
        let again = |parcel| Letter {
            label,
            from,
            parcel,
        };
        if waiting.is_none_or(|waiting| waiting.line.lets_pass()) {
            parcel = match self.push(again(parcel)) {
                Pushed::Taken => return Ok(()),
                Pushed::Ended(parcel) => return Err(parcel),
                Pushed::Full(parcel) => parcel,
            };
        }
        let Waiting { line, room } = &**self.waiting.get_or_init(Box::default);
        let _place = Place::in_line(line);
        let first = line.first().await;
        loop {
            let mut room = std::pin::pin!(room.notified());
            room.as_mut().enable();
            parcel = match self.push_or_call(again(parcel)) {
                Pushed::Taken => break,
                Pushed::Ended(parcel) => return Err(parcel),
                Pushed::Full(parcel) => parcel,
            };
            room.await;
        }
        first.served();
        Ok(())
    }
}

/// A place in the line, given up when dropped.
struct Place<'a>(&'a Line);

impl<'a> Place<'a> {
    fn in_line(line: &'a Line) -> Self {
        line.join();
        Self(line)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
