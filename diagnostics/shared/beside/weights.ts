/** Errors of the weights, tensor by tensor and head by head. */
import { layoutOf, linearsOf } from '../../../models/architectures/exchange';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { Linear } from '../../../models/architectures/weights-spec';
import { FailureError } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Attending, HeadMap, HeadMaps } from '../../model-runner/weights';
import { Difference } from './differences';
import { inHalves } from './row-order';
import type { ComparedTensor } from './compared';

export const headParts = ['query', 'key', 'value', 'output'] as const;

export interface LayerErrors {
  readonly tensors: readonly ComparedTensor[];
  /** [heads]; empty if heads have no maps of their own. */
  readonly heads: Readonly<Record<(typeof headParts)[number] | 'weights' | 'largest', readonly number[]>>;
  readonly notes: readonly string[];
}

/** How many numbers of a matrix are read at once. */
const mostNumbers = 2 ** 23;

/** `cross`: the cross-attention of the layer alone, without its network. */
export async function layerErrors(
  own: ModelRunner,
  exact: ModelRunner,
  layer: number,
  of: Attending = 'self',
): Promise<LayerErrors> {
  const notes: string[] = [];
  const tensors: ComparedTensor[] = [];
  const block = own.checkpoint.spec.blocks[layer];
  const other = exact.checkpoint.spec.blocks[layer];
  let heads: LayerErrors['heads'] = Object.fromEntries(
    [...headParts, 'weights', 'largest'].map((name) => [name, []]),
  ) as unknown as LayerErrors['heads'];
  const attention = attentionIn(block, of);
  if (attention && attentionIn(other, of)) {
    try {
      const maps = { own: await mapsOf(own, layer, of), exact: await mapsOf(exact, layer, of) };
      const names = namesOf(attention);
      for (const part of headParts) {
        const difference = new Difference().add(maps.own[part].data, maps.exact[part].data);
        tensors.push(row(own, names[part], difference, layer, names.fused && part !== 'output' ? part : ''));
      }
      heads = headErrors(attention, maps.own, maps.exact);
    } catch (error) {
      if (!(error instanceof FailureError) || error.failure.code !== 'unsupported') throw error;
      notes.push(
        `The ${of === 'cross' ? 'cross-attention' : 'attention'} of layer ${layer} is left out of the errors of weights: ${error.failure.detail}`,
      );
    }
  }
  if (of === 'cross') return { tensors, heads, notes };
  const network = await pairErrors(own, exact, linearsOf(block?.feedForward), linearsOf(other?.feedForward), layer);
  return { tensors: [...tensors, ...network.tensors], heads, notes: [...notes, ...network.notes] };
}

/** Embedding and language head. */
export function endErrors(own: ModelRunner, exact: ModelRunner): ReturnType<typeof pairErrors> {
  const ends = ({ embedding, head }: ModelSpec): readonly (readonly [string, Linear])[] => {
    const table: readonly (readonly [string, Linear])[] = embedding
      ? [
          [
            'embedding',
            {
              ...{ weight: embedding.tokens, inputs: embedding.width, outputs: embedding.vocabulary },
              stored: 'outputs-inputs',
            },
          ],
        ]
      : [];
    const tied = embedding?.tokens === head.vocabulary?.weight;
    return [...table, ...(head.vocabulary && !tied ? [['head', head.vocabulary] as const] : [])];
  };
  const [one, other] = [ends(own.checkpoint.spec), ends(exact.checkpoint.spec)];
  // If only one of the two stores the language head separately, it is the embedding in the other.
  const known = one.filter(([place]) => other.some(([each]) => each === place));
  return pairErrors(
    own,
    exact,
    known,
    other.filter(([place]) => known.some(([each]) => each === place)),
    null,
  );
}

async function pairErrors(
  own: ModelRunner,
  exact: ModelRunner,
  linears: readonly (readonly [place: string, linear: Linear])[],
  others: readonly (readonly [place: string, linear: Linear])[],
  layer: number | null,
): Promise<Pick<LayerErrors, 'tensors' | 'notes'>> {
  const tensors: ComparedTensor[] = [];
  const left: string[] = [];
  for (const [place, linear] of linears) {
    const other = others.find(([each]) => each === place)?.[1];
    if (!other || !isPlain(linear) || !isPlain(other)) {
      left.push(linear.weight);
      continue;
    }
    const difference = new Difference();
    for (const [first, count] of piecesOf(linear, other)) {
      const [a, b] = [
        await own.weights.map(cut(linear, first, count)),
        await exact.weights.map(cut(other, first, count)),
      ];
      difference.add(a.data, b.data);
    }
    tensors.push(row(own, linear.weight, difference, layer));
  }
  const notes =
    left.length === 0
      ? []
      : [
          `${left.length} maps are left out of the errors of weights, such as ${left[0] ?? ''}: the two files order them differently.`,
        ];
  return { tensors, notes };
}

const isPlain = ({ everySecond, firstColumn, groups, joined, stored, firstRow }: Linear): boolean =>
  everySecond === undefined &&
  firstColumn === undefined &&
  groups === undefined &&
  joined === undefined &&
  (stored === 'outputs-inputs' || firstRow === undefined);

function piecesOf(...linears: readonly Linear[]): readonly (readonly [first: number, count: number])[] {
  const { inputs = 1, outputs = 0 } = linears[0] ?? {};
  const whole = linears.some(({ stored }) => stored === 'inputs-outputs');
  const size = whole ? outputs : Math.max(1, Math.floor(mostNumbers / inputs));
  return Array.from({ length: Math.ceil(outputs / size) }, (_, at) => [at * size, Math.min(size, outputs - at * size)]);
}

function cut({ bias: _, ...linear }: Linear, first: number, count: number): Linear {
  if (count === linear.outputs) return linear;
  return { ...linear, firstRow: (linear.firstRow ?? 0) + first, outputs: count };
}

function row(
  own: ModelRunner,
  tensor: string,
  { largest, mean, relative }: Difference,
  layer: number | null,
  part = '',
): ComparedTensor {
  return { tensor, part, format: formatOf(own, tensor), layer, largest, mean, relative };
}

export const formatOf = ({ checkpoint }: ModelRunner, tensor: string): string =>
  checkpoint.tensors.find(({ name }) => name === tensor)?.dtype ?? '';

type Attention = NonNullable<ModelSpec['blocks'][number]['attention']>;

const attentionIn = (block: ModelSpec['blocks'][number] | undefined, of: Attending): Attention | undefined =>
  of === 'cross' ? block?.cross?.attention : block?.attention;

function namesOf({ projection, output }: Attention) {
  const linears = linearsOf(projection);
  const named = (part: string): string =>
    (linears.find(([place]) => place === part) ?? linears.at(part === 'query' ? 0 : -1))?.[1].weight ?? '';
  return {
    ...{ query: named('query'), key: named('key'), value: named('value'), output: output.weight },
    fused: projection.kind !== 'separate',
  };
}

/** Rows of queries and keys in the order in which halves of a head are rotated together. */
async function mapsOf(model: ModelRunner, layer: number, of: Attending): Promise<HeadMaps> {
  const weights = await model.weights.heads(layer, of);
  const { spec } = model.checkpoint;
  const attention = attentionIn(spec.blocks[layer], of);
  if (!attention || layoutOf(spec, attention) !== 'interleaved') return weights;
  const { dimensions = 0 } = spec.ropes[attention.rope ?? -1] ?? {};
  const turned = (map: HeadMap): HeadMap => ({
    ...map,
    data: inHalves(map.data, map.columns, attention.headDim, dimensions),
  });
  return { ...weights, query: turned(weights.query), key: turned(weights.key) };
}

function headErrors({ heads, kvHeads, headDim }: Attention, own: HeadMaps, exact: HeadMaps): LayerErrors['heads'] {
  const found = { query: [], key: [], value: [], output: [], weights: [], largest: [] } as Record<
    keyof LayerErrors['heads'],
    number[]
  >;
  for (let head = 0; head < heads; head++) {
    const all = new Difference();
    for (const part of headParts) {
      const [a, b] = [own[part], exact[part]];
      const at = part === 'query' || part === 'output' ? head : Math.floor(head / (heads / kvHeads));
      const difference = new Difference();
      if (part === 'output') {
        // Columns: what the head writes.
        for (let line = 0; line < a.rows; line++) {
          const [from, to] = [line * a.columns + at * headDim, line * a.columns + (at + 1) * headDim];
          difference.add(a.data, b.data, from, to);
          all.add(a.data, b.data, from, to);
        }
      } else {
        const [from, to] = [at * headDim * a.columns, (at + 1) * headDim * a.columns];
        difference.add(a.data, b.data, from, to);
        all.add(a.data, b.data, from, to);
      }
      found[part].push(difference.relative);
    }
    found.weights.push(all.relative);
    found.largest.push(all.largest);
  }
  return found;
}

export const noErrors: Readonly<
  Record<(typeof headParts)[number] | 'weights' | 'largest', readonly (readonly number[])[]>
> = {
  ...{ query: [], key: [], value: [], output: [], weights: [], largest: [] },
};
