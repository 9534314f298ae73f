/** Visual attention sinks of a run: collected layer by layer, so that no more than one layer's states are held. */
import { sinkDimensions, sinkThreshold, sinkValue } from '../../diagnostics/hallucination/sinks';
import type { ImageSinks } from '../../protocol/results/hallucination';
import type { ResidualStream } from './run-request';

/** The first layer whose input is looked at (arXiv 2503.03321: sinks form in the first two). */
const firstLayer = 2;

export class SinkCollector {
  /** Input of layer l at row 0, by layer from 0; empty where it was not looked at. */
  private readonly firstRow: Float32Array[] = [];
  /** By layer: states of rows that are massive in some dimension, by the row's place among `rows`. */
  private readonly massive = new Map<number, Map<number, Float32Array>>();

  constructor(
    private readonly rows: readonly number[],
    private readonly layers: number,
    private readonly threshold = sinkThreshold,
  ) {}

  /** The stream that leaves a layer and enters the next. */
  add({ layer, chunks, width, batch }: ResidualStream): void {
    if (layer >= this.layers || batch !== 1) return;
    const state = (row: number): Float32Array => {
      let left = row;
      for (const chunk of chunks) {
        const length = chunk.length / width;
        if (left < length) return chunk.subarray(left * width, (left + 1) * width);
        left -= length;
      }
      return new Float32Array(width);
    };
    this.firstRow[layer] = state(0).slice();
    if (layer < firstLayer) return;
    const found = new Map<number, Float32Array>();
    const every = Array.from({ length: width }, (_, d) => d);
    this.rows.forEach((row, token) => {
      const x = state(row);
      if (sinkValue(x, every) >= this.threshold) found.set(token, x.slice());
    });
    this.massive.set(layer, found);
  }

  sinks(): ImageSinks {
    const states = Array.from({ length: this.layers }, (_, layer) => this.firstRow[layer] ?? new Float32Array(0));
    const dimensions = sinkDimensions(states, this.threshold);
    const tokens = new Map<number, { phi: number; layers: number[] }>();
    for (const [layer, found] of this.massive) {
      for (const [token, state] of found) {
        const phi = sinkValue(state, dimensions);
        if (phi < this.threshold) continue;
        const known = tokens.get(token) ?? { phi: 0, layers: [] };
        tokens.set(token, { phi: Math.max(known.phi, phi), layers: [...known.layers, layer] });
      }
    }
    return {
      dimensions,
      threshold: this.threshold,
      tokens: [...tokens].sort(([a], [b]) => a - b).map(([token, rest]) => ({ token, ...rest })),
    };
  }
}
