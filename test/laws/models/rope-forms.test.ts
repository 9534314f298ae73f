/** Every form of rotary embedding that runs equals its float64 definition, on both sides of the trained length. */
import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import type { LlamaLikeConfig } from '../../support/reference/llama-like';
import { openTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike } from '../../support/checkpoints/tiny-models';

/** As in families.test.ts. */
const tolerance = 1e-4;
const trained = 16;
const reach = 64;
const idsOf = (length: number): number[] => Array.from({ length }, (_, i) => (i * 17 + (i > 10 ? 3 : 0)) % 61);

interface Form {
  readonly name: string;
  readonly family?: 'llama' | 'phi3' | 'gemma3_text';
  readonly fields: Partial<LlamaLikeConfig> & Readonly<Record<string, unknown>>;
  /** Positions that the model is defined for. */
  readonly context: number;
}

const short_factor = [1, 1.1, 1.3, 1.5];
const long_factor = [1.2, 2, 3.5, 4];
const extended = { max_position_embeddings: reach };

const forms: readonly Form[] = [
  { name: 'none', fields: { max_position_embeddings: reach }, context: reach },
  { name: 'default', fields: { ...extended, rope_scaling: { rope_type: 'default' } }, context: reach },
  { name: 'linear', fields: { rope_scaling: { rope_type: 'linear', factor: 4 } }, context: reach },
  { name: 'linear under its old key', fields: { rope_scaling: { type: 'linear', factor: 2.5 } }, context: 40 },
  { name: 'dynamic', fields: { rope_scaling: { rope_type: 'dynamic', factor: 4 } }, context: reach },
  {
    name: 'yarn from max_position_embeddings',
    fields: { rope_scaling: { rope_type: 'yarn', factor: 4 } },
    context: reach,
  },
  {
    name: 'yarn with an original length, the config left at it (Qwen)',
    fields: { rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: trained } },
    context: reach,
  },
  {
    name: 'yarn with an original length, the config extended',
    fields: { ...extended, rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: trained } },
    context: reach,
  },
  {
    name: 'yarn with bounds of its own and an attention factor',
    fields: { rope_scaling: { rope_type: 'yarn', factor: 4, beta_fast: 2, beta_slow: 0.2, attention_factor: 1.3 } },
    context: reach,
  },
  {
    name: 'yarn whose ramp is not rounded to dimensions (gpt-oss)',
    fields: { rope_scaling: { rope_type: 'yarn', factor: 4, beta_fast: 1.5, beta_slow: 0.05, truncate: false } },
    context: reach,
  },
  {
    name: 'yarn with two weights of its sharpening (DeepSeek)',
    fields: { rope_scaling: { rope_type: 'yarn', factor: 4, mscale: 1, mscale_all_dim: 0.7 } },
    context: reach,
  },
  {
    name: 'llama3',
    fields: {
      ...extended,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 4,
        low_freq_factor: 0.05,
        high_freq_factor: 0.4,
        original_max_position_embeddings: trained,
      },
    },
    context: reach,
  },
  {
    name: 'longrope, the original length beside the form (Phi-3)',
    family: 'phi3',
    fields: {
      ...extended,
      original_max_position_embeddings: trained,
      rope_scaling: { rope_type: 'longrope', short_factor, long_factor },
    },
    context: reach,
  },
  {
    name: 'su, the old name of longrope, with an attention factor',
    family: 'phi3',
    fields: {
      ...extended,
      original_max_position_embeddings: trained,
      rope_scaling: { type: 'su', short_factor, long_factor, attention_factor: 1.25 },
    },
    context: reach,
  },
  {
    name: 'a part of each head',
    family: 'phi3',
    fields: { ...extended, partial_rotary_factor: 0.5 },
    context: reach,
  },
  {
    name: 'a part of each head by yarn',
    family: 'phi3',
    fields: { partial_rotary_factor: 0.5, rope_scaling: { rope_type: 'yarn', factor: 4 } },
    context: reach,
  },
  {
    name: 'linear on the full layers alone, in a config that is extended already (Gemma 3)',
    family: 'gemma3_text',
    fields: {
      ...extended,
      head_dim: 12,
      query_pre_attn_scalar: 10,
      hidden_activation: 'gelu_pytorch_tanh',
      sliding_window: 7,
      sliding_window_pattern: 2,
      rope_local_base_freq: 10000,
      rope_scaling: { rope_type: 'linear', factor: 4 },
    },
    context: reach,
  },
];

describe('forms of rotary embedding', () => {
  for (const { name, family = 'llama', fields, context } of forms) {
    const tiny = llamaLike(name, family, { max_position_embeddings: trained, sliding_window: null, ...fields });

    it(`${name}: logits within and beyond the trained length, and as far as the form is defined`, async () => {
      const opened = await openTiny(tiny);
      const { model, parameters } = opened;
      try {
        for (const ids of [idsOf(12), idsOf(40)]) {
          const reference = tiny.run(parameters, ids).logits.flat();
          const { logits } = await runPrompt(model.spec, model.sessions, { ids, chunk: 7, logits: 'all' });
          assert.equal(logits?.data.length, reference.length);
          const worst = reference.reduce(
            (most, value, i) => Math.max(most, Math.abs(value - Number(logits?.data[i]))),
            0,
          );
          assert.ok(worst <= tolerance, `${ids.length} tokens: ${worst}`);
        }
        if (fields.rope_scaling && fields.rope_scaling.rope_type !== 'default') {
          const plain = llamaLike(name, family, { ...tiny.config, rope_scaling: null }).run(parameters, idsOf(40));
          const scaled = tiny.run(parameters, idsOf(40)).logits.flat();
          const least = plain.logits
            .flat()
            .reduce((most, value, i) => Math.max(most, Math.abs(value - (scaled[i] ?? 0))), 0);
          assert.ok(least > 100 * tolerance, `the form changes logits by ${least} alone, too little to be told`);
        }
        assert.equal(model.summary.contextLength, context);
        const prompt = (length: number) => sequenceOf(model, { kind: 'ids', ids: idsOf(length) }, { memoryLimit: 1e9 });
        const sequence = await prompt(context);
        await assert.rejects(prompt(context + 1), /the model's context holds \d+\. Shorten it by 1\./);
        const run = await SequenceRun.start(
          model.spec,
          model.sessions,
          { ...sequence, variant: [], chunk: context },
          {},
        );
        assert.equal(run.canGoOn, false);
      } finally {
        await opened.close();
      }
    });
  }
});
