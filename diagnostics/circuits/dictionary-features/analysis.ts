/** The analysis `dictionary-features`: what a sparse autoencoder or transcoder finds on a prompt. */
import type { Analysis } from '../../analysis';
import { parameters, type FeatureParameters } from './parameters';
import { featuresRun } from './run';
import { dictionaryResult, type DictionaryResult } from './result';
import { finding, offers, sections, tokensSection } from './sections';

export const dictionaryFeatures: Analysis<FeatureParameters, DictionaryResult> = {
  id: 'dictionary-features',
  title: 'Features of a dictionary',
  question: 'Which features of a sparse autoencoder are active on this prompt, and which heads write them?',
  group: 'circuits',
  source: {
    reference:
      'Rajamanoharan et al. 2024, arXiv:2407.14435 (JumpReLU) and arXiv:2404.16014 (gated); Gao et al. 2024, arXiv:2406.04093 (TopK); SAELens and gemma-scope (formats)',
    trust: 'medium',
    note: 'Features are computed in float64 from what the model gives. Parts of heads are exact before the activation function; attribution is first order.',
  },
  inputs: ['prompt'],
  exactWeights: true,
  parameters,
  result: dictionaryResult,
  supports: (_, { dictionary }) =>
    dictionary.trim() === ''
      ? { ok: false, why: 'Name a dictionary in the parameter "dictionary".', byParameters: true }
      : { ok: true },
  estimate: ({ hiddenSize }, { prompts: [prompt] }, { attribution }) => ({
    passes: attribution ? 6 : 2,
    bytes: 24 * hiddenSize * (prompt?.ids.length ?? 0),
  }),
  run: featuresRun,
  ask(_model, _job, result, { section, place }) {
    const row = place.kind === 'row' ? result.features[place.row] : undefined;
    if (!row) throw new RangeError(`nothing is known of this place of ${section}`);
    return Promise.resolve(tokensSection(result, row));
  },
  finding,
  sections,
  offers,
};
