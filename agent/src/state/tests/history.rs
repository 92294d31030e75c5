//! What is over, as the next master is told of it.

use mesos::protocols::master::ReregisterAgent;
use mesos::v1::TaskState::TaskFinished;
use mesos::wire::Packed;

use super::*;

/// What a master is told when it is found.
fn introduction(world: &mut World) -> ReregisterAgent {
    let master = Pid::named("master", "127.0.0.1:5050".parse().unwrap());
    world.act(|s, m| s.master_detected(m, Some(master)));
    let era = world.state.era;
    world.act(|s, m| s.registration_due(m, era));
    let told = world.effects.iter().find_map(|effect| match effect {
        Effect::Tell(_, ToMaster::Reregister(request)) => Some((**request).clone()),
        _ => None,
    });
    told.expect("a registration")
}

#[test]
fn what_is_over_is_told_to_the_next_master() {
    let mut world = World::running();
    world.run(custom("u"));
    world.update("t", TaskFinished, 2).unwrap();
    world.acknowledge("t", 2);
    let told = introduction(&mut world);
    let ids = |tasks: &[Packed<mesos::v1::Task>]| -> Vec<String> {
        let tasks = tasks.iter().map(Packed::to_message);
        tasks.map(|t| t.task_id.value).collect()
    };
    assert_eq!(ids(&told.tasks), ["u"]);
    assert_eq!(ids(&told.completed_tasks), ["t"]);
    assert_eq!(told.completed_tasks[0].to_message().statuses.len(), 2);
    assert_eq!(
        (told.frameworks.len(), told.completed_frameworks.len()),
        (1, 0)
    );

    let of = world.only_executor().reference();
    world.act(|s, m| s.container_gone(m, &of, None, None));
    let Some(Effect::Report(last)) = world
        .effects
        .iter()
        .find(|e| matches!(e, Effect::Report(_)))
    else {
        panic!("a report");
    };
    let number = last.uuid.as_u128();
    world.acknowledge("u", number);
    let told = introduction(&mut world);
    assert_eq!(ids(&told.completed_tasks), ["t", "u"]);
    assert_eq!(
        (told.frameworks.len(), told.completed_frameworks.len()),
        (0, 1)
    );
}

#[test]
fn the_latest_of_what_is_over_are_told_if_not_all_fit() {
    let mut world = World::running();
    for (number, task) in (10_u128..).step_by(2).zip(["b", "a", "c"]) {
        world.run(custom(task));
        world.update(task, TaskFinished, number).unwrap();
        world.acknowledge(task, number);
    }
    let ids = |bytes: usize| -> Vec<String> {
        let tasks = world.state.latest_ended_tasks(bytes);
        let tasks = tasks.iter().map(Packed::to_message);
        tasks.map(|task| task.task_id.value).collect()
    };
    assert_eq!(ids(usize::MAX), ["b", "a", "c"]);
    let all = world.state.latest_ended_tasks(usize::MAX);
    let all: usize = all.iter().map(Packed::encoded_len).sum();
    assert_eq!(ids(all), ["b", "a", "c"]);
    assert_eq!(ids(all - 1), ["a", "c"]);
    assert_eq!(ids(0), Vec::<String>::new());
}
