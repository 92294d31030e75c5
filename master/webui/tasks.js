// Tasks, and one task with its history and its sandbox.

import { html } from './vendor/htm-preact-3.1.1.js';
import { isActive } from './cluster.js';
import { amount, exactly, now, short, span, time, words } from './format.js';
import { Command, Empty, Facts, Panel, State, Table } from './parts.js';
import { Sandbox } from './sandbox.js';

const COLUMNS = [
  { title: 'Task', value: (task) => task.id, show: (task) => html`<a href=${task.href}><b>${task.name || task.id}</b></a>
    ${task.name !== task.id && html`<div class="id">${task.id}</div>`}` },
  { title: 'State', value: (task) => task.state, show: (task) => html`<${State} of=${task.state} />
    ${task.message && !isActive(task) && html`<div class="why" title=${task.message}>${task.message}</div>`}` },
  { title: 'Framework', value: (task) => task.frameworkName, wide: true },
  { title: 'Agent', value: (task) => task.host || task.slave_id, wide: true,
    show: (task) => html`<a href=${`#/agents/${encodeURIComponent(task.slave_id)}`} title=${task.slave_id}>${task.host || short(task.slave_id)}</a>` },
  { title: 'CPUs', value: (task) => task.resources.cpus, right: true, wide: true },
  { title: 'Memory', value: (task) => task.resources.mem, show: (task) => amount('mem', task.resources.mem), right: true, wide: true },
  { title: 'Started', value: (task) => task.began || 0, right: true, wide: true,
    show: (task) => html`<time title=${exactly(task.began)}>${time(task.began)}</time>` },
  { title: 'Ran', value: (task) => ran(task), show: (task) => span(ran(task)), right: true },
];

const ran = (task) => (isActive(task) ? now() : task.changed) - task.began;

export const TaskTable = ({ tasks, search }) => html`<${Table} columns=${COLUMNS} rows=${tasks} search=${search} />`;

export function Tasks({ cluster }) {
  return html`<${Panel} title="Tasks" aside=${cluster.tasks.length || ''}>
    ${cluster.tasks.length ? html`<${TaskTable} tasks=${cluster.tasks} search=${true} />` : html`
      <${Empty} title="No task has run here yet.">
        <p>Run your first one:</p><${Command} text="mesos run -- echo hello" />
      <//>`}
  <//>`;
}

const History = ({ task }) => html`<ol class="history">${task.statuses.map((status) => html`
  <li><time title=${exactly(status.timestamp)}>${time(status.timestamp)}</time>
    <${State} of=${status.state} />
    <span>${status.message || ''}${status.reason && html` <span class="dim">${words(status.reason)}</span>`}</span></li>`)}
  ${!task.statuses.length && html`<li class="dim">No status yet.</li>`}</ol>`;

export function TaskDetail({ cluster, framework, id }) {
  const task = cluster.tasks.find((each) => each.id === id && each.framework_id === framework);
  if (!task) {
    return html`<${Panel}><${Empty} title="This task is not remembered.">
      <p>The master keeps the last thousand ended tasks of each framework.</p>
      <p><a href="#/tasks">All tasks</a></p><//><//>`;
  }
  const agent = cluster.agents.find((each) => each.id === task.slave_id);
  return html`
    <p class="crumbs"><a href="#/tasks">Tasks</a></p>
    <h1>${task.name || task.id} <${State} of=${task.state} /></h1>
    <div class="columns">
      <${Panel} title="Task"><${Facts} of=${[
        ['Id', html`<code>${task.id}</code>`],
        ['Framework', html`<a href=${`#/frameworks/${encodeURIComponent(framework)}`}>${task.frameworkName}</a>`],
        ['Agent', html`<a href=${`#/agents/${encodeURIComponent(task.slave_id)}`}>${agent?.host || short(task.slave_id)}</a>`],
        ['Executor', task.executor_id],
        ['User', task.user],
        ['Role', task.role],
        ['Resources', `${task.resources.cpus} CPUs, ${amount('mem', task.resources.mem)}${task.resources.disk ? `, ${amount('disk', task.resources.disk)} disk` : ''}${task.resources.ports ? `, ports ${task.resources.ports}` : ''}`],
        ['Ran', span(ran(task))],
      ]} /><//>
      <${Panel} title="History"><${History} task=${task} /><//>
    </div>
    ${agent ? html`<${Sandbox} key=${`${task.slave_id}/${task.id}`} agent=${task.slave_id}
      root=${`/frameworks/${task.framework_id}/executors/${task.executor}/runs/latest`}
      isLive=${isActive(task)} />` : html`<${Panel} title="Sandbox">
      <${Empty} title="The agent is not registered now."><p>Its files can be read when it comes back.</p><//><//>`}`;
}
