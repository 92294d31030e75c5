//! The scheduler: a task for each piece, and again if it is lost.

use std::collections::BTreeMap;

use libprocess::prelude::*;
use mesos::resources::{Format, Resources};
use mesos::v1::{self, TaskState};
use mesos_frameworks::scheduler::{Driver, Notice, Offers, SchedulerEvents, Subscribed, Update};
use tokio::sync::oneshot;

use crate::Words;

/// How often pieces may be lost on their way before something must be wrong.
const RETRIES: u32 = 20;

pub(crate) struct WordCount {
    driver: Driver,
    executor: v1::ExecutorInfo,
    waiting: Vec<String>,
    running: BTreeMap<v1::TaskId, String>,
    launched: u64,
    retries: u32,
    words: Words,
    done: Option<oneshot::Sender<Result<Words, String>>>,
}

impl WordCount {
    pub(crate) fn new(
        driver: Driver,
        executor: v1::ExecutorInfo,
        waiting: Vec<String>,
        done: oneshot::Sender<Result<Words, String>>,
    ) -> WordCount {
        WordCount {
            driver,
            executor,
            waiting,
            running: BTreeMap::new(),
            launched: 0,
            retries: 0,
            words: Words::new(),
            done: Some(done),
        }
    }

    fn launch(&mut self, text: String, agent_id: &v1::AgentId, needs: &Resources) -> v1::TaskInfo {
        self.launched += 1;
        let task_id = v1::TaskId::from(format!("piece.{}", self.launched).as_str());
        self.running.insert(task_id.clone(), text.clone());
        v1::TaskInfo {
            name: "piece".to_owned(),
            task_id,
            agent_id: agent_id.clone(),
            resources: needs.to_v1(Format::PreRefinement),
            executor: Some(self.executor.clone()),
            data: Some(text.into_bytes()),
            ..Default::default()
        }
    }

    fn end(&mut self, result: Result<Words, String>) {
        if let Some(done) = self.done.take() {
            // Whoever waits for it may be gone.
            let _ = done.send(result);
        }
    }
}

impl Actor for WordCount {
    type Context = Context<Self>;
}

impl Process for WordCount {
    type Protocol = SchedulerEvents;
}

impl Handler<Subscribed> for WordCount {
    type Result = ();

    fn handle(&mut self, _: Subscribed, _: &mut Context<Self>) {
        // Launches of an earlier subscription may have been lost: the answers tell.
        self.driver
            .reconcile(self.running.keys().map(|task| (task.clone(), None)));
    }
}

impl Handler<Offers> for WordCount {
    type Result = ();

    fn handle(&mut self, Offers(offers): Offers, _: &mut Context<Self>) {
        let piece = Resources::parse("cpus:0.1;mem:8", "*").expect("resources that parse");
        for offer in offers {
            let offered = Resources::from_v1(&offer.resources)
                .unwrap_or_default()
                .unallocate();
            let executor = Resources::from_v1(&self.executor.resources).unwrap_or_default();
            // Also where the executor runs already and costs nothing more: it is little.
            let mut free = offered.checked_sub(&executor).unwrap_or_default();
            let mut tasks = Vec::new();
            while let Some(rest) = free.checked_sub(&piece)
                && let Some(text) = self.waiting.pop()
            {
                free = rest;
                tasks.push(self.launch(text, &offer.agent_id, &piece));
            }
            self.driver.launch([offer.id], tasks, Some(0.1));
        }
    }
}

impl Handler<Update> for WordCount {
    type Result = ();

    fn handle(&mut self, Update(status): Update, _: &mut Context<Self>) {
        if !mesos::task_state::is_terminal(status.state()) {
            return;
        }
        let Some(text) = self.running.remove(&status.task_id) else {
            return;
        };
        let counted = serde_json::from_slice::<Words>(&status.data.clone().unwrap_or_default());
        match counted {
            Ok(words) if status.state() == TaskState::TaskFinished => {
                words
                    .into_iter()
                    .for_each(|(word, n)| *self.words.entry(word).or_default() += n);
            }
            _ if self.retries < RETRIES => {
                self.retries += 1;
                self.waiting.push(text);
            }
            _ => self.end(Err(format!(
                "{}: {}",
                status.state().as_str_name(),
                status.message()
            ))),
        }
        if self.waiting.is_empty() && self.running.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.end(Ok(words));
        }
    }
}

impl Handler<Notice> for WordCount {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        if let Notice::Error(why) = notice {
            self.end(Err(why));
        }
    }
}
