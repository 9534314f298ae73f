// The steps of npm test: what each runs, how long it may take, and what it has to wait for.
import { tsx } from './setup.mjs';

const bin = (path) => `node_modules/${path}`;
const mocha = (tier, ...options) => [bin('mocha/bin/mocha.js'), ...options, '--spec', `test/${tier}/**/*.test.ts`];

/**
 * `minutes` ends a step that hangs. It is far above what the step needs, is counted on the reference machine (machine.mjs) and
 * stretched on one that is slower or busy. `after` names steps that have to be done before; `light` ones mostly wait and run
 * beside the others.
 */
const base = {
  // Every other step runs on what is built.
  build: { command: ['build/bundle.mjs'], minutes: 10 },
  // 800 MB from the package registry and a native build, the first time: beside what does not need it.
  host: { command: tsx('test/support/host/prepare.ts'), minutes: 20, light: true },
};

/** Each counts as one test: it passes or it does not. */
export const checks = {
  // One program of all rooms, in which each type is found once.
  lint: {
    command: [bin('oxlint/bin/oxlint'), '-c', 'oxlint.config.mjs', '--tsconfig', 'tsconfig.lint.json', '.'],
    minutes: 10,
  },
  // In a quarter of the computing of TypeScript 5, whose API tests and builds read sources by.
  types: { command: [bin('typescript-7/bin/tsc'), '-b'], minutes: 10 },
  // Files and exports that nothing imports.
  unused: { command: [bin('knip/bin/knip.js'), '--no-progress'], minutes: 5 },
  format: { command: [bin('oxfmt/bin/oxfmt'), '--check'], minutes: 10 },
};

/**
 * Tiers write their counts to a file. In the order in which they are begun: the long ones first, so that the lanes end
 * together. `hosted` ones need the browser and the hosted VS Code. Where the timing is not ours, in the panels and in processes
 * that start others, a test that fails is run once more, and in the editor tier then its whole file in a new window; the tier
 * names it. `nodes` only does not install a Node while `host` does. The package tier rebuilds `dist/` and so follows all that
 * runs from there.
 */
export const tiers = {
  process: { command: mocha('process', '--retries', '1'), minutes: 40 },
  laws: { command: mocha('laws'), minutes: 40 },
  editor: { command: tsx('test/editor/run.ts'), minutes: 30, hosted: true, after: ['host'] },
  browser: { command: mocha('browser', '--retries', '1'), minutes: 20, hosted: true, after: ['host'] },
  unit: { command: mocha('unit'), minutes: 20 },
  nodes: { command: tsx('test/nodes/run.ts'), minutes: 20, after: ['host'] },
  fuzz: { command: tsx('test/fuzz/run.ts'), minutes: 10 },
  // A real Slurm, on Debian as root: runs only if it is named, as in .ci/run (`all` means the others).
  cluster: { command: mocha('cluster', '--retries', '1'), minutes: 8, light: true, asked: true },
  package: {
    command: mocha('package'),
    minutes: 10,
    hosted: true,
    after: ['host', 'editor', 'process', 'nodes', 'cluster'],
  },
};

const named = (table) => Object.entries(table).map(([name, step]) => ({ name, ...step }));

/** The steps to run for the words of the command line, all of them for none; `unknown` names those that do not exist. */
export function chooseSteps(words) {
  const known = ['all', 'checks', 'build', ...Object.keys(checks), ...Object.keys(tiers)];
  const unknown = words.filter((word) => !known.includes(word));
  if (unknown.length > 0) return { unknown, known };
  const all = words.length === 0 || words.includes('all');
  const wanted = ({ name, asked }) =>
    (all && asked !== true) || words.includes(name) || (name in checks && words.includes('checks'));
  const chosen = [...named(tiers), ...named(checks)].filter(wanted);
  const hosted = chosen.some((step) => step.hosted === true);
  const { build, host } = base;
  return { build: { name: 'build', ...build }, steps: [...(hosted ? [{ name: 'host', ...host }] : []), ...chosen] };
}

export const isTier = (name) => name in tiers;
