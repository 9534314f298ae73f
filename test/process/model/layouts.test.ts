/** The same numbers from every way in which a checkpoint lies on a disk, through the command line. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { writeShards, type StoredType } from '../../support/safetensors-file';
import { tinyModel, tinyTensors, writeConfig, writeTinyModel } from '../../support/checkpoints/tiny-models';
import { writeByteLevelTokenizer } from '../../support/checkpoints/tokenizers';
import { buildServer, Place } from './support/model-server';

const llama = tinyModel('llama');
const ids = [5, 9, 5, 9, 12, 5, 33, 9, 12, 60, 0, 5];

interface Generated {
  readonly promptIds: number[];
  readonly ids: number[];
  readonly text: string;
  readonly logitsLast: number[];
}

describe('checkpoints as they lie on a disk', function () {
  this.timeout(60_000);
  let place: Place;
  let folder: string;
  before(buildServer);
  beforeEach(() => {
    place = new Place();
    folder = place.at('model');
  });
  afterEach(() => place.remove());

  const generate = async (path: string, ...words: string[]): Promise<Generated> => {
    const { code, stdout, stderr } = await place.headscope([
      ...['generate', path, '--max-new-tokens', '5', '--logits', '--json', '-'],
      ...(words.length > 0 ? words : ['--ids', ids.join(',')]),
    ]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Generated;
  };
  const close = (found: readonly number[], expected: readonly number[] | undefined, tolerance: number): void => {
    assert.equal(found.length, expected?.length);
    found.forEach((value, i) => assert.ok(Math.abs(value - (expected?.[i] ?? Number.NaN)) <= tolerance));
  };

  it('one file, by its folder and by its config.json', async () => {
    const parameters = writeTinyModel(folder, llama);
    const expected = llama.run(parameters, ids).logits.at(-1);
    const byFolder = await generate(folder);
    close(byFolder.logitsLast, expected, 1e-4);
    assert.deepEqual((await generate(join(folder, 'config.json'))).logitsLast, byFolder.logitsLast);
    assert.deepEqual(byFolder.promptIds, ids);
    assert.equal(byFolder.ids.length, 5);
    assert.match(byFolder.text, /^#\d+( #\d+){4}$/, 'without a tokenizer the text is the ids');
  });

  it('the JSON of each command says which model, prompt and threads made it', async () => {
    writeTinyModel(folder, llama);
    const heads = await place.headscope(['heads', folder, '--ids', '7,8', '--threads', '2', '--json', '-']);
    const { model, device, parity } = JSON.parse(heads.stdout) as HeadsResult;
    assert.equal(device.threads, 2);
    for (const [command, ...words] of [
      ['generate', '--max-new-tokens', '1'],
      ['map', '--layer', '0', '--head', '1'],
    ]) {
      const asked = [
        command ?? '',
        folder,
        '--ids',
        '7,8',
        '--threads',
        '2',
        '--gain',
        '0.1=0',
        ...words,
        '--json',
        '-',
      ];
      const { code, stdout, stderr } = await place.headscope(asked);
      assert.equal(code, 0, stderr);
      const made = JSON.parse(stdout) as Pick<HeadsResult, 'model' | 'device' | 'settings' | 'parity'>;
      assert.deepEqual(made.model, model);
      assert.deepEqual(made.parity, parity);
      assert.equal(made.device.threads, 2);
      assert.deepEqual(made.settings['prompt'], { kind: 'ids', ids: [7, 8] });
      assert.deepEqual(made.settings['gains'], [{ layer: 0, head: 1, gain: 0 }]);
    }
  });

  it('keys are named and biased from the command line', async () => {
    writeTinyModel(folder, llama);
    const words = ['--ids', ids.join(','), '--bias', '0.1:2-4=-3', '--json', '-'];
    const heads = await place.headscope(['heads', folder, '--no-classify', '--group', 'needle=2-4', ...words]);
    assert.equal(heads.code, 0, heads.stderr);
    const { groups, interventions, gains } = JSON.parse(heads.stdout) as Partial<HeadsResult>;
    assert.deepEqual(groups?.['needle'], groups?.['keys 2-4']);
    const asked = [{ kind: 'bias', layer: 0, head: 1, keys: { start: 2, end: 5 }, bias: -3 }];
    assert.deepEqual(interventions, asked);
    assert.equal(gains, undefined, 'alone they would mislead');
    const made = await place.headscope(['generate', folder, '--max-new-tokens', '1', ...words]);
    assert.equal(made.code, 0, made.stderr);
    assert.deepEqual((JSON.parse(made.stdout) as HeadsResult).settings['interventions'], asked);
  });

  it('shards with an index', async () => {
    writeTinyModel(place.at('whole'), llama);
    writeConfig(folder, llama.config);
    writeShards(folder, tinyTensors(llama), 3);
    assert.deepEqual((await generate(folder)).logitsLast, (await generate(place.at('whole'))).logitsLast);
  });

  it('the links of the Hugging Face cache', async () => {
    writeTinyModel(place.at('whole'), llama);
    const cache = place.at('hub', 'models--someone--tiny');
    const snapshot = join(cache, 'snapshots', '0123abcd');
    writeTinyModel(place.at('written'), llama);
    mkdirSync(join(cache, 'blobs'), { recursive: true });
    mkdirSync(snapshot, { recursive: true });
    for (const [name, blob] of [
      ['config.json', 'aaaa1111'],
      ['model.safetensors', 'bbbb2222'],
    ] as const) {
      renameSync(place.at('written', name), join(cache, 'blobs', blob));
      symlinkSync(join('..', '..', 'blobs', blob), join(snapshot, name));
    }
    assert.deepEqual((await generate(snapshot)).logitsLast, (await generate(place.at('whole'))).logitsLast);
  });

  for (const type of ['F16', 'BF16'] as const satisfies readonly StoredType[]) {
    it(`${type} weights`, async () => {
      const parameters = writeTinyModel(folder, llama, type);
      close((await generate(folder)).logitsLast, llama.run(parameters, ids).logits.at(-1), 1e-4);
    });
  }

  it('a prompt as text, with the pieces of its tokens', async () => {
    writeTinyModel(folder, llama);
    writeByteLevelTokenizer(folder);
    const { code, stdout, stderr } = await place.headscope(['heads', folder, '--prompt', 'abba abba', '--json', '-']);
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout) as HeadsResult & { tokens: string[] };
    assert.equal(result.tokens.join(''), '<s>abba abba');
    assert.equal(result.ids.length, result.tokens.length);
    const made = await generate(folder, '--prompt', 'abba abba');
    assert.deepEqual(made.promptIds, result.ids);
  });

  it('one token: what has no query that counts is null in JSON, and nothing is labelled', async () => {
    writeTinyModel(folder, llama);
    const file = place.at('heads.json');
    const { code, stdout, stderr } = await place.headscope(['heads', folder, '--ids', '7', '--causal', '--json', file]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /NaN|null/);
    const { statistics, classes, parity } = JSON.parse(readFileSync(file, 'utf8')) as HeadsResult;
    for (const name of ['previousToken', 'firstToken', 'induction', 'duplicateToken'] as const) {
      assert.deepEqual(statistics[name].flat(), Array(8).fill(null), name);
    }
    for (const value of statistics.selfToken.flat()) assert.ok(Math.abs(value - 1) < 1e-6);
    for (const value of [...statistics.entropy.flat(), ...statistics.meanDistance.flat()]) {
      assert.ok(Math.abs(value) < 1e-5);
    }
    // Labels of probes say something of a head whatever the prompt; those of the prompt need more than one token.
    const ofPrompt = ['previous-token', 'self', 'first-token-sink', 'local', 'uniform'];
    assert.deepEqual(
      classes.filter(({ label }) => ofPrompt.includes(label)),
      [],
    );
    assert.equal(parity.ok, true);
  });

  it('a vocabulary and a context too small for probes: statistics come, labels of probes do not', async () => {
    const small = { ...llama, config: { ...llama.config, max_position_embeddings: 12 } };
    writeTinyModel(folder, small);
    const { code, stdout, stderr } = await place.headscope([
      ...['heads', folder, '--ids', '5,9,5,9,5', '--causal', '--json', '-'],
    ]);
    assert.equal(code, 0, stderr);
    const { statistics, classes } = JSON.parse(stdout) as HeadsResult;
    assert.ok(statistics.induction.flat().every(Number.isFinite));
    assert.ok(classes.every(({ label }) => !['induction', 'duplicate-token', 'retrieval'].includes(label)));
  });

  it('a beginning-of-sequence id outside the vocabulary is not fed to the probes', async () => {
    writeTinyModel(folder, { ...llama, config: { ...llama.config, bos_token_id: 128_000, eos_token_id: 128_001 } });
    const { code, stderr } = await place.headscope(['heads', folder, '--ids', '5,9,5', '--json', place.at('out')]);
    assert.equal(code, 0, stderr);
  });

  for (const name of ['bert', 'mistral, window 7', 'gemma3', 'gpt2', 'opt, narrow embedding and norms after']) {
    it(`heads, map and outputs agree: ${name}`, async () => {
      writeTinyModel(folder, tinyModel(name));
      const prompt = ['--ids', ids.join(',')];
      const heads = await place.headscope(['heads', folder, ...prompt, '--chunk', '1', '--causal', '--json', '-']);
      assert.equal(heads.code, 0, heads.stderr);
      const { statistics } = JSON.parse(heads.stdout) as HeadsResult;
      const map = await place.headscope([
        ...['map', folder, ...prompt, '--layer', '1', '--head', '2', '--outputs', '--json', '-'],
      ]);
      assert.equal(map.code, 0, map.stderr);
      const { probabilities, outputs } = JSON.parse(map.stdout) as { probabilities: number[][]; outputs: number[][] };
      assert.equal(probabilities.length, ids.length);
      assert.equal(outputs.length, ids.length);
      for (const row of probabilities) {
        assert.equal(row.length, ids.length);
        assert.ok(Math.abs(row.reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
      }
      const mean = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
      const previous = mean(probabilities.slice(1).map((row, i) => row[i] ?? 0));
      assert.ok(Math.abs(previous - (statistics.previousToken[1]?.[2] ?? Number.NaN)) < 1e-5);
      const distance = mean(probabilities.map((row, i) => row.reduce((sum, p, j) => sum + p * (i - j), 0)));
      assert.ok(Math.abs(distance - (statistics.meanDistance[1]?.[2] ?? Number.NaN)) < 1e-4);
    });
  }
});
