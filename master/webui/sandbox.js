// The files of a task: its logs as they grow, and everything else to look at or download. The
// master asks the agent; the page never leaves its origin.

import { html, useEffect, useRef, useState } from './vendor/htm-preact-3.1.1.js';
import { bytes, time } from './format.js';
import { Empty, Panel } from './parts.js';

// Bytes of a file's end shown at first, and characters kept as it grows.
const FIRST = 64 * 1024;
const KEPT = 1024 * 1024;

const url = (agent, action, query) => `/agent/${encodeURIComponent(agent)}/files/${action}?${new URLSearchParams(query)}`;

async function ask(agent, action, query) {
  const response = await fetch(url(agent, action, query), { cache: 'no-store', signal: AbortSignal.timeout(15000) });
  if (!response.ok) throw new Error(response.status === 404 ? 'not there (yet)' : await response.text());
  return response.json();
}

const nameOf = (path) => path.slice(path.lastIndexOf('/') + 1);

// Follows the end of a file for as long as it is shown.
function useTail(agent, path, isLive) {
  const [tail, setTail] = useState({ text: '', size: 0, problem: null, isRead: false });
  const live = useRef(isLive);
  live.current = isLive;
  useEffect(() => {
    let timer, next = null, ended = false;
    const more = async () => {
      let hurry = false;
      try {
        if (next === null) {
          const { offset: size } = await ask(agent, 'read', { path, offset: -1 });
          next = Math.max(0, size - FIRST);
        }
        const part = document.hidden ? null : await ask(agent, 'read', { path, offset: next, length: FIRST });
        if (ended) return;
        if (part && part.offset < next) {
          next = part.offset; // It has become shorter: from its end on.
        } else if (part) {
          hurry = part.next > part.offset;
          next = part.next;
          const size = next;
          setTail((before) => ({ text: (before.text + part.data).slice(-KEPT), size, problem: null, isRead: true }));
        }
      } catch (error) {
        if (ended) return;
        setTail((before) => ({ ...before, problem: error.message, isRead: true }));
      }
      timer = setTimeout(more, hurry ? 50 : live.current ? 1000 : 5000);
    };
    setTail({ text: '', size: 0, problem: null, isRead: false });
    more();
    return () => { ended = true; clearTimeout(timer); };
  }, [agent, path]);
  return tail;
}

function Log({ agent, path, isLive }) {
  const tail = useTail(agent, path, isLive);
  const box = useRef(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [tail.text]);
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    follows.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  const note = tail.problem ? tail.problem : !tail.isRead ? 'Reading…' : !tail.text ? (isLive ? 'Nothing written yet.' : 'Empty.') : null;
  return html`<div class="log">
    <pre ref=${box} onScroll=${scrolled} tabindex="0" aria-label=${nameOf(path)}>${tail.text}${note && html`<span class="dim">${note}</span>`}</pre>
    <p class="dim"><span>${bytes(tail.size)}${isLive ? ' · following' : ''}</span>
      <a href=${url(agent, 'download', { path })} download>Download ${nameOf(path)}</a></p>
  </div>`;
}

function Directory({ agent, root, path, open }) {
  const [seen, setSeen] = useState({ entries: null, problem: null });
  useEffect(() => {
    let ended = false, timer;
    const list = async () => {
      try {
        const entries = await ask(agent, 'browse', { path });
        if (!ended) setSeen({ entries, problem: null });
      } catch (error) {
        if (!ended) setSeen({ entries: null, problem: error.message });
      }
      if (!ended) timer = setTimeout(list, 5000);
    };
    list();
    return () => { ended = true; clearTimeout(timer); };
  }, [agent, path]);
  if (seen.problem) return html`<${Empty} title=${`The directory is ${seen.problem}.`}><//>`;
  if (!seen.entries) return html`<p class="empty">Reading…</p>`;
  const isDirectory = (entry) => entry.mode.startsWith('d');
  return html`<div class="scroll"><table><tbody>
    ${path !== root && html`<tr><td colspan="5"><button class="link" type="button"
      onClick=${() => open(path.slice(0, path.lastIndexOf('/')), true)}>↑ up</button></td></tr>`}
    ${seen.entries.map((entry) => html`<tr>
      <td class="wide"><code>${entry.mode}</code></td>
      <td><button class="link" type="button" onClick=${() => open(`${path}/${nameOf(entry.path)}`, isDirectory(entry))}>
        ${nameOf(entry.path)}${isDirectory(entry) ? '/' : ''}</button></td>
      <td class="right">${isDirectory(entry) ? '' : bytes(entry.size)}</td>
      <td class="right wide">${time(entry.mtime)}</td>
      <td class="right">${!isDirectory(entry) && html`<a href=${url(agent, 'download', { path: `${path}/${nameOf(entry.path)}` })} download>download</a>`}</td>
    </tr>`)}
    ${!seen.entries.length && html`<tr><td class="dim">This directory is empty.</td></tr>`}
  </tbody></table></div>`;
}

export function Sandbox({ agent, root, isLive }) {
  const [place, setPlace] = useState({ path: `${root}/stdout`, isDirectory: false });
  const open = (path, isDirectory) => setPlace({ path, isDirectory });
  const tabs = [[`${root}/stdout`, 'stdout', false], [`${root}/stderr`, 'stderr', false], [root, 'all files', true]];
  const known = tabs.some(([path]) => path === place.path);
  return html`<${Panel} title="Sandbox">
    <div class="tabs" role="tablist">
      ${tabs.map(([path, title, isDirectory]) => html`<button type="button" role="tab"
        aria-selected=${place.path === path} onClick=${() => open(path, isDirectory)}>${title}</button>`)}
      ${!known && html`<button type="button" role="tab" aria-selected="true">${place.path.slice(root.length + 1)}</button>`}
    </div>
    ${place.isDirectory
      ? html`<${Directory} agent=${agent} root=${root} path=${place.path} open=${open} />`
      : html`<${Log} agent=${agent} path=${place.path} isLive=${isLive} />`}
  <//>`;
}
