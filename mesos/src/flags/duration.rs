//! Durations: a decimal number and a unit, `15secs`.

use std::time::Duration;

use super::ValueError;

/// Units with their nanoseconds, ascending. The first name is the one printed; the others are
/// common ways to write it that Mesos refuses for no gain.
const UNITS: [(&[&str], u64); 8] = [
    (&["ns"], 1),
    (&["us"], 1_000),
    (&["ms"], 1_000_000),
    (&["secs", "sec", "s"], 1_000_000_000),
    (&["mins", "min", "m"], 60_000_000_000),
    (&["hrs", "hr", "h"], 3_600_000_000_000),
    (&["days", "day", "d"], 86_400_000_000_000),
    (&["weeks", "week", "w"], 604_800_000_000_000),
];

/// Reads a duration such as `15secs`, `500ms` or `1.5hrs`.
///
/// # Errors
/// No number, no or an unknown unit, or more than a signed 64-bit count of nanoseconds holds
/// (292 years), which is what Mesos' own durations can represent.
pub fn duration(text: &str) -> Result<Duration, ValueError> {
    let wrong = |problem: String| ValueError {
        value: text.to_string(),
        expected: "duration",
        problem,
        example: "15secs",
    };
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    if number.is_empty() {
        return Err(wrong("it does not begin with a number".to_string()));
    }
    if unit.is_empty() && number.chars().any(|c| c != '0') {
        return Err(wrong(format!("it has no unit ({})", unit_names())));
    }
    let factor = match UNITS.iter().find(|(names, _)| names.contains(&unit.trim())) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None => {
            return Err(wrong(format!(
                "unknown unit '{unit}' (known: {})",
                unit_names()
            )));
        }
    };
    nanoseconds(number, factor)
        .ok_or_else(|| wrong(format!("'{number}' is no number or is too large")))
        .map(Duration::from_nanos)
}

/// `number * factor`, exactly for whole numbers, to the nearest nanosecond for fractions.
fn nanoseconds(number: &str, factor: u64) -> Option<u64> {
    let nanos = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(factor)?,
        Err(_) => {
            let nanos = number.parse::<f64>().ok()? * factor as f64;
            // `as` saturates, and the bound below refuses what saturated.
            nanos.round() as u64
        }
    };
    (nanos <= i64::MAX as u64).then_some(nanos)
}

fn unit_names() -> String {
    let names: Vec<&str> = UNITS.iter().map(|(names, _)| names[0]).collect();
    names.join(", ")
}

/// Prints a duration as Mesos does: in the largest unit it reaches, or the next smaller one if
/// only there it is a whole number (`1mins`, `90secs`, `10days`, `2weeks`).
pub fn format_duration(duration: Duration) -> String {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let bucket = UNITS
        .iter()
        .rposition(|(_, factor)| nanos >= *factor)
        .unwrap_or(0);
    let whole_in = |unit: usize| nanos % UNITS[unit].1 == 0;
    let unit = if !whole_in(bucket) && whole_in(bucket - 1) {
        bucket - 1
    } else {
        bucket
    };
    let (names, factor) = UNITS[unit];
    if whole_in(unit) {
        format!("{}{}", nanos / factor, names[0])
    } else {
        format!("{}{}", nanos as f64 / factor as f64, names[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_unit() {
        let table = [
            ("7ns", 7),
            ("7us", 7_000),
            ("500ms", 500_000_000),
            ("15secs", 15_000_000_000),
            ("10mins", 600_000_000_000),
            ("1.5hrs", 5_400_000_000_000),
            ("1days", 86_400_000_000_000),
            ("2weeks", 1_209_600_000_000_000),
            ("0.1secs", 100_000_000),
            ("10min", 600_000_000_000),
            ("1week", 604_800_000_000_000),
            (" 5 secs", 5_000_000_000),
            ("0", 0),
        ];
        for (text, nanos) in table {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "secs",
            "15",
            "-1secs",
            "1.2.3secs",
            ".secs",
            "1fortnight",
            "1e9secs",
            "99999weeks",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prints_as_mesos_does() {
        let table = [
            ("0secs", "0ns"),
            ("15secs", "15secs"),
            ("60secs", "1mins"),
            ("90secs", "90secs"),
            ("10mins", "10mins"),
            ("75secs", "75secs"),
            ("14days", "2weeks"),
            ("10days", "10days"),
            ("1500ms", "1500ms"),
            ("100ms", "100ms"),
            ("24hrs", "1days"),
        ];
        for (text, printed) in table {
            assert_eq!(format_duration(duration(text).unwrap()), printed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_seconds_survive_printing(seconds in 0u64..400_000_000) {
            let original = Duration::from_secs(seconds);
            let again = duration(&format_duration(original)).unwrap();
            let error = original.abs_diff(again);
            prop_assert!(error < Duration::from_millis(1), "{error:?}");
        }

        #[test]
        fn never_panics(text in "[0-9.]{0,25}[a-z%]{0,6}") {
            let _ = duration(&text);
        }
    }
}
