// The cluster at a glance.

import { html } from './vendor/htm-preact-3.1.1.js';
import { isActive } from './cluster.js';
import { amount, count, now, span } from './format.js';
import { Bar, Command, Empty, Panel } from './parts.js';
import { TaskTable } from './tasks.js';

const NAMES = { cpus: 'CPUs', mem: 'Memory', disk: 'Disk', gpus: 'GPUs' };

// Finished tasks shown here; all of them are under Tasks.
const RECENT = 12;

function Resource({ name, of }) {
  return html`<div class="card">
    <h3>${NAMES[name]}</h3>
    <p class="big">${amount(name, of.used)}<span class="dim"> of ${amount(name, of.total)}</span></p>
    <${Bar} name=${name} ...${of} />
    <p class="legend"><span class="used">used</span>
      <span class="offered">${of.offered > 0 ? `${amount(name, of.offered)} offered` : 'offered'}</span>
      <span class="free">${amount(name, Math.max(0, of.total - of.used - of.offered))} free</span></p>
  </div>`;
}

function Numbers({ cluster }) {
  const connected = cluster.frameworks.filter((framework) => framework.connected).length;
  const of = (state) => cluster.tasks.filter((task) => task.state === state).length;
  const numbers = [
    ['agents', cluster.agents.length, '#/agents', cluster.unreachable ? `${cluster.unreachable} unreachable` : ''],
    ['frameworks', connected, '#/frameworks', ''],
    ['active tasks', cluster.tasks.filter(isActive).length, '#/tasks', ''],
    ['finished', of('TASK_FINISHED'), '#/tasks', ''],
    ['failed', of('TASK_FAILED') + of('TASK_ERROR') + of('TASK_LOST'), '#/tasks', ''],
  ];
  return html`<div class="numbers">${numbers.map(([title, value, href, note]) => html`
    <a href=${href}><b>${count(value)}</b><span>${title}</span>${note && html`<em>${note}</em>`}</a>`)}</div>`;
}

export function Overview({ cluster }) {
  const active = cluster.tasks.filter(isActive);
  const ended = cluster.tasks.filter((task) => !isActive(task));
  const shown = Object.entries(cluster.totals).filter(([name, of]) => name !== 'gpus' || of.total > 0);
  if (!cluster.agents.length && !cluster.tasks.length) {
    return html`<${NoAgents} cluster=${cluster} />`;
  }
  return html`
    <div class="cards">${shown.map(([name, of]) => html`<${Resource} name=${name} of=${of} />`)}</div>
    <${Numbers} cluster=${cluster} />
    <${Panel} title="Active tasks" aside=${active.length || ''}>
      ${active.length ? html`<${TaskTable} tasks=${active} />` : html`
        <${Empty} title="Nothing is running.">
          <p>Start something from a terminal:</p>
          <${Command} text="mesos run -- echo hello" />
        <//>`}
    <//>
    ${ended.length > 0 && html`<${Panel} title="Recently ended" aside=${ended.length > RECENT ? html`<a href="#/tasks">all ${ended.length}</a>` : ''}>
      <${TaskTable} tasks=${ended.slice(0, RECENT)} /><//>`}
    <p class="dim up">Up for ${span(now() - cluster.started)}</p>`;
}

export function NoAgents({ cluster }) {
  const waiting = cluster.recovered.length;
  return html`<${Panel}><${Empty} title=${waiting ? `Waiting for ${waiting} agents to come back.` : 'No agents yet.'}>
    <p>An agent offers the resources of its machine. Start one:</p>
    <${Command} text=${`mesos agent --master ${cluster.leader} --work_dir /var/lib/mesos/agent`} />
  <//><//>`;
}
