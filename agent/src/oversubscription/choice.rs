//! Which estimator and which controller: the values of `--resource_estimator` and `--qos_controller`.
//!
//! Mesos loads them as modules and gives their parameters in `--modules`. Here they are built in, and
//! their parameters follow their name:
//!
//! | Value | Meaning |
//! |---|---|
//! | `noop` | nothing is lent; nothing is taken back |
//! | `fixed:cpus:4;mem:512` | these resources are lent always |
//! | `measured`, `measured:margin=10%,half_life=1mins` | cpus that were given and are not used |
//! | `load:load_threshold_5min=6,load_threshold_15min=4` | taken back while the load is above either |

use std::fmt;
use std::str::FromStr;

use mesos::flags::{self, ValueError, format_duration};
use mesos::resources::Resources;
use mesos::roles::DEFAULT_ROLE;

use super::controller::{Controller, LoadController, LoadThresholds};
use super::estimator::{Estimator, FixedEstimator};
use super::measured::{MeasuredEstimator, Measurement};

/// `--resource_estimator`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum EstimatorChoice {
    /// Nothing is lent.
    #[default]
    Noop,
    /// [`FixedEstimator`].
    Fixed(Resources),
    /// [`MeasuredEstimator`].
    Measured(Measurement),
}

/// `--qos_controller`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ControllerChoice {
    /// Nothing is taken back.
    #[default]
    Noop,
    /// [`LoadController`].
    Load(LoadThresholds),
}

impl EstimatorChoice {
    /// The estimator, if anything is to be lent.
    pub fn estimator(&self) -> Option<Box<dyn Estimator>> {
        match self {
            EstimatorChoice::Noop => None,
            EstimatorChoice::Fixed(resources) => Some(Box::new(FixedEstimator::new(resources))),
            EstimatorChoice::Measured(how) => Some(Box::new(MeasuredEstimator::new(*how))),
        }
    }
}

impl ControllerChoice {
    /// The controller, if anything is to be taken back.
    pub fn controller(self) -> Option<Box<dyn Controller>> {
        match self {
            ControllerChoice::Noop => None,
            ControllerChoice::Load(thresholds) => Some(Box::new(LoadController(thresholds))),
        }
    }
}

impl FromStr for EstimatorChoice {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<EstimatorChoice, ValueError> {
        let wrong = |problem: String| wrong("resource estimator", ESTIMATOR_EXAMPLE, text, problem);
        match name_and_parameters(text) {
            ("noop", None) => Ok(EstimatorChoice::Noop),
            ("fixed", Some(resources)) => fixed(resources).map_err(wrong),
            ("measured", parameters) => measured(parameters).map_err(wrong),
            _ => Err(wrong(
                "the estimators are noop, fixed:RESOURCES and measured".to_owned(),
            )),
        }
    }
}

impl FromStr for ControllerChoice {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<ControllerChoice, ValueError> {
        let wrong = |problem: String| wrong("QoS controller", CONTROLLER_EXAMPLE, text, problem);
        match name_and_parameters(text) {
            ("noop", None) => Ok(ControllerChoice::Noop),
            ("load", Some(parameters)) => load(parameters).map_err(wrong),
            _ => Err(wrong(
                "the controllers are noop and load, which needs a threshold".to_owned(),
            )),
        }
    }
}

const ESTIMATOR_EXAMPLE: &str = "fixed:cpus:4";
const CONTROLLER_EXAMPLE: &str = "load:load_threshold_5min=6";

fn wrong(
    expected: &'static str,
    example: &'static str,
    value: &str,
    problem: String,
) -> ValueError {
    ValueError {
        value: value.to_owned(),
        expected,
        problem,
        example,
    }
}

fn name_and_parameters(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, parameters)) => (name.trim(), Some(parameters)),
        None => (text.trim(), None),
    }
}

fn fixed(text: &str) -> Result<EstimatorChoice, String> {
    let resources = Resources::parse(text, DEFAULT_ROLE).map_err(|e| e.to_string())?;
    if resources.is_empty() {
        return Err("it names no resources".to_owned());
    }
    if !resources.reserved().is_empty() {
        return Err("what is lent cannot be reserved to a role".to_owned());
    }
    Ok(EstimatorChoice::Fixed(resources))
}

fn measured(text: Option<&str>) -> Result<EstimatorChoice, String> {
    let mut how = Measurement::default();
    for (name, value) in parameters(text.unwrap_or_default())? {
        match name {
            "margin" => how.margin = flags::percentage(value).map_err(|e| e.to_string())?,
            "half_life" => {
                how.half_life = flags::duration(value).map_err(|e| e.to_string())?;
                if how.half_life.is_zero() {
                    return Err("half_life must be longer than nothing".to_owned());
                }
            }
            _ => return Err(format!("'{name}' is neither margin nor half_life")),
        }
    }
    Ok(EstimatorChoice::Measured(how))
}

fn load(text: &str) -> Result<ControllerChoice, String> {
    let mut thresholds = LoadThresholds::default();
    for (name, value) in parameters(text)? {
        let threshold = value.parse().ok().filter(|t: &f64| *t >= 0.0);
        let threshold = threshold.ok_or_else(|| format!("'{value}' is no load such as 6.5"))?;
        match name {
            "load_threshold_5min" => thresholds.five = Some(threshold),
            "load_threshold_15min" => thresholds.fifteen = Some(threshold),
            _ => {
                return Err(format!(
                    "'{name}' is neither load_threshold_5min nor load_threshold_15min"
                ));
            }
        }
    }
    match thresholds == LoadThresholds::default() {
        true => Err("it names no threshold".to_owned()),
        false => Ok(ControllerChoice::Load(thresholds)),
    }
}

/// `NAME=VALUE,NAME=VALUE`.
fn parameters(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
    let pair = |part: &str| format!("'{part}' is not of the form NAME=VALUE");
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').ok_or_else(|| pair(part))?;
            Ok((name.trim(), value.trim()))
        })
        .collect()
}

impl fmt::Display for EstimatorChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EstimatorChoice::Noop => write!(f, "noop"),
            EstimatorChoice::Fixed(resources) => write!(f, "fixed:{resources}"),
            EstimatorChoice::Measured(how) => {
                let (margin, half_life) = (how.margin * 100.0, format_duration(how.half_life));
                write!(f, "measured:margin={margin}%,half_life={half_life}")
            }
        }
    }
}

impl fmt::Display for ControllerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ControllerChoice::Load(thresholds) = self else {
            return write!(f, "noop");
        };
        let named = [
            ("load_threshold_5min", thresholds.five),
            ("load_threshold_15min", thresholds.fifteen),
        ];
        let given = named
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        let given: Vec<String> = given
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        write!(f, "load:{}", given.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn estimator(text: &str) -> Result<String, String> {
        let choice: Result<EstimatorChoice, _> = text.parse();
        if let Ok(choice) = &choice {
            assert_eq!(choice.to_string().parse().as_ref(), Ok(choice), "{text:?}");
        }
        choice.map(|c| c.to_string()).map_err(|e| e.problem)
    }

    #[track_caller]
    fn controller(text: &str) -> Result<String, String> {
        let choice: Result<ControllerChoice, _> = text.parse();
        if let Ok(choice) = &choice {
            assert_eq!(choice.to_string().parse().as_ref(), Ok(choice), "{text:?}");
        }
        choice.map(|c| c.to_string()).map_err(|e| e.problem)
    }

    #[test]
    fn estimators_are_named_with_their_parameters() {
        let table = [
            ("noop", "noop"),
            ("fixed:cpus:4", "fixed:cpus:4"),
            ("fixed:mem:1;cpus:0.5", "fixed:cpus:0.5; mem:1"),
            ("measured", "measured:margin=10%,half_life=1mins"),
            (
                "measured: half_life=30secs , margin=25%",
                "measured:margin=25%,half_life=30secs",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(estimator(text), Ok(expected.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn wrong_estimators_are_refused() {
        for text in [
            "",
            "magic",
            "noop:x",
            "fixed",
            "fixed:",
            "fixed:cpus",
            "fixed:cpus(ops):1",
            "measured:margin=2",
            "measured:margin=101%",
            "measured:half_life=0secs",
            "measured:x=1",
            "measured:margin",
        ] {
            assert!(estimator(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn controllers_are_named_with_their_parameters() {
        let table = [
            ("noop", "noop"),
            ("load:load_threshold_5min=6", "load:load_threshold_5min=6"),
            (
                "load: load_threshold_15min=0.5,load_threshold_5min=2",
                "load:load_threshold_5min=2,load_threshold_15min=0.5",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(controller(text), Ok(expected.to_owned()), "{text:?}");
        }
        for text in [
            "",
            "load",
            "load:",
            "load:5min=1",
            "load:load_threshold_5min=-1",
            "load:load_threshold_5min=NaN",
            "load:load_threshold_5min",
            "noop:1",
        ] {
            assert!(controller(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_who_is_to_do_something_is_there() {
        assert!(EstimatorChoice::Noop.estimator().is_none());
        assert!(ControllerChoice::Noop.controller().is_none());
        let lent = Resources::parse("cpus:1", "*").expect("resources");
        let estimator = EstimatorChoice::Fixed(lent).estimator();
        assert!(estimator.is_some_and(|mut e| !e.estimate(&[]).is_empty()));
    }
}
