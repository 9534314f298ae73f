// The step "Check" of action.yml: runs headscope check in the root of the repository, and passes on what it found as outputs of
// the step, as marks in the pull request and as a summary. Inputs come as environment variables, never as text of a script.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programIn } from './install.mjs';

const input = (name) => (process.env[`HEADSCOPE_${name}`] ?? '').trim();
const lines = (name) =>
  input(name)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** GitHub shows ten marks of a kind for a step; more only fill the log. */
const mostMarks = 10;

function wordsOf(sarif) {
  const failOn = input('FAIL_ON') || 'error';
  if (!['error', 'warning', 'never'].includes(failOn)) {
    throw new Error(`fail-on is "${failOn}"; write error, warning or never.`);
  }
  const paths = lines('PATHS');
  const baseline = input('BASELINE');
  const memory = input('DEVICE_MEMORY');
  const words = [
    'check',
    '--sarif',
    sarif,
    ...lines('SEVERITY').flatMap((pair) => ['--severity', pair]),
    ...(baseline === '' ? [] : ['--baseline', baseline]),
    ...(memory === '' ? [] : ['--device-memory', memory]),
    ...(failOn === 'warning' ? ['--max-warnings', '0'] : []),
    '--',
    ...(paths.length === 0 ? ['.'] : paths),
  ];
  return { words, failOn };
}

/** GitHub takes lines that begin with :: as orders, and a name of a file may hold them. */
function withoutOrders(print) {
  const token = randomUUID();
  console.log(`::stop-commands::${token}`);
  try {
    print();
  } finally {
    console.log(`::${token}::`);
  }
}

const data = (text) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

const kinds = { error: 'error', warning: 'warning', note: 'notice' };

function mark({ level, ruleId, message, locations: [{ physicalLocation }] }) {
  const { uri } = physicalLocation.artifactLocation;
  const { startLine, startColumn, endLine, endColumn } = physicalLocation.region;
  const place = { file: decodeURIComponent(uri), line: startLine, endLine, col: startColumn, endColumn, title: ruleId };
  const where = Object.entries(place).map(([key, value]) => `${key}=${property(String(value))}`);
  console.log(`::${kinds[level]} ${where.join(',')}::${data(message.text)}`);
}

const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

const append = (variable, text) => {
  const file = process.env[variable];
  if (file !== undefined && file !== '') appendFileSync(file, text);
};

function passOn(sarif) {
  const results = JSON.parse(readFileSync(sarif, 'utf8')).runs.flatMap((run) => run.results);
  const fresh = results.filter(({ baselineState }) => baselineState !== 'unchanged');
  const of = (level) => fresh.filter((result) => result.level === level);
  const counts = {
    errors: of('error').length,
    warnings: of('warning').length,
    notes: of('note').length,
    known: results.length - fresh.length,
  };
  const outputs = Object.entries(counts).map(([name, count]) => `${name}=${count}\n`);
  append('GITHUB_OUTPUT', outputs.join(''));
  if (input('ANNOTATIONS') !== 'false') {
    for (const level of Object.keys(kinds)) of(level).slice(0, mostMarks).forEach(mark);
  }
  // Codes of rules and numbers alone: words of a file could be Markdown.
  const rows = [...new Set(fresh.map(({ ruleId }) => ruleId))].sort().map((code) => {
    const count = (level) => of(level).filter(({ ruleId }) => ruleId === code).length;
    return `| ${code} | ${count('error')} | ${count('warning')} | ${count('note')} |\n`;
  });
  const table =
    rows.length === 0 ? '' : `\n| rule | errors | warnings | notes |\n| --- | --: | --: | --: |\n${rows.join('')}`;
  const known = counts.known === 0 ? '' : `, ${counts.known} known`;
  append(
    'GITHUB_STEP_SUMMARY',
    `### headscope check\n\n${plural(counts.errors, 'error')}, ${plural(counts.warnings, 'warning')}, ${plural(counts.notes, 'note')}${known}\n${table}`,
  );
}

function main() {
  const sarif = input('SARIF').split(/\r?\n/)[0] || 'headscope.sarif';
  const { words, failOn } = wordsOf(sarif);
  const program = programIn(join(process.env.RUNNER_TEMP ?? '', 'headscope'));
  let status;
  withoutOrders(() => {
    const ran = spawnSync(process.execPath, [program, ...words], { stdio: 'inherit' });
    status = ran.status ?? 3;
  });
  // 2: wrong input, 3: it did not run to its end. Nothing was found out, so nothing may pass.
  if (status > 1) return status;
  passOn(sarif);
  append('GITHUB_OUTPUT', `sarif=${sarif}\n`);
  return failOn === 'never' ? 0 : status;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
