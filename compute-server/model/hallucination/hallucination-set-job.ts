/** Many pictures with their truth: plain and reinforced captions, CHAIR with what must stand beside it, T-VHD apart by truth. */
import { basename } from 'node:path';
import { tokenAt } from '../../../diagnostics/hallucination/caption-words';
import { chairScores, countLabels } from '../../../diagnostics/hallucination/chair';
import { pairedChange } from '../../../diagnostics/hallucination/paired-change';
import { defaultTopHeads } from '../../../diagnostics/hallucination/divergence';
import { areaBelow, sharedHistogram } from '../../../diagnostics/hallucination/separation';
import type {
  HallucinationSetProgress,
  HallucinationSetRequest,
  ImageWithTruth,
  Judging,
} from '../../../protocol/compute/hallucination';
import type {
  Caption,
  CaptionSetScore,
  DatasetEntry,
  HallucinationSet,
  Reinforcement,
  TVhdSeparation,
} from '../../../protocol/results/hallucination';
import { FailureError } from '../../../protocol/wire/failures';
import type { Job } from '../../dispatch/dispatcher';
import { provenance } from '../../provenance';
import type { Surroundings } from '../../surroundings';
import { CaptionJudge, finderOf } from './caption';
import { DivergenceRun } from './divergence-run';
import { captionOf, chatOf, continuation, reasonOfImage, reinforcedCaption } from './hallucination-job';
import { KeptEntries } from '../run/kept-entries';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { sampled } from '../prompt/picture-sample';
import { prepare, reinforcementOf, requireCaptions } from './span-request';

/** Steps of the two histograms. */
const bins = 24;

export async function* hallucinationSetJob(
  model: LoadedModel,
  request: HallucinationSetRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<HallucinationSetProgress, HallucinationSet> {
  const started = performance.now();
  const reinforcements = request.reinforcements.map((each) => reinforcementOf(model, request, each));
  if (request.images.length === 0) {
    const detail = 'There is no image to caption. Name at least one with its truth.';
    throw new FailureError({ code: 'bad-request', detail });
  }
  const { chatPrompt } = requireCaptions(model, request);
  // A caption is the same in every sample: what was kept serves a larger one too.
  const { images: all, sample, done, ...settings } = request;
  const images = sampled(all, sample);
  const kept = new KeptEntries<DatasetEntry>(surroundings.cacheFolder, [model.summary.hash, model.stamp, settings]);
  await kept.read();
  const entries: DatasetEntry[] = [];
  const failures: { name: string; why: string }[] = [];
  let [computed, unkept, cancelled] = [0, false, false];
  for (const [at, image] of images.entries()) {
    const { path } = image;
    const name = basename(path);
    const rest = images.length - at;
    yield {
      kind: 'stage',
      sentence: `Image ${at + 1} of ${images.length}: ${name}`,
      share: at / images.length,
      ...(computed === 0 ? {} : { secondsLeft: ((performance.now() - started) / 1000 / computed) * rest }),
    };
    const before = done.find((entry) => entry.name === name) ?? (await kept.of(image));
    if (before) {
      entries.push(before);
      yield { kind: 'entry', entry: before };
      continue;
    }
    try {
      signal.throwIfAborted();
      const entry = await entryOf(model, request, image, reinforcements, surroundings, signal);
      await model.requireUnchanged();
      computed++;
      entries.push(entry);
      const why = await kept.add(image, entry);
      if (why !== undefined && !unkept) {
        surroundings.log('warn', `Finished captions cannot be kept for a later run (${why}); this run goes on.`);
        unkept = true;
      }
      yield { kind: 'entry', entry };
    } catch (error) {
      if (signal.aborted) {
        cancelled = true;
        break;
      }
      const why = reasonOfImage(error);
      if (why === undefined) throw error;
      failures.push({ name, why });
      yield { kind: 'failure', name, why };
    }
  }
  if (!cancelled) await kept.remove();
  const { distance, outliers, positions, prompt, maxNewTokens } = request;
  const made = await provenance(
    { maxNewTokens, lexicon: request.lexicon ?? 'coco', ...chatOf(prompt) },
    sample?.seed ?? reinforcements[0]?.seed ?? 0,
  );
  const judge = (caption: Caption, truth: readonly string[]) =>
    new CaptionJudge({ ...lexiconOf(request), truth }).judged(caption.text);
  const captioned = new Set(entries.map(({ name }) => name));
  const truths = images.flatMap(({ path, truth }) => (captioned.has(basename(path)) ? [{ objects: truth }] : []));
  const score = (of: (entry: DatasetEntry) => Caption | undefined): CaptionSetScore => {
    const captions = entries.flatMap((entry) => {
      const caption = of(entry);
      return caption ? [{ caption, judged: judge(caption, entry.truth) }] : [];
    });
    const { hallucinated: _, ...rest } = chairScores(captions.map(({ judged }) => judged));
    return { ...rest, unfinished: captions.filter(({ caption }) => caption.stoppedAt !== undefined).length };
  };
  return {
    ...made,
    device: { ...made.device, threads: surroundings.defaultThreads },
    kind: 'headscope-hallucination-set',
    version: 1,
    model: model.summary,
    prompt: prompt.kind === 'text' ? prompt.text : null,
    ...(chatPrompt ? { chatPrompt } : {}),
    distance,
    outliers,
    positions,
    k: request.k ?? defaultTopHeads(model.summary.heads),
    entries,
    failures,
    plain: score(({ plain }) => plain),
    variants: reinforcements.map((reinforcement, at) => ({
      reinforcement,
      score: score(({ variants }) => variants[at]),
      change: pairedChange(
        entries.flatMap(({ plain, variants, truth }) => {
          const other = variants[at];
          return other ? [{ plain: judge(plain, truth), reinforced: judge(other, truth) }] : [];
        }),
      ),
    })),
    ...(sample ? { sample: { ...sample, of: all.length } } : {}),
    truthLabels: countLabels(finderOf(request.lexicon), truths),
    separation: separationOf(entries),
    total: images.length,
    state: cancelled ? 'cancelled' : 'done',
    seconds: (performance.now() - started) / 1000,
  };
}

const lexiconOf = ({ lexicon }: HallucinationSetRequest): Pick<Judging, 'lexicon'> => (lexicon ? { lexicon } : {});

async function entryOf(
  model: LoadedModel,
  request: HallucinationSetRequest,
  { path, truth, references }: ImageWithTruth,
  reinforcements: readonly Reinforcement[],
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<DatasetEntry> {
  const { maxNewTokens } = request;
  const judge = new CaptionJudge({ ...lexiconOf(request), truth, ...(references ? { references } : {}) });
  const one = { ...request, prompt: { ...request.prompt, image: path }, removed: { kind: 'image' } as const };
  const prepared = await prepare(model, one, maxNewTokens, surroundings, signal);
  const { pair, measure, chunk } = prepared;
  const run = await DivergenceRun.start(model.spec, model.sessions, { pair, measure, chunk }, { signal });
  const tokens = run.generate(continuation(model, maxNewTokens), { signal });
  const plain: Caption = { reinforcement: null, ...(await ended(captionOf(model, tokens, request, judge))) };
  const variants: Caption[] = [];
  for (const reinforcement of reinforcements) {
    variants.push(await ended(reinforcedCaption(model, request, reinforcement, prepared, judge, surroundings, signal)));
  }
  return { name: basename(path), truth: [...(judge.truth ?? [])], plain, variants };
}

/** The result of a job whose steps nobody watches. */
async function ended<P, R>(job: AsyncGenerator<P, R, void>): Promise<R> {
  for (;;) {
    const next = await job.next();
    if (next.done) return next.value;
  }
}

/** T-VHD of the tokens that begin an object word of the plain captions. */
export function separationOf(entries: readonly DatasetEntry[]): TVhdSeparation {
  const values = (inTruth: boolean): number[] =>
    entries.flatMap(({ plain }) => {
      const texts = plain.tokens.map(({ text }) => text);
      return plain.mentions
        .filter((mention) => mention.inTruth === inTruth)
        .flatMap(({ start }) => {
          const token = plain.tokens[tokenAt(texts, start) ?? -1];
          return token ? [token.tVhd] : [];
        });
    });
  const [hallucinated, truthful] = [values(false), values(true)];
  const { from, to, counts } = sharedHistogram([hallucinated, truthful], bins);
  return {
    hallucinated,
    truthful,
    histogram: { from, to, hallucinated: counts[0] ?? [], truthful: counts[1] ?? [] },
    auroc: areaBelow(hallucinated, truthful) ?? null,
  };
}
