/** The simulator of neighborhood attention, as the panel asks it. Nothing is run. */
import { endToEndBound, isBlockSparse, queryTilesOf, simulate } from '../../kernels/mechanisms/gna/simulator';
import type { NeighborhoodBound, NeighborhoodRequest } from '../../protocol/compute/neighborhood';

export function neighborhoodBound({ axes, tiling, attentionShare }: NeighborhoodRequest): NeighborhoodBound {
  const simulation = simulate(axes, tiling);
  return {
    ...simulation,
    endToEnd: endToEndBound(simulation.bound, attentionShare),
    blockSparse: axes.every((axis) => isBlockSparse(axis)),
    tiles: axes.map((axis) => queryTilesOf(axis, tiling)),
  };
}
