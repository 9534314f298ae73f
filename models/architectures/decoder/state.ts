/** The recurrence of a layer, from its row. */
import type { GatedDeltaRow, GatedLinearRow, Mamba2Row, StateRow } from '../../formats/families/shared/state-row';
import { activationOf, type Names } from '../architecture';
import { ModelError } from '../model-spec';
import type { GatedDeltaSpec, GatedLinearSpec, Mamba2Spec, StateSpec } from '../state-spec';
import type { Linear, Norm } from '../weights-spec';
import { activationName } from './network';
import { convolutionOf, requireWhole } from './state-parts';
import { lightningOf, matrixWkvOf, realGatedOf, selectiveScanOf, shortConvolutionOf, wkvOf } from './state-channels';
import { scaled, type Stack } from './stack';

/** `at`: the layer. */
export function stateOf(stack: Stack, row: StateRow, index: number, at: Names): StateSpec {
  const own = at.at(row.prefix);
  switch (row.kind) {
    case 'gated-delta':
      return gatedDeltaOf(stack, row, index, own);
    case 'gla':
      return gatedLinearOf(stack, row, index, own);
    case 'mamba2':
      return mamba2Of(stack, row, index, own);
    case 'mamba':
      return selectiveScanOf(stack, row, own);
    case 'rg-lru':
      return realGatedOf(stack, row, index, own);
    case 'lightning':
      return lightningOf(stack, row, index, own);
    case 'short-convolution':
      return shortConvolutionOf(stack, row, own);
    case 'wkv':
      return wkvOf(stack, row, own);
    case 'wkv6':
      return matrixWkvOf(stack, row, index, own);
  }
}

function gatedDeltaOf({ part, epsilon }: Stack, row: GatedDeltaRow, index: number, at: Names): GatedDeltaSpec {
  const { heads, keyHeads, keyDim, headDim, kernel, fused } = row;
  requireWhole(index, heads, keyHeads, 'key heads');
  const hidden = part.hiddenSize;
  const [keys, values] = [keyHeads * keyDim, heads * headDim];
  const map = (name: string, outputs: number): Linear => at.linear(name, hidden, outputs);
  return {
    kind: 'gated-delta',
    heads,
    headDim,
    keyHeads,
    keyDim,
    output: at.linear('out_proj', values, hidden),
    projection: fused
      ? {
          kind: 'by-key-head',
          all: map('in_proj_qkvz', 2 * keys + 2 * values),
          rates: map('in_proj_ba', 2 * heads),
        }
      : {
          kind: 'separate',
          mixed: map('in_proj_qkv', 2 * keys + values),
          gate: map('in_proj_z', values),
          strength: map('in_proj_b', heads),
          rate: map('in_proj_a', heads),
        },
    convolution: convolutionOf(at, 2 * keys + values, kernel),
    decay: at.name('A_log'),
    step: at.name('dt_bias'),
    norm: at.rms('norm', headDim, epsilon),
  };
}

/** What ln sigmoid is divided by in the paper's release. */
const normaliser = 16;

function gatedLinearOf(stack: Stack, row: GatedLinearRow, index: number, at: Names): GatedLinearSpec {
  const { heads, kvHeads, keyDim, headDim, rank, feature, least, gated, norm } = row;
  requireWhole(index, heads, kvHeads, 'key/value heads');
  const hidden = stack.part.hiddenSize;
  const { epsilon } = stack;
  return {
    kind: 'gla',
    ...{ heads, kvHeads, keyDim, headDim },
    query: at.linear('q_proj', hidden, heads * keyDim),
    key: at.linear('k_proj', hidden, kvHeads * keyDim),
    value: at.linear('v_proj', hidden, kvHeads * headDim),
    ...(feature === undefined ? {} : { feature: activationOf(feature) }),
    decay: [at.linear('gk_proj.0', hidden, rank), at.linear('gk_proj.1', rank, kvHeads * keyDim)],
    normaliser,
    ...(least === undefined ? {} : { least }),
    norm: norm.weighed ? at.rms(norm.name, headDim, epsilon) : { kind: 'rms', size: headDim, epsilon },
    ...(gated
      ? {
          gate: {
            map: at.linear('g_proj', hidden, heads * headDim),
            activation: activationOf(activationName(stack)),
          },
        }
      : {}),
    output: at.linear('o_proj', heads * headDim, hidden),
  };
}

function mamba2Of({ part, epsilon }: Stack, row: Mamba2Row, index: number, at: Names): Mamba2Spec {
  const { heads, inner, state, groups, kernel, factors, norm, stepLimit } = row;
  requireWhole(index, heads, groups, 'groups');
  if (inner % heads !== 0)
    throw new ModelError(
      `Layer ${index} has a recurrence of ${inner} numbers, which are not ${heads} heads of one width. Correct the config.`,
    );
  const hidden = part.hiddenSize;
  const convolved = inner + 2 * groups * state;
  const input = at.linear('in_proj', hidden, inner + convolved + heads);
  if (factors && factors.input !== 1 && input.bias !== undefined)
    throw new ModelError(
      `Layer ${index} multiplies what its recurrence reads, and has a bias there, which is not computed.`,
    );
  const normed: Norm = at.rms('norm', inner, row.epsilon ?? epsilon);
  return {
    kind: 'mamba2',
    heads,
    headDim: inner / heads,
    groups,
    state,
    input: scaled(input, factors?.input),
    ...(factors && factors.parts.some((each) => each !== 1) ? { factors: factors.parts } : {}),
    output: scaled(at.linear('out_proj', inner, hidden), factors?.output),
    convolution: convolutionOf(at, convolved, kernel),
    decay: at.name('A_log'),
    step: at.name('dt_bias'),
    skip: at.name('D'),
    ...(stepLimit ? { stepLimit } : {}),
    ...(norm ? { norm: { norm: normed, ...norm } } : {}),
  };
}
