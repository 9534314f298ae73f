/** Thousands of tokens in chunks, beyond the length that the model was trained on, against float64: rows, statistics and logits. */
import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike } from '../../support/checkpoints/tiny-models';
import type { LlamaLikeConfig } from '../../support/reference/llama-like';
import { longRun, type LongStatistics } from '../../support/reference/long-context';

const [original, length] = [2048, 4096];
const rows = [0, 1, 1023, 2047, 2048, 3000, length - 1];
const ids = Array.from({ length }, (_, at) => (at * 17 + (at >> 4) * 5) % 61);
const extended = { max_position_embeddings: length, original_max_position_embeddings: original };
const factors = (most: number): number[] => Array.from({ length: 8 }, (_, i) => 1 + ((most - 1) * i) / 7);

const forms: readonly {
  readonly name: string;
  readonly family: 'llama' | 'phi3';
  readonly fields: Partial<LlamaLikeConfig> & Readonly<Record<string, unknown>>;
}[] = [
  {
    name: 'YaRN',
    family: 'llama',
    fields: {
      max_position_embeddings: length,
      rope_scaling: { rope_type: 'yarn', factor: 2, original_max_position_embeddings: original },
    },
  },
  {
    name: 'the bands of Llama 3',
    family: 'llama',
    fields: {
      max_position_embeddings: length,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 2,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: original,
      },
    },
  },
  {
    name: 'LongRoPE',
    family: 'phi3',
    fields: {
      ...extended,
      rope_scaling: { rope_type: 'longrope', short_factor: factors(1.5), long_factor: factors(4) },
    },
  },
  {
    name: 'dynamic scaling',
    family: 'llama',
    fields: { max_position_embeddings: original, rope_scaling: { rope_type: 'dynamic', factor: 2 } },
  },
];

/** The largest difference of two rows, relative to the largest number of the second. */
const apart = (found: ArrayLike<number>, expected: ArrayLike<number>): number => {
  const all = Array.from(expected);
  const worst = all.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[i] ?? Number.NaN))), 0);
  return worst / Math.max(...all.map(Math.abs));
};

describe(`${length.toLocaleString('en-US')} tokens of a model for ${original.toLocaleString('en-US')}`, () => {
  for (const { name, family, fields } of forms) {
    // Means over all rows are the same sums for any rotation of the keys, so one form is enough: float64 takes a second for them.
    const statistics = name === 'YaRN';
    it(`by ${name}: rows of attention${statistics ? ', statistics' : ''} and logits are those of float64`, async () => {
      const own = { num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, sliding_window: null };
      const tiny = llamaLike(`long by ${name}`, family, { ...own, ...fields });
      const opened = await openTiny(tiny);
      try {
        const { model, parameters } = opened;
        const config = { ...opened.tiny.config, ...fields } as LlamaLikeConfig & typeof tiny.config;
        const expected = longRun(config, parameters, ids, { rows, statistics });
        const tap = 'attention.probabilities';
        const { layers, answers } = await runPrompt(model.spec, model.sessions, {
          ids,
          chunk: 500,
          logits: 'none',
          statistics,
          taps: [{ layer: 0, tap }],
          tapRows: rows,
          answersAt: rows.map((row) => ({ row, tokens: Array.from({ length: 61 }, (_, id) => id) })),
        });
        const [layer] = layers;
        const maps = layer?.taps[tap]?.data ?? [];
        const plain = longRun({ ...config, rope_scaling: null }, parameters, ids, { rows, statistics: false });
        rows.forEach((row, at) => {
          for (const head of [0, 1]) {
            const first = (head * rows.length + at) * length;
            const found = Array.from(maps.slice(first, first + length), Number);
            const own = expected.attention[0]?.[head]?.[at] ?? [];
            assert.ok(apart(found, own) < 1e-4, `row ${row} of head ${head}: ${apart(found, own)}`);
            assert.ok(found.slice(row + 1).every((p) => p === 0));
            if (row >= original)
              assert.ok(apart(plain.attention[0]?.[head]?.[at] ?? [], own) > 1e-2, 'the form counts');
          }
          const logits = apart(answers?.[0]?.[at]?.logits ?? [], expected.logits[at] ?? []);
          assert.ok(logits < 1e-5, `logits of row ${row}: ${logits}`);
        });
        expected.statistics[0]?.forEach((of, head) => {
          for (const [statistic, value] of Object.entries(of)) {
            const found = layer?.statistics?.[statistic as keyof LongStatistics][head] ?? Number.NaN;
            assert.ok(Math.abs(found - value) < 1e-5 * value, `${statistic} of head ${head}: ${found}, not ${value}`);
          }
        });
      } finally {
        await opened.close();
      }
    });
  }
});
