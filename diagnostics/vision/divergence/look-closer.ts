/** What is asked of a divergence: where heads read at a token, and all heads at it. */
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import {
  reinforcedCaptions,
  type DivergenceResult,
  type MeasuredCaption,
  type ReinforcedCaption,
} from '../../../protocol/results/divergence-result';
import { askedHeads, headsId, headTables, markedOf, spanSection } from '../../../protocol/results/sections/divergence';
import { captionId, reinforcedId } from '../../../protocol/results/sections/divergence-captions';
import { headName, type HeadPlace } from '../../../protocol/schema/written-form';
import type { Section } from '../../../protocol/sections/section';
import { refusal } from '../../../protocol/wire/failures';
import { quotedToken } from '../../../protocol/wire/token-name';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { divergenceAfter } from '../../shared/divergence/divergence-run';
import { spanMap } from '../../shared/divergence/span-map';
import { extended } from '../../shared/divergence/span-pair';
import { preparedAnalysis } from './analysis-run';
import type { DivergenceParameters } from './parameters';

/** More heads are counted in an id, not named. */
const mostNamed = 8;

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<DivergenceParameters>,
  result: DivergenceResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const caption = captionNamed(result, section);
  if (section === headsId && place.kind === 'head') {
    return reading(model, job, result, { section, heads: [place], token: 0, caption: result.caption });
  }
  if (place.kind === 'heads' && (caption || section === headsId)) {
    const { heads, token = 0 } = place;
    return reading(model, job, result, { section, heads, token, caption: caption ?? result.caption });
  }
  if (place.kind === 'token' && caption) return headsAt(model, job, result, { section, token: place.token, caption });
  throw refusal(`${section} cannot be asked about a ${place.kind}.`);
}

function captionNamed(result: DivergenceResult, section: string): MeasuredCaption | ReinforcedCaption | undefined {
  if (section === captionId) return result.caption;
  return reinforcedCaptions(result).find((_, at) => reinforcedId(at) === section);
}

interface Asked {
  readonly section: string;
  readonly token: number;
  readonly caption: MeasuredCaption | ReinforcedCaption;
}

/** Tokens that were there when a token was made. */
function before({ token, caption: { tokens } }: Asked): readonly number[] {
  // The first token of an empty caption would have had a query too.
  if (token > 0 && token >= tokens.length) throw refusal(`The caption has ${tokens.length} tokens, from 0.`);
  return tokens.slice(0, token).map(({ id }) => id);
}

/** Where heads read when a token was made, under the gains that it was made with: of several their mean. */
async function reading(
  model: ModelRunner,
  job: AnalysisJob<DivergenceParameters>,
  result: DivergenceResult,
  asked: Asked & { readonly heads: readonly HeadPlace[] },
): Promise<Section> {
  const { section, heads, token, caption } = asked;
  const none = heads.find(({ layer, head }) => head >= (model.facts.blocks[layer]?.heads ?? 0));
  if (none) throw refusal(`The model has no head ${headName(none)}.`);
  const { pair, variant = [] } = preparedAnalysis(model, job);
  const gains = 'gains' in caption ? caption.gains.map((gain) => ({ kind: 'gain' as const, ...gain })) : [];
  const values = await spanMap(model, {
    sequence: extended(pair.whole, before(asked)),
    rows: pair.whole.groups?.[0]?.positions ?? [],
    heads,
    variant: [...variant, ...gains],
  });
  const [first, ...more] = heads;
  const names = heads.length > mostNamed ? `${heads.length}-heads` : heads.map(headName).join('-');
  const who = first && more.length === 0 ? headName(first) : `${heads.length} heads`;
  const verb = `${result.image ? 'look' : 'read'}${more.length === 0 ? 's' : ''}`;
  const at = token === 0 ? '' : ` at token ${token} (${quotedToken(caption.tokens[token]?.text ?? '')})`;
  const map = spanSection(`${section}-${token === 0 ? '' : `${token}-`}${names}`, `Where ${who} ${verb}${at}`, result, {
    values: [...values],
    definition: `p(query, key), the query of ${token === 0 ? 'the first token' : `token ${token}`}${more.length === 0 ? '' : ', mean over the heads'}`,
  });
  if (!map) throw new RangeError('the result has neither a picture nor a span');
  return map;
}

/** The tables of all heads at the step that made a token. */
async function headsAt(
  model: ModelRunner,
  job: AnalysisJob<DivergenceParameters>,
  result: DivergenceResult,
  asked: Asked,
): Promise<Section> {
  const { section, token, caption } = asked;
  const { tokens } = caption;
  if (token >= tokens.length) throw refusal(`The caption has ${tokens.length} tokens, from 0.`);
  const { pair, measure, variant } = preparedAnalysis(model, job);
  const step = await divergenceAfter(model, { pair, measure }, before(asked), variant ? { variant } : {});
  return {
    kind: 'heads',
    id: `${section}-${token}`,
    title: `Heads at token ${token} (${quotedToken(tokens[token]?.text ?? '')})`,
    ...askedHeads(result),
    ...headTables(step, result),
    marked: markedOf(step),
  };
}
