/**
 * Longformer and the encoder of LED with tokens that read all and are read by all (arXiv:2004.05150, section 3.1, and the classes of
 * transformers 5.2), in float64 and without code of the product: streams, maps and what is counted of them. No checkpoint of the reference
 * folder has such tokens. Then which tokens are marked, and what is refused.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { projectionGraph } from '../../../models/architectures/attribution-graphs';
import { runnable } from '../../../models/architectures/catalogue';
import { languageNetwork } from '../../../models/architectures/training-network';
import { describeModel } from '../../../models/formats/describe-model';
import { countOfKeysRead } from '../../../diagnostics/model-runner/keys-read';
import { dense, gelu, layerNorm, someNumbers, type Rows } from '../../support/reference/class-heads';
import { difference } from '../../support/reference/compare-model';
import { referenceModels } from '../../support/reference/reference-models';
import { writeVariant } from '../../support/reference/variants';
import { tensorOf, type Tensors, type Variant } from '../../support/reference/variant-tensors';

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? NaN), 0);
const sum = (a: readonly number[], b: readonly number[]): readonly number[] => a.map((x, i) => x + (b[i] ?? NaN));
const rowOf = (tensors: Tensors, name: string, row: number): readonly number[] => {
  const { shape, data } = tensorOf(tensors, name);
  const width = shape[1] ?? 0;
  return [...data.slice(row * width, (row + 1) * width)];
};

/** Names of the parts of a layer, and the first stream. */
interface Stack {
  readonly heads: number;
  readonly epsilon: number;
  /** Positions on either side that a token reads, by layer. */
  readonly sides: readonly number[];
  readonly embedded: (tensors: Tensors, id: number, position: number) => readonly number[];
  readonly layer: (index: number) => {
    readonly attention: string;
    readonly output: string;
    readonly attentionNorm: string;
    readonly up: string;
    readonly down: string;
    readonly norm: string;
  };
}

const longformer: Stack = {
  ...{ heads: 4, epsilon: 1e-12, sides: [2, 1] },
  embedded(tensors, id, position) {
    const at = 'longformer.embeddings.';
    // Positions begin behind the padding token.
    const parts = [
      rowOf(tensors, `${at}word_embeddings.weight`, id),
      rowOf(tensors, `${at}position_embeddings.weight`, position + 2),
      rowOf(tensors, `${at}token_type_embeddings.weight`, 0),
    ];
    return layerNorm(tensors, `${at}LayerNorm`, parts.reduce(sum), 1e-12);
  },
  layer(index) {
    const at = `longformer.encoder.layer.${index}.`;
    return {
      ...{ attention: `${at}attention.self.`, output: `${at}attention.output.dense` },
      ...{ attentionNorm: `${at}attention.output.LayerNorm`, norm: `${at}output.LayerNorm` },
      ...{ up: `${at}intermediate.dense`, down: `${at}output.dense` },
    };
  },
};

const led: Stack = {
  ...{ heads: 4, epsilon: 1e-5, sides: [2, 2] },
  embedded(tensors, id, position) {
    const words = rowOf(tensors, 'led.shared.weight', id);
    const positions = rowOf(tensors, 'led.encoder.embed_positions.weight', position);
    return layerNorm(tensors, 'led.encoder.layernorm_embedding', sum(words, positions), 1e-5);
  },
  layer(index) {
    const at = `led.encoder.layers.${index}.`;
    return {
      ...{ attention: `${at}self_attn.longformer_self_attn.`, output: `${at}self_attn.output` },
      ...{ attentionNorm: `${at}self_attn_layer_norm`, norm: `${at}final_layer_norm` },
      ...{ up: `${at}fc1`, down: `${at}fc2` },
    };
  },
};

interface Passed {
  readonly rows: Rows;
  /** By layer and head, [n][n]. */
  readonly maps: readonly (readonly Rows[])[];
}

/** What the class computes where these rows are marked. `own`: whether marked tokens read by projections of their own, which they do. */
function pass(stack: Stack, tensors: Tensors, ids: readonly number[], marked: readonly number[], own = true): Passed {
  let rows: Rows = ids.map((id, position) => stack.embedded(tensors, id, position));
  const maps = stack.sides.map((side, index) => {
    const { attention, output, attentionNorm, up, down, norm } = stack.layer(index);
    const projected = (name: string): Rows => rows.map((row) => dense(tensors, attention + name, row));
    const usual = { query: projected('query'), key: projected('key'), value: projected('value') };
    const others = {
      ...{ query: projected('query_global'), key: projected('key_global'), value: projected('value_global') },
    };
    const width = (rows[0]?.length ?? 0) / stack.heads;
    const outputs = rows.map((): number[] => []);
    const ofHeads = range(stack.heads).map((head) => {
      const part = (row: readonly number[] = []): readonly number[] => row.slice(head * width, (head + 1) * width);
      return ids.map((_, i) => {
        const whole = marked.includes(i);
        const { query, key, value } = whole && own ? others : usual;
        const powers = ids.map((__, j) => {
          const read = whole || marked.includes(j) || Math.abs(i - j) <= side;
          return read ? Math.exp(dot(part(query[i]), part(key[j])) / Math.sqrt(width)) : 0;
        });
        const all = powers.reduce((total, x) => total + x, 0);
        const shares = powers.map((x) => x / all);
        for (const column of range(width))
          outputs[i]?.push(shares.reduce((total, share, j) => total + share * (part(value[j])[column] ?? NaN), 0));
        return shares;
      });
    });
    rows = rows.map((row, i) => {
      const attended = sum(row, dense(tensors, output, outputs[i] ?? []));
      const read = layerNorm(tensors, attentionNorm, attended, stack.epsilon);
      const inner = dense(tensors, down, dense(tensors, up, read).map(gelu));
      return layerNorm(tensors, norm, sum(read, inner), stack.epsilon);
    });
    return ofHeads;
  });
  return { rows, maps };
}

/** The head of a class in place of that of tokens. */
function withHead(tensors: Tensors, className: string): void {
  for (const name of [...tensors.keys()]) if (name.startsWith('lm_head.')) tensors.delete(name);
  const map = (name: string, outputs: number): void => {
    tensors.set(`${name}.weight`, someNumbers([outputs, 32], outputs));
    tensors.set(`${name}.bias`, someNumbers([outputs], outputs + 0.5));
  };
  if (className.endsWith('ForQuestionAnswering')) map('qa_outputs', 2);
  if (!className.endsWith('ForSequenceClassification')) return;
  map('classifier.dense', 32);
  map('classifier.out_proj', 2);
}

const known = new Set(referenceModels.map(({ name }) => name));

describe('marked tokens', () => {
  if (!known.has('longformer--LongformerForMaskedLM') || !known.has('led--LEDForConditionalGeneration')) return;
  let room: string;
  before(() => {
    room = mkdtempSync(join(tmpdir(), 'headscope-marked-'));
  });
  after(() => rmSync(room, { recursive: true }));

  const longformerOf = { of: 'longformer--LongformerForMaskedLM', config: { attention_window: [4, 2] } };
  async function withVariant<T>(
    variant: Variant,
    use: (model: LoadedModel, tensors: Tensors) => Promise<T>,
  ): Promise<T> {
    let tensors: Tensors = new Map();
    const [className] = (variant.config['architectures'] ?? []) as readonly string[];
    const change = (all: Tensors): void => {
      if (className !== undefined) withHead(all, className);
      tensors = all;
    };
    const { path } = writeVariant({ ...variant, tensors: change }, room);
    const model = await openModel(path, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    try {
      return await use(model, tensors);
    } finally {
      await model.source?.sessions.release();
      await model.sessions.release();
    }
  }

  async function assertPassed(
    { spec, sessions }: Pick<LoadedModel, 'spec' | 'sessions'>,
    ids: readonly number[],
    expected: Passed,
  ): Promise<void> {
    const taps = spec.blocks.map(({ index: layer }) => ({ layer, tap: 'attention.probabilities' as const }));
    const run = await runPrompt(spec, sessions, { ids, chunk: 4, logits: 'none', keepLast: true, taps });
    expected.maps.forEach((heads, layer) => {
      const error = difference(run.layers[layer]?.taps['attention.probabilities']?.data ?? [], heads.flat(2), false);
      assert.ok(error <= 1e-6, `maps of layer ${layer} differ by ${error}`);
    });
    const error = difference(run.last?.chunks[0] ?? [], expected.rows.flat(), true);
    assert.ok(error <= 1e-5, `the stream differs by ${error}`);
  }

  const text = [0, 17, 40, 8, 29, 3, 50, 61, 22, 9, 33, 2];
  const question = [0, 17, 40, 8, 2, 2, 50, 61, 22, 9, 33, 2];

  const cases = [
    ['the first, of texts', { architectures: ['LongformerForSequenceClassification'] }, text, [0]],
    ['those of a question', { architectures: ['LongformerForQuestionAnswering'] }, question, [0, 1, 2, 3]],
    [
      'those of a question before another separator',
      { architectures: ['LongformerForQuestionAnswering'], sep_token_id: 29 },
      question.map((id) => (id === 2 ? 29 : id)),
      [0, 1, 2, 3],
    ],
    ['those of a choice', { architectures: ['LongformerForMultipleChoice'] }, question, [6, 7, 8, 9, 10, 11]],
    ['those that the config names', { global_tokens: 'first' }, text, [0]],
    [
      'none where the config says so',
      { architectures: ['LongformerForSequenceClassification'], global_tokens: 'none' },
      text,
      [],
    ],
  ] as const;
  for (const [what, config, ids, marked] of cases) {
    it(`of Longformer are ${what}`, async () => {
      const variant = { ...longformerOf, what, config: { ...longformerOf.config, ...config } };
      await withVariant(variant, async (model, tensors) => {
        const expected = pass(longformer, tensors, ids, marked);
        await assertPassed(model, ids, expected);
        if (marked.length === 0) return;
        // Neither without marks nor with the usual projections is it the same.
        for (const other of [pass(longformer, tensors, ids, []), pass(longformer, tensors, ids, marked, false)])
          assert.ok(difference(other.rows.flat(), expected.rows.flat(), true) > 1e-2);
        assert.ok(model.summary.notes?.some((note) => / read(s)? all tokens and (is|are) read by all/.test(note)));
      });
    });
  }

  it('of LED are those that the config names, in its encoder alone', async () => {
    for (const [global, marked] of [
      ['first', [0]],
      ['none', []],
    ] as const) {
      const variant = {
        of: 'led--LEDForConditionalGeneration',
        what: `marked: ${global}`,
        config: { global_tokens: global },
      };
      await withVariant(variant, async (model, tensors) => {
        await assertPassed(model.source ?? assert.fail(), text, pass(led, tensors, text, marked));
        assert.equal(model.spec.marks, undefined);
      });
    }
  });

  it('count as readable for labels, and a head without output is one whose values are nothing', async () => {
    const variant = { ...longformerOf, what: 'counted', config: { ...longformerOf.config, global_tokens: 'question' } };
    await withVariant(variant, async (model, tensors) => {
      const marked = [0, 1, 2, 3];
      const n = question.length;
      const request = { ids: question, chunk: n, logits: 'all', keepLast: true } as const;
      const { layers } = await runPrompt(model.spec, model.sessions, { ...request, statistics: true });
      const { maps } = pass(longformer, tensors, question, marked);
      longformer.sides.forEach((side, layer) => {
        const reads = (i: number, j: number): boolean =>
          marked.includes(i) || marked.includes(j) || Math.abs(i - j) <= side;
        const count = (i: number): number => range(n).filter((j) => reads(i, j)).length;
        const mean = (rows: readonly number[], of: (i: number) => number): number =>
          rows.reduce((total, i) => total + of(i), 0) / rows.length;
        const near = (i: number, j: number): boolean => j <= i && j > i - 16;
        const { firstToken, localWindow, permutation } = layers[layer]?.statistics ?? assert.fail();
        maps[layer]?.forEach((map, head) => {
          const later = range(n).slice(1);
          assert.ok(Math.abs((firstToken[head] ?? NaN) - mean(later, (i) => map[i]?.[0] ?? NaN)) < 1e-6);
          const local = (i: number) => range(n).reduce((all, j) => all + (near(i, j) ? (map[i]?.[j] ?? NaN) : 0), 0);
          assert.ok(Math.abs((localWindow[head] ?? NaN) - mean(range(n), local)) < 1e-6);
        });
        const first = mean(range(n).slice(1), (i) => (reads(i, 0) ? 1 / count(i) : 0));
        assert.ok(Math.abs(permutation.mean.firstToken - first) < 1e-12);
        const chance = mean(range(n), (i) => range(n).filter((j) => near(i, j) && reads(i, j)).length / count(i));
        assert.ok(Math.abs(permutation.mean.localWindow - chance) < 1e-12);
        for (const i of range(n))
          assert.equal(countOfKeysRead(i, n, { causal: false, window: side + 1, marked }), count(i));
      });
      const gains = [0, 2].map((head) => ({ kind: 'gain', layer: 1, head, gain: 0 }) as const);
      const changed = await runPrompt(model.spec, model.sessions, { ...request, variants: [gains] });
      for (const head of [0, 2])
        for (const of of ['value', 'value_global'])
          for (const kind of ['weight', 'bias']) {
            const { data } = tensorOf(tensors, `longformer.encoder.layer.1.attention.self.${of}.${kind}`);
            const rows = data.length / 32;
            data.fill(0, head * 8 * rows, (head + 1) * 8 * rows);
          }
      const expected = pass(longformer, tensors, question, marked).rows.flat();
      assert.ok(difference(changed.last?.chunks[0] ?? [], expected, true) <= 1e-5);
    });
  });

  it('are refused in a prompt without its separators, and where heads are taken apart', async () => {
    const variant = { ...longformerOf, what: 'refused', config: { architectures: ['LongformerForQuestionAnswering'] } };
    await withVariant(variant, async (model) => {
      await assert.rejects(
        sequenceOf(model, { kind: 'ids', ids: text }),
        /^.*The prompt has 1 separator \(token 2\), and the model reads a question and a text with 3: /,
      );
      const { spec, sessions, weights } = model;
      assert.throws(
        () => projectionGraph(spec, spec.blocks[0] ?? assert.fail(), weights),
        /depend on whether it is marked/,
      );
      assert.throws(() => languageNetwork('net', spec, {}), /read and are read by all/);
      // The first question is longer.
      const longer = [0, 17, 40, 8, 7, 2, 2, 61, 22, 9, 33, 2];
      const request = { ids: question, variantIds: [question, longer], variants: [[], []] };
      await assert.rejects(
        runPrompt(spec, sessions, { ...request, chunk: 12, logits: 'none' }),
        /marks other tokens in one text than in another/,
      );
    });
    const { config } = referenceModels.find(({ name }) => name === longformerOf.of) ?? assert.fail();
    for (const [change, sentence] of [
      [
        { global_tokens: 'last' },
        /^global_tokens is "last", and Headscope computes Longformer where it is one of "none", "first"/,
      ],
      [{ attention_dilation: [1, 2] }, /^attention_dilation is /],
      [{ autoregressive: true }, /^autoregressive is true/],
    ] as const)
      assert.match(String(runnable(describeModel({ ...config, ...change }))), sentence);
    assert.equal(runnable(describeModel({ ...config, attention_dilation: [1, 1], autoregressive: false })), true);
  });
});
