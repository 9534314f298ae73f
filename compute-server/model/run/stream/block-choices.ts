/** Scores of the blocks that heads may choose, and which they open, row by row (variant 0). */
import type { ChosenBlocks } from '../../../../diagnostics/model-runner/run-request';
import { blockScoreOutputs } from '../../../../models/instrument/interventions/block-choice';
import type { RuntimeValues } from '../../../runtime/session';
import { floats } from '../graphs/runtime-arrays';

export class BlockChoices {
  private readonly found: ChosenBlocks['rows'][number][] = [];

  constructor(
    private readonly heads: number,
    /** Rows that are asked for; absent: all. */
    private readonly wanted?: readonly number[],
  ) {}

  wants(start: number, length: number): boolean {
    return this.wanted?.some((row) => row >= start && row < start + length) ?? true;
  }

  /** Of the rows [start, start + length); nothing where none of them chooses. */
  add(values: RuntimeValues, start: number, length: number): void {
    const [scores, chosen] = blockScoreOutputs.map((name) => floats(values, name));
    const blocks = values[blockScoreOutputs[0]]?.shape[3] ?? 0;
    if (!scores || !chosen || blocks === 0) return;
    for (let row = 0; row < length; row++) {
      if (this.wanted && !this.wanted.includes(start + row)) continue;
      const [ofRow, opened] = [new Float32Array(this.heads * blocks), new Uint8Array(this.heads * blocks)];
      for (let head = 0; head < this.heads; head++) {
        const from = (head * length + row) * blocks;
        ofRow.set(scores.subarray(from, from + blocks), head * blocks);
        for (let block = 0; block < blocks; block++) opened[head * blocks + block] = chosen[from + block] === 1 ? 1 : 0;
      }
      this.found.push({ row: start + row, scores: ofRow, opened });
    }
  }

  get rows(): ChosenBlocks['rows'] {
    return this.found;
  }
}
