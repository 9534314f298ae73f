/** The picture and the formulas of one mechanism at a small shape. Nothing is run: the definition is asked. */
import type { Cost } from '../../kernels/cost/cost';
import { growthOf } from '../../kernels/cost/growth';
import type { Mechanism, ParameterValues, ReadPattern } from '../../kernels/mechanism';
import { effectiveAttention } from '../../kernels/reference/effective-attention';
import { denseReads } from '../../kernels/reference/pattern';
import type { AttentionShape } from '../../kernels/shape';
import { drawInputs } from '../../kernels/tensors/inputs';
import type { MechanismView, MechanismViewRequest } from '../../protocol/compute/mechanism-view';
import { FailureError } from '../../protocol/wire/failures';
import { mechanismOf } from './catalogue';
import { parametersOf } from './cell';

export function viewMechanism(request: MechanismViewRequest): MechanismView {
  const mechanism = mechanismOf(request.mechanism);
  const parameters = parametersOf(mechanism, request.parameters);
  const at = (length: number): AttentionShape => ({ ...request.shape, batch: 1, queries: length, keys: length });
  const shape = at(request.length);
  const support = mechanism.supports(shape, parameters);
  if (!support.ok) throw new FailureError({ code: 'unsupported', detail: support.why });
  const pattern = mechanism.pattern(shape, parameters);
  const heads = Array.from({ length: shape.heads }, (_, head) => cellsOf(pattern, shape, head));
  const cells = heads[request.head]!;
  return {
    mechanism: mechanism.id,
    head: request.head,
    queries: shape.queries,
    keys: shape.keys,
    cells,
    groups: groupsOf(heads),
    density: densityOf(cells, shape),
    ...(pattern.block ? { block: pattern.block } : {}),
    dependsOnData: pattern.dependsOnData,
    dependsOnFuture: pattern.dependsOnFuture === true,
    dependsOnLength: pattern.dependsOnLength === true,
    joinsHeads: pattern.joinsHeads === true,
    ...(request.effective ? { effective: probe(mechanism, parameters, shape, request) } : {}),
    ...costOf(mechanism, parameters, at),
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

const probe = (
  mechanism: Mechanism,
  parameters: ParameterValues,
  shape: AttentionShape,
  { head, seed }: MechanismViewRequest,
): Float32Array =>
  Float32Array.from(
    effectiveAttention(mechanism, drawInputs(mechanism, shape, parameters, seed), shape, parameters, head),
  );

function cellsOf(pattern: ReadPattern, { queries, keys }: AttentionShape, head: number): Uint8Array {
  const cells = new Uint8Array(queries * keys);
  for (let query = 0; query < queries; query++) {
    for (let key = 0; key < keys; key++) {
      cells[query * keys + key] = pattern.reads(head, query, key) ? 1 : pattern.summarises?.(head, query, key) ? 2 : 0;
    }
  }
  return cells;
}

/** Heads with the same cells, each group ascending. */
function groupsOf(heads: readonly Uint8Array[]): number[][] {
  const groups = new Map<string, number[]>();
  heads.forEach((cells, head) => {
    const drawn = Buffer.from(cells.buffer).toString('latin1');
    const group = groups.get(drawn) ?? [];
    group.push(head);
    groups.set(drawn, group);
  });
  return [...groups.values()];
}

function densityOf(cells: Uint8Array, shape: AttentionShape): number {
  const dense = denseReads(shape);
  let read = 0;
  let allowed = 0;
  for (let query = 0; query < shape.queries; query++) {
    for (let key = 0; key < shape.keys; key++) {
      if (!dense(0, query, key)) continue;
      allowed += 1;
      if (cells[query * shape.keys + key] !== 0) read += 1;
    }
  }
  return allowed === 0 ? 0 : read / allowed;
}
