//! What a message carries so that whoever traces it knows what led to it.

/// Set by what begins a trace, inherited by all that comes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    /// What all messages share that one from outside of actors has led to, on all nodes; 0 for none.
    pub(crate) number: u64,
    /// The span in which the message was sent, which is the parent of the span of its handling; 0 if nobody wants
    /// spans.
    pub(crate) span: u64,
}

impl Trace {
    /// The same, within the span of this number.
    pub(crate) fn within(self, span: u64) -> Self {
        let number = self.number;
        Self { number, span }
    }
}
