/** The analysis `ov-qk-circuits`: what the weights of each head copy and compare, and which heads read each other. */
import type { Analysis, Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';
import { counted } from '../../../protocol/wire/number-words';
import { compareCircuits } from './compare';
import { finding } from './finding';
import { lookCloser } from './look-closer';
import { parameters, type CircuitParameters } from './parameters';
import { circuitsResult, mostCompared, type CircuitsResult } from './result';
import { circuitsRun } from './run';
import { layersNamed } from '../../shared/layers';
import { sections } from './sections';

/** Multiplications of all products of two layers: about an hour at 10^11 a second. */
const mostProducts = 4e14;

export const ovQkCircuits: Analysis<CircuitParameters, CircuitsResult> = {
  id: 'ov-qk-circuits',
  title: 'OV and QK circuits',
  question: 'What do the weights of each head copy and compare, and which heads compose?',
  group: 'circuits',
  source: {
    reference:
      'Elhage et al. 2021, A Mathematical Framework for Transformer Circuits (OV and QK circuits, eigenvalues, composition); Roy and Vetterli 2007 (effective rank)',
    trust: 'high',
    note: 'Gains of norms are folded in, the scales that norms divide by are left out. The QK circuit is that of relative distance 0. Chance is a random rotation between the two heads, not a model at its random start.',
  },
  inputs: ['none'],
  exactWeights: true,
  parameters,
  result: circuitsResult,
  supports,
  estimate({ blocks, hiddenSize, summary }, _, { layers }) {
    const named = layersNamed(layers, blocks.length);
    const some = typeof named === 'string' ? [] : named;
    const widths = some.map((layer) => (blocks[layer]?.heads ?? 0) * (blocks[layer]?.headDim ?? 0));
    const widest = Math.max(0, ...widths);
    const writers = widths.reduce((sum, width) => sum + width * hiddenSize, 0);
    const vocabulary = 2 * hiddenSize ** 2 + 8 * 2048 * hiddenSize;
    const scores = 40 * some.reduce((sum, layer) => sum + (blocks[layer]?.heads ?? 0), 0) ** 2;
    return {
      passes: 0,
      bytes:
        4 * (writers + 12 * widest * hiddenSize + widest ** 2 + (summary.vocabulary > 0 ? vocabulary : 0) + scores),
    };
  },
  run: circuitsRun,
  ask: lookCloser,
  finding,
  sections,
  compare: compareCircuits,
};

function supports({ blocks, hiddenSize }: ModelFacts, { layers }: CircuitParameters): Support {
  const named = layersNamed(layers, blocks.length);
  if (typeof named === 'string') return { ok: false, why: named };
  const widths = named.map((layer) => (blocks[layer]?.heads ?? 0) * (blocks[layer]?.headDim ?? 0));
  const heads = named.reduce((sum, layer) => sum + (blocks[layer]?.heads ?? 0), 0);
  const products = widths.reduce(
    (sum, width, at) => sum + widths.slice(0, at).reduce((all, other) => all + 3 * hiddenSize * width * other, 0),
    0,
  );
  if (heads <= mostCompared && products <= mostProducts) return { ok: true };
  return {
    ok: false,
    why: `Comparing ${counted(heads, 'head', 'heads')} of ${counted(named.length, 'layer', 'layers')} takes ${products.toExponential(0)} multiplications, about ${Math.ceil(products / 6e12)} minutes, and ${mostCompared} heads are compared at most. Name some layers, e.g. layers=0-${Math.max(0, Math.floor(named.length / 4) - 1)}.`,
  };
}
