/** Cross-attention of encoder-decoders: statistics, silenced heads, keys of a source, gradients, decoding, and what is refused. */
import assert from 'node:assert/strict';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { encodedSource } from '../../../compute-server/model/prompt/source';
import { largestChunk } from '../../../compute-server/model/run/stream/budget';
import { sequenceOf as readPrompt } from '../../../compute-server/model/prompt/prompt';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { streamRow } from '../../../diagnostics/model-runner/stream-row';
import { nextTokens } from '../../../compute-server/model-calls/generate-job';
import { taskJob } from '../../../compute-server/analyses/task-job';
import { parseDo } from '../../../protocol/interventions/do-form';
import { resultOf, surroundingsOf } from '../../support/model-jobs';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { variantProblem, type Variant } from '../../../models/instrument/changes/changes';
import { allSizes } from '../../../models/architectures/layer-sizes';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { tinyEncoderDecoder, type EncoderDecoderFamily } from '../../support/checkpoints/tiny-encoder-decoders';
import { openTiny } from '../../support/checkpoints/open-tiny';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import type { CheckpointTensor } from '../../support/safetensors-file';
import { difference } from '../../support/reference/compare-model';

const source = { ids: [7, 22, 41, 9, 33, 5, 58, 2], groups: [{ name: 'verb', positions: [2, 3] }] };
const ids = [2, 17, 40, 8, 29, 3, 50];

async function readSource(model: LoadedModel, variant?: Variant): Promise<Float32Array> {
  assert.ok(model.source);
  return encodedSource(model.source, source, { memoryLimit: 1e9, ...(variant ? { variant } : {}) });
}

const sequenceOf = async (model: LoadedModel): Promise<Sequence> => ({
  ids,
  source: { ...source, stream: await readSource(model) },
});

const numbers = (data: unknown): number[] => [...(data as Float32Array)].map(Number);

/** The rows of a head's values (and their biases) are nothing. */
function withoutHead(family: EncoderDecoderFamily, layer: number, head: number): Checkpoint {
  const made = tinyEncoderDecoder(family);
  const tensors = new Map<string, CheckpointTensor>(made.tensors);
  const name =
    family === 'bart'
      ? `model.decoder.layers.${layer}.encoder_attn.v_proj`
      : `decoder.block.${layer}.layer.1.EncDecAttention.v`;
  const width = family === 'bart' ? 6 : 5;
  for (const part of ['weight', 'bias']) {
    const own = tensors.get(`${name}.${part}`);
    if (!own) continue;
    const row = own.shape[1] ?? 1;
    const data = Float32Array.from(own.data).fill(0, head * width * row, (head + 1) * width * row);
    tensors.set(`${name}.${part}`, { shape: own.shape, data });
  }
  return { config: made.config, tensors };
}

for (const family of ['bart', 't5'] as const) {
  describe(`Law: cross-attention of a tiny ${family}`, () => {
    let opened: OpenPlanted;
    let model: LoadedModel;
    before(async () => {
      opened = await openPlanted(tinyEncoderDecoder(family));
      model = opened.model;
    });
    after(async () => {
      await model.source?.sessions.release();
      await opened.close();
    });

    const logits = async (sequence: Sequence, variant: Variant = []): Promise<number[]> => {
      const run = await runPrompt(model.spec, model.sessions, {
        ...{ ...sequence, chunk: 3, logits: 'all', variants: [variant] },
      });
      return numbers(run.logits?.data);
    };

    it('statistics and maps are those of its probabilities, whatever the chunk', async () => {
      const sequence = await sequenceOf(model);
      const heads = model.spec.blocks[0]?.cross?.attention.heads ?? 0;
      const places = model.spec.blocks.flatMap(({ index: layer }) => [0, heads - 1].map((head) => ({ layer, head })));
      const { layers } = await runPrompt(model.spec, model.sessions, {
        ...{ ...sequence, chunk: 3, logits: 'none', statistics: true, crossMaps: places },
        taps: model.spec.blocks.map(({ index: layer }) => ({ layer, tap: 'cross.probabilities' })),
      });
      const m = source.ids.length;
      for (const { layer, taps, cross } of layers) {
        const all = numbers(taps['cross.probabilities']?.data);
        assert.deepEqual(taps['cross.probabilities']?.shape, [1, heads, ids.length, m]);
        assert.ok(cross?.statistics);
        const { entropy, largest, firstToken, lastToken, meanPosition, groups } = cross.statistics;
        for (let head = 0; head < heads; head++) {
          const rows = ids.map((_, row) => all.slice((head * ids.length + row) * m, (head * ids.length + row + 1) * m));
          const mean = (of: (row: number[]) => number): number =>
            rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
          for (const [found, expected] of [
            [entropy[head], mean((row) => -row.reduce((sum, p) => sum + p * Math.log(p), 0))],
            [largest[head], mean((row) => Math.max(...row))],
            [firstToken[head], mean((row) => row[0] ?? 0)],
            [lastToken[head], mean((row) => row.at(-1) ?? 0)],
            [meanPosition[head], mean((row) => row.reduce((sum, p, at) => sum + p * at, 0))],
            [groups['verb']?.[head], mean((row) => (row[2] ?? 0) + (row[3] ?? 0))],
          ] as const)
            assert.ok(Math.abs((found ?? NaN) - expected) < 1e-5, `layer ${layer} head ${head}: ${found}, ${expected}`);
        }
        for (const head of [0, heads - 1])
          assert.deepEqual(
            numbers(cross.maps.get(head)),
            all.slice(head * ids.length * m, (head + 1) * ids.length * m),
          );
      }
    });

    it('a head without output is one whose values are nothing, beside the plain model and token by token', async () => {
      const sequence = await sequenceOf(model);
      const variant: Variant = [{ kind: 'cross-gain', layer: 1, head: 2, gain: 0 }];
      const rebuilt = await openPlanted(withoutHead(family, 1, 2));
      try {
        const run = await runPrompt(rebuilt.model.spec, rebuilt.model.sessions, {
          ...{ ...sequence, chunk: 7, logits: 'all', plain: true },
        });
        const expected = numbers(run.logits?.data);
        assert.ok(difference(await logits(sequence, variant), expected, true) < 1e-5);
        assert.ok(difference(await logits(sequence), expected, true) > 1e-3);
        const both = await runPrompt(model.spec, model.sessions, {
          ...{ ...sequence, chunk: 7, logits: 'all', variants: [[], variant] },
        });
        assert.ok(difference(numbers(both.logits?.data).slice(expected.length), expected, true) < 1e-5);
        for (const blocksAlone of [false, true]) {
          const going = await SequenceRun.start(model.spec, model.sessions, {
            ...{ ...sequence, ids: ids.slice(0, 3), chunk: 3, variant, blocksAlone, stepsAtOnce: true, observe: true },
          });
          const written: number[] = [];
          for (const id of ids.slice(3)) {
            const { logits: row, observations } = await going.extend([id], { observe: true });
            written.push(...row);
            assert.deepEqual(
              observations[0]?.cross?.map(({ length }) => length),
              model.spec.blocks.map(() => 4 * source.ids.length),
            );
          }
          assert.ok(difference(written, expected.slice(-written.length), true) < 1e-5);
        }
      } finally {
        await rebuilt.close();
      }
    });

    it('a replaced head of cross-attention gives what is put in, in chunks, beside others and token by token', async () => {
      const sequence = await sequenceOf(model);
      const runner = new ServerRunner(model, model, surroundingsOf(), new AbortController().signal);
      const written = async (form: string): Promise<Variant> => {
        const one = parseDo(form);
        assert.ok(one.ok, form);
        return (await runner.variant([one.value], sequence)).variant;
      };
      const gone = await logits(sequence, [{ kind: 'cross-gain', layer: 1, head: 2, gain: 0 }]);
      assert.ok(difference(await logits(sequence, await written('cross-head:1.2=zero')), gone, true) < 1e-6);
      // With all heads of all layers from another source, nothing is left of this one.
      const heads = model.spec.blocks.flatMap(({ index }) => [0, 1, 2, 3].map((head) => `cross-head:${index}.${head}`));
      const all = (await Promise.all(heads.map((head) => written(`${head}=ids:9,8,7,12`)))).flat();
      const other = await readPrompt(model, { kind: 'ids', ids: [9, 8, 7, 12], target: ids }, { memoryLimit: 1e9 });
      const expected = await logits(other);
      assert.ok(difference(await logits(sequence, all), expected, true) < 1e-5);
      assert.ok(difference(await logits(sequence), expected, true) > 1e-3);
      const some = await written('cross-head:1.1@0-2=ids:9,8,7,12');
      const both = await runPrompt(model.spec, model.sessions, {
        ...{ ...sequence, chunk: 7, logits: 'all', variants: [[], some, all] },
      });
      const rows = numbers(both.logits?.data);
      assert.ok(difference(rows.slice(2 * expected.length), expected, true) < 1e-5);
      assert.ok(
        difference(rows.slice(expected.length, 2 * expected.length), await logits(sequence, some), true) < 1e-5,
      );
      const going = await SequenceRun.start(model.spec, model.sessions, {
        ...{ ...sequence, ids: ids.slice(0, 3), chunk: 3, variant: some },
      });
      const row: number[] = [];
      for (const id of ids.slice(3)) row.push(...(await going.extend([id])).logits);
      assert.ok(difference(row, (await logits(sequence, some)).slice(-row.length), true) < 1e-5);
    });

    it('what is written for the encoder changes the source that the decoder reads', async () => {
      const run = { opened: model, surroundings: surroundingsOf(), signal: new AbortController().signal };
      const runner = new ServerRunner(model, model, run.surroundings, run.signal);
      const input = { kind: 'ids', ids: source.ids, target: ids } as const;
      const read = async (...forms: string[]): Promise<Sequence> =>
        runner.prompt(
          input,
          forms.map((form) => {
            const one = parseDo(form);
            assert.ok(one.ok, form);
            return one.value;
          }),
        );
      const gained = await readSource(model, [
        { kind: 'gain', layer: 0, head: 1, gain: 0 },
        { kind: 'gain', layer: 1, head: 0, gain: 2 },
      ]);
      const { source: changed } = await read('encoder:gain:0.1=0', 'encoder:gain:1.0=2', 'gain:0.0=0');
      assert.ok(difference(numbers(changed?.stream), numbers(gained), true) < 1e-6);
      // The values that a head has on another source, and keys that a head does not read.
      const { source: patched } = await read('encoder:residual:1=ids:9,8,7,12,4,4,5,6');
      const other = await readPrompt(model, { ...input, ids: [9, 8, 7, 12, 4, 4, 5, 6] }, { memoryLimit: 1e9 });
      if (family === 'bart')
        assert.ok(difference(numbers(patched?.stream), numbers(other.source?.stream), true) < 1e-5);
      const unread = (await read('encoder:weight:0.1:2-3=0')).source ?? assert.fail();
      const [again] = await runner.encoded(unread, [unread.variant ?? []]);
      assert.deepEqual(numbers(again?.stream), numbers(unread.stream));
      assert.ok(difference(numbers(unread.stream), numbers((await sequenceOf(model)).source?.stream), true) > 1e-4);
      const lists = [['encoder:gain:0.1=0', 'encoder:gain:1.0=2'], ['gain:1.1=0']].map((forms) =>
        forms.map((form) => {
          const one = parseDo(form);
          assert.ok(one.ok);
          return one.value;
        }),
      );
      const found = await nextTokens(
        model,
        { ids, source: source.ids, variants: lists, top: 1, folder: model.folder },
        run.surroundings,
        run.signal,
      );
      const last = async (of: Sequence, variant: Variant = []): Promise<number[]> =>
        (await logits(of, variant)).slice(-61);
      for (const [at, expected] of [
        await last(await sequenceOf(model)),
        await last({ ids, source: { ...source, stream: gained } }),
        await last(await sequenceOf(model), [{ kind: 'gain', layer: 1, head: 1, gain: 0 }]),
      ].entries()) {
        const sum = expected.reduce((total, x) => total + Math.exp(x), 0);
        assert.ok(Math.abs((found[at]?.top[0]?.probability ?? NaN) - Math.exp(Math.max(...expected)) / sum) < 1e-5);
      }
      await assert.rejects(read('encoder:gain:9.0=0'), /In the encoder: There is no layer 9: the model has/);
      await assert.rejects(read('encoder:bias:0.0:2-90=1'), /names position 90, and the prompt has 8 tokens/);
    });

    it('keys of a source are made once, for repeated runs and for the tokens that are written', async () => {
      const sequence = await sequenceOf(model);
      const { sessions } = model;
      const asked: number[] = [];
      const own = sessions.session.bind(sessions);
      sessions.session = (piece) => {
        if (piece.kind === 'cross') asked.push(piece.layer);
        return own(piece);
      };
      try {
        await logits(sequence);
        const going = await SequenceRun.start(model.spec, sessions, { ...sequence, chunk: 4 });
        for (const id of [11, 12, 13]) await going.extend([id]);
      } finally {
        sessions.session = own;
      }
      assert.deepEqual(asked, [...model.spec.blocks.keys()]);
    });

    it('each variant may have a source of its own', async () => {
      const sequence = await sequenceOf(model);
      const changed: Variant = [{ kind: 'gain', layer: 0, head: 1, gain: 0 }];
      const other = await readSource(model, changed);
      const both = await runPrompt(model.spec, model.sessions, {
        ...{ ...sequence, chunk: 4, logits: 'all', variants: [[], []] },
        variantSources: [sequence.source?.stream ?? other, other],
      });
      const [first, second] = [await logits(sequence), await logits({ ids, source: { ...source, stream: other } })];
      assert.ok(difference(numbers(both.logits?.data), [...first, ...second], true) < 1e-5);
      assert.ok(difference(first, second, true) > 1e-4);
    });

    it('gradients of cross-attention, of the source and of the encoder behind it are differences', async () => {
      const sequence = await sequenceOf(model);
      const stream = sequence.source?.stream ?? assert.fail();
      const terms = [
        { row: 6, token: 7, weight: 1 },
        { row: 3, token: 30, weight: -1 },
      ];
      const objective = async (of: Sequence, variant: Variant = []): Promise<number> => {
        const all = await logits(of, variant);
        return terms.reduce((sum, { row, token, weight }) => sum + weight * (all[row * 61 + token] ?? 0), 0);
      };
      const taps = (['cross.key', 'cross.value', 'cross.probabilities', 'cross.query'] as const).map((tap) => ({
        ...{ layer: 1, tap },
      }));
      const request = { ...sequence, objective: { kind: 'logits', terms }, taps, crossGains: true } as const;
      const found = await runGradients(model, { ...request, sourceStream: true, chunk: ids.length });
      const inChunks = await runGradients(model, { ...request, sourceStream: true, chunk: 3 });
      assert.ok(difference(found.source ?? [], numbers(inChunks.source), true) < 1e-4);
      for (const { tap } of taps)
        assert.ok(
          difference(numbers(found.layers[1]?.taps[tap]?.data), numbers(inChunks.layers[1]?.taps[tap]?.data), true) <
            1e-4,
          tap,
        );
      const slope = async (of: (by: number) => Promise<number>, step = 0.02): Promise<number> =>
        ((await of(step)) - (await of(-step))) / (2 * step);
      const close = (expected: number, gradient: number | undefined, what: string): void =>
        assert.ok(
          Math.abs((gradient ?? NaN) - expected) < 5e-3 * Math.max(0.1, Math.abs(expected)),
          `${what}: ${gradient}, ${expected}`,
        );
      for (const head of [0, 3])
        close(
          await slope((by) => objective(sequence, [{ kind: 'cross-gain', layer: 1, head, gain: 1 + by }])),
          found.layers[1]?.crossGains?.[head],
          `gain of head ${head}`,
        );
      const direction = Float32Array.from(found.source ?? [], (x, at) => x + 0.3 * Math.sin(at));
      const length = Math.hypot(...direction);
      const moved = (by: number): Sequence => ({
        ids,
        source: { ...source, stream: stream.map((x, at) => x + (by * (direction[at] ?? 0)) / length) },
      });
      close(
        await slope((by) => objective(moved(by))),
        numbers(found.source).reduce((sum, x, at) => sum + (x * (direction[at] ?? 0)) / length, 0),
        'source',
      );
      const encoder = model.source ?? assert.fail();
      const behind = await runGradients(encoder, {
        ...{ ...source, chunk: source.ids.length, headGains: true },
        objective: { kind: 'source', weights: found.source ?? assert.fail() },
      });
      for (const head of [0, 2])
        close(
          await slope(async (by) => {
            const gained = await readSource(model, [{ kind: 'gain', layer: 0, head, gain: 1 + by }]);
            return objective({ ids, source: { ...source, stream: gained } });
          }),
          behind.layers[0]?.headGains?.[head],
          `gain of encoder head ${head}`,
        );
    });

    it('what its heads add to the logits: all parts sum to them, and a head of the last layer as by hand', async () => {
      const sequence = await sequenceOf(model);
      const runner = new ServerRunner(model, model, surroundingsOf(), new AbortController().signal);
      const row = await streamRow(runner, sequence, [], 5);
      const target = [
        { token: 7, weight: 1 },
        { token: 30, weight: -1 },
      ];
      const { heads, cross = [], mlp, embedding, rest, logit } = await runner.direct.effects(row, target);
      const total = [...heads.flat(), ...cross.flat(), ...mlp, embedding, rest].reduce((sum, x) => sum + x, 0);
      const all = await logits(sequence);
      assert.ok(Math.abs(logit - ((all[5 * 61 + 7] ?? 0) - (all[5 * 61 + 30] ?? 0))) < 1e-4);
      assert.ok(Math.abs(total - logit) < 1e-4, `${total}, not ${logit}`);
      if (family === 'bart') return;
      // Norms before the branches alone: what a head writes reaches the last norm as it is.
      const { tensors } = tinyEncoderDecoder(family);
      const [output, gain, table] = [
        'decoder.block.1.layer.1.EncDecAttention.o.weight',
        'decoder.final_layer_norm.weight',
        'shared.weight',
      ].map((name) => tensors.get(name)?.data ?? assert.fail(name));
      const stream = numbers(row.streams.at(-1));
      const rms = Math.sqrt(stream.reduce((sum, x) => sum + x * x, 0) / 24 + 1e-6);
      const written = stream.map((_, to) =>
        [10, 11, 12, 13, 14].reduce(
          (sum, from) => sum + (output?.[to * 20 + from] ?? 0) * (row.crossHeadOutputs?.[1]?.[from] ?? 0),
          0,
        ),
      );
      const expected = written.reduce(
        (sum, x, at) =>
          sum + (x * (gain?.[at] ?? 0) * ((table?.[7 * 24 + at] ?? 0) - (table?.[30 * 24 + at] ?? 0))) / rms,
        0,
      );
      assert.ok(Math.abs((cross[1]?.[2] ?? NaN) - expected * 24 ** -0.5) < 1e-5);
    });

    it('values of another prompt are those of another source of the same target', async () => {
      const one = parseDo('head:1.2=ids:9,8,7,12');
      assert.ok(one.ok);
      const runner = new ServerRunner(model, model, surroundingsOf(), new AbortController().signal);
      const {
        variant: [change],
      } = await runner.variant([one.value], await sequenceOf(model));
      const other = await readPrompt(model, { kind: 'ids', ids: [9, 8, 7, 12], target: ids }, { memoryLimit: 1e9 });
      const { layers } = await runPrompt(model.spec, model.sessions, {
        ...{ ...other, chunk: ids.length, logits: 'none' },
        taps: [{ layer: 1, tap: 'attention.head_output' }],
      });
      assert.ok(change?.kind === 'replacement');
      const { data, shape } = layers[1]?.taps['attention.head_output'] ?? assert.fail();
      const size = ids.length * (shape[3] ?? 0);
      assert.ok(difference(change.data, numbers(data).slice(2 * size, 3 * size), true) < 1e-5);
    });

    it('reads no picture, which is said', async () => {
      const detail = /The model reads text only: its config has no vision part\. Leave the image out/;
      await assert.rejects(
        readPrompt(model, { kind: 'ids', ids: [9, 8], image: 'a.png' }, { memoryLimit: 1e9 }),
        detail,
      );
    });

    it('answers no task, which is said', async () => {
      const run = { opened: model, surroundings: surroundingsOf(), signal: new AbortController().signal };
      await assert.rejects(
        resultOf(taskJob(run, { task: 'induction', samples: 2, seed: 0, parameters: {} })),
        /is an encoder-decoder: it reads a source and a target, and a task has prompts of one text/,
      );
    });

    it('both halves are open side by side where the limit is far off', () => {
      assert.equal(model.summary.notes, undefined);
      assert.equal(model.source?.summary.notes, undefined);
    });

    it('memory counts its scores and the keys and values of every layer', () => {
      const shape = { length: 8, batch: 1, keepCache: false, logits: 'none' } as const;
      const needed = (rows: number): number => {
        try {
          largestChunk(model.spec, { ...shape, source: { ids: new Array<number>(rows).fill(3) } }, 1);
        } catch (error) {
          return (error as { failure: { neededBytes: number } }).failure.neededBytes / 2;
        }
        return NaN;
      };
      const { heads, headDim } = model.spec.blocks[0]?.cross?.attention ?? assert.fail();
      // Three copies of scores of 8 queries, keys and values of one layer and then of all.
      const perRow = 4 * (3 * heads * 8 + 2 * heads * headDim * (1 + model.spec.blocks.length));
      assert.equal(needed(1000) - needed(500), 500 * perRow);
    });

    it('a head that is not there, and a run without a source, are refused', async () => {
      const problem = (layer: number, head: number): string | undefined =>
        variantProblem(allSizes(model.spec), [{ kind: 'cross-gain', layer, head, gain: 0 }], []);
      assert.equal(problem(0, 3), undefined);
      assert.equal(problem(1, 4), 'There is no cross-attention head 4 in layer 1: it has 4, from 0.');
      await assert.rejects(
        logits({ ids }),
        /The model is an encoder-decoder, and this run gives its decoder no source to read\./,
      );
    });
  });
}

describe('encoder-decoders that do not fit', () => {
  const refused = async (made: Checkpoint): Promise<string> => {
    try {
      await (await openPlanted(made)).close();
    } catch (error) {
      return (error as { failure?: { detail?: string } }).failure?.detail ?? String(error);
    }
    return 'opened';
  };

  it('say so in one sentence, with both numbers', async () => {
    const bart = tinyEncoderDecoder('bart');
    const name = 'model.decoder.layers.0.encoder_attn.k_proj.weight';
    const narrow = new Map(bart.tensors).set(name, { shape: [24, 20], data: new Float32Array(480) });
    assert.match(
      await refused({ ...bart, tensors: narrow }),
      /encoder_attn\.k_proj\.weight is \[24, 20\], and the config makes it \[24, 24\]/,
    );
    const half = new Map([...bart.tensors].filter(([each]) => !each.includes('.encoder.')));
    assert.match(
      await refused({ ...bart, tensors: half }),
      /has no tensor "model\.encoder\.layers\.0\.self_attn\.out_proj\.weight"/,
    );
    const late = { ...bart, config: { ...bart.config, decoder_start_token_id: 61 } };
    assert.match(
      await refused(late),
      /decoder_start_token_id is 61, and the vocabulary has 61 tokens, from 0\. Correct the config\./,
    );
  });

  it('a table of words may be stored under any of its names', async () => {
    for (const [family, root] of [
      ['t5', ''],
      ['bart', 'model.'],
    ] as const)
      for (const name of [`${root}encoder.embed_tokens.weight`, 'lm_head.weight']) {
        const { config, tensors } = tinyEncoderDecoder(family);
        const words = tensors.get(`${root}shared.weight`) ?? assert.fail();
        const others = new Map([...tensors].filter(([each]) => each !== `${root}shared.weight`)).set(name, words);
        const opened = await openPlanted({ config, tensors: others });
        assert.deepEqual(
          [opened.model.spec, opened.model.source?.spec].map((spec) => spec?.embedding?.tokens),
          [name, name],
        );
        await opened.close();
      }
  });

  it('without a token to begin with, a target is token ids', async () => {
    const made = tinyEncoderDecoder('bart');
    const { decoder_start_token_id: _, ...config } = made.config;
    // BART's class names one by itself, mBART's none.
    const tensors = new Map(made.tensors);
    for (const half of ['encoder', 'decoder'])
      for (const part of ['weight', 'bias'])
        tensors.set(`model.${half}.layer_norm.${part}`, { shape: [24], data: new Float32Array(24).fill(1) });
    const mbart = { ...config, architectures: ['MBartForConditionalGeneration'], model_type: 'mbart' };
    const opened = await openPlanted({ config: mbart, tensors });
    const { model } = opened;
    const read = (prompt: PromptInput): Promise<Sequence> => readPrompt(model, prompt, { memoryLimit: 1e9 });
    await assert.rejects(read({ kind: 'ids', ids: [5, 6] }), (error: { failure?: { detail?: string } }) => {
      assert.match(
        error.failure?.detail ?? '',
        /names a decoder_start_token_id, with which every target begins\. Add it/,
      );
      return true;
    });
    const { ids: rows, source: given } = await read({ kind: 'ids', ids: [5, 6], target: [9, 4] });
    assert.deepEqual([rows, given?.ids, given?.stream?.length], [[9, 4], [5, 6], 48]);
    await model.source?.sessions.release();
    await opened.close();
  });

  it('a model without cross-attention has no such heads', async () => {
    const opened = await openTiny('llama');
    const { model } = opened;
    assert.equal(
      variantProblem(allSizes(model.spec), [{ kind: 'cross-gain', layer: 0, head: 0, gain: 0 }], []),
      'Layer 0 has no cross-attention, so it has no such head.',
    );
    await opened.close();
  });
});
