import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseBenchmark } from '../../../extension/results/benchmark-file';
import { checkFile } from '../../../language-server/service/check';
import { noFacts } from '../../../language-server/service/folder-facts';
import { modelFacts } from '../../../language-server/service/model-facts';
import { readModelFile } from '../../../language-server/service/model-file';

const workspace = join(__dirname, '..', '..', '..', 'examples', 'workspace');
const folders = readdirSync(workspace, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(workspace, entry.name, 'config.json')))
  .map((entry) => entry.name);

function open(folder: string) {
  const path = join(workspace, folder, 'config.json');
  return readModelFile(pathToFileURL(path).toString(), readFileSync(path, 'utf8'));
}

/** Codes of what is an error or a warning. */
const serious = (folder: string): readonly string[] =>
  checkFile(open(folder), noFacts)
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ code }) => code);

/** Weights as published: the totals of the models' own safetensors headers, tied matrices once. */
const totals: Readonly<Record<string, number>> = {
  'DeepSeek-V2-Lite': 15_706_484_224,
  'Llama-3.1-8B': 8_030_261_248,
  'Mistral-7B-v0.1': 7_241_732_096,
  'Phi-3-mini-4k-instruct': 3_821_079_552,
  'Qwen2.5-0.5B': 494_032_768,
  'gemma-2-2b': 2_614_341_888,
  gpt2: 124_439_808,
};

describe('the example workspace', () => {
  it('has the faults that its README names, and no others', () => {
    const found = Object.fromEntries(folders.map((folder) => [folder, serious(folder).length]));
    const none = Object.fromEntries(Object.keys(totals).map((folder) => [folder, 0]));
    assert.deepEqual(found, { ...none, faulty: 2, 'faulty-rope': 1 });
  });

  it('has configurations that give the published number of parameters', () => {
    for (const [folder, total] of Object.entries(totals)) {
      const facts = modelFacts(open(folder), noFacts, []);
      assert.equal(facts?.parameters?.total, total, folder);
    }
  });

  it('is described by its README, folder by folder', () => {
    const readme = readFileSync(join(workspace, 'README.md'), 'utf8');
    for (const folder of folders) assert.ok(readme.includes(`\`${folder}\``), folder);
  });

  it('has a saved benchmark that opens, whole, with every kernel proved', () => {
    const parsed = parseBenchmark(
      readFileSync(join(workspace, 'attention-on-this-laptop.headscope-bench.json'), 'utf8'),
    );
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
    assert.equal(parsed.result.state, 'done');
    for (const row of parsed.result.rows) {
      assert.ok(row.ok, `${row.mechanism} at ${row.length}: ${row.reason}`);
      assert.ok((row.maxError ?? Infinity) <= (row.tolerance ?? 0), `${row.mechanism} at ${row.length}`);
    }
  });
});
