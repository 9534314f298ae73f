/** Whether a model has the layers, heads and positions that an intervention names. */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { lensProblem } from '../../../models/architectures/lens-graph';
import { regionRows } from '../../../diagnostics/model-runner/regions';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { blockRetrievalProblem, longHeadsProblem } from './chosen-blocks';
import { freezable } from './freeze';
import { emphasisProblem, redistributionProblem } from './moved-attention';
import { movedRows } from './repositioned';
import { printDo } from '../../../protocol/interventions/do-form';
import type { Intervention, Of } from '../../../protocol/interventions/interventions';
import { sharedHeads, type RoutingRule } from '../../../protocol/interventions/moh';
import { covers, type WhichHeads } from '../../../protocol/interventions/which';
import type { Part } from '../../../protocol/interventions/freeze';

/** One sentence where it has not. */
export function placeProblem(model: ModelSpec, one: Intervention, sequence: Sequence): string | undefined {
  const { length } = sequence.ids;
  switch (one.kind) {
    case 'reinforce':
      // Its layers and its span are checked where the heads are chosen.
      return undefined;
    case 'freeze':
      for (const part of [...one.parts, ...(one.except ?? [])]) {
        const problem = partProblem(model, part);
        if (problem !== undefined) return problem;
      }
      if (!freezable(model, one))
        return `"${printDo(one)}" leaves nothing to hold. Name heads or MLPs that are not left out.`;
      return rangeProblem(one.positions, length, one);
    case 'bias':
    case 'weight':
      return (
        headProblem(model, one.layer, one.head) ??
        (one.keys === 'image' ? undefined : rangeProblem(one.keys, length, one))
      );
    case 'gain':
    case 'uniform':
      return headProblem(model, one.layer, one.head);
    case 'phase':
      return headProblem(model, one.layer, one.head) ?? rotationProblem(model, one);
    case 'isolate': {
      const regions = regionRows(sequence, one.regions);
      return whichHeadsProblem(model, one.heads) ?? (regions.ok ? undefined : regions.why);
    }
    case 'redistribute':
      return whichHeadsProblem(model, one.heads) ?? redistributionProblem(model, one, sequence);
    case 'emphasis':
      return whichHeadsProblem(model, one.heads) ?? emphasisProblem(one, sequence);
    case 'add':
      return (
        problemOf(one.layers, (layer) => (layer === 'all' ? undefined : layerProblem(model, layer))) ??
        rangeProblem(one.positions, length, one)
      );
    case 'low-rank':
      return problemOf(one.layers, (layer) => (layer === 'all' ? undefined : layerProblem(model, layer)));
    case 'reposition': {
      const moved = movedRows(sequence, one);
      return (
        problemOf(one.layers, (layer) => (layer === 'all' ? undefined : layerProblem(model, layer))) ??
        (typeof moved === 'string' ? moved : undefined)
      );
    }
    case 'head':
    case 'query':
      return headProblem(model, one.layer, one.head) ?? rangeProblem(one.positions, length, one);
    case 'key':
    case 'value':
      return headProblem(model, one.layer, one.head, 'kvHeads') ?? rangeProblem(one.positions, length, one);
    case 'longheads':
      return longHeadsProblem(model, one, sequence);
    case 'block-retrieval':
      return whichHeadsProblem(model, one.heads) ?? blockRetrievalProblem(model, one);
    case 'plan':
      return planProblem(model, one, length);
    case 'units':
      return layerProblem(model, one.layer) ?? unitsProblem(model, one);
    case 'moh':
      return problemOf(one.rules, (rule) => routingProblem(model, rule, one));
    case 'unsuppress':
      return layerProblem(model, one.layer) ?? suppressionProblem(model, one.layer);
    case 'mlp':
    case 'residual':
      return layerProblem(model, one.layer) ?? rangeProblem(one.positions, length, one);
  }
}

function problemOf<T>(list: readonly T[], problem: (one: T) => string | undefined): string | undefined {
  for (const one of list) {
    const found = problem(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

const whichHeadsProblem = (model: ModelSpec, heads: readonly WhichHeads[]): string | undefined =>
  problemOf(heads, (one) => partProblem(model, one));

const layerProblem = ({ blocks }: ModelSpec, layer: number): string | undefined =>
  blocks[layer] ? undefined : `There is no layer ${layer}: the model has ${blocks.length}, from 0.`;

function suppressionProblem(model: ModelSpec, layer: number): string | undefined {
  const problem = lensProblem(model);
  if (problem !== undefined) return `Which token leads before layer ${layer} cannot be read. ${problem}`;
  return model.blocks[layer]?.feedForwardNorms.after
    ? `Layer ${layer} has a norm behind the sum with its MLP, so its output is no part of the stream. Choose a model without it.`
    : undefined;
}

function headProblem(
  model: ModelSpec,
  layer: number,
  head: number,
  of: 'heads' | 'kvHeads' = 'heads',
): string | undefined {
  const count = model.blocks[layer]?.attention[of];
  if (count === undefined) return layerProblem(model, layer);
  return head < count
    ? undefined
    : `There is no head ${head} in layer ${layer}: it has ${count} ${of === 'heads' ? 'query' : 'key/value'} heads, from 0.`;
}

function planProblem(model: ModelSpec, one: Of<'plan'>, length: number): string | undefined {
  const keepOther = model.blocks.findIndex(({ attention }) => !attention.causal);
  if (keepOther >= 0) return `Layer ${keepOther} reads in both directions, so it keeps no cache that a plan could cut.`;
  if (one.prompt !== undefined && one.prompt !== length)
    return `The plan keeps chosen positions of a prompt of ${one.prompt} tokens, and this one has ${length}. Derive a plan for this prompt.`;
  for (const { heads, keep } of one.rules) {
    const problem = problemOf(heads, ({ layer, head }) =>
      layer !== 'all' && layerProblem(model, layer) !== undefined
        ? layerProblem(model, layer)
        : head === 'all'
          ? undefined
          : headProblem(model, layer === 'all' ? 0 : layer, head, 'kvHeads'),
    );
    if (problem !== undefined) return problem;
    const last = keep.kind === 'kept' ? (keep.ranges.at(-1)?.end ?? 0) : 0;
    if (last > length)
      return `The plan keeps position ${last - 1}, and the prompt has ${length} tokens, from 0. A plan of chosen positions is for one prompt.`;
  }
  return undefined;
}

function unitsProblem({ blocks }: ModelSpec, one: Of<'units'>): string | undefined {
  const count = blocks[one.layer]?.feedForward.down.inputs ?? 0;
  const last = Math.max(...one.units.map(({ end }) => end)) - 1;
  return last < count
    ? undefined
    : `"${printDo(one)}" names unit ${last}, and layer ${one.layer} has ${count}, from 0.`;
}

function routingProblem(model: ModelSpec, rule: RoutingRule, one: Of<'moh'>): string | undefined {
  const { layer } = rule;
  if (layer !== 'all' && layerProblem(model, layer) !== undefined) return layerProblem(model, layer);
  for (const { index, attention } of model.blocks) {
    if (!covers(layer, index)) continue;
    const shared = sharedHeads(rule);
    const [last, needed] = [Math.max(-1, ...shared), shared.length + rule.active];
    if (last >= attention.heads) return headProblem(model, index, last);
    if (needed > attention.heads)
      return `"${printDo(one)}" needs ${needed} heads, and layer ${index} has ${attention.heads}.`;
  }
  return undefined;
}

function rotationProblem({ blocks, ropes }: ModelSpec, one: Of<'phase'>): string | undefined {
  const rope = blocks[one.layer]?.attention.rope;
  if (rope === undefined)
    return `"${printDo(one)}" turns queries and keys in the planes of a rotary embedding, and layer ${one.layer} has none.`;
  const planes = (ropes[rope]?.dimensions ?? 0) / 2;
  return (one.planes?.end ?? 0) > planes
    ? `"${printDo(one)}" names planes that layer ${one.layer} does not rotate: it has ${planes}, from 0.`
    : undefined;
}

function partProblem(model: ModelSpec, part: Part): string | undefined {
  const layer = 'mlp' in part ? part.mlp : part.layer;
  if (layer !== 'all' && layerProblem(model, layer) !== undefined) return layerProblem(model, layer);
  if ('mlp' in part || part.head === 'all') return undefined;
  return headProblem(model, layer === 'all' ? 0 : layer, part.head);
}

function rangeProblem(
  range: { readonly end: number } | undefined,
  length: number,
  one: Intervention,
): string | undefined {
  return range === undefined || range.end <= length
    ? undefined
    : `"${printDo(one)}" names position ${range.end - 1}, and the prompt has ${length} tokens, from 0.`;
}
