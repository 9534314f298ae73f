/** The analysis `qk-rank`: how few directions the query-key form of each head would do with. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Analysis, AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { layersNamed } from '../../shared/layers';
import { querySpectra } from './energy';
import { rankResult, rankResultOf, type RankResult } from './result';
import { finding, sections, spectrumSection } from './sections';
import * as field from '../../../kernels/parameters';

type RankParameters = { readonly layers: string; readonly rank: number; readonly share: number };

const parameters: ParameterTable<RankParameters> = {
  layers: field.text('Layers', 'Which layers are looked at, e.g. 0-5,8. Empty: all.'),
  rank: field.integer('Rank', 'r: the energy that a form of this rank keeps is shown beside that of rank 1.', {
    min: 2,
    max: 1024,
    default: 4,
  }),
  share: field.number('Energy', 'The analysis finds the rank that keeps this share of the energy.', {
    min: 1,
    max: 100,
    default: 90,
    unit: '%',
  }),
};

export const qkRank: Analysis<RankParameters, RankResult> = {
  id: 'qk-rank',
  title: 'Rank of query-key forms',
  question: 'In how few directions do heads compare queries with keys?',
  group: 'circuits',
  source: {
    reference: 'Mehta et al. 2019, arXiv:1912.00835 (heads of rank 1); Eckart and Young 1936 (the best form of a rank)',
    trust: 'medium',
    note: 'The paper trains heads of rank 1 and looks at no trained model; reading the ranks off a checkpoint is a choice of Headscope. Gains of norms are folded in, the scales that norms divide by are left out, and the form is that of relative distance 0.',
  },
  inputs: ['none'],
  exactWeights: true,
  parameters,
  result: rankResult,
  supports({ blocks }, { layers }) {
    const named = layersNamed(layers, blocks.length);
    return typeof named === 'string' ? { ok: false, why: named } : { ok: true };
  },
  // Queries and keys of a layer with their gains, and their factors in float64.
  estimate: ({ blocks, hiddenSize }) => ({
    passes: 0,
    bytes: Math.max(
      0,
      ...blocks.map(({ heads, kvHeads, headDim }) => 4 * hiddenSize * headDim * (4 * heads + 6 * kvHeads)),
    ),
  }),
  run,
  ask(_model, _job, result, { section, place }) {
    const head = place.kind === 'head' ? place : place.kind === 'row' ? result.heads[place.row] : undefined;
    if (!head) throw new RangeError(`nothing is known of this place of ${section}`);
    return Promise.resolve(spectrumSection(result, head, section));
  },
  finding,
  sections,
};

/** Six digits: the weights are of float32, and a file holds many. */
const short = (value: number): number => Number(value.toPrecision(6));

async function* run(
  { facts, weights }: ModelRunner,
  { parameters: { layers, rank, share }, step }: AnalysisJob<RankParameters>,
): AsyncGenerator<Step<RankResult>, RankResult> {
  const named = layersNamed(layers, facts.blocks.length);
  if (typeof named === 'string') throw new RangeError(named);
  const spectra: (readonly (readonly number[])[])[] = facts.blocks.map(() => []);
  const sizes = facts.blocks.map(({ headDim, readWidth = facts.hiddenSize }) => ({ headDim, readWidth }));
  const result = (): RankResult => rankResultOf([...spectra], { rank, share: share / 100 }, sizes);
  for (const [done, layer] of named.entries()) {
    yield {
      sentence: `Layer ${layer}`,
      done,
      total: named.length,
      ...(done > 0 ? { partial: result() } : {}),
    };
    const block = facts.blocks[layer];
    if (!block) throw new RangeError(`no layer ${layer}`);
    spectra[layer] = await step(`layer ${layer}`, async () =>
      querySpectra(await weights.scores(layer), block).map((values) => values.map(short)),
    );
  }
  return result();
}
