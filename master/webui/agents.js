// Agents, and one agent with its tasks.

import { html } from './vendor/htm-preact-3.1.1.js';
import { amount, exactly, now, short, span, time } from './format.js';
import { Bar, Empty, Facts, Panel, State, Table } from './parts.js';
import { NoAgents } from './overview.js';
import { TaskTable } from './tasks.js';

const share = (agent, name) => ({
  name,
  total: agent.resources[name] || 0,
  used: agent.used_resources[name] || 0,
  offered: agent.offered_resources[name] || 0,
});

const usage = (title, name) => ({
  title,
  value: (agent) => agent.used_resources[name] || 0,
  show: (agent) => html`<div class="usage"><span>${amount(name, agent.used_resources[name] || 0)}
    <span class="dim"> / ${amount(name, agent.resources[name] || 0)}</span></span><${Bar} ...${share(agent, name)} /></div>`,
});

const COLUMNS = [
  { title: 'Agent', value: (agent) => `${agent.host} ${agent.id}`, show: (agent) => html`<a href=${agent.href}><b>${agent.host}</b></a>
    <div class="id" title=${agent.id}>${short(agent.id)}</div>` },
  { title: 'State', value: (agent) => agent.status, show: (agent) => html`<${State} of=${agent.status} />` },
  { title: 'Tasks', value: (agent) => agent.running, right: true },
  usage('CPUs', 'cpus'),
  usage('Memory', 'mem'),
  { ...usage('Disk', 'disk'), wide: true },
  { title: 'Registered', value: (agent) => agent.registered_time, right: true, wide: true,
    show: (agent) => html`<time title=${exactly(agent.registered_time)}>${time(agent.registered_time)}</time>` },
];

export function Agents({ cluster }) {
  if (!cluster.agents.length) return html`<${NoAgents} cluster=${cluster} />`;
  const waiting = cluster.recovered.length;
  return html`<${Panel} title="Agents" aside=${cluster.agents.length}>
    <${Table} columns=${COLUMNS} rows=${cluster.agents} />
    ${waiting > 0 && html`<p class="dim">${waiting} more are known from before the master's start and have not come back yet.</p>`}
    ${cluster.unreachable > 0 && html`<p class="dim">${cluster.unreachable} do not answer.</p>`}
  <//>`;
}

export function AgentDetail({ cluster, id }) {
  const agent = cluster.agents.find((each) => each.id === id);
  if (!agent) {
    return html`<${Panel}><${Empty} title="No agent of this id is registered.">
      <p><a href="#/agents">All agents</a></p><//><//>`;
  }
  const tasks = cluster.tasks.filter((task) => task.slave_id === id);
  const attributes = Object.entries(agent.attributes).map(([name, value]) => `${name}: ${value}`).join(', ');
  const shown = [['CPUs', 'cpus'], ['Memory', 'mem'], ['Disk', 'disk'], ['GPUs', 'gpus']].filter(([, name]) => agent.resources[name] > 0);
  return html`
    <p class="crumbs"><a href="#/agents">Agents</a></p>
    <h1>${agent.host} <${State} of=${agent.status} /></h1>
    <div class="columns">
      <${Panel} title="Agent"><${Facts} of=${[
        ['Id', html`<code>${agent.id}</code>`],
        ['Address', agent.pid.replace(/^.*@/, '')],
        ['Version', agent.version],
        ['Attributes', attributes],
        ['Registered', `${time(agent.registered_time)} (${span(now() - agent.registered_time)} ago)`],
        ['Ports', agent.resources.ports],
      ]} /><//>
      <${Panel} title="Resources">${shown.map(([title, name]) => {
        const of = share(agent, name);
        return html`<div class="usage row"><b>${title}</b><${Bar} ...${of} />
          <span>${amount(name, of.used)}<span class="dim"> of ${amount(name, of.total)}</span></span></div>`;
      })}<//>
    </div>
    <${Panel} title="Tasks" aside=${tasks.length || ''}>
      ${tasks.length ? html`<${TaskTable} tasks=${tasks} />` : html`<${Empty} title="No task has run on this agent."><//>`}<//>`;
}
