// Numbers and times for people.

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
// Three figures are enough for sizes.
const rough = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat([], { month: 'short', day: 'numeric' });

export const count = (value) => number.format(value);

// Mebibytes, as Mesos counts memory and disk.
export function mebibytes(value) {
  if (value >= 1024 * 1024) return `${rough.format(value / 1024 / 1024)} TiB`;
  if (value >= 1024) return `${rough.format(value / 1024)} GiB`;
  return `${number.format(value)} MiB`;
}

export function bytes(value) {
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${rough.format(value / 1024)} KiB`;
  return mebibytes(value / 1024 / 1024);
}

export const amount = (name, value) => (name === 'mem' || name === 'disk' ? mebibytes(value) : count(value));

export function time(seconds) {
  if (!seconds) return '–';
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

export const exactly = (seconds) => (seconds ? new Date(seconds * 1000).toISOString() : '');

export function span(seconds) {
  if (!(seconds >= 0)) return '–';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

export const now = () => Date.now() / 1000;

// `TASK_GONE_BY_OPERATOR` is `gone by operator`.
export const words = (name) => name.replace(/^(TASK|REASON)_/, '').replaceAll('_', ' ').toLowerCase();

// Ids share long beginnings; what tells them apart is at the end.
export const short = (id) => (id.length > 20 ? `…${id.slice(-12)}` : id);
