/** The simulator of neighborhood attention, as the panel asks it. Nothing is run. */
import {
  endToEndBound,
  isBlockSparse,
  passesBlockSparseTest,
  queryTilesOf,
  simulate,
  simulateFlattened,
  withoutDominated,
  type KeyTiling,
  type SimulatedAxis,
} from '../../kernels/mechanisms/gna/simulator';
import type { NeighborhoodBound, NeighborhoodRequest, NeighborhoodStride } from '../../protocol/compute/neighborhood';
import { FailureError } from '../../protocol/wire/failures';

/** Runs of keys that are looked up for flattened tiles: a few seconds. */
const mostRuns = 6e7;

export function neighborhoodBound({
  axes,
  tiling,
  attentionShare,
  sparseSteps,
}: NeighborhoodRequest): NeighborhoodBound {
  const wholeStep = (bound: number) => endToEndBound(bound, attentionShare, sparseSteps);
  if (tiling === 'flattened') {
    const simulation = flattened(axes);
    return { ...simulation, endToEnd: wholeStep(simulation.bound), strides: [], tiles: [] };
  }
  const simulation = simulate(axes, tiling);
  return {
    ...simulation,
    endToEnd: wholeStep(simulation.bound),
    blockSparse: axes.every((axis) => isSparse(axis, tiling)),
    passesTest: axes.every((axis) => axis.dilation === 1 && passesBlockSparseTest(axis, tiling)),
    smallestBlockSparse: axes.map((axis) => smallestStride(axis, tiling)),
    strides: stridesOf(axes, tiling).map((each) => ({ ...each, endToEnd: wholeStep(each.bound) })),
    tiles: axes.map((axis) => queryTilesOf(axis, tiling)),
  };
}

/** Tiles of a fixed grid are looked at; those that begin with a window are judged by the released test. */
const isSparse = (axis: SimulatedAxis, tiling: KeyTiling): boolean =>
  tiling === 'static' ? isBlockSparse(axis) : passesBlockSparseTest(axis, tiling);

function smallestStride(axis: SimulatedAxis, tiling: KeyTiling): number | null {
  for (let stride = 1; stride <= axis.window; stride++) {
    if (isSparse({ ...axis, stride }, tiling)) return stride;
  }
  return null;
}

function flattened(axes: readonly SimulatedAxis[]) {
  const product = (of: (axis: SimulatedAxis) => number) => axes.reduce((total, axis) => total * of(axis), 1);
  const last = axes.at(-1)!;
  const runs =
    (product(({ size }) => size) * product(({ window }) => window)) / (last.dilation === 1 ? last.window : 1);
  if (runs > mostRuns) {
    throw new FailureError({
      code: 'unsupported',
      detail: 'Flattened tiles of this feature map take minutes to count: make the map or the window smaller.',
    });
  }
  return simulateFlattened(
    axes,
    product(({ queryTile }) => queryTile),
    product(({ keyTile }) => keyTile),
  );
}

function stridesOf(axes: readonly SimulatedAxis[], tiling: KeyTiling): readonly Omit<NeighborhoodStride, 'endToEnd'>[] {
  const along = axes.map(({ window, stride }) => {
    const powers = Array.from({ length: Math.floor(Math.log2(window)) + 1 }, (_, at) => 2 ** at);
    return [...new Set([...powers, stride, window])].sort((a, b) => a - b);
  });
  const combined = along.reduce<readonly (readonly number[])[]>(
    (all, strides) => all.flatMap((outer) => strides.map((stride) => [...outer, stride])),
    [[]],
  );
  // Each stride of an axis is simulated alone: the tiles of a configuration are the products of those along its axes.
  const single = axes.map(
    (axis, at) => new Map(along[at]!.map((stride) => [stride, simulate([{ ...axis, stride }], tiling).bound])),
  );
  const configurations = combined.map((strides) => ({
    strides,
    bound: strides.reduce((bound, stride, at) => bound * single[at]!.get(stride)!, 1),
  }));
  return [...withoutDominated(configurations)].sort((a, b) => a.bound - b.bound);
}
