/** headscope convert in the product: the demo model pruned, and what is refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { AmpResult } from '../../../diagnostics/plans/amp/result';
import { buildPlainServer, plainServer } from '../compute/support/bundle';
import { runCli } from '../compute/support/run-cli';

const { cliScript } = plainServer;
const model = resolve('examples/models/demo-lm');

describe('headscope convert', function () {
  this.timeout(180_000);
  let root: string;
  before(async () => {
    await buildPlainServer();
    root = mkdtempSync(join(tmpdir(), 'headscope-convert-'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const run = (...words: readonly string[]) =>
    runCli(cliScript, words, { ...process.env, HEADSCOPE_CACHE_DIR: join(root, 'cache'), HEADSCOPE_THREADS: '1' });
  const folders = (): readonly string[] => readdirSync(root).filter((name) => name !== 'cache');

  it('a tenth of the demo model goes, and the checkpoint is the model without it', async () => {
    const before = readFileSync(join(model, 'model.safetensors'));
    const words = [
      '--task',
      'induction',
      '--samples',
      '12',
      '--param',
      'share=0.1',
      '--param',
      'curve=10',
      '--param',
      'compared=false',
    ];
    const { code, stdout } = await run('convert', 'amp', model, ...words, '-o', join(root, 'pruned'), '--json', '-');
    assert.equal(code, 0);
    const { result } = JSON.parse(stdout) as { readonly result: AmpResult };
    assert.ok(result.surgery !== null && result.surgery < 1e-4, `${result.surgery}`);
    assert.ok(Math.abs(result.realised - 0.1) <= result.bound);
    const [, point] = result.curve;
    assert.ok(point && point.standard - result.loss < (point.reversed - result.loss) / 2);
    assert.deepEqual(folders(), ['pruned']);
    assert.deepEqual(readFileSync(join(model, 'model.safetensors')), before);
  });

  it('refuses with a sentence and exit code 2, and writes nothing', async () => {
    for (const [words, sentence] of [
      [['amp', model, '--task', 'induction', '-o', join(root, 'pruned')], /holds files already/],
      [['amp', model, '--task', 'induction'], /Give the one to write with -o/],
    ] as const) {
      const { code, stderr } = await run('convert', ...words);
      assert.equal(code, 2);
      assert.match(stderr, sentence);
    }
    assert.deepEqual(folders(), ['pruned']);
  });
});
