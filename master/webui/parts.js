// The parts sections are made of.

import { html, useState } from './vendor/htm-preact-3.1.1.js';
import { amount, words } from './format.js';

// Rows shown before the reader asks for more.
const PAGE = 100;

const TONES = {
  TASK_RUNNING: 'good', TASK_STARTING: 'busy', TASK_STAGING: 'busy', TASK_KILLING: 'busy',
  TASK_FINISHED: 'done', TASK_KILLED: 'dull', TASK_FAILED: 'bad', TASK_ERROR: 'bad',
  TASK_LOST: 'bad', TASK_DROPPED: 'bad', TASK_GONE: 'bad', TASK_GONE_BY_OPERATOR: 'bad',
  TASK_UNREACHABLE: 'warn', active: 'good', inactive: 'warn', disconnected: 'warn',
  recovered: 'warn', completed: 'dull',
};

export const State = ({ of }) => html`<span class="state ${TONES[of] || 'dull'}">${words(of)}</span>`;

// used, offered and free of one resource, as parts of a bar.
export function Bar({ name, total, used, offered }) {
  const percent = (part) => (total > 0 ? Math.min(100, (100 * part) / total) : 0);
  const title = `${amount(name, used)} used, ${amount(name, offered)} offered, of ${amount(name, total)}`;
  return html`<div class="bar" role="img" aria-label=${title} title=${title}>
    <i class="used" style=${{ width: `${percent(used)}%` }}></i>
    <i class="offered" style=${{ width: `${percent(offered)}%` }}></i>
  </div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p><b>${title}</b></p>${children}</div>`;
}

export function Command({ text }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch { /* The text is there to be selected. */ }
  };
  return html`<p class="command"><code>${text}</code>
    <button type="button" onClick=${copy}>${copied ? 'copied' : 'copy'}</button></p>`;
}

export function Facts({ of }) {
  const known = of.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return html`<dl class="facts">${known.map(([name, value]) => html`
    <div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export const Panel = ({ title, aside, children }) => html`<section class="panel">
  ${title && html`<h2>${title}${aside && html`<span class="dim">${aside}</span>`}</h2>`}${children}</section>`;

// columns: { title, value(row) to sort and search by, show(row) if different, right, wide }.
// Wide columns are left out on small screens.
export function Table({ columns, rows, sort, search = rows.length > 8, empty }) {
  const [by, setBy] = useState(sort || null);
  const [wanted, setWanted] = useState('');
  const [shown, setShown] = useState(PAGE);
  if (!rows.length) return empty || null;
  const needle = wanted.trim().toLowerCase();
  let found = needle
    ? rows.filter((row) => columns.some((column) => String(column.value(row) ?? '').toLowerCase().includes(needle)))
    : rows;
  if (by) {
    const { value } = columns[by.column];
    const order = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a ?? '').localeCompare(String(b ?? '')));
    found = [...found].sort((a, b) => by.sign * order(value(a), value(b)));
  }
  const choose = (column) => setBy(by?.column === column ? { column, sign: -by.sign } : { column, sign: 1 });
  const kind = (column) => `${column.right ? 'right ' : ''}${column.wide ? 'wide' : ''}`;
  return html`
    ${search && html`<input class="search" type="search" placeholder="Filter" aria-label="Filter"
      value=${wanted} onInput=${(event) => setWanted(event.target.value)} />`}
    <div class="scroll"><table>
      <thead><tr>${columns.map((column, i) => html`
        <th class=${kind(column)} aria-sort=${by?.column === i ? (by.sign > 0 ? 'ascending' : 'descending') : null}>
          <button type="button" onClick=${() => choose(i)}>${column.title}</button></th>`)}</tr></thead>
      <tbody>${found.slice(0, shown).map((row) => html`<tr key=${row.key || `${row.framework_id}/${row.id}`}>
        ${columns.map((column) => html`<td class=${kind(column)}>${(column.show || column.value)(row)}</td>`)}</tr>`)}</tbody>
    </table></div>
    ${!found.length && html`<p class="empty">Nothing matches “${wanted}”.</p>`}
    ${found.length > shown && html`<p class="more"><button type="button" onClick=${() => setShown(shown + 5 * PAGE)}>
      Show more of ${found.length}</button></p>`}`;
}
