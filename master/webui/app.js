// The page: where the reader is (the URL's hash), what the cluster looks like (polled), and what
// that looks like. Everything it shows comes from /state of this master.

import { html, render, useState, useEffect } from './vendor/htm-preact-3.1.1.js';
import { useCluster } from './cluster.js';
import { Overview } from './overview.js';
import { Tasks, TaskDetail } from './tasks.js';
import { Agents, AgentDetail } from './agents.js';
import { Frameworks, FrameworkDetail } from './frameworks.js';

const SECTIONS = [
  ['', 'Overview'],
  ['tasks', 'Tasks'],
  ['agents', 'Agents'],
  ['frameworks', 'Frameworks'],
];

// `#/tasks/<framework>/<task>` as decoded parts.
function useRoute() {
  const read = () => location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const changed = () => { setRoute(read()); scrollTo(0, 0); };
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}

function Section({ route, cluster }) {
  const [section, first, ...rest] = route;
  if (section === 'tasks' && first) {
    return html`<${TaskDetail} cluster=${cluster} framework=${first} id=${rest.join('/')} />`;
  }
  if (section === 'tasks') return html`<${Tasks} cluster=${cluster} />`;
  if (section === 'agents' && first) return html`<${AgentDetail} cluster=${cluster} id=${first} />`;
  if (section === 'agents') return html`<${Agents} cluster=${cluster} />`;
  if (section === 'frameworks' && first) {
    return html`<${FrameworkDetail} cluster=${cluster} id=${first} />`;
  }
  if (section === 'frameworks') return html`<${Frameworks} cluster=${cluster} />`;
  return html`<${Overview} cluster=${cluster} />`;
}

function App() {
  const route = useRoute();
  const { cluster, problem } = useCluster();
  useEffect(() => {
    document.title = cluster?.name ? `${cluster.name} · Mesos` : 'Mesos';
  }, [cluster?.name]);
  return html`
    <header class="top">
      <a class="brand" href="#/"><img src="/static/favicon.svg" alt="" width="26" height="26" />
        <span>Mesos</span>${cluster?.name && html`<span class="dim">${cluster.name}</span>`}</a>
      <nav aria-label="Sections">
        ${SECTIONS.map(([path, title]) => html`
          <a href=${`#/${path}`} aria-current=${route[0] === path ? 'page' : null}>${title}</a>`)}
      </nav>
      <span class="live ${problem ? 'off' : ''}" title=${problem || 'Up to date'}>
        <i></i>${problem ? 'offline' : 'live'}</span>
    </header>
    ${problem && html`<p class="banner" role="alert">The master does not answer (${problem}). Trying again…</p>`}
    <main>${cluster
      ? html`<${Section} route=${route} cluster=${cluster} />`
      : !problem && html`<p class="empty">Loading…</p>`}</main>
    ${cluster && html`<footer>
      <span>master <b>${cluster.leader}</b></span>
      <span>API ${cluster.version}</span>
      <span>${cluster.product}</span>
      <span><a href="/state">state</a> · <a href="/metrics">metrics</a> · <a href="/flags">flags</a></span>
    </footer>`}`;
}

render(html`<${App} />`, document.getElementById('app'));
