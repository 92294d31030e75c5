// The cluster as the page thinks of it, and keeping it up to date.

import { useState, useEffect } from './vendor/htm-preact-3.1.1.js';

const RESOURCES = ['cpus', 'mem', 'disk', 'gpus'];
const ACTIVE = new Set(['TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING']);

// How long to wait between two looks, by the number of agents: the answer grows with it.
const pause = (agents) => (agents < 100 ? 1500 : agents < 1000 ? 5000 : agents < 5000 ? 15000 : 60000);

// After a failure the pause doubles up to this.
const LONGEST_PAUSE = 30000;

export const isActive = (task) => ACTIVE.has(task.state);

const last = (list) => list[list.length - 1];

function toTask(task, framework) {
  const [first] = task.statuses;
  const latest = last(task.statuses);
  return {
    ...task,
    frameworkName: framework.name,
    executor: task.executor_id || task.id,
    began: first?.timestamp,
    changed: latest?.timestamp,
    message: latest?.message || '',
    reason: latest?.reason || '',
    href: `#/tasks/${encodeURIComponent(framework.id)}/${encodeURIComponent(task.id)}`,
  };
}

function toFramework(framework, completed) {
  const all = [...framework.tasks, ...framework.unreachable_tasks, ...framework.completed_tasks];
  const tasks = all.map((task) => toTask(task, framework));
  return {
    ...framework,
    completed,
    allTasks: tasks,
    running: tasks.filter(isActive).length,
    rolesText: (framework.roles || [framework.role]).join(', '),
    status: completed ? 'completed' : framework.connected ? (framework.active ? 'active' : 'inactive')
      : framework.recovered ? 'recovered' : 'disconnected',
    href: `#/frameworks/${encodeURIComponent(framework.id)}`,
  };
}

function totals(agents) {
  const sum = (name, of) => agents.reduce((all, agent) => all + (agent[of][name] || 0), 0);
  return Object.fromEntries(RESOURCES.map((name) => [name, {
    total: sum(name, 'resources'),
    used: sum(name, 'used_resources'),
    offered: sum(name, 'offered_resources'),
  }]));
}

// Agents on one machine are told apart by their ports.
function hostLabels(agents) {
  const onHost = new Map();
  for (const { hostname } of agents) onHost.set(hostname, (onHost.get(hostname) || 0) + 1);
  return new Map(agents.map(({ id, hostname, pid }) => [id, onHost.get(hostname) > 1 ? `${hostname}${pid.slice(pid.lastIndexOf(':'))}` : hostname]));
}

function toCluster(state) {
  const frameworks = [
    ...state.frameworks.map((framework) => toFramework(framework, false)),
    ...state.completed_frameworks.map((framework) => toFramework(framework, true)).reverse(),
  ];
  const tasks = frameworks.flatMap((framework) => framework.allTasks);
  tasks.sort((a, b) => (b.changed || Infinity) - (a.changed || Infinity));
  const hosts = hostLabels(state.slaves);
  for (const task of tasks) task.host = hosts.get(task.slave_id);
  const running = (id) => tasks.filter((task) => task.slave_id === id && isActive(task)).length;
  const agents = state.slaves.map((agent) => ({
    ...agent,
    host: hosts.get(agent.id),
    running: running(agent.id),
    status: agent.active ? 'active' : 'disconnected',
    href: `#/agents/${encodeURIComponent(agent.id)}`,
  }));
  return {
    name: state.cluster,
    leader: state.leader.replace(/^master@/, ''),
    version: state.version,
    product: `${state.product} ${state.product_version}`,
    started: state.start_time,
    elected: state.elected_time,
    unreachable: state.unreachable_slaves,
    recovered: state.recovered_slaves,
    agents,
    frameworks,
    tasks,
    totals: totals(agents),
  };
}

async function look() {
  const response = await fetch('/state', { cache: 'no-store', signal: AbortSignal.timeout(20000) });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return toCluster(await response.json());
}

// Looks again and again while the page is visible; at once when it becomes visible.
export function useCluster() {
  const [seen, setSeen] = useState({ cluster: null, problem: null });
  useEffect(() => {
    let timer, failures = 0, ended = false, looking = false;
    const again = async () => {
      clearTimeout(timer);
      if (looking || document.hidden) return;
      looking = true;
      let next;
      try {
        const cluster = await look();
        failures = 0;
        next = pause(cluster.agents.length);
        if (!ended) setSeen({ cluster, problem: null });
      } catch (error) {
        failures += 1;
        next = Math.min(1000 * 2 ** failures, LONGEST_PAUSE);
        if (!ended) setSeen((before) => ({ ...before, problem: error.message || String(error) }));
      }
      looking = false;
      if (!ended) timer = setTimeout(again, next);
    };
    document.addEventListener('visibilitychange', again);
    again();
    return () => { ended = true; clearTimeout(timer); document.removeEventListener('visibilitychange', again); };
  }, []);
  return seen;
}
