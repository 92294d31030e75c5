// Frameworks, and one framework with its tasks.

import { html } from './vendor/htm-preact-3.1.1.js';
import { amount, count, exactly, short, time } from './format.js';
import { Command, Empty, Facts, Panel, State, Table } from './parts.js';
import { TaskTable } from './tasks.js';

const COLUMNS = [
  { title: 'Framework', value: (framework) => `${framework.name} ${framework.id}`,
    show: (framework) => html`<a href=${framework.href}><b>${framework.name || '(no name)'}</b></a>
      <div class="id" title=${framework.id}>${short(framework.id)}</div>` },
  { title: 'State', value: (framework) => framework.status, show: (framework) => html`<${State} of=${framework.status} />` },
  { title: 'Roles', value: (framework) => framework.rolesText, wide: true },
  { title: 'User', value: (framework) => framework.user, wide: true },
  { title: 'Active', value: (framework) => framework.running, right: true },
  { title: 'CPUs', value: (framework) => framework.used_resources.cpus, show: (framework) => count(framework.used_resources.cpus), right: true },
  { title: 'Memory', value: (framework) => framework.used_resources.mem, show: (framework) => amount('mem', framework.used_resources.mem), right: true, wide: true },
  { title: 'Registered', value: (framework) => framework.registered_time, right: true, wide: true,
    show: (framework) => html`<time title=${exactly(framework.registered_time)}>${time(framework.registered_time)}</time>` },
];

export function Frameworks({ cluster }) {
  const live = cluster.frameworks.filter((framework) => !framework.completed);
  const completed = cluster.frameworks.filter((framework) => framework.completed);
  return html`
    <${Panel} title="Frameworks" aside=${live.length || ''}>
      <${Table} columns=${COLUMNS} rows=${live} empty=${html`<${Empty} title="No framework is subscribed.">
        <p>A framework decides what runs where. The smallest one is a single command:</p>
        <${Command} text="mesos run -- echo hello" /><//>`} />
    <//>
    ${completed.length > 0 && html`<${Panel} title="Completed" aside=${completed.length}>
      <${Table} columns=${COLUMNS} rows=${completed} /><//>`}`;
}

export function FrameworkDetail({ cluster, id }) {
  const framework = cluster.frameworks.find((each) => each.id === id);
  if (!framework) {
    return html`<${Panel}><${Empty} title="This framework is not remembered.">
      <p><a href="#/frameworks">All frameworks</a></p><//><//>`;
  }
  const isLink = /^https?:\/\//.test(framework.webui_url);
  return html`
    <p class="crumbs"><a href="#/frameworks">Frameworks</a></p>
    <h1>${framework.name || '(no name)'} <${State} of=${framework.status} /></h1>
    <div class="columns">
      <${Panel} title="Framework"><${Facts} of=${[
        ['Id', html`<code>${framework.id}</code>`],
        ['Roles', framework.rolesText],
        ['User', framework.user],
        ['Principal', framework.principal],
        ['Host', framework.hostname],
        ['Its page', isLink ? html`<a href=${framework.webui_url} rel="noreferrer">${framework.webui_url}</a>` : ''],
      ]} /><//>
      <${Panel} title="Subscription"><${Facts} of=${[
        ['Registered', time(framework.registered_time)],
        ['Again', framework.reregistered_time && time(framework.reregistered_time)],
        ['Ended', framework.unregistered_time > 0 ? time(framework.unregistered_time) : ''],
        ['Failover timeout', `${count(framework.failover_timeout)} s`],
        ['Capabilities', framework.capabilities.map((name) => name.toLowerCase().replaceAll('_', ' ')).join(', ')],
        ['Offers held', String(framework.offers.length)],
      ]} /><//>
    </div>
    <${Panel} title="Tasks" aside=${framework.allTasks.length || ''}>
      ${framework.allTasks.length ? html`<${TaskTable} tasks=${[...framework.allTasks].sort((a, b) => (b.changed || Infinity) - (a.changed || Infinity))} />`
        : html`<${Empty} title="It has launched no task yet."><//>`}<//>`;
}
