/** The picture and the formulas of one mechanism at a small shape. Nothing is run: the definition is asked. */
import type { Cost } from '../../kernels/cost/cost';
import { growthOf } from '../../kernels/cost/growth';
import type { Mechanism, ParameterValues, ReadGrid } from '../../kernels/mechanism';
import { effectiveAttention, effectiveMass, hasMass } from '../../kernels/effective-attention';
import type { LinearSystem } from '../../kernels/reference/linear-system';
import { systemPictures } from '../../kernels/reference/system-pictures';
import type { AttentionShape } from '../../kernels/shape';
import { drawInputs } from '../../kernels/inputs';
import {
  longestPicture,
  longestProbe,
  longestSystem,
  probeCells,
  type MechanismView,
  type MechanismViewRequest,
} from '../../protocol/compute/mechanism-view';
import { FailureError } from '../../protocol/wire/failures';
import { sectionOf } from '../../diagnostics/shared/sections/picture-section';
import { mechanismOf } from './catalogue';
import { parametersOf } from './cell';
import { cellsOf, fittingLength, groupsOf, kindsOf } from './pattern-cells';

/** Cells along a side of a picture. */
const mostCells = 512;

export function viewMechanism(request: MechanismViewRequest): MechanismView {
  const mechanism = mechanismOf(request.mechanism);
  const parameters = parametersOf(mechanism, request.parameters);
  const { effective, system = false, seed } = request;
  const at = (length: number): AttentionShape => ({ ...request.shape, batch: 1, queries: length, keys: length });
  const kindsAt = (length: number) => kindsOf(mechanism, at(length), parameters, seed);
  const longestEffective = hasMass(mechanism) ? longestProbe : probeCells;
  const longest = system ? longestSystem : effective ? longestEffective : longestPicture;
  const wanted = request.length === 'fitting' ? fittingLength(mechanism, parameters, at, kindsAt) : request.length;
  const shape = at(Math.min(wanted, longest));
  const support = mechanism.supports(shape, parameters);
  if (!support.ok) throw new FailureError({ code: 'unsupported', detail: support.why });
  const pattern = mechanism.pattern(shape, parameters);
  const kinds = kindsAt(shape.keys);
  const groups = groupsOf(kinds, shape);
  const scale = Math.ceil(shape.keys / (effective ? probeCells : mostCells));
  const drawn = request.head === 'any' ? groups.map(([first]) => first!) : [request.head];
  const { cells, shares, density } = cellsOf(drawn.map(kinds.of), shape, scale);
  return {
    mechanism: mechanism.id,
    head: request.head,
    queries: shape.queries,
    keys: shape.keys,
    scale,
    cells,
    ...(scale === 1 ? {} : { shares }),
    groups,
    density,
    ...(pattern.block ? { block: pattern.block } : {}),
    ...(pattern.workerPieces ? { workerPieces: pattern.workerPieces(drawn[0]!) } : {}),
    ...(pattern.grid ? { grid: gridOf(pattern.grid) } : {}),
    dependsOnData: pattern.dependsOnData,
    chosen: kinds.chosen,
    dependsOnFuture: pattern.dependsOnFuture === true,
    dependsOnLength: pattern.dependsOnLength === true,
    joinsHeads: pattern.joinsHeads === true,
    ...(effective ? { effective: probe(mechanism, parameters, shape, drawn[0]!, scale, seed) } : {}),
    linear: systemOf(mechanism, parameters, at(2), 0, seed) !== undefined,
    ...(system ? systemSections(systemOf(mechanism, parameters, shape, drawn[0]!, seed), shape) : {}),
    ...costOf(mechanism, parameters, at),
    costs: request.lengths
      .filter((length) => mechanism.supports(at(length), parameters).ok)
      .map((length) => {
        const { flops, bytes, peakBytes } = mechanism.cost(at(length), parameters);
        return { length, flops, bytes, peakBytes };
      }),
    weights: (mechanism.weights?.(shape, parameters) ?? []).map((weight) => ({
      name: weight.name,
      shape: weight.shape,
      initial:
        weight.initial.kind === 'normal'
          ? `normal, deviation ${Number(weight.initial.deviation.toPrecision(3))}`
          : `constant ${weight.initial.value}`,
    })),
    limits: mechanism.limits.map(({ name, equals }) => ({ name, equals })),
  };
}

/** The linear system of a head on drawn inputs; undefined where the head is no such system. */
function systemOf(
  mechanism: Mechanism,
  parameters: ParameterValues,
  shape: AttentionShape,
  head: number,
  seed: number,
): LinearSystem | undefined {
  if (!mechanism.asSystem || shape.pattern !== 'causal-self' || !mechanism.supports(shape, parameters).ok)
    return undefined;
  return mechanism.asSystem(drawInputs(mechanism, shape, parameters, seed), shape, parameters, head);
}

const systemSections = (system: LinearSystem | undefined, shape: AttentionShape): Pick<MechanismView, 'system'> =>
  system ? { system: systemPictures(system, shape).map(sectionOf) } : {};

/** The formulas, where the mechanism takes lengths to read them off. */
function costOf(
  mechanism: Mechanism,
  parameters: ParameterValues,
  at: (length: number) => AttentionShape,
): Pick<MechanismView, 'cost'> {
  const growth = (of: (cost: Cost) => number) =>
    growthOf(
      (length) => of(mechanism.cost(at(length), parameters)),
      (length) => mechanism.supports(at(length), parameters).ok,
    );
  const [flops, bytes, peakBytes] = [
    growth((cost) => cost.flops),
    growth((cost) => cost.bytes),
    growth((cost) => cost.peakBytes),
  ];
  return flops && bytes && peakBytes ? { cost: { flops, bytes, peakBytes } } : {};
}

function probe(
  mechanism: Mechanism,
  parameters: ParameterValues,
  shape: AttentionShape,
  head: number,
  scale: number,
  seed: number,
): Float32Array {
  const inputs = drawInputs(mechanism, shape, parameters, seed);
  return Float32Array.from(
    scale === 1
      ? effectiveAttention(mechanism, inputs, shape, parameters, head)
      : effectiveMass(mechanism, inputs, shape, parameters, head, scale),
  );
}

const gridOf = ({ axes, tile }: ReadGrid): NonNullable<MechanismView['grid']> => ({
  axes: axes.map(({ size, reads }) => ({
    size,
    reads: Uint8Array.from({ length: size * size }, (_, at) => (reads(Math.floor(at / size), at % size) ? 1 : 0)),
  })),
  ...(tile ? { tile } : {}),
});
