/** Vectors added to the residual stream: what a run with them is, by weights that say the same and by replaced streams. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest } from '../../../compute-server/model/run/stream/run-request';
import { meanDifference } from '../../../diagnostics/shared/steering/mean-difference';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { tinyModels, type TinyModel } from '../../support/checkpoints/tiny-models';
import type { Parameters } from '../../support/reference/vectors';
import { resultOf, runnerOf } from '../../support/model-jobs';

const { signal } = new AbortController();
const n = ids.length;

/** A vector of about the size of a stream. */
const vectorOf = (width: number, seed: number): Float32Array =>
  Float32Array.from({ length: width }, (_, at) => Math.sin(seed + 1.7 * at));

const run = async ({ model }: OpenTiny, variants: readonly Variant[], extra: Partial<RunRequest> = {}) =>
  runPrompt(model.spec, model.sessions, { ids, chunk: n, logits: 'all', variants, ...extra });
const logitsOf = async (tiny: OpenTiny, variant: Variant, extra: Partial<RunRequest> = {}): Promise<Float32Array> =>
  (await run(tiny, [variant], extra)).logits?.data as Float32Array;

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (let at = 0; at < found.length; at++) {
    const away = Math.abs(Number(found[at]) - Number(expected[at]));
    assert.ok(away <= tolerance, `${found[at]} and ${expected[at]} at ${at}`);
  }
}

describe('vectors added to the residual stream', () => {
  const opened: OpenTiny[] = [];
  const open = async (which: string | TinyModel): Promise<OpenTiny> => {
    const tiny = await openTiny(which);
    opened.push(tiny);
    return tiny;
  };
  afterEach(async () => {
    for (const tiny of opened.splice(0)) await tiny.close();
  });

  for (const tiny of tinyModels) {
    it(`${tiny.name}: the same to the bit as a stream that is replaced by the plain one with the vector added`, async () => {
      const one = await open(tiny);
      const width = one.model.spec.hiddenSize;
      const vector = vectorOf(width, 3);
      const logits: RunRequest['logits'] = one.model.spec.head.vocabulary ? 'all' : 'none';
      const taps = one.model.spec.blocks.map(({ index: layer }) => ({ layer, tap: 'residual' as const }));
      const of = (variant: Variant) => run(one, [variant], { logits, taps });
      const plain = (await of([])).layers[0]?.taps.residual?.data as Float32Array;
      for (const positions of [undefined, [2, 3, 11]]) {
        const data = plain.map((value, at) =>
          (positions?.includes(Math.floor(at / width)) ?? true) ? value + (vector[at % width] ?? NaN) : value,
        );
        const steered = await of([{ kind: 'addition', layer: 0, vector, ...(positions ? { positions } : {}) }]);
        const replaced = await of([{ kind: 'replacement', layer: 0, target: 'residual', data }]);
        for (const [layer, { taps: found }] of steered.layers.entries())
          assert.deepEqual(found.residual?.data, replaced.layers[layer]?.taps.residual?.data);
        assert.deepEqual(steered.logits?.data, replaced.logits?.data);
        assert.notDeepEqual(steered.layers[0]?.taps.residual?.data, plain);
      }
    });
  }

  it('of a model in float64 the same as a bias of the last projection of the block', async () => {
    const one = await open('gpt2');
    const vector = vectorOf(one.model.spec.hiddenSize, 1);
    const { parameters, tiny } = one;
    const biased: Parameters = {
      ...parameters,
      has: (name) => parameters.has(name),
      matrix: (name) => parameters.matrix(name),
      vector: (name) =>
        name === 'transformer.h.0.mlp.c_proj.bias'
          ? parameters.vector(name).map((value, at) => value + (vector[at] ?? NaN))
          : parameters.vector(name),
    };
    const expected = tiny.run(biased, ids).logits.flat();
    for (const chunk of [n, 7])
      near(await logitsOf(one, [{ kind: 'addition', layer: 0, vector }], { chunk }), expected, 1e-4);
  });

  it('several of one layer add up, beside each other in a batch, and leave the plain run of the batch as it is', async () => {
    const one = await open('llama');
    const width = one.model.spec.hiddenSize;
    const [a, b] = [vectorOf(width, 1), vectorOf(width, 2)];
    const sum = a.map((value, at) => value + (b[at] ?? NaN));
    const both: Variant = [
      { kind: 'addition', layer: 1, vector: a },
      { kind: 'addition', layer: 1, vector: b },
    ];
    near(await logitsOf(one, both), await logitsOf(one, [{ kind: 'addition', layer: 1, vector: sum }]), 1e-5);
    const [plain, beside] = [await run(one, [[], []]), await run(one, [[], both])];
    const halves = (result: typeof plain): readonly [Float32Array, Float32Array] => {
      const data = result.logits?.data as Float32Array;
      return [data.slice(0, data.length / 2), data.slice(data.length / 2)];
    };
    assert.deepEqual(halves(beside)[0], halves(plain)[0]);
    near(halves(beside)[1], await logitsOf(one, both), 1e-5);
  });

  it('a stream that is replaced is what came in', async () => {
    const one = await open('llama');
    const width = one.model.spec.hiddenSize;
    const replacement = {
      kind: 'replacement',
      layer: 0,
      target: 'residual',
      data: vectorOf(width, 5),
      everywhere: true,
    } as const;
    const alone = await logitsOf(one, [replacement]);
    const vector = vectorOf(width, 1);
    assert.deepEqual(await logitsOf(one, [replacement, { kind: 'addition', layer: 0, vector }]), alone);
  });

  for (const name of ['llama', 'gpt2', 'mistral, window 7', 'gemma2']) {
    it(`${name}: tokens that follow are steered by step graphs as by those of the blocks and as in the whole text`, async () => {
      const one = await open(name);
      const { model } = one;
      const vector = vectorOf(model.spec.hiddenSize, 4);
      const kinds = new Set<string>();
      const sessions = Object.create(model.sessions) as typeof model.sessions;
      sessions.session = (piece) => {
        kinds.add(piece.kind);
        return model.sessions.session(piece);
      };
      const prompt = ids.slice(0, 9);
      for (const at of [{ layer: 0 }, { layer: 1, positions: [1, 4] }]) {
        const variant: Variant = [{ kind: 'addition', vector, ...at }];
        const start = (blocksAlone: boolean) =>
          SequenceRun.start(model.spec, sessions, { ids: prompt, chunk: 4, variant, blocksAlone });
        const [steps, blocks] = [await start(false), await start(true)];
        for (let at = prompt.length; at < 13; at++) {
          kinds.clear();
          const { logits } = await steps.extend([ids[at]!]);
          assert.ok(kinds.has('step') && !kinds.has('block'));
          near(logits, (await blocks.extend([ids[at]!])).logits, 2e-5);
          const whole = await logitsOf(one, variant, { ids: ids.slice(0, at + 1), logits: 'last' });
          near(logits, whole, 2e-5);
          assert.notDeepEqual(logits, await logitsOf(one, [], { ids: ids.slice(0, at + 1), logits: 'last' }));
        }
      }
    });
  }

  it('questions about variants share what is before the first vector that differs', async () => {
    const one = await open('llama');
    const width = one.model.spec.hiddenSize;
    const variants: Variant[] = [
      [],
      [{ kind: 'addition', layer: 1, vector: vectorOf(width, 1), positions: [12] }],
      [{ kind: 'addition', layer: 0, vector: vectorOf(width, 2), positions: [14, 15] }],
    ];
    const asked = [{ row: n - 1, tokens: [3, 7] }];
    const answers = await runnerOf(one.model).answers({ ids }, asked, variants);
    for (const [at, variant] of variants.entries()) {
      const logits = (await logitsOf(one, variant, { logits: 'last' })) as ArrayLike<number>;
      near(answers[at]?.[0]?.logits ?? [], [logits[3]!, logits[7]!], 1e-5);
    }
  });

  describe('of files', () => {
    let folder: string;
    before(() => (folder = mkdtempSync(join(tmpdir(), 'headscope-steer-'))));
    after(() => rmSync(folder, { recursive: true }));

    const lowered = async ({ model }: OpenTiny, form: string): Promise<Variant> => {
      const read = parseDo(form);
      assert.ok(read.ok, form);
      const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
      return (await lower(of, [[read.value]])).variants[0] ?? assert.fail();
    };

    it('strength is a factor, and strength 0 changes no bit', async () => {
      const one = await open('llama');
      const vector = vectorOf(one.model.spec.hiddenSize, 2);
      const path = join(folder, 'one.json');
      writeFileSync(path, JSON.stringify({ rows: Array.from(vector) }));
      assert.deepEqual(await lowered(one, `add:1=0*file:${path}`), []);
      assert.deepEqual(await lowered(one, `add:1@3-4=-2*file:${path}`), [
        { kind: 'addition', layer: 1, vector: vector.map((value) => -2 * value), positions: [3, 4] },
      ]);
      assert.deepEqual(await lowered(one, `add:*=file:${path}`), [
        { kind: 'addition', layer: 0, vector },
        { kind: 'addition', layer: 1, vector },
      ]);
    });

    it('a layer that the file has no vector for is named', async () => {
      const one = await open('llama');
      const path = join(folder, 'first.json');
      writeFileSync(path, JSON.stringify({ 'direction.0': Array.from(vectorOf(one.model.spec.hiddenSize, 2)) }));
      assert.deepEqual(
        (await lowered(one, `add:*=file:${path}`)).map(({ layer }) => layer),
        [0],
      );
      await assert.rejects(lowered(one, `add:0,1=file:${path}`), /has no vector for layer 1: it has those of 0\./);
      writeFileSync(path, JSON.stringify({ 'direction.0': new Array(one.model.spec.hiddenSize).fill(-3e38) }));
      await assert.rejects(lowered(one, `add:0=2*file:${path}`), /added to layer 0 is too large for float32/);
      await assert.rejects(lowered(one, `add:2=file:${path}`), /no layer 2: the model has 2/);
      await assert.rejects(lowered(one, `add:0@19-20=file:${path}`), /position 20, and the prompt has 20 tokens/);
    });
  });

  describe('as the mean difference of two sets of prompts', () => {
    const sets = [
      [ids.slice(0, 5), ids.slice(3, 12), ids.slice(7, 9)],
      [ids.slice(10, 20), ids.slice(2, 6)],
    ] as const;

    for (const position of ['last', 'mean'] as const) {
      it(`${position}: the mean of one less that of the other, every prompt alike`, async () => {
        const one = await open('gpt2');
        const { model } = one;
        const width = model.spec.hiddenSize;
        const runner = runnerOf(model);
        const [toward, from] = await Promise.all(
          sets.map((set) => Promise.all(set.map((each) => runner.prompt({ kind: 'ids', ids: each })))),
        );
        const found = await resultOf(meanDifference(runner, { toward: toward!, from: from!, layers: [1], position }));
        const state = (each: readonly number[]): number[] => {
          const data = one.tiny.run(one.parameters, each).taps.get('layer.1.residual') ?? [];
          const rows = each.map((_, row) => data.slice(row * width, (row + 1) * width));
          const chosen = position === 'last' ? rows.slice(-1) : rows;
          return Array.from({ length: width }, (_, c) => chosen.reduce((sum, row) => sum + row[c]!, 0) / chosen.length);
        };
        const means = sets.map((set) => {
          const states = set.map(state);
          return Array.from({ length: width }, (_, c) => states.reduce((sum, row) => sum + row[c]!, 0) / set.length);
        });
        assert.deepEqual(
          found.map(({ layer }) => layer),
          [1],
        );
        near(
          found[0]!.data,
          means[0]!.map((value, c) => value - means[1]![c]!),
          1e-5,
        );
        const lengths = sets.flat().map((each) => Math.hypot(...state(each)));
        near([found[0]!.streamLength], [lengths.reduce((sum, each) => sum + each, 0) / lengths.length], 1e-4);
      });
    }
  });
});
