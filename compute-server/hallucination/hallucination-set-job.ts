/** Many pictures with their truth, captioned plainly and with reinforced heads; what is finished is kept on disk. */
import { basename } from 'node:path';
import { defaultTopHeads } from '../../diagnostics/shared/divergence/divergence';
import { captionsOf, scoresOf } from '../../diagnostics/shared/captions/picture-set';
import type { HallucinationSetProgress } from '../../protocol/compute/hallucination';
import type { HallucinationSetRequest } from '../../protocol/compute/hallucination-requests';
import type { DatasetEntry, HallucinationSet } from '../../protocol/results/hallucination-schema';
import type { Parity } from '../../protocol/schema/parts';
import { refusal } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import { modelProvenance } from '../provenance';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { sampled } from '../model/prompt/picture-sample';
import { EntryStore } from './entry-store';
import { chatOf, reasonOfImage } from './hallucination-job';
import { prepare } from './prepare';
import { reinforcementOf, requireCaptions } from '../model/interventions/span-request';

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
  const images = sampled(all, sample);
  const lexicon = request.lexicon ? { lexicon: request.lexicon } : {};
  const kept = new EntryStore<DatasetEntry>(surroundings.cacheFolder, [model.summary.hash, model.stamp, settings]);
  await kept.read();
  const entries: DatasetEntry[] = [];
  const failures: { name: string; why: string }[] = [];
  let [computed, unkept, cancelled] = [0, false, false];
  let parity: Parity | undefined;
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
      const one = { ...request, prompt: { ...request.prompt, image: path }, removed: { kind: 'image' } as const };
      const { runner, parity: found, ...prepared } = await prepare(model, one, surroundings, signal);
      parity = found;
      const { truth, references } = image;
      const entry = await captionsOf(runner, prepared, {
        name,
        truth: { truth, ...(references ? { references } : {}) },
        lexicon,
        maxNewTokens: request.maxNewTokens,
        reinforcements,
      });
      await model.requireUnchanged();
      computed++;
      entries.push(entry);
      const why = await kept.add(image, entry);
      if (why !== undefined && !unkept) {
        surroundings.log('warn', `Finished captions cannot be kept for a later run (${why}); this run continues.`);
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
  const made = await modelProvenance(
    model,
    { maxNewTokens, lexicon: request.lexicon ?? 'coco', ...chatOf(prompt) },
    sample?.seed ?? reinforcements[0]?.seed ?? 0,
  );
  const captioned = new Set(entries.map(({ name }) => name));
  const truths = images.flatMap(({ path, truth }) => (captioned.has(basename(path)) ? [truth] : []));
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
    k: request.k ?? defaultTopHeads(model.summary.heads),
    entries,
    failures,
    ...scoresOf(entries, reinforcements, lexicon, truths),
    ...(sample ? { sample: { ...sample, of: all.length } } : {}),
    total: images.length,
    state: cancelled ? 'cancelled' : 'done',
    seconds: (performance.now() - started) / 1000,
  };
}
