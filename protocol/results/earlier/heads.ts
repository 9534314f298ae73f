/** A saved result of heads (`*.headscope-heads.json`) as one of the analysis `heads`. */
import type { AnalysisInput, AnalysisResult } from '../../analysis/schema';
import type { ParameterValues } from '../../schema/parts';
import type { WrittenHeads } from '../heads-schema';
import { headsAnalysis, type HeadsMeasured } from '../labelled-heads';
import { headsFinding } from '../sections/heads-finding';
import { headsSections } from '../sections/heads';
import { labelOffers } from '../sections/label-finding';
import { withModel } from '../sections/heads-of-model';
import { madeOf } from './made';

export function resultOfHeads(written: WrittenHeads): AnalysisResult {
  const { model, ids, tokens, interventions, parity } = written;
  const { prompt: text, image, chatPrompt } = written;
  const parameters = parametersOf(written);
  const result = measuredOf(written);
  const offers = labelOffers(result);
  return {
    ...madeOf(written),
    settings: settingsOf(written),
    analysis: headsAnalysis.id,
    title: headsAnalysis.title,
    input: { kind: 'prompt', prompt: promptOf(written) },
    prompts: [{ text, ids, tokens, ...(image ? { image } : {}), ...(chatPrompt ? { chatPrompt } : {}) }],
    parameters,
    interventions,
    finding: headsFinding(result),
    result,
    sections: withModel(headsSections(result), model, interventions),
    ...(offers.length > 0 ? { offers } : {}),
    parity,
  };
}

function measuredOf(written: WrittenHeads): HeadsMeasured {
  const {
    ids,
    tokens: texts,
    statistics,
    groups,
    classes,
    topKeys,
    labelScores,
    classAblations,
    thumbnails,
    experts,
  } = written;
  const { chunk } = written.settings;
  return {
    tokens: ids.length,
    texts,
    statistics,
    groups,
    classes,
    ...(typeof chunk === 'number' && Number.isSafeInteger(chunk) && chunk > 0 ? { chunk } : {}),
    ...(topKeys ? { topKeys } : {}),
    ...(labelScores ? { labelScores } : {}),
    ...(classAblations ? { classAblations } : {}),
    ...(thumbnails ? { thumbnails } : {}),
    ...(experts ? { experts } : {}),
  };
}

/** What the file says of how it was made. The keys of its groups are not in it, nor how many queries were asked for at once. */
function parametersOf({ settings, labelScores = {}, thumbnails }: WrittenHeads): ParameterValues {
  const { classify, causal } = settings;
  const nullSequences = Object.values(labelScores).find(({ nullSeeds }) => nullSeeds !== undefined)?.nullSeeds;
  return {
    ...(typeof classify === 'boolean' ? { labels: classify } : {}),
    ...(typeof causal === 'boolean' ? { causal } : {}),
    ...(nullSequences === undefined ? {} : { nullSequences }),
    pictures: thumbnails !== undefined,
  };
}

/** As a run is asked today: what is left at its default is not among them. */
const settingsOf = ({ settings: { classify, causal } }: WrittenHeads): ParameterValues => ({
  ...(classify === false ? { labels: false } : {}),
  ...(causal === true ? { causal: true } : {}),
});

type GivenPrompt = Extract<AnalysisInput, { readonly kind: 'prompt' }>['prompt'];

/**
 * The token ids, where the file does not say how its text was given: results from before 2026-11-27 do not say whether it went through a
 * template. Those that say how weights were held are later.
 */
function promptOf({ model, prompt: text, ids, image, chatPrompt, weights }: WrittenHeads): GivenPrompt {
  const path = image?.path ?? '';
  const picture = path === '' ? {} : { image: path };
  // A vision encoder that stands alone has no vocabulary: its ids are the numbers of its rows.
  if (model.vocabulary === 0 && path !== '') return { kind: 'image', image: path };
  if (text !== null && chatPrompt) return { kind: 'text', text, chat: true, ...picture };
  const isPlain = weights !== undefined || !model.chatTemplate;
  return text === null || !isPlain ? { kind: 'ids', ids, ...picture } : { kind: 'text', text, ...picture };
}
