/** The run: heads found, documents in tokens, each run plain and with the heads masked. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { headList } from '../../shared/retrieval/head-list';
import { chosenDocuments, tokenDocuments, type TokenDocument } from './documents';
import { findHeads, type FoundHeads } from './find-heads';
import { importantHeads, masking, placesOf, randomHeads } from './masked-heads';
import { formatOf, type Parameters } from './parameters';
import type { InfluenceResult } from './result';
import { scoreDocuments, type LossSums } from './score-documents';
import { type Reading, readingOf } from '../../shared/corpus/reading';
import { summarised } from './summary';

type Run = AsyncGenerator<Step<InfluenceResult>, InfluenceResult>;
type Job = AnalysisJob<Parameters>;

/** A partial result is said when so many more documents, as a share of those known, are scored: it holds all of them. */
const growth = 1.1;

export async function* influenceRun(model: ModelRunner, job: Job): Run {
  const { input, parameters, seed, variant, step } = job;
  const { corpus } = input;
  if (!corpus) throw new RangeError('the analysis reads a corpus');
  const { blocks } = model.facts;
  const reading = await readingOf(model, parameters.window);
  const chosen = chosenDocuments(corpus, parameters.documents, seed);
  const probeRows = probeWork(model, parameters);
  const variants = 2 + parameters.control;

  let guessed = probeRows + chosen.length * variants;
  const tokenising = tokenDocuments(model, corpus, chosen);
  let documents: readonly TokenDocument[] = [];
  for (;;) {
    const read = tokenising.next();
    if (read.done) {
      documents = read.value;
      break;
    }
    yield { sentence: `Reading the documents: ${read.value} of ${chosen.length}`, done: 0, total: guessed };
  }
  const work = documents.reduce((sum, { ids, duplicateOf }) => sum + (duplicateOf === undefined ? ids.length : 0), 0);
  guessed = probeRows + work * variants;

  const all = placesOf(blocks);
  const given = headList(parameters.heads, model.facts);
  if (!given.ok) throw new RangeError(given.why);
  let found: FoundHeads | undefined;
  if (given.heads.length === 0) {
    const probing = probeHeads(model, job, reading);
    for (;;) {
      const stage = await probing.next();
      if (stage.done) {
        found = stage.value;
        break;
      }
      const { sentence, done, total } = stage.value;
      yield { sentence, done: total > 0 ? (probeRows * done) / total : 0, total: guessed };
    }
  }
  const masked = found ? importantHeads(found.scores, parameters.share) : given.heads;
  const controls = controlsOf(all, masked, parameters.control, seed);
  const known = {
    corpus: {
      name: corpus.name,
      sha256: corpus.sha256,
      documents: corpus.documents.length,
      chosen: chosen.length,
      notes: corpus.notes,
    },
    heads: all.length,
    masked,
    controls,
    ...(found ? { scores: found.scores, probe: found.probe } : {}),
    window: reading.shape.size,
    top: parameters.top,
  };
  const resultOf = (losses: ReadonlyMap<number, LossSums>): InfluenceResult => ({
    ...known,
    ...summarised(documents, losses, parameters.top),
  });

  const places = documents.flatMap(({ duplicateOf }, place) => (duplicateOf === undefined ? [place] : []));
  const scoring = scoreDocuments(
    model,
    places.map((place) => ({ ids: documents[place]?.ids ?? new Int32Array(0) })),
    {
      shape: reading.shape,
      variants: [variant, masking(variant, masked), ...controls.map((heads) => masking(variant, heads))],
      seed,
      step,
    },
  );
  const placed = (finished: ReadonlyMap<number, LossSums>) =>
    new Map([...finished].map(([at, sums]) => [places[at] ?? -1, sums]));
  let said = -1;
  for (;;) {
    const stage = await scoring.next();
    if (stage.done) return resultOf(placed(stage.value));
    const { done, total, finished } = stage.value;
    const scored = finished.size;
    const more = said < 0 || scored >= Math.max(said + 1, said * growth);
    if (more) said = scored;
    yield {
      sentence: `Scoring the documents: ${scored} of ${places.length}`,
      done: probeRows + (total > 0 ? (done / total) * (guessed - probeRows) : 0),
      total: guessed,
      ...(more ? { partial: resultOf(placed(finished)) } : {}),
    };
  }
}

/** Rows of the probes, about. */
const probeWork = (model: Pick<ModelRunner, 'facts'>, parameters: Parameters): number =>
  parameters.heads.trim() === ''
    ? parameters.probes * Math.min(parameters.probeLength, model.facts.summary.contextLength ?? Infinity)
    : 0;

/** None where no other head is left. */
const controlsOf = (
  all: readonly HeadPlace[],
  masked: readonly HeadPlace[],
  count: number,
  seed: number,
): readonly (readonly HeadPlace[])[] =>
  Array.from({ length: count }, (_, number) => randomHeads(all, masked, { seed, number })).filter(
    (heads) => heads.length > 0,
  );

const probeHeads = (
  model: ModelRunner,
  { parameters, seed, variant, step }: Job,
  { tokens }: Reading,
): ReturnType<typeof findHeads> =>
  findHeads(
    model,
    { facts: model.facts, tokens, length: parameters.probeLength, seed },
    { format: formatOf(parameters), count: parameters.probes, anywhere: parameters.anywhere, variant, step },
  );
