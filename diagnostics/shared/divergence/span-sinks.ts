/** Visual attention sinks of a run: collected layer by layer, so that no more than one layer's states are held. */
import { sinkDimensions, sinkThreshold, sinkValue } from './sinks';
import type { ImageSinks } from '../../../protocol/results/hallucination-schema';
import type { ResidualStream } from '../../model-runner/run-request';
import type { ModelFacts } from '../../model-runner/model-runner';
import { stateOf } from '../../model-runner/stream-state';
import type { Sequence } from '../../model-runner/sequence';

/** The first layer whose input is looked at (arXiv 2503.03321: sinks form in the first two). */
const firstLayer = 2;

export interface SinkSearch {
  /** Rows of the sequence that may be sinks. */
  readonly rows: readonly number[];
  /** The row in whose massive dimensions they are looked for. */
  readonly first: number;
  readonly layers: number;
  /** D, the width of a hidden state. */
  readonly width: number;
}

/**
 * The row that stands for the first token of the text: the beginning-of-sequence token, which PaliGemma has behind the image;
 * the first row outside the image where the sequence has none.
 */
export function firstTextRow({ ids, image }: Sequence, bosId: number | undefined): number {
  const written = bosId === undefined ? -1 : ids.indexOf(bosId);
  if (written >= 0) return written;
  return image?.start === 0 ? image.end : 0;
}

/** A search among the rows that show the picture; undefined where the prompt has none. */
export function sinkSearchOf(sequence: Sequence, { blocks, hiddenSize, bosId }: ModelFacts): SinkSearch | undefined {
  const rows = sequence.image && sequence.groups?.find(({ name }) => name === 'image')?.positions;
  return rows && { rows, first: firstTextRow(sequence, bosId), layers: blocks.length, width: hiddenSize };
}

/** One sentence where no state can pass the threshold, or no layer is looked at; undefined where the rule applies. */
function whyNone({ layers, width }: SinkSearch, threshold: number): string | undefined {
  if (width < threshold ** 2) {
    return `Attention sinks cannot be detected: a hidden state of ${width} numbers has no activation above ${Math.sqrt(width).toFixed(1)} times its root mean square, and the rule asks for ${threshold}, which takes a width of ${threshold ** 2}.`;
  }
  if (layers <= firstLayer) {
    return `Attention sinks cannot be detected: the rule looks at the input of the third layer and later ones, and the model has ${layers}.`;
  }
  return undefined;
}

export class SinkCollector {
  /** Input of layer l at the row `first`, by layer from 0; empty where it was not looked at. */
  private readonly firstRow: Float32Array[] = [];
  /** By layer: states of rows that are massive in some dimension, by the row's place among `rows`. */
  private readonly massive = new Map<number, Map<number, Float32Array>>();

  constructor(
    private readonly search: SinkSearch,
    private readonly threshold = sinkThreshold,
  ) {}

  /** The stream that leaves a layer and enters the next. */
  add(stream: ResidualStream): void {
    const { layer, width, hidden = width, batch } = stream;
    const { rows, first, layers } = this.search;
    if (layer >= layers || batch !== 1) return;
    const state = (row: number): Float32Array => stateOf(stream, row);
    this.firstRow[layer] = state(first).slice();
    if (layer < firstLayer) return;
    const found = new Map<number, Float32Array>();
    const every = Array.from({ length: hidden }, (_, d) => d);
    rows.forEach((row, token) => {
      const x = state(row);
      if (sinkValue(x, every) >= this.threshold) found.set(token, x.slice());
    });
    this.massive.set(layer, found);
  }

  sinks(): ImageSinks {
    const states = Array.from(
      { length: this.search.layers },
      (_, layer) => this.firstRow[layer] ?? new Float32Array(0),
    );
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
    const notApplicable = whyNone(this.search, this.threshold);
    return {
      ...(notApplicable === undefined ? {} : { notApplicable }),
      dimensions,
      threshold: this.threshold,
      tokens: [...tokens].sort(([a], [b]) => a - b).map(([token, rest]) => ({ token, ...rest })),
    };
  }
}
