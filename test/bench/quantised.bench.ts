/**
 * The speed of GGUF files against llama.cpp on the same file: synthetic llamas of random valid blocks. HEADSCOPE_QUANTISED takes words:
 * `short` for small files and few rounds, which shows in two minutes that everything runs; others must be in the name of a file
 * (`HEADSCOPE_QUANTISED="322 Q8_0"` runs one).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WeightChoice } from '../../protocol/inputs/weights';
import type { Bench } from './support/bench';
import { compareWithLlamaCpp, shortAmount, usualAmount, type Targets } from './support/llama-comparison';
import { writeSyntheticGguf, type SyntheticFormat } from './support/synthetic-gguf';
import { oneBillion, realSize, type SyntheticModel } from './support/synthetic-model';

const threads = 2;

const exact: Targets = { statistics: 1.3 };
const rounded: Targets = { decode: 1, prefill: 0.8, statistics: 1.3 };
type Ways = Readonly<Partial<Record<WeightChoice, Targets>>>;
const float32: Ways = { 'as-stored': { decode: 1.05, ...exact } };
const both: Ways = { 'as-stored': exact, 'int8-activations': rounded };
/** One after the other: three processes of this size take too much memory at once. */
const inTurn: readonly Ways[] = [{ 'int8-activations': rounded }, { 'as-stored': exact }];

const files: readonly (readonly [string, SyntheticModel, SyntheticFormat, readonly Ways[]])[] = [
  ['322 M in F32', realSize, 'F32', [float32]],
  ['322 M in Q8_0', realSize, 'Q8_0', [both]],
  ['322 M in Q4_K_M', realSize, 'Q4_K_M', [both]],
  ['1.2 B in Q8_0', oneBillion, 'Q8_0', inTurn],
  ['1.2 B in Q4_K_M', oneBillion, 'Q4_K_M', inTurn],
];

/** The same proportions in 4 layers. */
const small = (model: SyntheticModel): SyntheticModel => ({ ...model, layers: 4, inner: 1024, vocabulary: 2048 });

/** Rounding of keys and values to float16 moves log p by 1e-3, that of activations to 8 bits by up to 0.5. */
const difference = (format: SyntheticFormat): number => (format === 'F32' ? 0.02 : 1);

const bench: Bench = {
  name: 'quantised',
  onRequest: true,
  async run(report) {
    const words = (process.env['HEADSCOPE_QUANTISED'] ?? '').split(' ').filter((word) => word !== '');
    const isShort = words.includes('short');
    const wanted = files.filter(([name]) => words.every((word) => word === 'short' || name.includes(word)));
    if (wanted.length === 0) throw new Error(`No file of this bench has ${words.join(' and ')} in its name.`);
    const amount = isShort ? shortAmount : usualAmount;
    const room = mkdtempSync(join(tmpdir(), 'headscope-bench-quantised-'));
    const file = join(room, 'model.gguf');
    try {
      for (const [shape, whole, format, rounds] of wanted) {
        const model = isShort ? small(whole) : whole;
        const name = isShort ? `${shape}, cut short` : shape;
        writeSyntheticGguf(file, model, format);
        for (const round of rounds) {
          // Times of a short run are held to no target.
          const ways: Ways = isShort ? Object.fromEntries(Object.keys(round).map((way) => [way, {}])) : round;
          const { vocabulary } = model;
          const most = difference(format);
          await compareWithLlamaCpp(report, { name, file, vocabulary, threads, ways, difference: most, amount });
        }
      }
    } finally {
      rmSync(room, { recursive: true });
    }
  },
};
export default bench;
