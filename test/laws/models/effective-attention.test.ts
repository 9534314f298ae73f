/** What the analysis `heads` gives of recurrences: numbers and pictures of E as it is tapped, the map of a head, and nothing of probabilities. */
import assert from 'node:assert/strict';
import { heads } from '../../../diagnostics/patterns/heads/analysis';
import type { HeadsParameters } from '../../../diagnostics/patterns/heads/parameters';
import type { ModelRunner } from '../../../diagnostics/model-runner/model-runner';
import { check } from '../../../protocol/schema/check';
import { sections } from '../../../protocol/sections/section';
import { modelSummary } from '../../../protocol/schema/parts';
import { readThumbnails } from '../../../protocol/results/thumbnails';
import type { HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { resultOf, runnerOf } from '../../support/model-jobs';

const common = {
  hidden_size: 24,
  num_hidden_layers: 2,
  vocab_size: 61,
  max_position_embeddings: 2048,
  bos_token_id: 0,
};
const qwen = {
  ...common,
  ...{ architectures: ['Qwen3NextForCausalLM'], model_type: 'qwen3_next', intermediate_size: 16, head_dim: 8 },
  ...{ num_attention_heads: 4, num_key_value_heads: 2, linear_num_key_heads: 2, linear_num_value_heads: 6 },
  ...{ linear_key_head_dim: 8, linear_value_head_dim: 4, linear_conv_kernel_dim: 4, rms_norm_eps: 1e-6 },
  ...{
    layer_types: ['linear_attention', 'full_attention'],
    num_experts: 0,
    hidden_act: 'silu',
    tie_word_embeddings: false,
  },
  ...{
    mlp_only_layers: [0, 1],
    decoder_sparse_step: 1,
    num_experts_per_tok: 2,
    moe_intermediate_size: 8,
    shared_expert_intermediate_size: 8,
  },
};
const mamba = {
  ...common,
  ...{ architectures: ['MambaForCausalLM'], model_type: 'mamba', intermediate_size: 96, state_size: 4, conv_kernel: 4 },
  ...{ time_step_rank: 3, use_bias: false, use_conv_bias: true, tie_word_embeddings: true },
};

const ids = Array.from({ length: 45 }, (_, at) => (at * 17 + (at % 7)) % 61);
const chosen = { labels: false, causal: false, nullSequences: 1, groups: '', pictures: true, chunk: 0 };

async function jobOf(runner: ModelRunner, of: readonly number[], parameters: HeadsParameters) {
  const prompt = await runner.prompt({ kind: 'ids', ids: of });
  const input = { given: { kind: 'prompt', prompt: { kind: 'ids', ids: of } }, prompts: [prompt] } as const;
  const step = (_: string, act: () => Promise<unknown>) => act();
  return { input, parameters, variant: [], groups: [], seed: 1, step } as never;
}

/** E [head][i][j] of a layer, from its tap. */
async function tapped(runner: ModelRunner, layer: number): Promise<readonly (readonly (readonly number[])[])[]> {
  const prompt = await runner.prompt({ kind: 'ids', ids });
  const { layers } = await runner.run({ ...prompt, taps: [{ layer, tap: 'state.effective' }], logits: 'none' });
  const tensor = layers[layer]?.taps['state.effective'];
  const [, count = 0, n = 0, t = 0] = tensor?.shape ?? [];
  assert.ok(tensor?.data instanceof Float32Array && count > 0 && n === ids.length && t === n);
  const { data } = tensor;
  const row = (head: number, i: number) => [...data.subarray((head * n + i) * n, (head * n + i + 1) * n)];
  return Array.from({ length: count }, (_, head) => ids.map((_id, i) => row(head, i)));
}

const near = (given: number | undefined, expected: number, what: string): void =>
  assert.ok(
    Math.abs((given ?? Number.NaN) - expected) <= 2e-5 * Math.max(1, Math.abs(expected)),
    `${what}: ${given}, not ${expected}`,
  );

function checkNumbers(
  effective: HeadsMeasured['effective'],
  layer: number,
  matrices: readonly (readonly (readonly number[])[])[],
) {
  assert.ok(effective?.thumbnails);
  const { size, heads: most, data } = readThumbnails(effective.thumbnails);
  matrices.forEach((matrix, head) => {
    const cells = matrix.flatMap((row, i) => row.map((weight, j) => ({ weight, i, j })));
    assert.ok(
      cells.every(({ weight, i, j }) => j <= i || weight === 0),
      'no token reads one behind it',
    );
    const total = (of: (cell: (typeof cells)[number]) => number) => cells.reduce((sum, cell) => sum + of(cell), 0);
    const whole = total(({ weight }) => Math.abs(weight));
    assert.ok(whole > 0);
    near(effective.sum[layer]?.[head], total(({ weight }) => weight) / ids.length, 'sum');
    near(effective.size[layer]?.[head], whole / ids.length, 'size');
    near(effective.negative[layer]?.[head], total(({ weight }) => Math.max(0, -weight)) / whole, 'negative');
    near(
      effective.distance[layer]?.[head],
      total(({ weight, i, j }) => Math.abs(weight) * (i - j)) / whole,
      'distance',
    );
    const block = (at: number) => Math.floor((at * size) / ids.length);
    for (let row = 0; row < size; row++) {
      const of = ids.flatMap((_, i) => (block(i) === row ? [i] : []));
      for (let column = 0; column < size; column++) {
        const mass = total(({ weight, i, j }) => (block(i) === row && block(j) === column ? weight : 0)) / of.length;
        near(data[((layer * most + head) * size + row) * size + column], mass, 'picture');
      }
    }
  });
}

describe('effective attention in the analysis heads', () => {
  const opened: OpenPlanted[] = [];
  const runnerFor = async (config: Parameters<typeof randomCheckpoint>[0]): Promise<ModelRunner> => {
    const planted = await openPlanted(randomCheckpoint(config));
    opened.push(planted);
    return runnerOf(planted.model);
  };
  after(async () => {
    for (const planted of opened) await planted.close();
  });

  it('is that of the tap, whole and in chunks, beside heads of attention', async () => {
    const runner = await runnerFor(qwen);
    const matrices = await tapped(runner, 0);
    assert.equal(matrices.length, 6);
    assert.ok(matrices.flat(2).some((weight) => weight < 0));
    for (const chunk of [0, 7]) {
      const result = await resultOf(heads.run(runner, await jobOf(runner, ids, { ...chosen, chunk })));
      assert.deepEqual(result.effective?.recurrences, ['gated-delta', null]);
      assert.deepEqual(result.effective.sum[1], []);
      assert.deepEqual(
        result.statistics.entropy.map((row) => row.length),
        [0, 4],
      );
      checkNumbers(result.effective, 0, matrices);
      assert.deepEqual(
        heads.sections(result).flatMap((one) => (one.kind === 'heads' ? one.id : [])),
        ['heads', 'effective'],
      );
    }
  });

  it('leaves scores of labels to layers with attention: the others have empty rows, and sections that can be sent', async () => {
    const runner = await runnerFor({
      ...qwen,
      num_hidden_layers: 3,
      layer_types: [...qwen.layer_types, 'linear_attention'],
      mlp_only_layers: [0, 1, 2],
    });
    const labelled = { ...chosen, labels: true, pictures: false };
    const result = await resultOf(heads.run(runner, await jobOf(runner, ids, labelled)));
    assert.deepEqual(
      result.labelScores?.induction?.score.map((row) => row.length),
      [0, 4, 0],
    );
    const sent: unknown = JSON.parse(JSON.stringify(heads.sections(result)));
    const read = check(sections, sent);
    assert.ok(read.ok, read.ok ? '' : read.why);
  });

  it('of a head is drawn whole on a scale about 0', async () => {
    const runner = await runnerFor(qwen);
    const job = await jobOf(runner, ids, chosen);
    const result = await resultOf(heads.run(runner, job));
    const place = { kind: 'head', layer: 0, head: 4 } as const;
    const map = await heads.ask?.(runner, job, result, { section: 'effective', place });
    assert.ok(map?.kind === 'map');
    assert.equal(map.title, 'Effective attention of L0H4');
    assert.equal(map.scale.kind, 'diverging');
    assert.equal(map.attentionOf, undefined);
    const matrices = await tapped(runner, 0);
    map.values.forEach((row, i) => row.forEach((weight, j) => near(weight, matrices[4]?.[i]?.[j] ?? NaN, 'cell')));
  });

  it('of channels is that of blocks of them, and of a prompt that is too long is not measured', async () => {
    const runner = await runnerFor(mamba);
    assert.equal(runner.facts.summary.kvHeads, 0);
    const named = check(modelSummary, runner.facts.summary);
    assert.ok(named.ok, named.ok ? '' : named.why);
    const result = await resultOf(heads.run(runner, await jobOf(runner, ids, chosen)));
    for (const layer of [0, 1]) checkNumbers(result.effective, layer, await tapped(runner, layer));
    const long = Array.from({ length: 257 }, (_, at) => at % 61);
    const { effective } = await resultOf(heads.run(runner, await jobOf(runner, long, chosen)));
    assert.equal(effective?.why, 'It is measured of prompts of up to 256 tokens; this one has 257.');
    assert.equal(effective.thumbnails, undefined);
  });
});
