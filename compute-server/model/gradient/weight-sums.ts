/** Gradients of stored tensors, added up over chunks of queries and over the pieces of the model that read them. */
import { storedRows, weightGradient } from '../../../models/architectures/gradient-graphs';
import type { StoredWeights } from '../../../models/architectures/stored-weights';
import type { RuntimeValues } from '../../runtime/session';

interface WeightSum {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

const prefix = weightGradient('');

export class WeightSums {
  readonly found = new Map<string, WeightSum>();

  constructor(
    private readonly weights: StoredWeights,
    readonly names: readonly string[],
  ) {}

  add(values: RuntimeValues): void {
    for (const [output, { data }] of Object.entries(values)) {
      if (!output.startsWith(prefix) || !(data instanceof Float32Array)) continue;
      const { name, first, count } = storedRows(output.slice(prefix.length));
      // Rows of a tensor with more than two axes (the experts of a layer) are those of its matrices, not of its first axis.
      this.addAt(name, count === undefined ? 0 : first * (data.length / count), data);
    }
  }

  /** Adds to rows of a tensor, where it is asked for. */
  addTo(name: string, first: number, more: Float32Array): void {
    const { shape } = this.weights.find(name) ?? { shape: [] };
    this.addAt(name, first * shape.slice(1).reduce((product, axis) => product * axis, 1), more);
  }

  private addAt(name: string, from: number, more: Float32Array): void {
    if (!this.names.includes(name)) return;
    const { data } = this.sumOf(name);
    for (let i = 0; i < more.length; i++) data[from + i] = (data[from + i] ?? 0) + (more[i] ?? 0);
  }

  /** A name that nothing gave a gradient for. */
  missing(): string | undefined {
    return this.names.find((name) => !this.found.has(name));
  }

  private sumOf(name: string): WeightSum {
    const known = this.found.get(name);
    if (known) return known;
    const shape = this.weights.find(name)?.shape ?? [];
    const sum = { data: new Float32Array(shape.reduce((product, axis) => product * axis, 1)), shape };
    this.found.set(name, sum);
    return sum;
  }
}
