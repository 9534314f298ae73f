/** What analyses know of an opened model before it runs. */
import type { JointSpace } from '../../diagnostics/model-runner/joint-space';
import type { ModelFacts } from '../../diagnostics/model-runner/model-runner';
import type { AttentionSpec } from '../../models/architectures/attention-spec';
import { headsOf } from '../../models/architectures/block-heads';
import type { BlockSpec, ModelSpec } from '../../models/architectures/model-spec';
import { isRouted } from '../../models/architectures/network-spec';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { renumbers, unfit } from '../model/interventions/chosen-blocks';
import { readoutFacts } from './text-readout';

function factsOfHeads(
  { index, attention, state }: BlockSpec,
  { ropes, marks }: ModelSpec,
): ModelFacts['blocks'][number] {
  const recurrent = state ? { state: { kind: state.kind, heads: state.heads, headDim: state.headDim } } : {};
  if (!attention) return { heads: 0, kvHeads: 0, headDim: 0, causal: true, ...recurrent };
  const { heads, kvHeads, headDim, causal, window, chunked, around, rope, lateNorms } = attention;
  const turns = !lateNorms && renumbers(rope === undefined ? undefined : ropes[rope]);
  const reach = window ?? around;
  const noBlocks = unfit(index, attention);
  return {
    ...{ heads, kvHeads, headDim, causal, ...recurrent },
    ...(reach === undefined ? {} : { window: reach }),
    ...(chunked ? { chunked } : {}),
    ...(marks && attention.projection.kind === 'marked' ? { marks } : {}),
    ...(turns ? { renumbers: true } : {}),
    ...(noBlocks === undefined ? {} : { noBlocks }),
  };
}

/** MobileBERT's attention reads a narrow stream, Zamba's the stream beside the embedding. */
function readWidthOf({ attention }: BlockSpec, { hiddenSize }: ModelSpec): { readonly readWidth?: number } {
  const width = attention?.projection.kind === 'separate' ? attention.projection.query.inputs : hiddenSize;
  return width === hiddenSize ? {} : { readWidth: width };
}

const sizesOf = ({ heads, kvHeads, headDim }: AttentionSpec) => ({ heads, kvHeads, headDim });

export function factsOf(model: LoadedModel, joint: JointSpace | undefined): ModelFacts {
  const { summary, spec, source, description, bosId, startId, stopIds, vision } = model;
  const readout = readoutFacts(model);
  const patches = spec.embedding ? undefined : vision?.tower.patches;
  const special = [...description.tokenIds.flatMap(({ ids }) => ids), ...(startId === undefined ? [] : [startId])];
  return {
    summary,
    ...(model.base === undefined ? {} : { adapted: true as const }),
    blocks: spec.blocks.map((block) => ({
      ...factsOfHeads(block, spec),
      ...(block.cross ? { cross: sizesOf(block.cross.attention) } : {}),
      ...(isRouted(block.feedForward)
        ? { experts: { count: block.feedForward.experts.length, perToken: block.feedForward.router.perToken } }
        : {}),
      ...(block.bottleneck ? { networkWidth: block.bottleneck.width } : {}),
      ...readWidthOf(block, spec),
      ...(block.feedForward ? {} : { noNetwork: true as const }),
      ...(block.parallel ? { parallel: true as const } : {}),
    })),
    hiddenSize: spec.hiddenSize,
    ...(patches ? { patches: { rows: patches.rows, columns: patches.columns, leading: patches.leading.length } } : {}),
    predicts: spec.head.vocabulary !== undefined && summary.causal,
    ...(readout.labels || readout.embedding ? { readout } : {}),
    specialIds: [...new Set(special)].filter((id) => id >= 0 && id < summary.vocabulary),
    ...(bosId === undefined ? {} : { bosId }),
    ...(source ? { sourceBlocks: source.spec.blocks.map((block) => headsOf(block)) } : {}),
    ...(startId === undefined ? {} : { startId }),
    ...(joint ? { jointWidth: joint.width } : {}),
    stopIds,
  };
}
