/**
 * The decoder of ProphetNet in float64 and without code of the product (arXiv:2001.04063, section 3.2, and the class of transformers 5.2).
 * That class gives each row of its predicting streams the scores by distance of another row, head and stream: with this mix-up the pass
 * gives what the class gives, and without it what was published and Headscope computes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layerWeights } from '../../../compute-server/model/checkpoint/layer-weights';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { layerAttributionGraph, projectionGraph } from '../../../models/architectures/attribution-graphs';
import { lensGraph } from '../../../models/architectures/lens-graph';
import { languageNetwork } from '../../../models/architectures/training-network';
import { dense, gelu, layerNorm, someNumbers, type Rows } from '../../support/reference/class-heads';
import { decodedDifference, difference } from '../../support/reference/compare-model';
import { firstOf, readExpected, referenceModels, type ReferenceModel } from '../../support/reference/reference-models';
import { readTensors, writeVariant } from '../../support/reference/variants';
import { tensorOf, type Tensors } from '../../support/reference/variant-tensors';

const [heads, epsilon] = [4, 1e-5];
/** As in both reference checkpoints. */
const usual = { streams: 2, buckets: 32, farthest: 128 };
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? NaN), 0);
const plus = (a: readonly number[], b: readonly number[]): readonly number[] => a.map((x, i) => x + (b[i] ?? NaN));
const softmax = (scores: readonly number[]): readonly number[] => {
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
  const sum = powers.reduce((all, x) => all + x, 0);
  return powers.map((x) => x / sum);
};

/** Half of the buckets are of one distance each, the others grow logarithmically (as T5's, keys behind a query alone). */
function bucketOf(steps: number, { buckets, farthest }: typeof usual): number {
  const exact = buckets / 2;
  if (steps < exact) return Math.max(0, steps);
  return Math.min(buckets - 1, Math.floor(exact + (Math.log(steps / exact) / Math.log(farthest / exact)) * exact));
}

interface Passed {
  /** Of the streams that predict. */
  readonly logits: readonly Rows[];
  /** By layer, stream (the text first) and head: probabilities of each row on the text, and behind them that of the row itself. */
  readonly maps: readonly (readonly (readonly Rows[])[])[];
  /** The same on the source. */
  readonly cross: readonly (readonly (readonly Rows[])[])[];
}

function pass(
  tensors: Tensors,
  ids: readonly number[],
  source: Rows | undefined,
  mixed: boolean,
  sizes = usual,
): Passed {
  const { streams } = sizes;
  const at = 'prophetnet.decoder.';
  const rowOf = (name: string, row: number): readonly number[] => {
    const { shape, data } = tensorOf(tensors, name);
    const width = shape[1] ?? 0;
    return [...data.slice(row * width, (row + 1) * width)];
  };
  const words = 'prophetnet.word_embeddings.weight';
  // The padding token is 0, and positions begin behind it.
  const position = (row: number): readonly number[] => rowOf(`${at}position_embeddings.weight`, row + 1);
  const normed = (row: readonly number[]) => layerNorm(tensors, `${at}embeddings_layer_norm`, row, epsilon);
  let all: readonly Rows[] = [
    ids.map((id, row) => normed(plus(rowOf(words, id), position(row)))),
    // The last row is of the first stream.
    ...range(streams).map((stream) =>
      ids.map((_, row) =>
        normed(plus(rowOf(`${at}ngram_embeddings.weight`, (stream + streams - 1) % streams), position(row + 1))),
      ),
    ),
  ];
  const width = (all[0]?.[0]?.length ?? 0) / heads;
  const part = (row: readonly number[] = [], head: number): readonly number[] =>
    row.slice(head * width, (head + 1) * width);
  const maps: (readonly Rows[])[][] = [];
  const cross: (readonly Rows[])[][] = [];
  for (const layer of [0, 1]) {
    const own = `${at}layers.${layer}.`;
    const map = (name: string) => all.map((rows) => rows.map((row) => dense(tensors, own + name, row)));
    const [q, k, v] = [map('self_attn.query_proj'), map('self_attn.key_proj'), map('self_attn.value_proj')];
    const byDistance = map('self_attn.relative_pos_embeddings');
    /** What a map gives a row of a stream for a head and a bucket. */
    const term = (stream: number, row: number, head: number, bucket: number): number => {
      if (!mixed || stream === 0) return byDistance[stream]?.[row]?.[bucket * heads + head] ?? NaN;
      // Laid out by row, stream and head, and read by stream, head and row.
      const place = ((stream - 1) * heads + head) * ids.length + row;
      const [fromRow, fromStream, fromHead] = [
        Math.floor(place / (streams * heads)),
        Math.floor(place / heads) % streams,
        place % heads,
      ];
      return byDistance[1 + fromStream]?.[fromRow]?.[bucket * heads + fromHead] ?? NaN;
    };
    const outputs = all.map((rows) => rows.map((): number[] => []));
    maps.push(
      all.map((_, stream) =>
        range(heads).map((head) =>
          ids.map((__, i) => {
            const query = part(q[stream]?.[i], head);
            const score = (key: readonly number[] | undefined, steps: number): number =>
              dot(query, part(key, head)) / Math.sqrt(width) + term(stream, i, head, bucketOf(steps, sizes));
            // A stream for a later token reads less of the text, but always its first token.
            const reads = (j: number): boolean => j === 0 || j <= i - Math.max(0, stream - 1);
            const ofText = ids.map((___, j) =>
              reads(j) ? score(k[0]?.[j], stream === 0 ? i - j : i - j + 1) : -Infinity,
            );
            const shares = softmax([...ofText, stream === 0 ? -Infinity : score(k[stream]?.[i], 0)]);
            for (const column of range(width))
              outputs[stream]?.[i]?.push(
                shares.reduce((sum, share, j) => {
                  const value = j < ids.length ? v[0]?.[j] : v[stream]?.[i];
                  return sum + share * (part(value, head)[column] ?? NaN);
                }, 0),
              );
            return shares;
          }),
        ),
      ),
    );
    const added = (name: string, rows: readonly Rows[], norm: string): readonly Rows[] =>
      all.map((own_, stream) =>
        own_.map((row, i) =>
          layerNorm(tensors, own + norm, plus(row, dense(tensors, own + name, rows[stream]?.[i] ?? [])), epsilon),
        ),
      );
    all = added('self_attn.out_proj', outputs, 'self_attn_layer_norm');
    if (source) {
      const [ck, cv] = ['key', 'value'].map((of) =>
        source.map((row) => dense(tensors, `${own}cross_attn.${of}_proj`, row)),
      );
      const cq = map('cross_attn.query_proj');
      const read = all.map((rows) => rows.map((): number[] => []));
      cross.push(
        all.map((_, stream) =>
          range(heads).map((head) =>
            ids.map((__, i) => {
              const query = part(cq[stream]?.[i], head);
              const shares = softmax((ck ?? []).map((key) => dot(query, part(key, head)) / Math.sqrt(width)));
              for (const column of range(width))
                read[stream]?.[i]?.push(
                  shares.reduce((sum, share, j) => sum + share * (part(cv?.[j], head)[column] ?? NaN), 0),
                );
              return shares;
            }),
          ),
        ),
      );
      all = added('cross_attn.out_proj', read, 'cross_attn_layer_norm');
    }
    const inner = map('feed_forward.intermediate').map((rows) => rows.map((row) => row.map(gelu)));
    all = added('feed_forward.output', inner, 'feed_forward_layer_norm');
  }
  const table = range(tensorOf(tensors, words).shape[0] ?? 0).map((id) => rowOf(words, id));
  return { logits: all.slice(1).map((rows) => rows.map((row) => table.map((word) => dot(row, word)))), maps, cross };
}

for (const name of ['prophetnet--ProphetNetForCausalLM', 'prophetnet--ProphetNetForConditionalGeneration']) {
  const found = referenceModels.find((each) => each.name === name);
  if (!found) continue;
  describe(`the predicting stream of ${name}`, () => {
    const reference: ReferenceModel = found;
    const expected = readExpected(reference);
    const recorded = (output: string) => firstOf(expected.get(`output.${output}`) ?? assert.fail(output));
    const ids = firstOf(
      expected.get('input.decoder_input_ids') ?? expected.get('input.input_ids') ?? assert.fail(),
    ).data;
    const n = ids.length;
    const pair = expected.has('input.decoder_input_ids');
    const sourceIds = pair ? firstOf(expected.get('input.input_ids') ?? assert.fail()).data : undefined;
    const rowsOf = ({ shape, data }: { shape: readonly number[]; data: readonly number[] }): Rows => {
      const width = shape.at(-1) ?? 1;
      return range(data.length / width).map((row) => data.slice(row * width, (row + 1) * width));
    };
    const sourceRows = pair ? rowsOf(recorded('encoder_last_hidden_state')) : undefined;
    const read = () => readTensors(join(reference.folder, 'model.safetensors'));
    let model: LoadedModel;
    before(async () => {
      model = await openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    });
    after(async () => {
      await model.source?.sessions.release();
      await model.sessions.release();
    });
    const source = () =>
      sourceIds && sourceRows ? { source: { ids: sourceIds, stream: Float32Array.from(sourceRows.flat()) } } : {};
    const run = (more: object = {}) =>
      runPrompt(model.spec, model.sessions, { ids, chunk: 4, logits: 'all', ...source(), ...more });

    it('is mixed up in the class of transformers 5.2', () => {
      const { logits, maps } = pass(read(), ids, sourceRows, true);
      assert.ok(difference(logits[0]?.flat() ?? [], recorded('logits').data, true) < 1e-7);
      assert.ok(difference(logits[1]?.flat() ?? [], recorded('logits_ngram').data, true) < 1e-7);
      maps.forEach((of, layer) => {
        const own = recorded(`${pair ? 'decoder_' : ''}ngram_attentions.${layer}`).data;
        // Of the row's own stream the class has all keys, of which it reads one.
        const wide = of
          .slice(1)
          .flatMap((each) =>
            each.flatMap((rows) =>
              rows.flatMap((row, i) => [...row.slice(0, n), ...range(n).map((j) => (j === i ? (row[n] ?? NaN) : 0))]),
            ),
          );
        assert.ok(difference(wide, own, false) < 1e-7);
      });
    });

    it('is computed as it was published, and heads of the text are those of the class', async () => {
      const { logits, maps, cross } = pass(read(), ids, sourceRows, false);
      const taps = [0, 1].flatMap((layer) => [
        { layer, tap: 'attention.probabilities' as const },
        ...(pair ? [{ layer, tap: 'cross.probabilities' as const }] : []),
      ]);
      const result = await run({ taps });
      const error = difference(result.logits?.data ?? [], logits[0]?.flat() ?? [], true);
      assert.ok(error <= 1e-6, `logits differ by ${error}`);
      assert.ok(difference(recorded('logits').data, logits[0]?.flat() ?? [], true) > 1e-2);
      maps.forEach(([, predicting = []], layer) => {
        const ofText = recorded(`${pair ? 'decoder_' : ''}attentions.${layer}`).data;
        const all = [...predicting.flatMap((rows) => rows.flatMap((row) => row.slice(0, n))), ...ofText];
        assert.ok(difference(result.layers[layer]?.taps['attention.probabilities']?.data ?? [], all, false) <= 1e-6);
      });
      cross.forEach(([ofText = [], predicting = []], layer) => {
        const all = [...predicting, ...ofText].flat(2);
        assert.ok(difference(result.layers[layer]?.taps['cross.probabilities']?.data ?? [], all, false) <= 1e-6);
        // The class gives scores, of the text's rows first.
        const { shape, data } = recorded(`cross_attentions.${layer}`);
        const scores = rowsOf({ shape, data });
        const own = range(heads).flatMap((head) => scores.slice(head * 3 * n, head * 3 * n + n).flatMap(softmax));
        assert.ok(difference(own, ofText.flat(2), false) <= 1e-7);
      });
      assert.ok((await decodedDifference(model, ids, source())) <= 1e-5);
    });

    it('has as many streams, buckets and distances as the config says', async () => {
      const sizes = { streams: 3, buckets: 8, farthest: 6 };
      const config = { ngram: 3, num_buckets: 8, relative_max_distance: 6 };
      let tensors: Tensors = new Map();
      const change = (all: Tensors): void => {
        for (const [key, { shape, data }] of all)
          if (key.includes('.relative_pos_embeddings.')) {
            // Rows of a bucket follow each other, one for each head.
            const [, ...inner] = shape;
            const kept = sizes.buckets * heads;
            all.set(key, { shape: [kept, ...inner], data: data.slice(0, (data.length / (shape[0] ?? 1)) * kept) });
          } else if (key.endsWith('.ngram_embeddings.weight')) {
            all.set(key, someNumbers([sizes.streams, shape[1] ?? 0], sizes.streams));
          }
        tensors = all;
      };
      const room = mkdtempSync(join(tmpdir(), 'headscope-predicting-'));
      try {
        const { path } = writeVariant({ of: name, what: 'other sizes', config, tensors: change }, room);
        const other = await openModel(path, { device: 'cpu', threads: 1, limitBytes: 1e9 });
        try {
          const result = await runPrompt(other.spec, other.sessions, { ids, chunk: 4, logits: 'all', ...source() });
          const expectedLogits = pass(tensors, ids, sourceRows, false, sizes).logits[0]?.flat() ?? [];
          assert.ok(difference(result.logits?.data ?? [], expectedLogits, true) <= 1e-6);
          for (const key of ['buckets', 'farthest'] as const) {
            const wrong = pass(tensors, ids, sourceRows, false, { ...sizes, [key]: sizes[key] + 2 });
            assert.ok(!(difference(wrong.logits[0]?.flat() ?? [], expectedLogits, true) <= 1e-4), key);
          }
        } finally {
          await other.source?.sessions.release();
          await other.sessions.release();
        }
      } finally {
        rmSync(room, { recursive: true });
      }
    });

    it('has heads that are changed and differentiated, those of the text by themselves', async () => {
      const gains = (gain: number, ...changed: readonly number[]) =>
        changed.map((head) => ({ kind: 'gain', layer: 1, head, gain }) as const);
      for (const [changed, of] of [
        [[1, heads + 1], 'value_proj'],
        [[1, 3, heads + 1, heads + 3], 'value_proj'],
      ] as const) {
        const tensors = read();
        for (const head of changed.filter((each) => each < heads))
          for (const kind of ['weight', 'bias']) {
            const { shape, data } = tensorOf(tensors, `prophetnet.decoder.layers.1.self_attn.${of}.${kind}`);
            const row = data.length / (shape[0] ?? 1);
            data.fill(0, head * 4 * row, (head + 1) * 4 * row);
          }
        const result = await run({ variants: [gains(0, ...changed)] });
        const expectedLogits = pass(tensors, ids, sourceRows, false).logits[0]?.flat() ?? [];
        assert.ok(difference(result.logits?.data ?? [], expectedLogits, true) <= 1e-6);
      }
      // In the last layer the text's stream is read by nothing any more.
      const plain = await run();
      const ofText = await run({ variants: [gains(0, heads + 1)] });
      assert.deepEqual(ofText.logits?.data, plain.logits?.data);
      const early = await run({ variants: [[{ kind: 'gain', layer: 0, head: heads + 1, gain: 0 }]] });
      assert.ok(difference(early.logits?.data ?? [], [...(plain.logits?.data ?? [])].map(Number), true) > 1e-3);
    });

    it('is refused where parts of a stream are taken apart', async () => {
      const { spec, weights } = model;
      const block = spec.blocks[0] ?? assert.fail();
      for (const graph of [layerAttributionGraph, projectionGraph])
        assert.throws(() => graph(spec, block, weights), /two streams/);
      assert.throws(() => lensGraph(spec, weights, false), /one of two streams/);
      await assert.rejects(layerWeights(block, weights, reference.folder), /depends on distance/);
      assert.throws(() => languageNetwork('net', { ...spec, blocks: [] }, {}), /stream that predicts/);
      assert.ok(model.summary.notes?.some((note) => note.includes('first 4 of the 8 heads')));
    });
  });
}
