/** RWKV-6 against a pass in float64, position by position, from its definition (arXiv:2404.05892, section 4) and its published code. */
import assert from 'node:assert/strict';
import { SequenceRun } from '../../../compute-server/model/generation/sequence-run';
import { runGradients } from '../../../compute-server/model/gradient/gradient-run';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { runnable } from '../../../models/architectures/catalogue';
import { describeModel } from '../../../models/formats/describe-model';
import { openPlanted } from '../../support/checkpoints/open-planted';
import type { Checkpoint } from '../../support/checkpoints/planted-circuit';
import { randomCheckpoint } from '../../support/checkpoints/tiny-experts';
import { tinyRwkv6 } from '../../support/checkpoints/tiny-rwkv6';
import { difference } from '../../support/reference/compare-model';

const ids = [5, 17, 3, 42, 17, 8, 29, 3, 50, 11, 60, 1, 33, 7, 7, 21, 19, 4];
const n = ids.length;
const [width, rank] = [24, 32];

type Row = readonly number[];
const silu = (x: number): number => x / (1 + Math.exp(-x));

function passes({ tensors }: Checkpoint) {
  const of = (name: string): Row => [...(tensors.get(name)?.data ?? assert.fail(name))];
  return {
    of,
    /** Stored output by output. */
    product: (name: string, x: Row): number[] => {
      const rows = of(`${name}.weight`);
      return Array.from({ length: rows.length / x.length }, (_, o) =>
        x.reduce((sum, value, i) => sum + value * rows[o * x.length + i]!, 0),
      );
    },
    /** Stored input by input. */
    columns: (name: string, x: Row, from: number, outputs: number): number[] => {
      const all = of(name);
      return Array.from({ length: outputs }, (_, o) =>
        x.reduce((sum, value, i) => sum + value * all[(from + i) * outputs + o]!, 0),
      );
    },
    normed: (name: string, x: Row, epsilon: number, from = 0): number[] => {
      const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
      const scale = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length + epsilon);
      const [gain, offset] = [of(`${name}.weight`), of(`${name}.bias`)];
      return x.map((value, i) => ((value - mean) / scale) * gain[from + i]! + offset[from + i]!);
    },
  };
}

/** What a position of layer 0 reads and leaves: receptance, key, and decays between 0 and 1. */
interface Read {
  readonly r: Row;
  readonly k: Row;
  readonly kept: Row;
}

/** Logits of every position, [n v]. `gains`: of the heads of layer 0, whose positions are put into `reads`. */
function definition(
  checkpoint: Checkpoint,
  given: Readonly<Record<string, unknown>>,
  gains: Row,
  reads: Read[] = [],
): number[] {
  const { of, product, columns, normed } = passes(checkpoint);
  const size = Number(given['head_size']);
  const heads = width / size;
  const epsilon = 1e-5 * Number(given['head_size_divisor'] ?? 8) ** 2;
  const stream = ids.map((id) =>
    normed('rwkv.blocks.0.pre_ln', of('rwkv.embeddings.weight').slice(id * width, (id + 1) * width), 1e-5),
  );
  for (let layer = 0; layer < 2; layer++) {
    const [at, own, next] = ['', 'attention.', 'feed_forward.'].map((name) => `rwkv.blocks.${layer}.${name}`) as [
      string,
      string,
      string,
    ];
    /** Moves each number toward the previous position by its share. */
    const moved = (x: Row, last: Row, share: Row): number[] =>
      x.map((value, i) => value + (last[i]! - value) * share[i]!);
    const states = Array.from({ length: width }, () => new Array<number>(size).fill(0));
    let [last, lastOfNetwork] = [new Array<number>(width).fill(0), new Array<number>(width).fill(0)];
    stream.forEach((h, t) => {
      const x = normed(`${at}ln1`, h, 1e-5);
      const low = columns(`${own}time_maa_w1`, moved(x, last, of(`${own}time_maa_x`)), 0, 5 * rank).map(Math.tanh);
      const [forDecay, forKey, forValue, forReceptance, forGate] = [...'wkvrg'].map((letter, i) => {
        const more = columns(`${own}time_maa_w2`, low.slice(i * rank, (i + 1) * rank), i * rank, width);
        const share = of(`${own}time_maa_${letter}`);
        return moved(
          x,
          last,
          more.map((value, c) => value + share[c]!),
        );
      }) as [number[], number[], number[], number[], number[]];
      last = x;
      const [r, k, v] = [
        product(`${own}receptance`, forReceptance),
        product(`${own}key`, forKey),
        product(`${own}value`, forValue),
      ];
      const gate = product(`${own}gate`, forGate).map(silu);
      const inner = columns(`${own}time_decay_w1`, forDecay, 0, 2 * rank).map(Math.tanh);
      const base = of(`${own}time_decay`);
      const w = columns(`${own}time_decay_w2`, inner, 0, width).map((value, c) => value + base[c]!);
      const u = of(`${own}time_faaaa`);
      const kept = w.map((value) => Math.exp(-Math.exp(value)));
      if (layer === 0) reads.push({ r, k, kept });
      const out = Array.from({ length: heads }, (_, head) => {
        const read = new Array<number>(size).fill(0);
        for (let row = head * size; row < (head + 1) * size; row++)
          for (let c = 0; c < size; c++) {
            const fresh = k[row]! * v[head * size + c]!;
            read[c]! += r[row]! * (states[row]![c]! + u[row]! * fresh);
            states[row]![c] = kept[row]! * states[row]![c]! + fresh;
          }
        const gain = layer === 0 ? (gains[head] ?? 1) : 1;
        return normed(`${own}ln_x`, read, epsilon, head * size).map(
          (value, c) => value * gate[head * size + c]! * gain,
        );
      }).flat();
      const mixed = product(`${own}output`, out).map((value, i) => value + h[i]!);
      const y = normed(`${at}ln2`, mixed, 1e-5);
      const up = product(`${next}key`, moved(y, lastOfNetwork, of(`${next}time_maa_k`)));
      const open = product(`${next}receptance`, moved(y, lastOfNetwork, of(`${next}time_maa_r`)));
      lastOfNetwork = y;
      const down = product(
        `${next}value`,
        up.map((value) => Math.max(0, value) ** 2),
      );
      stream[t] = mixed.map((value, i) => value + down[i]! / (1 + Math.exp(-open[i]!)));
    });
  }
  return stream.flatMap((h) => product('head', normed('rwkv.ln_out', h, 1e-5)));
}

/** The factor of the value of each position in the output of each, for layer 0, [h n n]. */
function effective(reads: readonly Read[], u: Row, size: number): number[] {
  const share = (head: number, t: number, j: number): number => {
    let sum = 0;
    for (let row = head * size; row < (head + 1) * size; row++) {
      const between = reads.slice(j + 1, t).reduce((product, { kept }) => product * kept[row]!, 1);
      sum += reads[t]!.r[row]! * (j === t ? u[row]! : between) * reads[j]!.k[row]!;
    }
    return j > t ? 0 : sum;
  };
  return Array.from({ length: width / size }, (_, head) =>
    ids.map((_t, t) => ids.map((_j, j) => share(head, t, j))),
  ).flat(2);
}

/** With random numbers a state would forget what is three positions back. */
function slow(checkpoint: Checkpoint): Checkpoint {
  for (const [name, { data }] of checkpoint.tensors)
    if (name.endsWith('.time_decay')) for (let i = 0; i < data.length; i++) data[i]! -= 2.5;
  return checkpoint;
}

describe('Law: RWKV-6 is its definition', () => {
  for (const { name, config: given } of tinyRwkv6) {
    it(name, async () => {
      const checkpoint = slow(randomCheckpoint(given));
      const opened = await openPlanted(checkpoint);
      try {
        const { model } = opened;
        const { spec, sessions } = model;
        const reads: Read[] = [];
        const expected = definition(checkpoint, given, [], reads);
        const u = [...(checkpoint.tensors.get('rwkv.blocks.0.attention.time_faaaa')?.data ?? [])];
        const matrix = effective(reads, u, given.head_size);
        for (const chunk of [n, 5]) {
          const taps = [{ layer: 0, tap: 'state.effective' }] as const;
          const { logits, layers } = await runPrompt(spec, sessions, { ids, chunk, logits: 'all', taps });
          assert.ok(difference(logits?.data ?? [], expected, true) <= 1e-5);
          const tapped = layers[0]?.taps['state.effective']?.data ?? [];
          assert.ok(difference(tapped, matrix, true) <= 1e-5);
        }
        const run = await SequenceRun.start(spec, sessions, { ids: ids.slice(0, 7), chunk: 4 });
        const rows: number[] = [];
        for (const id of ids.slice(7)) rows.push(...(await run.extend([id])).logits);
        run.dispose();
        assert.ok(difference(rows, expected.slice(-rows.length), true) <= 1e-5);
        // The way back takes blocks of 16 positions: the gradient of a gain in float64.
        const objective = { kind: 'logits', terms: [{ row: n - 1, token: 7, weight: 1 }] } as const;
        const { layers } = await runGradients(model, { ids, objective, headGains: true, chunk: n });
        const logit = (gain: number): number => definition(checkpoint, given, [1, gain])[(n - 1) * 61 + 7]!;
        const slope = (logit(1 + 1e-5) - logit(1 - 1e-5)) / 2e-5;
        const found = layers[0]?.headGains?.[1] ?? Number.NaN;
        assert.ok(Math.abs(found - slope) <= 1e-4 * Math.abs(slope) + 1e-6, `${found} and ${slope}`);
      } finally {
        await opened.close();
      }
    });
  }

  for (const [key, value, why] of [
    ['num_heads', 4, /^num_heads is 4, /],
    ['layer_norm_epsilon', 1e-6, /^layer_norm_epsilon is 0\.000001, /],
  ] as const)
    it(`with ${key} ${value} it is refused by name`, () =>
      assert.match(String(runnable(describeModel({ ...tinyRwkv6[0].config, [key]: value }))), why));
});
