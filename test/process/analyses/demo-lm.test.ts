/** The demo language model in the product does what PyTorch measured of it (examples/training/demo-lm/evaluation.json). */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TaskResult } from '../../../protocol/analysis/tasks';
import { buildServer, headscope } from './support/analysis-server';

const model = resolve('examples/models/demo-lm');

interface Measured {
  readonly results: readonly { readonly ability: string; readonly setting: string; readonly value: number }[];
}

/** Mean over settings of an ability: the share of prompts that greedy decoding solves. */
function measured(ability: string, ...settings: readonly string[]): number {
  const { results } = JSON.parse(readFileSync('examples/training/demo-lm/evaluation.json', 'utf8')) as Measured;
  const values = settings.map((setting) => results.find((one) => one.ability === ability && one.setting === setting));
  assert.ok(
    values.every((value) => value !== undefined),
    `${ability}: ${settings.join('; ')}`,
  );
  return values.reduce((sum, value) => sum + (value?.value ?? Number.NaN), 0) / settings.length;
}

describe('the demo language model', function () {
  this.timeout(180_000);
  let cache: string;
  before(async () => {
    await buildServer();
    cache = mkdtempSync(join(tmpdir(), 'headscope-demo-lm-'));
  });
  after(() => rmSync(cache, { recursive: true, force: true }));

  // Prompts of the tasks are other ones than those of the measurement: words alike, some templates and the filler different.
  for (const [id, samples, parameters, expected] of [
    [
      'multiple-choice',
      40,
      [],
      () => measured('multiple choice', 'category, ordered letters', 'capital, ordered letters'),
    ],
    ['docstring', 40, [], () => measured('docstring', '4 parameters, the third is asked for')],
    ['coloured-objects', 40, [], () => measured('colored objects', '1 solved examples')],
    ['passkey', 20, ['length=512'], () => measured('passkey', 'digits, 512 tokens')],
    ['needle-grid', 10, ['lengths=4096'], () => measured('whereabouts', '4096 tokens')],
  ] as const) {
    it(`${id} ${parameters.join(' ')}`, async () => {
      const given = parameters.flatMap((parameter) => ['--param', parameter]);
      const words = ['task', id, model, '--samples', String(samples), ...given, '--json', '-'];
      const { code, stdout, stderr } = await headscope(words, cache);
      assert.equal(code, 0, stderr);
      const { accuracy } = JSON.parse(stdout) as TaskResult;
      // Three standard errors of a proportion of one half: what chance in drawing the prompts can take away.
      const least = expected() - 1.5 / Math.sqrt(samples);
      assert.ok((accuracy?.value ?? 0) >= least, `${accuracy?.value} of at least ${least}`);
    });
  }
});
