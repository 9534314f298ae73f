import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onnxGraph } from '../../support/onnx-graph';
import { tinyModels, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { patience } from '../../support/patience';
import { bundledServer } from '../compute/support/bundle';
import { buildServer } from '../model/support/model-server';

const root = resolve(__dirname, '..', '..', '..');
const { cliScript } = bundledServer('test-model');

function inspect(...args: string[]) {
  const run = spawnSync(process.execPath, [cliScript, 'inspect', ...args], {
    cwd: root,
    encoding: 'utf8',
    timeout: patience(60_000),
  });
  return { code: run.status, out: run.stdout, error: run.stderr };
}

describe('headscope inspect', function () {
  this.timeout(120_000);
  let folder: string;
  before(buildServer);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'inspect-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('counts the header of a checkpoint and agrees with its config', () => {
    const tiny = tinyModels.find(({ name }) => name === 'llama') ?? tinyModels[0];
    assert.ok(tiny);
    writeTinyModel(folder, tiny, 'BF16');
    const { code, out, error } = inspect(folder, '--json', '-');
    assert.equal(code, 0, error);
    const result = JSON.parse(out) as Record<string, unknown>;
    const total = Object.values(tiny.shapes).reduce(
      (sum, shape) => sum + shape.reduce((product, size) => product * size, 1),
      0,
    );
    assert.equal(result['parameters'], total);
    assert.equal(result['parametersFrom'], 'header');
    assert.equal(result['bytes'], 2 * total);
    assert.deepEqual(result['dtypes'], { BF16: 2 * total });
    assert.deepEqual(result['notes'], []);
    assert.equal(result['supported'], true);
    for (const key of [
      'headscope',
      'created',
      'device',
      'settings',
      'seed',
      'family',
      'layers',
      'heads',
      'kvHeads',
      'headDim',
      'hiddenSize',
      'attention',
      'kvBytesPerToken',
      'kvBytes',
      'flopsPerToken',
    ]) {
      assert.notEqual(result[key], undefined, key);
    }
  });

  it('names the key that a run would not follow', () => {
    const path = join(folder, 'crossed.json');
    writeFileSync(path, JSON.stringify({ model_type: 'bert', is_decoder: true, add_cross_attention: true }));
    const { out } = inspect(path, '--json', '-');
    const { supported } = JSON.parse(out) as Record<string, unknown>;
    assert.match(String(supported), /^add_cross_attention is true, and Headscope computes BERT where it is false\./);
  });

  it('a config alone gives the same facts, and the sizes follow from it', () => {
    const path = join(folder, 'anything.json');
    writeFileSync(
      path,
      JSON.stringify({
        architectures: ['MistralForCausalLM'],
        model_type: 'mistral',
        torch_dtype: 'bfloat16',
        max_position_embeddings: 32768,
      }),
    );
    const { code, out } = inspect(path, '--json', '-');
    assert.equal(code, 0);
    const result = JSON.parse(out) as Record<string, unknown>;
    assert.equal(result['parameters'], 7_241_732_096);
    assert.equal(result['bytes'], 2 * 7_241_732_096);
    assert.equal(result['attention'], 'gqa');
    assert.equal(result['window'], 4096);
    assert.equal(result['kvBytesPerToken'], 131_072);
    assert.deepEqual(result['kvBytes'], { 2048: 131_072 * 2048, 8192: 131_072 * 4096, 32768: 131_072 * 4096 });
  });

  it('counts the tokenizer and tells what the graphs beside the config hold', () => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'llama', num_hidden_layers: 1 }));
    const vocab = Object.fromEntries(Array.from({ length: 1200 }, (_, id) => [`token ${id}`, id]));
    const added = [{ id: 1203, content: '<end>' }];
    writeFileSync(
      join(folder, 'tokenizer.json'),
      JSON.stringify({ added_tokens: added, model: { type: 'BPE', vocab } }),
    );
    writeFileSync(join(folder, 'model.onnx'), onnxGraph(32, 8));
    const { code, out, error } = inspect(folder, '--json', '-');
    assert.equal(code, 0, error);
    const result = JSON.parse(out) as { tokenizer: object; onnx: { file: string; attention: object[] }[] };
    assert.deepEqual({ ...result.tokenizer, bytes: 0 }, { bytes: 0, entries: 1200, idCount: 1204 });
    assert.deepEqual(
      result.onnx.map(({ file, attention }) => [file, attention]),
      [
        [
          'model.onnx',
          [{ node: 'attention', operator: 'GroupQueryAttention', domain: 'com.microsoft', heads: 32, kvHeads: 8 }],
        ],
      ],
    );
    const table = inspect(folder).out;
    assert.match(table, /^tokenizer\s+1,200 tokens, ids to 1,203$/m);
    assert.match(table, /^model\.onnx\s+0 inputs, 1 x GroupQueryAttention$/m);
  });

  it('the table names layers, heads and what runs', () => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'deepseek_v3' }));
    const { code, out } = inspect(folder);
    assert.equal(code, 0);
    assert.match(out, /^attention\s+MLA, 128 query heads/m);
    assert.match(out, /^parameters\s+671,026,419,200, [\d,]+ used by a token/m);
    assert.match(out, /^runs here\s+yes$/m);
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'qwen3_vl' }));
    const unread = 'Pictures are not read: Headscope does not run the vision encoder "qwen3_vl_vision" yet.';
    assert.match(inspect(folder).out, new RegExp(`^runs here\\s+its text\\. ${unread}$`, 'm'));
    const found = JSON.parse(inspect(folder, '--json', '-').out) as Record<string, unknown>;
    assert.deepEqual([found['supported'], found['unread']], [true, unread]);
  });

  it('a truncated file is named in a note', () => {
    const [tiny] = tinyModels;
    assert.ok(tiny);
    writeTinyModel(folder, tiny);
    truncateSync(join(folder, 'model.safetensors'), 300);
    const { code, out } = inspect(folder);
    assert.equal(code, 0);
    assert.match(out, /^note\s+model\.safetensors: The header claims \d+ bytes, but the file ends after 300/m);
  });

  it('gives no operations of a token where stages have unlike numbers of positions', () => {
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'swin' }));
    const { code, out, error } = inspect(folder, '--json', '-');
    assert.equal(code, 0, error);
    const result = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual([result['flopsPerToken'], result['flopsPerTokenAt'], result['prefillFlops']], [null, {}, {}]);
  });

  it('--serve says what serving takes, in words and as JSON', () => {
    const file = join(folder, 'serving.json');
    const serve = ['--serve', '--device-profile', 'a100-80gb', '--batch', '4', '--context', '1000', '--json', file];
    const { code, out, error } = inspect(join(root, 'examples', 'workspace', 'Llama-3.1-8B'), ...serve);
    assert.equal(code, 0, error);
    assert.match(out, /^served on NVIDIA A100 SXM 80 GB$/m);
    assert.match(out, /^attention scores .* memory$/m);
    const { serving } = JSON.parse(readFileSync(file, 'utf8')) as {
      serving: { figures: Record<string, { value: number; formula: string }> };
    };
    assert.equal(serving.figures['cache']?.value, 4 * 1000 * 131_072);
    assert.match(serving.figures['timePerToken']?.formula ?? '', /bandwidth/);
  });

  it('says what of the .headscope.json above a model cannot be used', () => {
    const own = join(folder, '.headscope.json');
    const sizes = '"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64';
    writeFileSync(join(folder, 'config.json'), `{"model_type": "acme", ${sizes}}`);
    const notes = (text: string): string => {
      writeFileSync(own, text);
      const { code, out, error } = inspect(folder, '--json', '-');
      assert.equal(code, 0, error);
      return (JSON.parse(out) as { notes: readonly string[] }).notes.join('\n');
    };
    assert.ok(notes('{"families": [').startsWith(`${own} cannot be used. The file is not valid JSON: column 15: `));
    const defaults = '{"num_attention_heads": -5}';
    assert.match(
      notes(`{"families": [{"modelType": "acme", "like": "llama", "defaults": ${defaults}}]}`),
      /\.headscope\.json, families\.0\.defaults\.num_attention_heads: num_attention_heads should be a whole number/,
    );
    assert.doesNotMatch(notes('{}'), /headscope\.json/);
  });

  const refusals: readonly (readonly [what: string, file: string | undefined, code: number, sentence: RegExp])[] = [
    ['no such path', undefined, 2, /does not exist: name a model folder/],
    ['no JSON', '{"model_type": ', 3, /not valid JSON/],
    ['another JSON', '{"compilerOptions": {}}', 3, /describes no model/],
  ];
  for (const [what, text, expected, sentence] of refusals) {
    it(`${what}: one sentence and exit code ${expected}`, () => {
      const path = join(folder, 'config.json');
      if (text !== undefined) writeFileSync(path, text);
      const { code, error, out } = inspect(text === undefined ? join(folder, 'absent') : folder);
      assert.equal(code, expected);
      assert.match(error, sentence);
      assert.equal(error.trim().split('\n').length, 1);
      assert.equal(out, '');
    });
  }
});
