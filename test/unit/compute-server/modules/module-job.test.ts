/** A run of a module: published weights by their names, pictures, what is written in a file, and what is said when it does not fit. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { moduleJob } from '../../../../compute-server/modules/module-job';
import {
  moduleSetupRequest,
  savedModule,
  type ModuleSetup,
  type ModuleResult,
} from '../../../../protocol/results/module-schema';
import type { ModuleProgress } from '../../../../protocol/compute/modules';
import { check, parseJson } from '../../../../protocol/schema/check';
import { FailureError } from '../../../../protocol/wire/failures';
import { drawWeights } from '../../../../kernels/module-parts/draw';
import { shvit } from '../../../../kernels/modules/shvit/network';
import { shsa } from '../../../../kernels/modules/shvit/shsa';
import type { Surroundings } from '../../../../compute-server/surroundings';
import { writeSafetensors } from '../../../support/safetensors-file';

const plan: ModuleSetup = {
  module: 'shsa',
  parameters: { height: 3, width: 4 },
  input: { kind: 'sample', sample: 'discs' },
  device: 'cpu',
  threads: 1,
  precision: 'float32',
  seed: 1,
  seconds: 0,
};

/** SHSA of 6 channels, 2 of them attended, behind the prefix that SHViT's third stage gives it. */
const size = { channels: 6, partial: 2, qkDim: 16, height: 3, width: 4, batch: 1 };

describe('A run of a module', function () {
  this.timeout(30_000);
  let folder: string;
  let surroundings: Surroundings;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'headscope-module-'));
    surroundings = {
      entry: '',
      cacheFolder: path.join(folder, 'cache'),
      memoryLimit: 1e9,
      defaultThreads: 1,
      modelDevice: 'cpu',
      modelWeights: 'as-stored',
      keptWeightBytes: 0,
      log: () => {},
    };
  });
  after(() => rm(folder, { recursive: true }));

  async function run(
    change: Partial<ModuleSetup>,
  ): Promise<{ readonly result: ModuleResult; readonly stages: readonly ModuleProgress[] }> {
    const job = moduleJob({ ...plan, ...change }, surroundings, new AbortController().signal);
    const stages: ModuleProgress[] = [];
    for (;;) {
      const step = await job.next();
      if (step.done) return { result: step.value, stages };
      stages.push(step.value);
    }
  }

  async function refusal(change: Partial<ModuleSetup>): Promise<string> {
    try {
      await run(change);
    } catch (error) {
      assert.ok(error instanceof FailureError, String(error));
      return 'detail' in error.failure ? String(error.failure.detail) : '';
    }
    throw new assert.AssertionError({ message: 'it ran' });
  }

  /** A file with the state dict behind each prefix; `change` alters names and shapes. */
  function stateDict(
    name: string,
    prefixes: readonly string[],
    change: (name: string, shape: readonly number[]) => readonly [string, readonly number[]] | undefined = (...same) =>
      same,
  ): string {
    const file = path.join(folder, name);
    const tensors = prefixes.flatMap((prefix, at) =>
      Object.entries(drawWeights(shsa, size, 20 + at)).flatMap(([own, x]) => {
        const changed = change(own, x.shape);
        if (!changed) return [];
        const length = changed[1].reduce((a, b) => a * b, 1);
        return [
          [prefix + changed[0], { shape: changed[1], data: Float32Array.from(x.data.slice(0, length)) }] as const,
        ];
      }),
    );
    writeSafetensors(file, new Map([...tensors, ['head.l.bias', { shape: [3], data: new Float32Array(3) }]]));
    return file;
  }

  it('is proved, says what it read, and is saved as it is read', async () => {
    const { result, stages } = await run({});
    assert.ok(stages.some(({ sentence }) => sentence.startsWith('Proving')));
    assert.match(result.finding, /equals its float64 reference/);
    assert.deepEqual(
      result.proofs.map(({ output, shape, ok }) => ({ output, shape, ok })),
      [{ output: 'output', shape: [1, 224, 3, 4], ok: true }],
    );
    assert.equal(result.timing, undefined);
    assert.match(result.notes.join(' '), /Discs on a ground.*not trained/);
    const saved = parseJson(savedModule, JSON.stringify(result));
    assert.ok(saved.ok, saved.ok ? '' : saved.why);
    assert.deepEqual(saved.result.sections.map(({ id }) => id).slice(-2), ['cost', 'proof']);
  });

  it('of a module that learns nothing says so', async () => {
    const { result } = await run({
      module: 'fourier-mixing',
      parameters: { tokens: 4, width: 2 },
      input: { kind: 'sample', sample: 'normal' },
    });
    assert.deepEqual(result.notes.slice(1), ['It has no weights.']);
  });

  it('is timed in turn with plain attention over the same tokens', async () => {
    const { result } = await run({ seconds: 0.3 });
    assert.ok(result.timing);
    assert.ok(result.timing.module.medianMs > 0 && result.timing.plain.medianMs > 0);
    assert.ok(
      result.timing.ratio.low <= result.timing.ratio.median && result.timing.ratio.median <= result.timing.ratio.high,
    );
    const { heads: _heads, ...tokens } = result.plain;
    // 12 tokens of width 224: 4 n C^2 + 2 n^2 C.
    assert.deepEqual(tokens, {
      batch: 1,
      queries: 12,
      keys: 12,
      width: 224,
      multiplyAdds: 4 * 12 * 224 ** 2 + 2 * 12 ** 2 * 224,
    });
  });

  it('published weights load by their names: sizes from their shapes, the first of several blocks', async () => {
    const file = stateDict('two.safetensors', ['blocks3.10.mixer.m.', 'blocks3.3.mixer.m.']);
    const { result } = await run({ weights: { file } });
    assert.deepEqual(result.parameters, size);
    assert.match(result.notes[1]!, /behind the prefix "blocks3\.3\.mixer\.m\.", which gives channels 6, partial 2\./);
    assert.match(result.notes[1]!, /2 such modules/);
    assert.ok(result.proofs.every(({ ok }) => ok));
    const other = await run({ weights: { file, prefix: 'blocks3.10.mixer.m.' } });
    const received = ({ sections }: ModuleResult) => sections.find(({ id }) => id === 'received');
    assert.notDeepEqual(received(other.result), received(result), 'other weights, another picture');
  });

  it('a whole network of published names runs on a picture and shows its attention', async () => {
    const tiny = { variant: 'tiny', side: 64, classes: 7, batch: 1 };
    const file = path.join(folder, 'shvit.safetensors');
    const tensors = Object.entries(drawWeights(shvit, tiny, 5)).map(
      ([name, x]) => [name, { shape: x.shape, data: Float32Array.from(x.data) }] as const,
    );
    writeSafetensors(file, new Map(tensors));
    const picture = path.resolve('test/fixtures/pictures/rgb.png');
    const { result } = await run({
      module: 'shvit',
      parameters: { side: 64 },
      input: { kind: 'picture', file: picture },
      weights: { file },
    });
    assert.deepEqual(result.parameters, tiny);
    assert.match(result.notes[0]!, /the whole of it at 64 x 64 pixels/);
    assert.match(result.notes[1]!, /prefix "" \(none\), which gives variant tiny, classes 7\./);
    assert.ok(result.proofs.every(({ ok }) => ok));
    const map = result.sections.find(({ id }) => id === 'received');
    assert.ok(map?.kind === 'map');
    // Stride 16 of the stem, halved once: 2 x 2 pixels; attention that is received adds up to 1.
    assert.deepEqual([map.values.length, map.values[0]!.length], [2, 2]);
    assert.ok(Math.abs(map.values.flat().reduce((a, b) => a + b) - 1) < 1e-9);
  });

  it('a name that is missing, a shape that is another and a file of something else are said', async () => {
    const missing = stateDict('missing.safetensors', ['m.'], (name, shape) =>
      name === 'qkv.bn.running_var' ? undefined : [name, shape],
    );
    assert.match(await refusal({ weights: { file: missing } }), /prefix "m\." there is no "qkv\.bn\.running_var"\./);
    const shape = stateDict('shape.safetensors', ['m.'], (name, own) =>
      name === 'proj.1.bn.bias' ? [name, [5]] : [name, own],
    );
    assert.match(
      await refusal({ weights: { file: shape } }),
      /"m\.proj\.1\.bn\.bias" has the shape \[5\], and \[6\] is needed with channels 6/,
    );
    const none = stateDict('none.safetensors', []);
    assert.match(
      await refusal({ weights: { file: none } }),
      /no name in it ends in "pre_norm\.weight"\. It has head\.l\.bias/,
    );
    assert.match(await refusal({ weights: { file: path.join(folder, 'absent.safetensors') } }), /absent\.safetensors/);
    assert.match(await refusal({ weights: { file: 'relative.safetensors' } }), /relative/);
  });

  it('a picture becomes a feature map, and two pictures two', async () => {
    const [first, second] = ['alpha.png', 'palette.png'].map((name) => path.resolve('test/fixtures/pictures', name));
    const results = await Promise.all([first!, second!].map((file) => run({ input: { kind: 'picture', file } })));
    const [one, other] = results.map(({ result }) => result);
    assert.match(
      one!.notes[0]!,
      /4 x 3 patches of 16 x 16 pixels, each projected by a seeded matrix, not by a trained one/,
    );
    assert.notDeepEqual(one!.sections[0], other!.sections[0]);
  });

  it('tensors of a file are taken by name, in the shape that the parameters say', async () => {
    const file = path.join(folder, 'x.json');
    const rows = (channels: number) => [
      Array.from({ length: channels }, (_, c) => [
        [c, 1, 2, 0],
        [0, 1, c, 3],
        [4, 4, 1, c],
      ]),
    ];
    await writeFile(file, JSON.stringify({ x: rows(3) }));
    const parameters = { ...plan.parameters, channels: 3, partial: 2 };
    const { result } = await run({ parameters, input: { kind: 'tensors', file } });
    assert.ok(result.proofs.every(({ ok }) => ok));
    assert.match(
      await refusal({ parameters: { ...parameters, channels: 4 }, input: { kind: 'tensors', file } }),
      /"x" has the shape \[1, 3, 3, 4\], and the parameters say \[1, 4, 3, 4\]\./,
    );
  });

  it('what cannot be run is refused with a sentence', async () => {
    assert.match(await refusal({ module: 'nothing' }), /There is no module "nothing"\. Choose among .*shsa/);
    assert.match(await refusal({ input: { kind: 'sample', sample: 'cats' } }), /no sample "cats".*normal, discs/);
    assert.match(await refusal({ input: { kind: 'written', text: 'a cat' } }), /cannot be written/);
    assert.match(await refusal({ parameters: { partial: 300 } }), /224 channels, so at most 224 can attend/);
    assert.match(await refusal({ parameters: { depth: 3 } }), /has no parameter "depth"/);
    assert.match(await refusal({ parameters: { height: 128, width: 128 } }), /GFLOP.*smaller/);
  });

  it('a request is checked field by field', () => {
    const why = (value: unknown): string => {
      const checked = check(moduleSetupRequest, value);
      return checked.ok ? 'fits' : checked.why;
    };
    assert.equal(why(plan), 'fits');
    assert.match(why({ ...plan, precision: 'float8' }), /precision/);
    assert.match(why({ ...plan, input: { kind: 'sample' } }), /input\.sample/);
    assert.match(why({ ...plan, weights: { file: '' } }), /weights\.file/);
    assert.match(why({ ...plan, seconds: -1 }), /seconds/);
  });
});
