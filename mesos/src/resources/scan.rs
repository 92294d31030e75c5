//! The parts of a resource in a text, as nearly everybody writes them, read in one pass.
//!
//! ```text
//! cpus(eng/web):0.5;ports:[31000-32000, 33000-33000];names:{a, b}
//! name role     amount of each kind
//! ```
//!
//! What is written in another way, or is wrong, is left to `items.rs`, which takes its time and says
//! what is wrong.

use super::Words;
use super::name::Known;

/// What stands before the amount.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    /// The name, if it is one that Mesos knows.
    pub(super) known: Option<Known>,
    pub(super) role: Option<&'a str>,
    /// With the colon.
    pub(super) length: usize,
}

/// What stands before the first amount of a text.
#[inline(always)]
pub(super) fn head(text: &str) -> Option<Head<'_>> {
    let bytes = text.as_bytes();
    let begin = spaces(bytes);
    let known = known(&bytes[begin..]);
    let length = match known {
        Some(known) => known.text().len(),
        None => plain(&bytes[begin..]),
    };
    let end = begin + length;
    let name = text.get(begin..end).filter(|name| !name.is_empty())?;
    let (role, length) = match bytes.get(end)? {
        b':' => (None, end + 1),
        b'(' => {
            let role = end + 1;
            let role_end = role + plain(&bytes[role..]);
            let closed = bytes[role_end..].starts_with(b"):");
            closed.then_some((text.get(role..role_end), role_end + 2))?
        }
        _ => return None,
    };
    Some(Head {
        name,
        known,
        role,
        length,
    })
}

/// The length of an amount with the separator behind it, if nothing else follows.
#[inline(always)]
pub(super) fn ended(text: &[u8], length: usize) -> Option<usize> {
    match text.get(length) {
        None => Some(length),
        Some(b';' | b'\n') => Some(length + 1),
        Some(_) => None,
    }
}

/// The name at the beginning, if it is one that Mesos knows.
#[inline(always)]
fn known(text: &[u8]) -> Option<Known> {
    let (known, behind) = match text {
        [b'c', b'p', b'u', b's', behind @ ..] => (Known::Cpus, behind),
        [b'm', b'e', b'm', behind @ ..] => (Known::Mem, behind),
        [b'd', b'i', b's', b'k', behind @ ..] => (Known::Disk, behind),
        [b'g', b'p', b'u', b's', behind @ ..] => (Known::Gpus, behind),
        [b'p', b'o', b'r', b't', b's', behind @ ..] => (Known::Ports, behind),
        _ => return None,
    };
    matches!(behind.first(), Some(b':' | b'(')).then_some(known)
}

/// `{a, b}`, if they are few, and its length.
pub(super) fn words(text: &[u8]) -> Option<(Words, usize)> {
    let mut all = Words::default();
    let mut at = 0; // A brace, or a comma.
    loop {
        let begin = at + 1 + spaces(text.get(at + 1..)?);
        at = begin + plain(&text[begin..]);
        all.insert(&text[begin..at])?;
        match text.get(at)? {
            b',' => {}
            b'}' => return Some((all, at + 1)),
            _ => return None,
        }
    }
}

/// How many spaces there are at the beginning.
#[inline]
pub(super) fn spaces(text: &[u8]) -> usize {
    count(text, |byte| byte == b' ')
}

/// How many bytes there are at the beginning that nearly all names, roles and words are made of.
#[inline]
fn plain(text: &[u8]) -> usize {
    count(text, |byte| PLAIN[usize::from(byte)])
}

/// How many bytes at the beginning are such.
#[inline(always)]
fn count(text: &[u8], such: impl Fn(u8) -> bool) -> usize {
    let end = text.iter().position(|byte| !such(*byte));
    end.unwrap_or(text.len())
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
#[inline(always)]
pub(super) fn integer(text: &[u8], most: usize) -> (u64, usize) {
    let mut integer = 0;
    for (length, byte) in text.iter().enumerate().take(most) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (integer, length);
        }
        integer = integer * 10 + u64::from(digit);
    }
    (integer, most.min(text.len()))
}
