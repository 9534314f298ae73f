/** One run: the encoder's attention, the plain caption, the caption with informed tokens raised, captions over alpha. */
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import { brokenWords } from '../../shared/captions/repetition';
import { TextPieces } from '../../shared/captions/caption';
import { greedy, textPart } from '../../shared/captions/caption-run';
import { textBlocks } from '../../shared/captions/text-blocks';
import { wordCount } from '../../shared/captions/lexicon';
import type { AnalysisJob, Step } from '../../analysis';
import { continued } from '../../model-runner/decoding';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { imageRows } from '../../model-runner/regions';
import type { Sequence } from '../../model-runner/sequence';
import { groundingGroups, groundingOf, rowShares, type RowShares } from './grounding';
import {
  emphasisOf,
  informedTokens,
  sensitivityWeights,
  tokenScores,
  type InformedTokens,
  type TokenScores,
} from '../../shared/pictures/informed-tokens';
import { captionJudge, type FiguresOf } from './caption-scores';
import { alphasUpTo, layersOf, type HeadMode, type ImbalancedParameters } from './parameters';
import { setNames, type GroundedCaption, type ImbalancedResult, type SweepPoint } from './result';

type Job = AnalysisJob<ImbalancedParameters>;
type Partly = Step<ImbalancedResult>;

/** A pass over the prompt, in tokens of a caption: progress counts both. */
const passWork = 8;

interface Written {
  readonly id: number;
  readonly shares: RowShares;
}

/** What captions are written from. */
interface Source {
  readonly model: ModelRunner;
  readonly prompt: Prompt;
  readonly sequence: Sequence;
  readonly own: Variant;
  readonly tokens: number;
  readonly figuresOf: FiguresOf | undefined;
}

export async function* imbalancedRun(model: ModelRunner, job: Job): AsyncGenerator<Partly, ImbalancedResult> {
  const { parameters, step } = job;
  const [prompt] = job.input.prompts;
  if (!prompt) throw new RangeError('the analysis reads a prompt');
  const { alpha, beta, tokens } = parameters;
  const layers = layersOf(model.facts, parameters);
  const one = passWork + tokens;
  const swept = alphasUpTo(parameters.largest);
  const total = passWork + (2 + swept.length) * one;

  yield { sentence: 'What the vision encoder attends to', done: 0, total };
  const scored = await step('scores of the picture', () => tokenScores(model, prompt));
  const sets = informedTokens(scored, { local: parameters.localRatio, spatial: parameters.spatialRatio });
  // The table allows no other values.
  const heads = parameters.heads as HeadMode;
  const known = { ...pictureOf(prompt, scored, sets), alpha, beta, layers, heads };
  const source: Source = {
    model,
    prompt,
    sequence: { ...prompt, groups: [...groundingGroups(prompt, sets), ...job.groups] },
    own: job.variant,
    tokens,
    figuresOf: await captionJudge(model, prompt, parameters),
  };

  let done = passWork;
  yield { sentence: 'The plain caption', done, total, partial: known };
  const before = yield* caption(source, job, 'caption', source.own, (part, made) => ({
    sentence: `Token ${made} of at most ${tokens}`,
    done: done + passWork + made,
    total,
    partial: { ...known, before: part },
  }));
  const weights = sensitivityWeights(before.perHead.image);
  const strength = { beta, layers, ...(heads === 'sensitivity' ? { weights } : {}) };
  const raised = async (to: number): Promise<Variant> =>
    together(source.own, await model.variant(emphasisOf(sets, { ...strength, alpha: to }), prompt));

  done += one;
  const plain = { ...known, before, weights };
  yield { sentence: 'The caption with informed tokens raised', done, total, partial: plain };
  const after = yield* caption(source, job, 'raised caption', await raised(alpha), (part, made) => ({
    sentence: `Raised token ${made} of at most ${tokens}`,
    done: done + passWork + made,
    total,
    partial: { ...plain, after: part },
  }));

  done += one;
  const sweep: SweepPoint[] = [];
  for (const at of swept) {
    const partial = { ...plain, after, ...(sweep.length > 0 ? { sweep: [...sweep] } : {}) };
    yield { sentence: `Alpha ${at}`, done, total, partial };
    sweep.push(await step(`alpha ${at}`, async () => sweepPoint(source, at, await raised(at), before)));
    done += one;
  }
  return { ...plain, after, sweep };
}

/** Both variants; the second has emphases alone. */
const together = (own: Variant, { variant }: { readonly variant: Variant }): Variant => [
  ...own,
  ...changesOf(variant, 'emphasis'),
];

/** By image token. */
function pictureOf(
  prompt: Prompt,
  { scores, at, notes }: TokenScores,
  { local, spatial, top, bottom }: InformedTokens,
) {
  const { image } = prompt;
  if (!image) throw new RangeError('the prompt has no picture');
  const rows = imageRows(prompt);
  const cellOf = new Map(at.map((row, cell) => [row, cell]));
  const byToken = (values: readonly number[]): readonly number[] =>
    rows.map((row) => values[cellOf.get(row) ?? -1] ?? Number.NaN);
  const setOf = (row: number): number => {
    if (bottom.includes(row)) return setNames.indexOf('summary');
    if (!top.includes(row)) return -1;
    if (!spatial.includes(row)) return setNames.indexOf('local');
    return setNames.indexOf(local.includes(row) ? 'local and spatial' : 'spatial');
  };
  return {
    image,
    patches: at.length,
    localScores: byToken(scores.local),
    summaryScores: byToken(scores.summary),
    spatialScores: byToken(scores.spatial),
    sets: rows.map(setOf),
    top,
    bottom,
    notes,
  };
}

async function* caption(
  source: Source,
  { step }: Job,
  name: string,
  variant: Variant,
  told: (part: GroundedCaption, made: number) => Partly,
): AsyncGenerator<Partly, GroundedCaption> {
  const written: Written[] = [];
  for await (const block of textBlocks(step, name, () => Promise.resolve(writing(source, variant)))) {
    written.push(...block);
    yield told(captionOf(source, written), written.length);
  }
  return captionOf(source, written);
}

/** The most probable token each time, and where the query that made it looked. */
async function* writing({ model, sequence, tokens }: Source, variant: Variant): AsyncGenerator<Written> {
  const run = await model.continuation({ sequence, variant, observe: true, further: tokens });
  const { groups = [] } = sequence;
  for await (const { id, observation } of continued(run, { ...greedy(model, tokens), observe: true }, model)) {
    if (!observation) throw new RangeError('the run observed nothing');
    yield { id, shares: rowShares(observation.mass, groups) };
  }
}

function captionOf({ model, figuresOf }: Source, written: readonly Written[]): GroundedCaption {
  const pieces = new TextPieces((ids) => model.decode(ids));
  const { text, ...cut } = textPart(
    model,
    written.map(({ id }) => id),
  );
  const broken = brokenWords(text);
  return {
    ...groundingOf(written.map(({ shares }) => shares)),
    text,
    tokens: written.map(({ id }) => pieces.next(id)),
    ...cut,
    ...(broken === undefined ? {} : { broken }),
    ...(figuresOf ? { figures: figuresOf(text) } : {}),
  };
}

async function sweepPoint(
  source: Source,
  alpha: number,
  variant: Variant,
  before: GroundedCaption,
): Promise<SweepPoint> {
  const written: Written[] = [];
  for await (const one of writing(source, variant)) written.push(one);
  const { image, text, tokens, broken, figures } = captionOf(source, written);
  return {
    alpha,
    image,
    words: wordCount(text),
    text,
    ...(broken === undefined ? {} : { broken }),
    same: text === before.text && tokens.length === before.tokens.length,
    ...(figures ? { figures } : {}),
  };
}
