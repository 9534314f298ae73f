/** The attention of a head on a short probe, in which all four copies can be seen. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { MapSection } from '../../../protocol/sections/map';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { AnalysisJob } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { attentionMap } from '../../shared/sections/head-maps';
import type { RazorParameters } from './parameters';
import { razorProbe } from './probe';
import type { RazorResult } from './result';

/** Random tokens of the probe that is drawn: its lines are a cell wide, and more would not be seen. */
const drawnPeriod = 24;

export async function ask(
  model: ModelRunner,
  job: AnalysisJob<RazorParameters>,
  result: RazorResult,
  question: SectionQuestion,
): Promise<MapSection> {
  const head = queryHeadOf(result, question);
  const { ids, period } = razorProbe(model.facts, Math.min(drawnPeriod, result.period), job.seed);
  const prompt = { text: null, ids, tokens: model.pieces(ids) };
  // Weights are explained on the prompt of a result, which this is none of.
  const { attentionOf: _, ...map } = await attentionMap(
    model,
    { ...job, input: { ...job.input, prompts: [prompt] } },
    head,
    question.section,
  );
  return {
    ...map,
    title: `${map.title} on a probe`,
    caption: `${period} random tokens, four times. Echo: lines ${period}, ${2 * period} and ${3 * period} keys before the query. Induction: the lines one key behind each of them.`,
  };
}

/** The query head of a key/value head that has the larger of both scores. */
function queryHeadOf(result: RazorResult, { section, place }: SectionQuestion): HeadPlace {
  if (section === 'query-heads' && place.kind === 'head') return place;
  const shared = place.kind === 'head' ? place : place.kind === 'row' ? result.retrieval[place.row] : undefined;
  const heads = shared && result.inductionScores[shared.layer];
  const groups = shared && result.induction[shared.layer]?.length;
  if (!heads || groups === undefined) throw new RangeError(`nothing is known of this place of ${section}`);
  const size = heads.length / groups;
  const score = (head: number): number => Math.max(heads[head] ?? 0, result.echoScores[shared.layer]?.[head] ?? 0);
  const own = Array.from({ length: size }, (_, at) => shared.head * size + at);
  return { layer: shared.layer, head: own.reduce((best, head) => (score(head) > score(best) ? head : best)) };
}
