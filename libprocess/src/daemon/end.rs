//! The orderly end.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Future;

/// Something to be ended.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) end: Box<dyn FnOnce(Duration) -> Future<()> + Send>,
}

/// How a daemon came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A signal asked for it, and everything ended in time.
    Signal(&'static str),
    /// A signal asked for it, and this did not end in time.
    Late(&'static str),
    /// It could not go on; why.
    Failed(String),
    /// It was asked twice: nothing was waited for.
    AtOnce,
}

impl Ended {
    /// The exit code of the process: 0 after an orderly end, 1 after a failure or a late end, 130 if it was forced.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Signal(_) => 0,
            Self::Late(_) | Self::Failed(_) => 1,
            // What shells give to a process that an interrupt ended.
            Self::AtOnce => 130,
        }
    }
}

/// What became of the steps.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Drained {
    InTime,
    Late(&'static str),
    AtOnce,
}

/// Ends one after the other. After the deadline each still gets to say its first word (tells leave, sockets
/// close), but nobody waits for it.
pub(super) async fn in_order(
    steps: Vec<Step>,
    within: Duration,
    second: impl std::future::Future<Output = &'static str>,
) -> Drained {
    let deadline = Instant::now() + within;
    let ends = async {
        let mut late = None;
        for Step { name, end } in steps {
            let left = deadline.saturating_duration_since(Instant::now());
            if timeout_at(deadline, end(left)).await.is_err() {
                tracing::warn!("{name} did not end within {within:?}");
                late.get_or_insert(name);
            }
        }
        late.map_or(Drained::InTime, Drained::Late)
    };
    tokio::select! {
        biased;
        signal = second => {
            tracing::warn!("ending at once after {signal}");
            Drained::AtOnce
        }
        drained = ends => drained,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    type Diary = Arc<Mutex<Vec<(&'static str, Duration)>>>;

    /// A step that takes so long, and writes down when it ended and how much time it was given.
    fn step(name: &'static str, takes: Duration, diary: &Diary) -> Step {
        let diary = diary.clone();
        let end = move |left| -> Future<()> {
            Box::pin(async move {
                sleep(takes).await;
                diary.lock().unwrap().push((name, left));
            })
        };
        Step {
            name,
            end: Box::new(end),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn steps_end_one_after_the_other_with_what_time_is_left() {
        let diary = Diary::default();
        let steps = vec![
            step("http", SECOND, &diary),
            step("node", SECOND * 2, &diary),
        ];
        let drained = in_order(steps, SECOND * 10, std::future::pending()).await;
        assert_eq!(drained, Drained::InTime);
        let diary = diary.lock().unwrap();
        assert_eq!(*diary, [("http", SECOND * 10), ("node", SECOND * 9)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_hangs_holds_up_the_end_until_the_deadline_only() {
        let (diary, began) = (Diary::default(), Instant::now());
        let steps = vec![
            step("hangs", SECOND * 100, &diary),
            step("quick", Duration::ZERO, &diary),
        ];
        let drained = in_order(steps, SECOND * 10, std::future::pending()).await;
        assert_eq!(drained, Drained::Late("hangs"));
        assert_eq!(began.elapsed(), SECOND * 10);
        assert_eq!(*diary.lock().unwrap(), [("quick", Duration::ZERO)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_it_at_once() {
        let (diary, began) = (Diary::default(), Instant::now());
        let steps = vec![step("slow", SECOND * 5, &diary)];
        let second = async {
            sleep(SECOND).await;
            "an interrupt"
        };
        let drained = in_order(steps, SECOND * 10, second).await;
        assert_eq!(drained, Drained::AtOnce);
        assert_eq!(began.elapsed(), SECOND);
    }
}
