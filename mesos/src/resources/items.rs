//! The items of the text form: `cpus:4;disk(role):10;ports:[31000-32000]`.

use super::gathering::Gathering;
use super::key::What;
use super::name::{Known, Name};
use super::scan::{self, Head};
use super::stack::Stack;
use super::{
    Amount, ParseError, Problem, Quantity, QuantityError, Ranges, RangesError, ResourceError,
    Resources, Words,
};
use crate::roles;

/// Reads all of a text.
pub(super) fn parse(text: &str, default_role: &str) -> Result<Resources, ParseError> {
    let mut reading = Reading {
        gathering: Gathering::default(),
        default_role,
        unreserved: None,
        reserved: None,
    };
    let mut rest = text;
    while !rest.is_empty() {
        let length = match reading.quickly(rest) {
            Some(length) => length?,
            None => reading.slowly(rest)?,
        };
        rest = &rest[length..];
    }
    Ok(reading.gathering.finish())
}

/// What has been read, and of whom: items that follow each other usually have one owner.
struct Reading<'a> {
    gathering: Gathering,
    /// Of what names no role.
    default_role: &'a str,
    /// The number of the group that anybody may have.
    unreserved: Option<usize>,
    /// The latest role, and the number of the group reserved to it.
    reserved: Option<(&'a str, usize)>,
}

impl<'a> Reading<'a> {
    /// Reads one item, if it is written as nearly all are; and its length with its separator.
    #[inline(always)]
    fn quickly(&mut self, text: &'a str) -> Option<Result<usize, ResourceError>> {
        let head = scan::head(text)?;
        let value = text.as_bytes().get(head.length..)?;
        // Each kind on its own, so that what is known of it is known to the compiler.
        let (length, added) = match value.first()? {
            b'[' => {
                let (ranges, length) = Ranges::leading(value)?;
                let length = scan::ended(value, length)?;
                (length, self.add(&head, Amount::Ranges(ranges)))
            }
            b'{' => {
                let (words, length) = scan::words(value)?;
                let length = scan::ended(value, length)?;
                (length, self.add(&head, Amount::Set(words)))
            }
            _ => {
                let (quantity, length) = Quantity::leading(value)?;
                if head.known == Some(Known::Gpus) && !quantity.is_whole() {
                    return None;
                }
                let length = scan::ended(value, length)?;
                (length, self.add(&head, Amount::Scalar(quantity)))
            }
        };
        Some(added.map(|()| head.length + length))
    }

    /// As [`Reading::quickly`], an item that is written in an unusual way, or is wrong, or none.
    fn slowly(&mut self, text: &'a str) -> Result<usize, ParseError> {
        let marks = Marks::of(text.as_bytes());
        let whole = text[..marks.end].trim();
        if !whole.is_empty() {
            let parts = marks.split(text);
            let malformed = || ParseError::Malformed(whole.to_string());
            let (name, role, value) = parts.ok_or_else(malformed)?;
            let head = Head {
                name,
                known: Known::of(name),
                role,
                length: 0, // It is not asked for.
            };
            self.add(&head, parse_amount(name, value)?)?;
        }
        Ok(text.len().min(marks.end + 1))
    }

    #[inline(always)]
    fn add(&mut self, head: &Head<'a>, amount: Amount) -> Result<(), ResourceError> {
        let group = self.group(head)?;
        match head.known {
            Some(known) if known.kind() == amount.kind() => {
                self.gathering.add_plain(group, known, &amount);
            }
            _ => {
                let what = What::plain(Name::from(head.name), amount.kind());
                self.gathering.add_special(group, what, amount);
            }
        }
        Ok(())
    }

    /// The number of the group of the item's owner.
    #[inline(always)]
    fn group(&mut self, head: &Head<'a>) -> Result<usize, ResourceError> {
        let role = head.role.unwrap_or(self.default_role);
        match (self.reserved, self.unreserved) {
            (Some((latest, group)), _) if latest == role => Ok(group),
            (_, Some(group)) if role == roles::DEFAULT_ROLE => Ok(group),
            _ => self.another_group(head.name, role),
        }
    }

    #[inline(never)]
    fn another_group(&mut self, name: &str, role: &'a str) -> Result<usize, ResourceError> {
        if role == roles::DEFAULT_ROLE {
            let group = self.gathering.group(None, &Stack::NONE);
            self.unreserved = Some(group);
            return Ok(group);
        }
        roles::validate(role).map_err(|e| error(name, "role", e.into()))?;
        let group = self.gathering.group(None, &Stack::fixed(role));
        self.reserved = Some((role, group));
        Ok(group)
    }
}

/// Where the parts of an item are, found in one pass.
struct Marks {
    /// The first colon.
    colon: Option<usize>,
    /// The first parenthesis, if it is before the colon.
    open: Option<usize>,
    /// A semicolon, a new line, or the end.
    end: usize,
    /// There are more colons, or a parenthesis is closed before it is opened.
    wrong: bool,
}

impl Marks {
    /// Of the first item in the text.
    fn of(text: &[u8]) -> Marks {
        let mut marks = Marks {
            colon: None,
            open: None,
            end: text.len(),
            wrong: false,
        };
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b';' | b'\n' => {
                    marks.end = at;
                    break;
                }
                b':' if marks.colon.is_none() => marks.colon = Some(at),
                b':' => marks.wrong = true,
                b'(' if marks.colon.or(marks.open).is_none() => marks.open = Some(at),
                b')' if marks.colon.or(marks.open).is_none() => marks.wrong = true,
                _ => {}
            }
        }
        marks
    }

    /// Name, role and value; `None` if one is missing.
    fn split<'a>(&self, text: &'a str) -> Option<(&'a str, Option<&'a str>, &'a str)> {
        let colon = self.colon.filter(|_| !self.wrong)?;
        let value = trimmed(&text[colon + 1..self.end]);
        let name = trimmed(&text[..self.open.unwrap_or(colon)]);
        let role = match self.open {
            None => None,
            Some(open) => {
                let role = trimmed(&text[open + 1..colon]).strip_suffix(')')?;
                Some(trimmed(role))
            }
        };
        (!name.is_empty() && !value.is_empty()).then_some((name, role, value))
    }
}

/// What a byte that is a character separates.
fn pieces(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.bytes().position(|byte| byte == separator);
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// Without white space around it. Hardly any has some.
fn trimmed(text: &str) -> &str {
    let dense = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    match dense(text.as_bytes().first()) && dense(text.as_bytes().last()) {
        true => text,
        false => text.trim(),
    }
}

fn parse_amount(name: &str, value: &str) -> Result<Amount, ResourceError> {
    let wrong = |problem: Problem| error(name, "value", problem);
    if value.starts_with('[') {
        let ranges: Ranges = value.parse().map_err(|e: RangesError| wrong(e.into()))?;
        return Ok(Amount::Ranges(ranges));
    }
    if let Some(inner) = value.strip_prefix('{').and_then(|v| v.strip_suffix('}')) {
        let words = pieces(inner, b',').map(trimmed);
        let words = Words::distinct(words.filter(|word| !word.is_empty()));
        let words = words.map_err(|word| wrong(Problem::Duplicate(word.to_string())))?;
        return Ok(Amount::Set(words));
    }
    let quantity: Quantity = value.parse().map_err(|e: QuantityError| wrong(e.into()))?;
    if name == Known::Gpus.text() && !quantity.is_whole() {
        return Err(wrong(Problem::NotWhole));
    }
    Ok(Amount::Scalar(quantity))
}

fn error(name: &str, field: &str, problem: Problem) -> ResourceError {
    ResourceError {
        name: name.to_string(),
        field: field.to_string(),
        problem,
    }
}
