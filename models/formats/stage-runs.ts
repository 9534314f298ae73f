import type { ModelPart } from './model-description';

/** Neighbouring layers of one width. */
export interface StageRun {
  readonly layers: number;
  readonly heads: number;
  readonly headDim: number;
  readonly hiddenSize: number;
  readonly positions?: number;
  /** Positions that keys and values are made of, where they are fewer (SegFormer). */
  readonly sourcePositions?: number;
}

/** The stages of a tower whose layers differ in width; none for all others. */
export function stageRuns({ layers }: ModelPart): readonly StageRun[] {
  const runs: StageRun[] = [];
  for (const { hiddenSize, positions, attention } of layers) {
    if (hiddenSize === undefined) return [];
    const open = runs[runs.length - 1];
    if (open?.hiddenSize === hiddenSize && open.positions === positions && open.heads === attention.heads) {
      runs[runs.length - 1] = { ...open, layers: open.layers + 1 };
      continue;
    }
    const { heads, headDim, sourcePositions } = attention;
    runs.push({
      layers: 1,
      heads,
      headDim,
      hiddenSize,
      ...(positions === undefined ? {} : { positions }),
      ...(sourcePositions === undefined ? {} : { sourcePositions }),
    });
  }
  return runs.length > 1 ? runs : [];
}
