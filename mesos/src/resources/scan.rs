//! One resource of a text, as nearly everybody writes it, read in one pass.
//!
//! ```text
//! cpus(eng/web):0.5;ports:[31000-32000, 33000-33000];names:{a, b}
//! name role     amount of each kind
//! ```
//!
//! What is written in another way, or is wrong, is left to `text.rs`, which takes its time and says
//! what is wrong.

use smallvec::SmallVec;

use super::name::Known;
use super::{Amount, Quantity, Ranges, Words};

/// What one resource of a text says.
pub(super) struct Item<'a> {
    pub(super) name: &'a str,
    pub(super) role: Option<&'a str>,
    pub(super) amount: Amount,
}

/// The first resource, and what comes behind the separator that ends it; `None` there if it is the
/// last one.
#[inline]
pub(super) fn item(text: &str) -> Option<(Item<'_>, Option<&str>)> {
    let bytes = text.as_bytes();
    let begin = spaces(bytes);
    let name_end = begin + plain(&bytes[begin..]);
    let name = text.get(begin..name_end).filter(|name| !name.is_empty())?;
    let (role, value) = match bytes.get(name_end)? {
        b':' => (None, name_end + 1),
        b'(' => {
            let role = name_end + 1;
            let role_end = role + plain(&bytes[role..]);
            let closed = bytes[role_end..].starts_with(b"):");
            closed.then_some((text.get(role..role_end), role_end + 2))?
        }
        _ => return None,
    };
    let (amount, length) = amount(text.get(value..)?)?;
    if let Amount::Scalar(quantity) = amount
        && name == Known::Gpus.text()
        && !quantity.is_whole()
    {
        return None;
    }
    let end = value + length;
    let rest = match bytes.get(end) {
        None => None,
        Some(b';' | b'\n') => Some(text.get(end + 1..)?),
        Some(_) => return None,
    };
    Some((Item { name, role, amount }, rest))
}

/// The amount at the beginning, and its length.
#[inline]
fn amount(text: &str) -> Option<(Amount, usize)> {
    match text.as_bytes().first()? {
        b'[' => {
            let (ranges, length) = Ranges::leading(text.as_bytes())?;
            Some((Amount::Ranges(ranges), length))
        }
        b'{' => {
            let (words, length) = words(text)?;
            Some((Amount::Set(words), length))
        }
        _ => {
            let (quantity, length) = Quantity::leading(text.as_bytes())?;
            Some((Amount::Scalar(quantity), length))
        }
    }
}

/// `{a, b}`.
fn words(text: &str) -> Option<(Words, usize)> {
    let bytes = text.as_bytes();
    let mut all: SmallVec<[&str; 8]> = SmallVec::new();
    let mut at = 0;
    loop {
        let begin = at + 1 + spaces(&bytes[at + 1..]);
        at = begin + plain(&bytes[begin..]);
        let word = text.get(begin..at).filter(|word| !word.is_empty())?;
        // A few are put where they belong; many are sorted at the end.
        let few = all.len() < all.inline_size();
        let behind = all.iter().rev().take_while(|other| few && word < **other);
        all.insert(all.len() - behind.count(), word);
        match bytes.get(at)? {
            b',' => {}
            b'}' => return Some((Words::listed(all).ok()?, at + 1)),
            _ => return None,
        }
    }
}

/// How many spaces there are at the beginning.
pub(super) fn spaces(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b' ').count()
}

/// How many bytes there are at the beginning that nearly all names, roles and words are made of.
#[inline]
fn plain(text: &[u8]) -> usize {
    let plain = text.iter().take_while(|byte| PLAIN[usize::from(**byte)]);
    plain.count()
}

/// Those that are neither white space nor of the text form itself.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < plain.len() {
        let of_the_form = matches!(
            byte as u8,
            b':' | b';' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b','
        );
        plain[byte] = (byte as u8).is_ascii_graphic() && !of_the_form;
        byte += 1;
    }
    plain
};

/// The integer at the beginning, of at most so many digits, and how many it has.
#[inline]
pub(super) fn integer(text: &[u8], most: usize) -> (u64, usize) {
    let (mut integer, mut length) = (0, 0);
    while let Some(digit @ b'0'..=b'9') = text.get(length)
        && length < most
    {
        integer = integer * 10 + u64::from(digit - b'0');
        length += 1;
    }
    (integer, length)
}
