/** Decoding with routed experts against a dense model with as many units as a token computes, token by token in one process. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ratioOfPairs } from '../../../compute-server/harness/statistics/ratio';
import { summary } from '../../../compute-server/harness/statistics/summary';
import { interleave, pairs, type Series } from '../../../compute-server/harness/timing';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { random } from '../../../kernels/tensors/random';
import type { Report } from './bench';
import { writeWeights } from './synthetic-model';

const threads = 2;
const [experts, perToken, vocabulary] = [64, 8, 1000];

export interface ExpertShape {
  readonly layers: number;
  readonly hidden: number;
  /** Units of one expert. */
  readonly units: number;
  readonly dtype: 'F32' | 'BF16';
}

/** In the order of a published file: the gate of an expert lies in front of what it gates. */
function shapesOf(
  { layers, hidden, units }: ExpertShape,
  routed: boolean,
): readonly (readonly [string, readonly number[]])[] {
  const network = (at: string, inner: number): readonly (readonly [string, readonly number[]])[] => [
    [`${at}.down_proj.weight`, [hidden, inner]],
    [`${at}.gate_proj.weight`, [inner, hidden]],
    [`${at}.up_proj.weight`, [inner, hidden]],
  ];
  return [
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ['model.norm.weight', [hidden]],
    ...Array.from({ length: layers }, (_, layer) => `model.layers.${layer}`).flatMap((at) => [
      [`${at}.input_layernorm.weight`, [hidden]] as const,
      [`${at}.post_attention_layernorm.weight`, [hidden]] as const,
      ...['q', 'k', 'v', 'o'].map((name) => [`${at}.self_attn.${name}_proj.weight`, [hidden, hidden]] as const),
      ...['q', 'k'].map((name) => [`${at}.self_attn.${name}_norm.weight`, [128]] as const),
      ...(routed
        ? [
            ...Array.from({ length: experts }, (_, expert) => network(`${at}.mlp.experts.${expert}`, units)).flat(),
            [`${at}.mlp.gate.weight`, [experts, hidden]] as const,
          ]
        : network(`${at}.mlp`, perToken * units)),
    ]),
  ];
}

function write(folder: string, shape: ExpertShape, routed: boolean): void {
  mkdirSync(folder, { recursive: true });
  writeWeights(folder, shapesOf(shape, routed), shape.dtype);
  const { layers, hidden, units } = shape;
  const type = routed ? 'qwen3_moe' : 'qwen3';
  const config = {
    ...{ model_type: type, architectures: [routed ? 'Qwen3MoeForCausalLM' : 'Qwen3ForCausalLM'] },
    ...{ hidden_size: hidden, num_hidden_layers: layers, num_attention_heads: hidden / 128, head_dim: 128 },
    ...{ num_key_value_heads: hidden / 128, vocab_size: vocabulary, max_position_embeddings: 4096, rms_norm_eps: 1e-6 },
    ...{ hidden_act: 'silu', tie_word_embeddings: true, rope_theta: 10000, intermediate_size: perToken * units },
    ...(routed
      ? { num_experts: experts, num_experts_per_tok: perToken, moe_intermediate_size: units, norm_topk_prob: true }
      : {}),
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
}

/** `root`: a folder that both models are written to and taken from. */
export async function expertsAgainstDense(
  report: Report,
  root: string,
  shape: ExpertShape,
  what: string,
): Promise<void> {
  const folders = { routed: join(root, `routed ${what}`), dense: join(root, `dense ${what}`) };
  write(folders.routed, shape, true);
  write(folders.dense, shape, false);
  const resident = (): number => process.memoryUsage().rss;
  const open = (folder: string): Promise<LoadedModel> =>
    openModel(folder, { device: 'cpu', threads, limitBytes: 14e9 });
  const ids = Array.from({ length: 64 }, (_, i) => (i * 7919) % vocabulary);
  const source = random(1);
  const token = (): number => source.whole(vocabulary);
  const started = async (model: LoadedModel): Promise<SequenceRun> => {
    const run = await SequenceRun.start(model.spec, model.sessions, { ids, chunk: 64, stepsAtOnce: true });
    for (let i = 0; i < 4; i++) await run.extend([token()]);
    return run;
  };
  const dense = await open(folders.dense);
  const denseRun = await started(dense);
  const before = resident();
  const routed = await open(folders.routed);
  const routedRun = await started(routed);
  const competitor = (name: string, run: SequenceRun) => ({ name, run: () => run.extend([token()]) });
  let series: readonly Series[] = [];
  for await (const after of interleave([competitor('dense', denseRun), competitor('routed', routedRun)], {
    baseline: 'dense',
    seconds: 8,
    uniform: () => source.uniform(),
    signal: new AbortController().signal,
  })) {
    series = after;
  }
  const [ofDense, ofRouted] = ['dense', 'routed'].map((name) => series.find((one) => one.name === name));
  if (!ofDense || !ofRouted) throw new Error('nothing was timed');
  const ratio = ratioOfPairs(...pairs(ofRouted, ofDense));
  const milliseconds = ({ times }: Series): string => `${summary([...times.values()]).median.toFixed(2)} ms`;
  report.figure({
    name: `a token with ${perToken} of ${experts} experts over a dense model with as many units, ${what}`,
    value: ratio.median,
    unit: 'times',
    target: 1.3,
    note: `95 % interval ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}, ${milliseconds(ofRouted)} and ${milliseconds(ofDense)} a token`,
  });
  report.figure({
    name: `resident memory of the routed model after its tokens, ${what}`,
    value: (resident() - before) / 1e9,
    unit: 'GB',
    note: `its weights are ${((experts * 3 * shape.hidden * shape.units * shape.layers * 4) / 1e9).toFixed(2)} GB in experts as float32`,
  });
  routedRun.dispose();
  denseRun.dispose();
  await routed.sessions.release();
  await dense.sessions.release();
  rmSync(folders.routed, { recursive: true });
  rmSync(folders.dense, { recursive: true });
}
