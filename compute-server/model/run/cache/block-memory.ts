/**
 * What a layer whose heads choose blocks keeps beside its keys and values: what stands for each complete block, and the queries of
 * the block that is not complete yet (models/instrument/changes/block-choice.ts).
 */
export class BlockMemory {
  /** Rows that the layer has run. */
  rows = 0;
  private representatives: Float32Array = new Float32Array(0);
  private blocks = 0;
  /** Position first, of the rows since the last complete block. */
  private queries: Float32Array = new Float32Array(0);

  constructor(
    /** Positions of a block. */
    private readonly width: number,
    private readonly batch: number,
    /** Heads of what stands for a block, [standing, d]; `heads` are those of the queries. */
    private readonly standing: number,
    private readonly heads: number,
    private readonly headDim: number,
  ) {}

  /** [blocks, b, heads, d] and [p, b, h, d] before the next row. */
  feeds(): {
    readonly before: Float32Array;
    readonly blocks: number;
    readonly queries: Float32Array;
    readonly started: number;
  } {
    const each = this.batch * this.standing * this.headDim;
    return {
      before: this.representatives.subarray(0, this.blocks * each),
      blocks: this.blocks,
      queries: this.queries,
      started: this.rows % this.width,
    };
  }

  /** What a call of `count` rows gave: queries [count, b, h, d], what stands for the blocks that it completed. */
  take(count: number, queries: Float32Array, made: Float32Array): void {
    const each = this.batch * this.standing * this.headDim;
    const fresh = made.length / each;
    const need = (this.blocks + fresh) * each;
    if (need > this.representatives.length) {
      const grown = new Float32Array(Math.max(need, 2 * this.representatives.length));
      grown.set(this.representatives.subarray(0, this.blocks * each));
      this.representatives = grown;
    }
    this.representatives.set(made, this.blocks * each);
    this.blocks += fresh;
    const row = this.batch * this.heads * this.headDim;
    this.rows += count;
    const open = this.rows % this.width;
    const all = new Float32Array(this.queries.length + queries.length);
    all.set(this.queries);
    all.set(queries, this.queries.length);
    this.queries = all.slice(all.length - open * row);
  }

  /** As it was before a row, whose block began with these queries [p, h, d]; of a batch of one. */
  before(row: number, queries: Float32Array): BlockMemory {
    const memory = new BlockMemory(this.width, this.batch, this.standing, this.heads, this.headDim);
    memory.rows = row;
    memory.blocks = Math.floor(row / this.width);
    memory.representatives = this.representatives.slice(0, memory.blocks * this.standing * this.headDim);
    memory.queries = queries;
    return memory;
  }

  /** A copy of one sequence for `batch` that go on from here side by side. */
  branch(batch: number): BlockMemory {
    if (this.batch !== 1) throw new RangeError(`the blocks of ${this.batch} variants cannot branch into ${batch}`);
    const copy = new BlockMemory(this.width, batch, this.standing, this.heads, this.headDim);
    copy.rows = this.rows;
    copy.blocks = this.blocks;
    copy.representatives = repeated(
      this.representatives.subarray(0, this.blocks * this.standing * this.headDim),
      this.standing * this.headDim,
      batch,
    );
    copy.queries = repeated(this.queries, this.heads * this.headDim, batch);
    return copy;
  }

  bytes(): number {
    return 4 * (this.blocks * this.batch * this.standing * this.headDim + this.queries.length);
  }
}

/** [rows, width] -> [rows, batch, width] */
function repeated(data: Float32Array, width: number, batch: number): Float32Array {
  const out = new Float32Array(data.length * batch);
  for (let at = 0; at < data.length; at += width) {
    for (let b = 0; b < batch; b++) out.set(data.subarray(at, at + width), at * batch + b * width);
  }
  return out;
}
