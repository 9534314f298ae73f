/**
 * Funnel's groups of tokens at lengths that no checkpoint of the reference folder has: its class, whose rows are groups, in float64, with
 * both of its forms of relative attention (arXiv:2006.03236, appendix A.2). Then what is refused.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { layerAttributionGraph, projectionGraph, writtenGraph } from '../../../models/architectures/attribution-graphs';
import { runnable } from '../../../models/architectures/catalogue';
import { describeModel } from '../../../models/formats/describe-model';
import { difference } from '../../support/reference/compare-model';
import { referenceModels } from '../../support/reference/reference-models';
import { readTensors } from '../../support/reference/variants';
import { tensorOf, type Tensors } from '../../support/reference/variant-tensors';

type Rows = readonly (readonly number[])[];
type Form = 'relative_shift' | 'factorized';

const [heads, headDim, width, epsilon] = [4, 8, 32, 1e-9];
const sizes = [1, 1, 2];

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const add = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((x, at) => x + b[i]![at]!));

/** Every second row behind one more first row, without the last one. */
const strided = <T>(rows: readonly T[]): readonly T[] => [rows[0]!, ...rows.slice(0, -1)].filter((_, i) => i % 2 === 0);

/** Means of pairs of the same rows; the last may be one row alone. */
function pooled(rows: Rows): Rows {
  const all = [rows[0]!, ...rows.slice(0, -1)];
  return range(Math.ceil(all.length / 2)).map((i) => {
    const pair = all.slice(2 * i, 2 * i + 2);
    return pair[0]!.map((_, at) => pair.reduce((sum, row) => sum + row[at]!, 0) / pair.length);
  });
}

class Funnel {
  /** Positions of the rows of each block, and of those before it. */
  private readonly places: { readonly own: readonly number[]; readonly before: readonly number[] }[] = [];

  constructor(
    private readonly tensors: Tensors,
    private readonly ids: readonly number[],
    private readonly form: Form,
  ) {
    let own = range(ids.length);
    for (const block of range(sizes.length)) {
      const before = own;
      if (block > 0) own = [1 - 2 ** block, ...own.slice(1, -1).filter((_, i) => i % 2 === 0)];
      this.places.push({ own, before });
    }
  }

  logits(): readonly number[] {
    const words = this.rows('funnel.embeddings.word_embeddings.weight', width);
    let hidden = this.norm(
      this.ids.map((id) => words[id]!),
      'funnel.embeddings.layer_norm',
    );
    let first: Rows = [];
    // Positions of the sines of the factorised form.
    let sines: readonly number[] = range(this.ids.length);
    sizes.forEach((size, block) => {
      for (const layer of range(size)) {
        const at = `funnel.encoder.blocks.${block}.${layer}.`;
        if (block > 0 && layer === 0) {
          const before = sines;
          sines = strided(sines);
          hidden = this.layer(at, block, pooled(hidden), hidden, { queries: sines, keys: before });
        } else hidden = this.layer(at, block, hidden, hidden, { queries: sines, keys: sines });
      }
      if (block === 0) first = hidden;
    });
    const [start, ...rest] = hidden;
    const spread = rest.flatMap((row) => range(4).map(() => row));
    const none = range(width).map(() => 0);
    const whole = [start!, ...[...spread, none, none, none].slice(0, this.ids.length - 1)];
    const joined = add(whole, first);
    const all = range(this.ids.length);
    const out = this.layer('funnel.decoder.layers.0.', 0, joined, joined, { queries: all, keys: all });
    const bias = this.vector('lm_head.bias');
    return out.flatMap((row) => words.map((word, token) => dot(row, word) + bias[token]!));
  }

  private vector(name: string): readonly number[] {
    return [...tensorOf(this.tensors, name).data];
  }

  private rows(name: string, columns: number): Rows {
    const all = this.vector(name);
    return range(all.length / columns).map((row) => all.slice(row * columns, (row + 1) * columns));
  }

  private linear(x: Rows, name: string): Rows {
    const maps = this.rows(`${name}.weight`, x[0]!.length);
    const bias = this.tensors.has(`${name}.bias`) ? this.vector(`${name}.bias`) : maps.map(() => 0);
    return x.map((row) => maps.map((map, i) => dot(map, row) + bias[i]!));
  }

  private norm(x: Rows, name: string): Rows {
    const [gain, bias] = [this.vector(`${name}.weight`), this.vector(`${name}.bias`)];
    return x.map((row) => {
      const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
      const deviation = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length + epsilon);
      return row.map((value, i) => ((value - mean) / deviation) * gain[i]! + bias[i]!);
    });
  }

  private layer(
    at: string,
    block: number,
    query: Rows,
    key: Rows,
    sines: { readonly queries: readonly number[]; readonly keys: readonly number[] },
  ): Rows {
    const own = `${at}attention.`;
    const [q, k, v] = [
      this.linear(query, `${own}q_head`),
      this.linear(key, `${own}k_head`),
      this.linear(key, `${own}v_head`),
    ];
    const outputs = query.map((): number[] => []);
    for (const head of range(heads)) {
      const part = (rows: Rows): Rows => rows.map((row) => row.slice(head * headDim, (head + 1) * headDim));
      const learned = (name: string): readonly number[] => part([this.vector(own + name)])[0]!;
      const queries = part(q);
      const plus = (name: string): Rows => queries.map((row) => row.map((x, i) => x + learned(name)[i]!));
      const same = part([this.rows(`${own}seg_embed`, heads * headDim)[1]!])[0]!;
      const kernel = this.rows(`${own}r_kernel`, heads * headDim).map((row) => part([row])[0]!);
      const directions = plus('r_r_bias').map((row) => kernel.map((map) => dot(map, row)));
      const distances =
        this.form === 'factorized' ? byFactors(directions, sines) : this.byShift(directions, block, key);
      const [keys, ofSegment] = [part(k), plus('r_s_bias')];
      const scores = plus('r_w_bias').map((row, i) =>
        keys.map((one, j) => {
          const apart = i === 0 || j === 0 ? 0 : distances[i]![j]! + dot(ofSegment[i]!, same);
          return (dot(row, one) + apart) / Math.sqrt(headDim);
        }),
      );
      scores.forEach((row, i) => {
        const weights = row.map((score) => Math.exp(score - Math.max(...row)));
        const sum = weights.reduce((all, x) => all + x, 0);
        for (const column of range(headDim))
          outputs[i]!.push(part(v).reduce((all, one, j) => all + (weights[j]! / sum) * one[column]!, 0));
      });
    }
    const read = this.norm(add(query, this.linear(outputs, `${own}post_proj`)), `${own}layer_norm`);
    const inner = this.linear(read, `${at}ffn.linear_1`).map((row) =>
      row.map((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
    );
    return this.norm(add(read, this.linear(inner, `${at}ffn.linear_2`)), `${at}ffn.layer_norm`);
  }

  /** Products with the sines and cosines of all distances, from the largest to the smallest, and each row moved to its own. */
  private byShift(directions: Rows, block: number, keys: Rows): Rows {
    const queries = directions.length;
    const joins = queries !== keys.length;
    const [shift, step] = joins ? [2, 2 ** (block - 1)] : [1, 2 ** block];
    const { own, before } = this.places[block]!;
    const from = joins ? before : own;
    const [most, least] = [own[0]! - from[0]! + shift * own.length * step, own[0]! - from.at(-1)!];
    const count = Math.floor((most - least) / step) + 1;
    const waves = range(count).map((i) => wavesOf(most - i * step));
    const flat = directions.flatMap((row) => waves.map(({ sin, cos }) => dot(row, [...sin, ...cos])));
    const moved = flat.slice(shift * queries);
    return range(queries).map((i) => moved.slice(i * (count - shift), i * (count - shift) + keys.length));
  }
}

function wavesOf(position: number): { readonly sin: readonly number[]; readonly cos: readonly number[] } {
  const angles = range(width / 2).map((i) => position / 10_000 ** (i / (width / 2)));
  return { sin: angles.map((angle) => Math.sin(angle)), cos: angles.map((angle) => Math.cos(angle)) };
}

function byFactors(
  directions: Rows,
  { queries, keys }: { readonly queries: readonly number[]; readonly keys: readonly number[] },
): Rows {
  return directions.map((row, i) => {
    const here = wavesOf(queries[i]!);
    const [sines, cosines] = [
      row.map((x, at) => x * [...here.sin, ...here.sin][at]!),
      row.map((x, at) => x * [...here.cos, ...here.cos][at]!),
    ];
    return keys.map((key) => {
      const { sin, cos } = wavesOf(key);
      return dot(sines, [...cos, ...sin]) + dot(cosines, [...sin.map((x) => -x), ...cos]);
    });
  });
}

describe('groups of tokens', () => {
  const reference = referenceModels.find(({ name }) => name === 'funnel--FunnelForMaskedLM');
  if (!reference) return;
  const open = () => openModel(reference.folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });

  it('give what rows of groups give, whatever the length, in both forms of relative attention', async () => {
    const model = await open();
    const tensors = readTensors(join(reference.folder, 'model.safetensors'));
    for (const length of [5, 6, 8, 12, 17]) {
      const ids = range(length).map((i) => (7 * i * i + 3 * i + 2) % 99);
      const { logits } = await runPrompt(model.spec, model.sessions, { ids, chunk: 4, logits: 'all' });
      for (const form of ['relative_shift', 'factorized'] as const) {
        const error = difference(logits?.data ?? [], new Funnel(tensors, ids, form).logits(), true);
        assert.ok(error <= 1e-5, `${length} tokens, ${form}: ${error}`);
      }
    }
    await model.sessions.release();
  });

  it('stand in maps at their first tokens, and say so', async () => {
    const model = await open();
    const request = { ids: [2, 9, 4, 7, 5, 6, 8, 3, 1], chunk: 9, logits: 'none' } as const;
    const taps = [{ layer: 2, tap: 'attention.probabilities' }] as const;
    const { layers } = await runPrompt(model.spec, model.sessions, { ...request, taps });
    const map = [...((layers[2]?.taps['attention.probabilities']?.data ?? []) as Float32Array)];
    const row = (token: number): readonly number[] => map.slice(token * 9, (token + 1) * 9);
    // Keys are the first token and the groups of two that begin at 1, 3, 5 and 7; queries of 1 to 4 are of one group.
    assert.deepEqual(
      row(1).map((share) => share > 0),
      range(9).map((key) => key === 0 || key % 2 === 1),
    );
    assert.deepEqual([row(2), row(3), row(4)], [row(1), row(1), row(1)]);
    assert.notDeepEqual(row(5), row(1));
    assert.ok(model.summary.notes?.some((note) => note.startsWith('Its blocks join neighbouring tokens into groups.')));
    await model.sessions.release();
  });

  it('are refused at sizes that the class has no blocks for, and pooled by the mean alone', () => {
    const verdict = (change: object): unknown => runnable(describeModel({ ...reference.config, ...change }));
    assert.equal(verdict({}), true);
    assert.equal(verdict({ architectures: ['FunnelBaseModel'], num_decoder_layers: 0 }), true);
    // A decoder without layers still adds two streams.
    for (const change of [{ num_decoder_layers: 0 }, { block_sizes: [2, 0] }, { block_repeats: [1, 1] }])
      assert.match(String(verdict(change)), new RegExp(`^${Object.keys(change).join()} .*Correct the config\\.$`));
    assert.match(String(verdict({ pooling_type: 'max' })), /^pooling_type is "max"/);
  });

  it('are not taken apart, and a text of too few tokens is refused', async () => {
    const model = await open();
    const { spec, weights, sessions } = model;
    const block = spec.blocks[1] ?? assert.fail();
    for (const graph of [layerAttributionGraph, writtenGraph, projectionGraph])
      assert.throws(() => graph(spec, block, weights), /joins neighbouring tokens/);
    await assert.rejects(
      sequenceOf(model, { kind: 'ids', ids: [2, 5, 7, 3] }),
      /The prompt has 4 tokens, and the model joins neighbouring tokens of texts of 5 tokens and more\. Lengthen it\./,
    );
    assert.equal((await sequenceOf(model, { kind: 'ids', ids: [2, 5, 7, 3, 4] })).ids.length, 5);
    await sessions.release();
  });
});
