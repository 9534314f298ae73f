/** How a person chooses the way weights are held, through the command line, and what the results say of it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { tinyModel, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { writeTensors } from '../../support/quantised/folder';
import { floats } from '../../support/quantised/matrix';
import { buildServer, Place } from './support/model-server';

const llama = tinyModel('llama');
const prompt = ['--ids', '5,9,5,9,12,5,33,9'];

describe('weights of a model', function () {
  this.timeout(60_000);
  let place: Place;
  let folder: string;
  before(buildServer);
  beforeEach(() => {
    place = new Place();
    folder = place.at('model');
    writeTinyModel(folder, llama);
  });
  afterEach(() => place.remove());

  const heads = async (words: readonly string[], more: Readonly<Record<string, string>> = {}) => {
    const asked = ['heads', folder, ...prompt, '--no-classify', ...words, '--json', '-'];
    const { code, stdout, stderr } = await place.headscope(asked, undefined, more);
    assert.equal(code, 0, stderr);
    return { result: JSON.parse(stdout) as HeadsResult, stderr };
  };

  it('in 8 bits: the result names them, with their difference from exact weights', async () => {
    const { result, stderr } = await heads(['--weights', 'q8']);
    assert.equal(result.weights, 'q8');
    assert.equal(result.parity.weights, 'q8');
    assert.equal(result.parity.greedy?.positions, 8);
    assert.ok(result.parity.maxLogitError > 0 && result.parity.ok);
    assert.match(stderr, /8-bit weights.*What goes into a linear layer is rounded to 8 bits/);
    const exact = (await heads([])).result;
    assert.equal(exact.weights, 'float32');
    assert.equal(exact.parity.maxLogitError, 0);
    assert.notDeepEqual(result.statistics, exact.statistics);
    const byEnvironment = await heads([], { HEADSCOPE_WEIGHTS: 'q8' });
    assert.deepEqual(byEnvironment.result.statistics, result.statistics);
    for (const [command, ...words] of [
      ['generate', '--max-new-tokens', '1'],
      ['map', '--layer', '0', '--head', '1'],
    ]) {
      const asked = [command ?? '', folder, ...prompt, '--weights', 'q4', ...words, '--json', '-'];
      const { code, stdout, stderr: said } = await place.headscope(asked);
      assert.equal(code, 0, said);
      assert.equal((JSON.parse(stdout) as HeadsResult).weights, 'q4', command);
    }
  });

  it('with an adapter on them: of every command, by its name and not under the hash of the base', async () => {
    const adapter = place.at('mine');
    mkdirSync(adapter);
    const config = { peft_type: 'LORA', r: 1, lora_alpha: 1, base_model_name_or_path: 'someone/model' };
    writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify(config));
    const { hidden_size: width = 0 } = llama.config as { hidden_size?: number };
    const ones = (rows: number, columns: number) =>
      floats(new Float32Array(rows * columns).fill(0.3), [rows, columns], 'F32');
    const query = 'base_model.model.model.layers.0.self_attn.q_proj';
    writeTensors(
      join(adapter, 'adapter_model.safetensors'),
      new Map([
        [`${query}.lora_A.weight`, ones(1, width)],
        [`${query}.lora_B.weight`, ones(width, 1)],
      ]),
    );
    const plain = (await heads([])).result;
    for (const words of [
      ['heads', folder, ...prompt, '--no-classify'],
      ['generate', folder, ...prompt, '--max-new-tokens', '1'],
      ['map', folder, ...prompt, '--layer', '0', '--head', '1'],
    ]) {
      const { code, stdout, stderr } = await place.headscope([...words, '--adapter', adapter, '--json', '-']);
      assert.equal(code, 0, stderr);
      const { model } = JSON.parse(stdout) as HeadsResult;
      assert.deepEqual([model.name, model.folder, model.adapter], ['mine on model', folder, adapter]);
      assert.notEqual(model.hash, plain.model.hash);
    }
    const both = await place.headscope([
      ...['run', 'head-concentration', folder, ...prompt, '--adapter', adapter, '--with-base', '--json', '-'],
    ]);
    assert.equal(both.code, 0, both.stderr);
    const { model, comparedWith } = JSON.parse(both.stdout) as AnalysisResult & {
      comparedWith: { name: string; result: AnalysisResult };
    };
    assert.deepEqual([model.adapter, comparedWith.name], [adapter, 'model']);
    assert.equal(comparedWith.result.model.adapter, undefined);
    assert.equal(comparedWith.result.model.hash, plain.model.hash);
    const alone = await place.headscope(['run', 'head-concentration', folder, ...prompt, '--with-base']);
    assert.equal(alone.code, 2);
    assert.match(alone.stderr, /--with-base compares a model that has an adapter with its base/);
    const adapted = (await heads(['--adapter', adapter])).result;
    assert.notDeepEqual(adapted.statistics, plain.statistics);
    assert.deepEqual((await heads([], { HEADSCOPE_ADAPTER: adapter })).result.statistics, adapted.statistics);
  });

  it('in float16 on the CPU are exact, and a note says why', async () => {
    const { result, stderr } = await heads(['--weights', 'float16']);
    assert.equal(result.weights, 'float32');
    assert.match(stderr, /float16 weights would save nothing there, so they are exact/);
  });

  it('that are floats are multiplied exactly where 8-bit activations are asked for, and a note says why', async () => {
    const { result, stderr } = await heads(['--activations', 'int8']);
    assert.equal(result.weights, 'float32');
    assert.match(stderr, /Its weights are floats and run exactly: int8-activations is for weights that are quantised/);
    const both = await place.headscope(['heads', folder, ...prompt, '--activations', 'int8', '--weights', 'q4']);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /--activations int8 takes weights as they are stored. Leave out --weights q4/);
  });

  it('that do not exist are refused as an option, and said as a variable', async () => {
    const { code, stderr } = await place.headscope(['heads', folder, ...prompt, '--weights', 'q3']);
    assert.equal(code, 2);
    assert.match(stderr, /as-stored, float32, float16, q8, q4, int8-activations/);
    const { result, stderr: said } = await heads([], { HEADSCOPE_WEIGHTS: 'q3' });
    assert.equal(result.weights, 'float32');
    assert.match(said, /HEADSCOPE_WEIGHTS is "q3", which is none of .*exact weights/);
  });

  it('are exact for an analysis that needs it, which says so', async () => {
    const asked = ['run', 'direct-logit-attribution', folder, ...prompt, '--weights', 'q8', '--json', '-'];
    const { code, stdout, stderr } = await place.headscope(asked);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout) as AnalysisResult;
    assert.equal(result.weights, 'float32');
    assert.match(stderr, /Direct logit attribution needs exact weights/);
  });

  it('are those of the request, whatever the process was started with, also when the result is asked more', async () => {
    const client = place.client({}, { HEADSCOPE_WEIGHTS: 'q4' });
    const ids = [5, 9, 5, 9, 12, 5, 33, 9];
    const request = {
      analysis: 'labels',
      folder,
      input: { kind: 'prompt', prompt: { kind: 'ids', ids } },
      parameters: {},
      interventions: [],
      seed: 0,
    } as const;
    const inEight = await client.call('analysis', [{ ...request, weights: 'q8' }]);
    assert.deepEqual([inEight.weights, inEight.parity?.weights], ['q8', 'q8']);
    assert.equal((await client.call('analysis', [request])).weights, 'q4');
    assert.equal((await client.call('openModel', [folder, 'cpu', 'as-stored'])).weights, 'float32');
    const head = { folder, ids, interventions: [], layer: 1, head: 0, query: 7 };
    const [q8, q4, exact] = await Promise.all(
      (['q8', 'q4', 'as-stored'] as const).map((weights) => client.call('headRow', [{ ...head, weights }])),
    );
    assert.notDeepEqual(q8, exact);
    assert.notDeepEqual(q8, q4);
    assert.deepEqual(await client.call('headRow', [head]), q4, 'as the process was started');
  });

  it('are kept on the disk only where that is allowed, and made again where a file is cut short', async () => {
    const kept = join(place.cache, 'headscope-weights');
    const { result } = await heads(['--weights', 'q8']);
    assert.equal(existsSync(kept), false);
    await heads(['--weights', 'q8', '--cache-weights']);
    const files = readdirSync(kept, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.bin'));
    // Two layers and the language head.
    assert.equal(files.length, 3);
    truncateSync(join(kept, files[0] ?? ''), 4500);
    const again = await heads(['--weights', 'q8', '--cache-weights', '1GB']);
    assert.deepEqual(again.result.statistics, result.statistics);
    assert.deepEqual(again.result.parity, result.parity);
  });

  it('are not kept where they do not fit or the folder cannot be written: a note, and the run goes on', async () => {
    const small = await heads(['--weights', 'q8', '--cache-weights', '10kB']);
    assert.match(small.stderr, /not kept for the next run\. They take .* and 10\.0 kB are allowed/);
    writeFileSync(place.at('file'), '');
    const nowhere = await heads(['--weights', 'q8', '--cache-weights'], { HEADSCOPE_CACHE_DIR: place.at('file') });
    assert.match(nowhere.stderr, /not kept for the next run\..*cannot be written/);
    assert.deepEqual(nowhere.result.statistics, small.result.statistics);
    const { code, stderr } = await place.headscope(['heads', folder, ...prompt, '--cache-weights', 'much']);
    assert.equal(code, 2);
    assert.match(stderr, /It takes a size such as 6GB/);
  });
});
