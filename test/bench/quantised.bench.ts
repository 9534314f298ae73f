/** The speed of GGUF files against llama.cpp on the same file: synthetic llamas of random valid blocks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WeightChoice } from '../../protocol/inputs/weights';
import type { Bench } from './support/bench';
import { compareWithLlamaCpp, type Targets } from './support/llama-comparison';
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

/** Rounding of keys and values to float16 moves log p by 1e-3, that of activations to 8 bits by up to 0.5. */
const difference = (format: SyntheticFormat): number => (format === 'F32' ? 0.02 : 1);

const bench: Bench = {
  name: 'quantised',
  onRequest: true,
  async run(report) {
    const room = mkdtempSync(join(tmpdir(), 'headscope-bench-quantised-'));
    const file = join(room, 'model.gguf');
    try {
      for (const [name, model, format, rounds] of files) {
        writeSyntheticGguf(file, model, format);
        for (const ways of rounds) {
          const { vocabulary } = model;
          await compareWithLlamaCpp(report, { name, file, vocabulary, threads, ways, difference: difference(format) });
        }
      }
    } finally {
      rmSync(room, { recursive: true });
    }
  },
};
export default bench;
