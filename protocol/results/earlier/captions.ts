/** A saved set of captions (`*.headscope-hallucination.json`) as a result of the analysis `divergence-set`. */
import type { AnalysisResult } from '../../analysis/schema';
import type { Reinforcement } from '../../interventions/reinforcement';
import { check } from '../../schema/check';
import type { ParameterValues } from '../../schema/parts';
import { setAnalysis, setResult } from '../caption-set-result';
import type { HallucinationSet } from '../hallucination-schema';
import { heldInterventions } from '../held-interventions';
import { setSections } from '../sections/caption-set';
import { setFinding } from '../sections/caption-set-finding';
import { madeOf } from './made';

/** The most samples that a result may name. */
const mostSamples = 100_000;

export function resultOfCaptions(saved: HallucinationSet): AnalysisResult {
  const { prompt: text, settings, state, total, sample } = saved;
  const parameters = parametersOf(saved);
  // What the file has beside them is left out.
  const read = check(setResult, saved, 'The file');
  if (!read.ok) throw new RangeError(read.why);
  const { result } = read;
  return {
    ...madeOf(saved),
    settings: parameters,
    analysis: setAnalysis.id,
    title: setAnalysis.title,
    input: {
      kind: 'image-set',
      // Names of pictures are in the file, and not where they lay; of a prompt of token ids not even these.
      folder: '',
      prompt: { kind: 'text', text: text ?? '', ...(settings['chat'] === true ? { chat: true } : {}) },
      samples: Math.min(mostSamples, Math.max(1, sample?.count ?? total)),
    },
    prompts: [],
    parameters,
    interventions: heldInterventions(saved),
    finding: setFinding(result),
    result,
    sections: setSections(result),
    ...(state === 'cancelled' ? { stopped: true } : {}),
  };
}

/** What the file says of how it was made; the files of truth and lexicon are not named in it. */
function parametersOf({ distance, outliers, positions, k, variants, settings }: HallucinationSet): ParameterValues {
  const { maxNewTokens, lexicon } = settings;
  const asked = variants.map(({ reinforcement }) => reinforcement);
  const alphas = [...new Set(asked.map(({ alpha }) => alpha))];
  const controls = new Set(asked.flatMap((one) => controlOf(one) ?? []));
  const [first] = asked;
  return {
    distance,
    outliers,
    positions,
    k,
    ...(typeof maxNewTokens === 'number' ? { tokens: maxNewTokens } : {}),
    ...(lexicon === 'coco' ? { lexicon: '' } : {}),
    captions: first ? 'reinforced' : 'plain',
    ...(first
      ? {
          alpha: first.alpha,
          factors: alphas.length > 1 ? alphas.join(',') : '',
          controls: [...controls].join(','),
          layers: first.layers.join(','),
        }
      : {}),
  };
}

const controlOf = ({ heads, normMatched }: Reinforcement): string | undefined =>
  normMatched ? 'norm-matched' : heads === 'selected' ? undefined : heads;
