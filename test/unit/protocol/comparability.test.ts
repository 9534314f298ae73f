import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseAnalysis } from '../../../protocol/analysis/schema';
import {
  classified,
  differencesBetween,
  differenceSentence,
  unclassified,
  whyNotCompared,
  type Comparable,
} from '../../../protocol/results/comparability';
import { savedModule } from '../../../protocol/results/module-schema';
import { parseJson } from '../../../protocol/schema/check';
import { result as pictures, set } from '../../browser/workbench/planted-result';
import { result as benchmark } from '../extension/samples';

const saved = parseAnalysis(readFileSync('test/fixtures/results/labels.headscope-analysis.json', 'utf8'));
assert.ok(saved.ok);
/** Its settings are its parameters, of any name. */
const analysis = { ...saved.result, settings: {} };

const moduleRun = parseJson(savedModule, readFileSync('test/fixtures/results/summary.headscope-module.json', 'utf8'));
assert.ok(moduleRun.ok);

const samples: Readonly<Record<Comparable['kind'], Comparable>> = {
  'headscope-bench': benchmark(),
  'headscope-hallucination': pictures,
  'headscope-hallucination-set': set,
  'headscope-analysis': analysis,
  'headscope-module': moduleRun.result,
};

/**
 * Written by hand, apart from the table: by path what another run may have set, and whether the numbers are then of other
 * work (`refuse`) or the difference is named beside them (`name`).
 */
const machine: readonly (readonly [string, 'name', unknown])[] = [
  ['device.name', 'name', 'Another processor'],
  ['device.provider', 'name', 'cuda'],
  ['device.threads', 'name', 16],
  ['device.runtime', 'name', 'onnxruntime-node 1.31.0'],
  ['device.platform', 'name', 'darwin-arm64'],
  ['device.onCpu', 'name', ['Layer 0 runs on the CPU: Scan is not there on this device.']],
  ['device.parts', 'name', [{ id: 'cpu', name: 'a processor', layers: { first: 0, last: 1 }, weightBytes: 10 }]],
  ['weights', 'name', 'q4'],
  ['headscope', 'name', '9.9.9'],
];
const model: typeof machine = [
  ['model.name', 'name', 'another'],
  ['model.hash', 'name', 'ffff'],
];
const captions: readonly (readonly [string, 'refuse' | 'name', unknown])[] = [
  ['distance', 'refuse', 'cosine'],
  ['outliers', 'name', 'release'],
  ['positions', 'name', 'original'],
  ['k', 'name', 99],
  ['seed', 'name', 77],
  ['settings.maxNewTokens', 'name', 999],
  ['settings.chat', 'name', true],
  ['settings.lexicon', 'name', 'my words'],
];
const expected: Readonly<Record<Comparable['kind'], readonly (readonly [string, 'refuse' | 'name', unknown])[]>> = {
  'headscope-bench': [
    ...machine,
    ['machine', 'name', { processors: 2, load: { before: { others: 0.5, seconds: 1 } }, busy: true }],
    ['plan.shape.mode', 'refuse', 'decode'],
    ['plan.shape.pattern', 'refuse', 'noncausal-self'],
    ['plan.shape.batch', 'refuse', 4],
    ['plan.shape.heads', 'refuse', 16],
    ['plan.shape.kvHeads', 'refuse', 2],
    ['plan.shape.headDim', 'refuse', 128],
    ['plan.shape.valueDim', 'refuse', 32],
    ['plan.shape.keys', 'refuse', 4096],
    ['plan.precision', 'name', 'float16'],
    ['plan.parameters', 'name', { 'sliding-window': { window: 7 } }],
    ['plan.seed', 'name', 77],
    ['kernelFiles', 'name', [{ id: 'own:a', title: 'A', sha256: '0'.repeat(64) }]],
  ],
  'headscope-hallucination': [
    ...machine,
    ...model,
    ...captions,
    ['layers', 'refuse', 3],
    ['heads', 'refuse', 9],
    ['promptIds', 'name', [9, 9, 9]],
    ['image.name', 'name', 'b.png'],
    ['image.sha256', 'name', 'ffff'],
    ['removed', 'name', { kind: 'span', start: 1, end: 3 }],
    ['truth', 'name', ['a dragon']],
    ['references', 'name', ['A dragon.']],
  ],
  'headscope-hallucination-set': [
    ...machine,
    ...model,
    ...captions,
    ['prompt', 'name', 'Something else'],
    ['chatPrompt', 'name', { text: 'USER: <image>', why: 'asked' }],
    ['entries', 'name', []],
    ['variants', 'name', []],
  ],
  'headscope-analysis': [
    ...machine,
    ...model,
    ['analysis', 'refuse', 'divergence'],
    ['file', 'name', { path: '/a.headscope-analysis.ts', sha256: '0'.repeat(64) }],
    ['taskFile', 'name', { path: '/a.headscope-task.ts', sha256: '0'.repeat(64) }],
    ['corpus', 'name', { sha256: '0'.repeat(64), documents: 3 }],
    ['input', 'name', { kind: 'none' }],
    ['interventions', 'name', []],
    ['prompts', 'name', [{ text: 'a', ids: [1], tokens: ['a'], image: { sha256: 'ffff' } }]],
    ['seed', 'name', 77],
  ],
  'headscope-module': [
    ...machine,
    ['plan.module', 'refuse', 'shsa'],
    ['plan.precision', 'name', 'float16'],
    ['plan.input', 'name', { kind: 'written', text: 'a' }],
    ['plan.weights', 'name', { file: '/w.safetensors' }],
    ['parameters', 'name', { tasks: 3 }],
    ['seed', 'name', 77],
  ],
};

function changed<T>(value: T, path: readonly string[], to: unknown): T {
  const [key, ...rest] = path;
  if (key === undefined) return to as T;
  const table = (value ?? {}) as Record<string, unknown>;
  return { ...table, [key]: changed(table[key], rest, to) } as T;
}

/** Paths of the entries that say something. */
function ruled(fields: object, place = ''): readonly string[] {
  return Object.entries(fields).flatMap(([key, entry]: [string, unknown]) => {
    if (entry === 'free') return [];
    const inner = (entry as { fields?: object }).fields;
    return inner === undefined ? [`${place}${key}`] : ruled(inner, `${place}${key}.`);
  });
}

for (const kind of Object.keys(samples) as Comparable['kind'][]) {
  const sample = samples[kind];
  describe(`two results of the kind ${kind}`, () => {
    it('differ in nothing when they are the same', () => {
      assert.deepEqual(differencesBetween(sample, structuredClone(sample)), []);
      assert.equal(whyNotCompared(sample, sample, 'other'), undefined);
      assert.equal(differenceSentence(sample, sample), 'Made with the same settings on the same device.');
    });

    for (const [path, weight, value] of expected[kind]) {
      it(`${weight === 'refuse' ? 'are not compared' : 'are said to differ'} when ${path} differs`, () => {
        const other = changed(sample, path.split('.'), value);
        const found = differencesBetween(sample, other);
        assert.deepEqual(
          found.map((one) => one.weight),
          [weight],
          JSON.stringify(found),
        );
        const [difference] = found;
        const why = whyNotCompared(sample, other, 'other');
        if (weight === 'refuse') assert.ok(why?.includes(difference?.name ?? '-'), why);
        else assert.equal(why, undefined);
        assert.match(differenceSentence(sample, other), /^Not the same: /);
        assert.equal(differencesBetween(other, sample).length, 1);
      });
    }

    it('have no other settings that are compared, and none that this list leaves out', () => {
      assert.deepEqual([...ruled(classified[kind])].sort(), expected[kind].map(([path]) => path).sort());
    });

    it('name a setting that has no entry, and list a field that has none', () => {
      const settings = changed(sample, ['settings', 'newSetting'], 'on');
      assert.equal(differenceSentence(sample, settings), 'Not the same: newSetting (none, there on).');
      assert.deepEqual(unclassified(sample), []);
      assert.deepEqual(unclassified(changed(settings, ['newField'], 1)), ['settings.newSetting', 'newField']);
    });
  });
}
