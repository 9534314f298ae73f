/** Trained networks on sequences longer than those of their training: what they answer, and which blocks they open. */
import { integers } from '../../../kernels/integers';
import { landmarkChoice } from '../../../kernels/mechanisms/landmark/reference';
import { blockOf, type LandmarkRule } from '../../../kernels/mechanisms/landmark/rule';
import { random, seedFor } from '../../../kernels/tensors/random';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import type { BatchArray, Parameters, Trainer } from '../../model-runner/trainer';
import { recallNetwork, rotaryBase, type NetworkSize } from './network';
import type { LengthTest, Mode, RecallFacts } from './result';
import { passKeyBatch, passKeyText, type PassKeyTask } from './task';
import { mean } from '../../../kernels/tensors/vectors';

export interface TestSetup {
  readonly mode: Mode;
  readonly open: number;
  readonly length: number;
}

/** k: powers of two up to `most`. */
export const opened = (most: number): readonly number[] =>
  integers(0, Math.floor(Math.log2(most)) + 1).map((power) => 2 ** power);

/** Trained length, half of the longest and the longest, each once. */
export const timesOf = (times: number): readonly number[] => [
  ...new Set([1, Math.max(1, Math.floor(times / 2)), times]),
];

/** No landmark stands in a sequence of one block. */
export const ruleOf = (
  { mode, open, length }: TestSetup,
  facts: Pick<RecallFacts, 'block' | 'chunk' | 'positions'>,
): LandmarkRule => {
  if (mode === 'plain') return { block: length, open: Infinity };
  const { block, chunk, positions } = facts;
  if (mode === 'all') return { block, open: Infinity };
  return { block, open, chunk, ...(positions === 'stingy' ? { rotaryBase } : {}) };
};

/** Sequences of a forward pass: few long ones, since plain attention holds a weight for each pair of tokens. */
const together = (length: number): number => Math.max(1, Math.min(8, Math.floor(8192 / length)));

export const testTask = (setup: TestSetup, { values, block, chunk }: RecallFacts): PassKeyTask => ({
  values,
  block,
  length: setup.length,
  apart: chunk,
  landmarks: setup.mode !== 'plain',
});

/** The tests of one setup on the runs of its network, one after another. All setups of one length read the same keys in the same places. */
export function lengthTest(trainer: Trainer, size: NetworkSize, setup: TestSetup, facts: RecallFacts, seed: number) {
  const rule = ruleOf(setup, facts);
  const batch = together(setup.length);
  const title = setup.mode === 'topk' ? `${setup.open} blocks opened` : setup.mode;
  const network = recallNetwork(`${title}, ${setup.length} tokens`, size, { batch, length: setup.length }, rule);
  const source = random(seedFor(seed, `${setup.length} tokens`));
  const batches = integers(0, Math.ceil(facts.sequences / batch)).map(() =>
    integers(0, batch).map(() => passKeyText(testTask(setup, facts), source)),
  );
  return async (parameters: Parameters): Promise<Pick<LengthTest, 'success' | 'hit' | 'beside'>> => {
    const right: number[] = [];
    const hits: number[] = [];
    const beside: number[] = [];
    for (const texts of batches) {
      const { outputs } = await trainer.forward(network, parameters, passKeyBatch(texts));
      const [best, query, key] = [outputs['best'], outputs['query'], outputs['key']];
      if (!best || !query || !key) throw new RangeError(`${network.name} gave no answers`);
      texts.forEach(({ answer, place }, at) => {
        right.push(Number(best.data[at]) === answer ? 1 : 0);
        if (setup.mode !== 'topk') return;
        const reads = blocksRead({ query: sequenceOf(query, at), key: sequenceOf(key, at) }, size, setup, rule);
        const block = blockOf(rule, place);
        hits.push(reads(block) ? 1 : 0);
        beside.push(reads(block) || reads(block + 1) ? 1 : 0);
      });
    }
    const share = (of: readonly number[]): number => (of.length > 0 ? mean(of) : Number.NaN);
    return { success: mean(right), hit: share(hits), beside: share(beside) };
  };
}

/** Whether some head of the last layer opens a block for the last query. */
function blocksRead(
  inputs: { readonly query: Tensor; readonly key: Tensor },
  { heads, headDim }: NetworkSize,
  { length }: TestSetup,
  rule: LandmarkRule,
): (block: number) => boolean {
  const shape = {
    pattern: 'causal-self' as const,
    ...{ batch: 1, heads, kvHeads: heads, queries: 1, keys: length, headDim, valueDim: headDim },
  };
  const ofHeads = integers(0, heads).map((head) => landmarkChoice(inputs, shape, rule, head));
  // A block is opened whole: its first token stands for it.
  return (block) => ofHeads.some((reads) => reads(0, block * (rule.block + 1)));
}

/** One sequence of [b, h, n, d], as [1, h, n, d]. */
function sequenceOf({ data, shape: [batch = 1, ...rest] }: BatchArray, at: number): Tensor {
  const size = data.length / batch;
  return tensor([1, ...rest], Float64Array.from(data.subarray(at * size, (at + 1) * size) as Float32Array));
}
