//! Mesos' JSON form of messages, by way of their protobuf form.
//!
//! | Rule | Mesos |
//! |---|---|
//! | names | fields and enum values by their proto names |
//! | unset | left out, unless the field has an explicit default and is not deprecated |
//! | empty repeated fields | left out, except where Mesos builds the answer by hand |
//! | bytes | base64, standard alphabet |
//! | numbers | always JSON numbers on output; strings that hold one are accepted |
//! | infinities | the strings `"Infinity"` and `"-Infinity"` |
//! | enum values unknown here | dropped; an error where the field is required |
//! | input | `null` is unset, unknown fields are ignored, a lone value does for a list |
//!
//! (Mesos documents most of this nowhere; it is what its generic converter between protobuf and
//! JSON does.)

mod path;
mod read;
mod write;

pub(super) use read::read;
pub(super) use write::Object;

/// How deep messages may be nested. The deepest sensible call has about twenty levels; prost and
/// `serde_json` end at 100 and 128 for the sake of the stack, and this is below both so that the
/// same limit holds for both forms.
pub const MAX_DEPTH: usize = 90;
