/** The run of the Hallucination panel over many pictures: that of the analysis `divergence-set`, of pictures that the request names. */
import { basename } from 'node:path';
import {
  captionedSet,
  type PictureOutcome,
  type SetPicture,
  type SetSoFar,
  type SetStep,
} from '../../diagnostics/shared/captions/captioned-set';
import { scoresOf } from '../../diagnostics/shared/captions/picture-set';
import { topHeads } from '../../diagnostics/shared/divergence/reinforcement';
import type { HallucinationSetProgress } from '../../protocol/compute/hallucination';
import type { HallucinationSetRequest, ImageWithTruth } from '../../protocol/compute/hallucination-requests';
import type { DatasetEntry, HallucinationSet } from '../../protocol/results/hallucination-schema';
import { refusal } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { sourceStamps } from '../model/interventions/lower';
import { reinforcementOf, requireCaptions } from '../model/interventions/span-request';
import { sampled } from '../model/prompt/picture-sample';
import { modelProvenance } from '../provenance';
import { ServerRunner } from '../runner/runner';
import type { Surroundings } from '../surroundings';
import { EntryStore } from './entry-store';
import { chatOf } from './hallucination-job';

interface Picture extends SetPicture {
  readonly image: ImageWithTruth;
}

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
    throw refusal(detail);
  }
  const { chatPrompt } = requireCaptions(model, request);
  // A caption is the same in every sample: what was kept serves a larger one too.
  const { images: all, sample, done, device: _, ...settings } = request;
  const { distance, outliers, positions, prompt, maxNewTokens, interventions = [] } = request;
  const lexicon = request.lexicon ? { lexicon: request.lexicon } : {};
  const stamps = interventions.length > 0 ? [await sourceStamps(interventions)] : [];
  const key = [model.summary.hash, model.stamp, settings, ...stamps];
  const kept = new EntryStore<DatasetEntry>(surroundings.cacheFolder, key);
  await kept.read();
  const pictures = sampled(all, sample).map((image): Picture => {
    const { path, truth, references = [] } = image;
    return { name: basename(path), path, truth: { objects: truth, captions: references }, image };
  });
  const k = topHeads(model.summary.heads, request.k);
  const runner = new ServerRunner(model, model, surroundings, signal);
  let [computed, unkept] = [0, false];
  const outcomeOf = async ({ name, image }: Picture, act: () => Promise<PictureOutcome>): Promise<PictureOutcome> => {
    const before = done.find((entry) => entry.name === name) ?? (await kept.of(image));
    if (before) return { entry: before };
    signal.throwIfAborted();
    const outcome = await act();
    if ('why' in outcome) return outcome;
    await model.requireUnchanged();
    computed++;
    const why = await kept.add(image, outcome.entry);
    if (why !== undefined && !unkept) {
      surroundings.log('warn', `Finished captions cannot be kept for a later run (${why}); this run continues.`);
      unkept = true;
    }
    return outcome;
  };
  const measure = { distance, outliers, k };
  const run = captionedSet(
    runner,
    { pictures, prompt, measure, positions, lexicon, maxNewTokens, reinforcements, interventions },
    outcomeOf,
  );
  let soFar: SetSoFar = { entries: [], failures: [] };
  let cancelled = false;
  for (;;) {
    let step: IteratorResult<SetStep, SetSoFar>;
    try {
      step = await run.next();
    } catch (error) {
      if (!signal.aborted) throw error;
      // A run that is cancelled gives what it had by then.
      cancelled = true;
      break;
    }
    const now = step.done ? step.value : step.value.soFar;
    for (const entry of now.entries.slice(soFar.entries.length)) yield { kind: 'entry', entry };
    for (const failure of now.failures.slice(soFar.failures.length)) yield { kind: 'failure', ...failure };
    soFar = now;
    if (step.done) break;
    const { sentence, done: at, total } = step.value;
    yield {
      kind: 'stage',
      sentence,
      share: at / total,
      ...(computed === 0 ? {} : { secondsLeft: ((performance.now() - started) / 1000 / computed) * (total - at) }),
    };
  }
  if (!cancelled) await kept.remove();
  const { entries, failures, parity } = soFar;
  const made = await modelProvenance(
    model,
    {
      maxNewTokens,
      lexicon: request.lexicon ?? 'coco',
      ...chatOf(prompt),
      ...(interventions.length > 0 ? { interventions } : {}),
    },
    sample?.seed ?? reinforcements[0]?.seed ?? 0,
  );
  const captioned = new Set(entries.map(({ name }) => name));
  const truths = pictures.flatMap(({ name, truth }) => (captioned.has(name) ? [truth.objects] : []));
  return {
    ...made,
    kind: 'headscope-hallucination-set',
    version: 1,
    model: model.summary,
    ...(parity ? { parity } : {}),
    prompt: prompt.kind === 'text' ? prompt.text : null,
    ...(chatPrompt ? { chatPrompt } : {}),
    distance,
    outliers,
    positions,
    k,
    entries,
    failures,
    ...scoresOf(entries, reinforcements, lexicon, truths),
    ...(sample ? { sample: { ...sample, of: all.length } } : {}),
    total: pictures.length,
    state: cancelled ? 'cancelled' : 'done',
    seconds: (performance.now() - started) / 1000,
  };
}
