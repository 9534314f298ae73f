/** A saved set of captions (`*.headscope-hallucination.json`) as a result of the analysis `divergence-set`. */
import type { AnalysisResult } from '../../analysis/schema';
import type { Reinforcement } from '../../interventions/reinforcement';
import type { ParameterValues } from '../../schema/parts';
import { setAnalysis, type SetResult } from '../caption-set-result';
import type { HallucinationSet } from '../hallucination-schema';
import { heldInterventions } from '../held-interventions';
import { setSections } from '../sections/caption-set';
import { setFinding } from '../sections/caption-set-finding';

/** Of one input; a result may name no more. */
const mostSamples = 100_000;

export function resultOfCaptions(saved: HallucinationSet): AnalysisResult {
  const { headscope, created, device, seed, weights, model, prompt: text, settings, state, seconds } = saved;
  const { parity, distance, outliers, positions, k, entries, failures, plain, variants, separation, total } = saved;
  const { truthLabels, sample, chatPrompt } = saved;
  const parameters = parametersOf(saved);
  const result: SetResult = {
    distance,
    outliers,
    positions,
    k,
    entries,
    failures,
    plain,
    variants,
    separation,
    ...(truthLabels ? { truthLabels } : {}),
    total,
    ...(sample ? { sample } : {}),
    ...(parity ? { parity } : {}),
    ...(chatPrompt ? { chatPrompt } : {}),
  };
  return {
    headscope,
    created,
    device,
    ...(weights ? { weights } : {}),
    settings: parameters,
    seed,
    kind: 'headscope-analysis',
    version: 1,
    analysis: setAnalysis.id,
    title: setAnalysis.title,
    model,
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
    seconds,
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
