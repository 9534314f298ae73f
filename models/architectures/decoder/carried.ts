/** What rows of a stack carry besides their hidden numbers, and how its blocks use it (carried-rows.ts). */
import { vectorNames } from '../../formats/families/shared/carried-row';
import { vectorRows } from '../../formats/families/shared/layer-vectors';
import type { Layer } from '../../formats/model-description';
import { activationOf, type Names } from '../architecture';
import type { HandedHeads } from '../carried-spec';
import type { BlockSpec, ModelSpec } from '../model-spec';
import { activationName } from './network';
import { normOf, scaled, type Stack } from './stack';

export function carriedOf(stack: Stack, names: Names, vocabulary: number): Pick<ModelSpec, 'carried'> {
  const { part, layout, computes } = stack;
  const { carried } = layout;
  const kept = part.layers.map((layer) => computes.groups?.(part, layer)?.kept).find((index) => index !== undefined);
  if (kept !== undefined) return { carried: { makes: [], unmakes: [], handed: [], kept } };
  if (!carried) return computes.shared ? { carried: { makes: [], unmakes: [], handed: [], words: true } } : {};
  const size = carried.size(part);
  const { hiddenSize: hidden, layers } = part;
  const further = carried.streams?.(part) ?? 0;
  const each = (name: string) =>
    Array.from({ length: further }, (_, at) => names.linear(`${name}.${at}`, hidden, hidden));
  const handed = handedBy(layers);
  if (size === 0 && further === 0 && handed.length === 0) return {};
  return {
    carried: {
      makes: each('altup_projections'),
      unmakes: each('altup_unembed_projections'),
      ...(size === 0
        ? {}
        : {
            vectors: {
              ...{ table: names.name(`${vectorNames.table}.weight`), rows: vectorRows(part), vocabulary, size },
              layers: layers.length,
              map: scaled(names.linear(vectorNames.map, hidden, layers.length * size), hidden ** -0.5),
              norm: normOf(stack, names, vectorNames.norm, size),
            },
          }),
      handed,
    },
  };
}

/** Layers whose keys and values later layers read. */
function handedBy(layers: readonly Layer[]): readonly HandedHeads[] {
  const read = new Set(layers.map(({ attention }) => attention.sharesKvOf));
  return layers
    .filter(({ index }) => read.has(index))
    .map(({ index, attention: { kvHeads, headDim } }) => ({ layer: index, kvHeads, headDim }));
}

export function carriedIn(stack: Stack, at: Names): Pick<BlockSpec, 'altUp' | 'narrow' | 'vector'> {
  const { part, layout } = stack;
  const { carried, scalar } = layout;
  if (!carried) return {};
  const [size, streams] = [carried.size(part), 1 + (carried.streams?.(part) ?? 0)];
  const { hiddenSize: hidden } = part;
  const own = at.at('altup.');
  return {
    ...(streams === 1
      ? {}
      : {
          altUp: {
            norm: normOf(stack, own, 'router_norm', hidden),
            router: scaled(own.linear('modality_router', hidden, streams), 1 / hidden),
            predicts: own.linear('prediction_coefs', streams, streams ** 2),
            corrects: { weight: own.name('correction_coefs.weight'), bound: carried.bound?.(part) },
          },
        }),
    ...narrowOf(stack, at),
    ...(size === 0
      ? {}
      : {
          vector: {
            ...(streams > 1 ? { gain: own.name('correct_output_scale') } : {}),
            gate: at.linear(vectorNames.gate, hidden, size),
            activation: activationOf(activationName(stack)),
            map: at.linear(vectorNames.back, size, hidden),
            norm: normOf(stack, at, vectorNames.backNorm, hidden),
            ...(scalar === undefined ? {} : { scalar: at.name(scalar) }),
          },
        }),
  };
}

function narrowOf(stack: Stack, at: Names): Pick<BlockSpec, 'narrow'> {
  const { part, layout } = stack;
  const rank = layout.carried?.narrow?.(part);
  if (rank === undefined) return {};
  const { hiddenSize: hidden } = part;
  const own = at.at('laurel.');
  return {
    narrow: {
      down: own.linear('linear_left', hidden, rank),
      up: own.linear('linear_right', rank, hidden),
      norm: normOf(stack, own, 'post_laurel_norm', hidden),
    },
  };
}
