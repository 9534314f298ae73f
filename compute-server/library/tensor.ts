/** Numbers of a run, row-major: the last axis is the one that runs fastest. */
export class Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];

  constructor(data: Float32Array, shape: readonly number[]) {
    this.data = data;
    this.shape = shape;
  }

  /** One number, by an index for each axis. A negative index counts from the end. */
  at(...indices: readonly number[]): number {
    if (indices.length !== this.shape.length) {
      throw new RangeError(
        `This tensor has ${this.shape.length} axes, [${this.shape.join(', ')}], and ${indices.length} indices are given.`,
      );
    }
    return this.data[this.place(indices)] ?? NaN;
  }

  /** The part behind the first indices: of [heads, queries, keys], `part(3)` is [queries, keys] of head 3. It shares the numbers. */
  part(...indices: readonly number[]): Tensor {
    if (indices.length > this.shape.length) {
      throw new RangeError(
        `This tensor has ${this.shape.length} axes, [${this.shape.join(', ')}], and ${indices.length} indices are given.`,
      );
    }
    const shape = this.shape.slice(indices.length);
    const size = shape.reduce((product, axis) => product * axis, 1);
    const start = this.place(indices) * size;
    return new Tensor(this.data.subarray(start, start + size), shape);
  }

  /** The numbers as an ordinary array. */
  toArray(): number[] {
    return Array.from(this.data);
  }

  private place(indices: readonly number[]): number {
    return indices.reduce((sum, index, axis) => {
      const size = this.shape[axis] ?? 0;
      const at = index < 0 ? index + size : index;
      if (!Number.isInteger(at) || at < 0 || at >= size) {
        throw new RangeError(
          `Index ${index} is outside axis ${axis} of [${this.shape.join(', ')}]: give a whole number from 0 to ${size - 1}.`,
        );
      }
      return sum * size + at;
    }, 0);
  }
}
