/** From a token of the answer to its maps, and from a place in the picture to the tokens that need it. */
import type { Section } from '../../../protocol/sections/section';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { quotedToken } from '../../../protocol/wire/token-name';
import type { AnalysisJob } from '../../analysis';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { whatIsSeen } from './finding';
import type { RelevanceParameters } from './parameters';
import type { RelevanceResult } from './result';
import { definitions, overSeen, sectionIds } from './sections';
import { byRow } from './squares';
import * as build from '../../../protocol/sections/builders';

export function lookCloser(
  _model: ModelRunner,
  _job: AnalysisJob<RelevanceParameters>,
  result: RelevanceResult,
  { section, place }: SectionQuestion,
): Promise<Section> {
  const at = place.kind === 'token' ? place.token : place.kind === 'row' ? place.row : undefined;
  if (at !== undefined && section === sectionIds.answer) return Promise.resolve(mapsOf(result, at));
  if (at !== undefined && section === sectionIds.seen) return Promise.resolve(tokensThatNeed(result, at));
  throw refusal(`${section} cannot be asked about a ${place.kind}.`);
}

const nats = { unit: 'nats', scale: build.ranges.diverging } as const;
const positive = { unit: '', scale: build.ranges.fromZero } as const;

function mapsOf(result: RelevanceResult, at: number): Section {
  const { words, squares, seen } = result;
  const word = words[at];
  if (!word) throw refusal(`The answer has ${words.length} tokens, from 0.`);
  return overSeen(
    result,
    {
      id: `${sectionIds.answer}-${at}`,
      title: `Parts of the ${whatIsSeen(result)} that token ${at} (${quotedToken(word.text)}) needs`,
    },
    [
      {
        name: 'occlusion',
        title: 'Occlusion',
        ...nats,
        definition: definitions.occlusion,
        values: byRow(word.occlusion, squares, seen.length),
      },
      {
        name: 'rollout',
        title: 'Gradient x attention',
        ...positive,
        definition: definitions.rollout,
        values: word.rollout,
      },
      {
        name: 'attention',
        title: 'Attention alone',
        ...positive,
        definition: definitions.attention,
        values: word.attention,
      },
    ],
  );
}

function tokensThatNeed(result: RelevanceResult, at: number): Section {
  const { words, squares, seen, image } = result;
  if (at >= seen.length) throw refusal(`The ${whatIsSeen(result)} has ${seen.length} tokens, from 0.`);
  const square = squares.findIndex((places) => places.includes(at));
  return {
    kind: 'tokens',
    id: `${sectionIds.seen}-${at}`,
    title: `Tokens of the answer that need ${image ? 'image token' : 'token'} ${at}`,
    ...(square < 0 ? { caption: 'It belongs to no square, so that it was not hidden by itself.' } : {}),
    tokens: words.map(({ text }) => text),
    numbers: [
      {
        name: 'occlusion',
        title: 'Lost without its square',
        ...nats,
        definition: definitions.occlusion,
        values: words.map(({ occlusion }) => occlusion[square] ?? Number.NaN),
      },
      {
        name: 'rollout',
        title: 'Gradient x attention',
        ...positive,
        definition: definitions.rollout,
        values: words.map(({ rollout }) => rollout[at] ?? Number.NaN),
      },
      {
        name: 'attention',
        title: 'Attention alone',
        ...positive,
        definition: definitions.attention,
        values: words.map(({ attention }) => attention[at] ?? Number.NaN),
      },
    ],
  };
}
