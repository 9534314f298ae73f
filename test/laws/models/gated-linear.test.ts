/** Gated linear attention against a pass in float64, position by position, from its definition (arXiv:2312.06635) and its release. */
import assert from 'node:assert/strict';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { runnable } from '../../../models/architectures/catalogue';
import { describeModel } from '../../../models/formats/describe-model';
import { openPlanted } from '../../support/checkpoints/open-planted';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { tinyGla } from '../../support/checkpoints/tiny-gla';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { difference } from '../../support/reference/compare-model';

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50, 11, 60, 1, 33, 7, 7, 21, 19, 4];
const n = ids.length;

const silu = (x: number): number => x / (1 + Math.exp(-x));

/**
 * Logits of every position, [n v]. `gains`: of the heads of layer 0; `effective` takes the factors of values in the outputs of its heads,
 * E_ij = sum over rows of q_i k_j (decay_(j+1) .. decay_i) / sqrt(k), [heads n n].
 */
function definition(
  { tensors }: Checkpoint,
  given: Readonly<Record<string, unknown>>,
  gains: readonly number[],
  effective: number[] = [],
): number[] {
  const of = (name: string): readonly number[] => [...(tensors.get(name)?.data ?? assert.fail(name))];
  const product = (name: string, x: readonly number[]): number[] => {
    const rows = of(`${name}.weight`);
    const bias = tensors.get(`${name}.bias`)?.data;
    return Array.from({ length: rows.length / x.length }, (_, o) =>
      x.reduce((sum, value, i) => sum + value * rows[o * x.length + i]!, bias?.[o] ?? 0),
    );
  };
  const rms = (x: readonly number[], name: string): number[] => {
    const scale = Math.sqrt(x.reduce((sum, value) => sum + value ** 2, 0) / x.length + 1e-6);
    const weights = tensors.get(`${name}.weight`)?.data;
    return x.map((value, i) => (value / scale) * (weights?.[i] ?? 1));
  };
  const heads = 4;
  const kvHeads = typeof given['num_kv_heads'] === 'number' ? given['num_kv_heads'] : heads;
  const [k, d] = [(24 * Number(given['expand_k'])) / heads, (24 * Number(given['expand_v'])) / heads];
  const feature = (x: number): number => (given['feature_map'] === 'relu' ? Math.max(0, x) : x);
  const least = typeof given['clamp_min'] === 'number' ? given['clamp_min'] : -Infinity;
  const gated = given['use_output_gate'] !== false;
  const stream = ids.map((id) => of('model.embeddings.weight').slice(id * 24, (id + 1) * 24));
  for (let layer = 0; layer < 2; layer++) {
    const at = `model.layers.${layer}.`;
    const states = Array.from({ length: heads }, () => Array.from({ length: k }, () => new Array<number>(d).fill(0)));
    /** By head and row of its state, of each position so far: its key, times the decays since. */
    const kept = states.map((rows) => rows.map(() => [] as number[]));
    stream.forEach((h, t) => {
      const x = rms(h, `${at}attn_norm`);
      const [q, key, v] = ['q', 'k', 'v'].map((name) => product(`${at}attn.${name}_proj`, x)) as [
        number[],
        number[],
        number[],
      ];
      const g = product(`${at}attn.gk_proj.1`, product(`${at}attn.gk_proj.0`, x));
      const gate = gated ? product(`${at}attn.g_proj`, x) : [];
      const out = Array.from({ length: heads }, (_, head) => {
        const own = Math.floor(head / (heads / kvHeads));
        const state = states[head]!;
        const read = new Array<number>(d).fill(0);
        for (let row = 0; row < k; row++) {
          const decay = Math.exp(Math.max(least, -Math.log1p(Math.exp(-g[own * k + row]!)) / 16));
          const past = [...kept[head]![row]!.map((one) => one * decay), feature(key[own * k + row]!)];
          kept[head]![row] = past;
          past.forEach((one, j) => {
            if (layer > 0) return;
            const place = (head * n + t) * n + j;
            effective[place] = (effective[place] ?? 0) + (feature(q[head * k + row]!) * one) / Math.sqrt(k);
          });
          for (let c = 0; c < d; c++) {
            state[row]![c] = decay * state[row]![c]! + feature(key[own * k + row]!) * v[own * d + c]!;
            read[c] = read[c]! + (feature(q[head * k + row]!) * state[row]![c]!) / Math.sqrt(k);
          }
        }
        const norm = gated && given['fuse_norm'] !== false ? 'g_norm_swish_gate' : 'g_norm';
        return rms(read, `${at}attn.${norm}`).map(
          (value, c) => value * (gated ? silu(gate[head * d + c]!) : 1) * (layer === 0 ? (gains[head] ?? 1) : 1),
        );
      }).flat();
      const mixed = product(`${at}attn.o_proj`, out).map((value, i) => value + h[i]!);
      const y = rms(mixed, `${at}mlp_norm`);
      const up = product(`${at}mlp.up_proj`, y);
      const inner = product(`${at}mlp.gate_proj`, y).map((value, i) => silu(value) * up[i]!);
      stream[t] = product(`${at}mlp.down_proj`, inner).map((value, i) => value + mixed[i]!);
    });
  }
  return stream.flatMap((h) => product('lm_head', rms(h, 'model.norm')));
}

describe('Law: gated linear attention is its definition', () => {
  for (const { name, config: given } of tinyGla) {
    it(name, async () => {
      const checkpoint = randomCheckpoint(given);
      const planted = await openPlanted(checkpoint);
      try {
        const { spec, sessions } = planted.model;
        const effective = new Array<number>(4 * n * n).fill(0);
        const expected = definition(checkpoint, given, [], effective);
        for (const chunk of [n, 5]) {
          const taps = [{ layer: 0, tap: 'state.effective' }] as const;
          const { logits, layers } = await runPrompt(spec, sessions, { ids, chunk, logits: 'all', taps });
          const matrix = layers[0]?.taps['state.effective'];
          assert.deepEqual(matrix?.shape, [1, 4, n, n]);
          assert.ok(difference([...matrix.data].map(Number), effective, true) <= 1e-5, `E in chunks of ${chunk}`);
          assert.ok(difference(logits?.data ?? [], expected, true) <= 1e-5);
        }
        const run = await SequenceRun.start(spec, sessions, { ids: ids.slice(0, 7), chunk: 4 });
        const rows: number[] = [];
        for (const id of ids.slice(7)) rows.push(...(await run.extend([id])).logits);
        run.dispose();
        assert.ok(difference(rows, expected.slice(-rows.length), true) <= 1e-5);
        // The way back takes blocks of 16 positions: the gradient of a gain in float64.
        const objective = { kind: 'logits', terms: [{ row: n - 1, token: 7, weight: 1 }] } as const;
        const { layers } = await runGradients(planted.model, { ids, objective, headGains: true, chunk: n });
        const at = (gain: number): number => definition(checkpoint, given, [1, 1, gain])[(n - 1) * 61 + 7]!;
        const slope = (at(1 + 1e-5) - at(1 - 1e-5)) / 2e-5;
        const found = layers[0]?.headGains?.[2] ?? Number.NaN;
        assert.ok(Math.abs(found - slope) <= 1e-4 * Math.abs(slope) + 1e-6, `${found} and ${slope}`);
      } finally {
        await planted.close();
      }
    });
  }

  for (const [key, value] of [
    ['use_short_conv', true],
    ['use_gv', true],
  ] as const)
    it(`with ${key} it is refused by name`, () =>
      assert.match(String(runnable(describeModel({ ...tinyGla[0].config, [key]: value }))), new RegExp(`^${key} `)));
});
