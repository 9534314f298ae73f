/** What the Hallucination panel runs: a model on a picture or a span of text, or on each picture of a folder. */
import type { HallucinationProgress, HallucinationSetProgress } from '../../../protocol/compute/hallucination';
import type { HallucinationSetup } from '../../../protocol/panels/hallucination-schema';
import type { ToHallucinationPanel } from '../../../protocol/panels/hallucination';
import type { Caption, DatasetEntry, HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { unreachable } from '../../../protocol/unreachable';
import type { Compute } from '../../platform/compute';
import { defined } from '../../platform/defined';
import type { SavedHallucination } from '../../results/hallucination-file';
import type { RunInFlight } from '../flight';
import { PanelRun } from '../panel-run';
import { Sentence } from '../questions';
import type { besideImage, readImageFolder, readLexicon } from '../image-folder';
import { requestOf, setRequestOf } from './requests';

export type HallucinationEvent = Extract<
  ToHallucinationPanel,
  { readonly kind: 'stage' | 'firstStep' | 'token' | 'result' | 'entry' | 'entryFailed' | 'set' }
>;

/** A plan with the pictures of its folder that were captioned before: the run goes on behind them. */
export interface SetupToRun extends HallucinationSetup {
  readonly done?: readonly DatasetEntry[];
}

export type HallucinationRun = PanelRun<SetupToRun, HallucinationEvent, SavedHallucination>;

/** What lies on the disk beside pictures. */
export interface PictureFiles {
  readonly images: typeof readImageFolder;
  readonly besideImage: typeof besideImage;
  readonly lexicon: typeof readLexicon;
}

export interface HallucinationRunServices extends PictureFiles, Pick<Compute, 'hallucination' | 'hallucinationSet'> {
  keep(saved: SavedHallucination): Promise<void>;
}

type InFlight = RunInFlight<HallucinationEvent>;

export const hallucinationRun = (services: HallucinationRunServices): HallucinationRun =>
  new PanelRun<SetupToRun, HallucinationEvent, SavedHallucination>({
    perform: async (plan, flight) => ({
      result: plan.mode === 'set' ? await runSet(services, plan, flight) : await runOne(services, plan, flight),
    }),
    finished: (saved, savedAs) =>
      saved.kind === 'headscope-hallucination-set'
        ? { kind: 'set', set: saved, ...defined({ savedAs }) }
        : { kind: 'result', result: saved, ...defined({ savedAs }) },
    key,
    keep: (saved) => services.keep(saved),
    notKept: 'The result is shown, but it could not be kept for the next start. Save it, or export it.',
    outlasts: 'What is shown is kept.',
  });

function key(event: HallucinationEvent): string | undefined {
  switch (event.kind) {
    case 'firstStep':
      return event.kind;
    case 'token':
      return `token ${event.index}`;
    case 'entry':
      return `entry ${event.entry.name}`;
    case 'entryFailed':
      return `entryFailed ${event.name}`;
    case 'stage':
    case 'result':
    case 'set':
      return undefined;
  }
}

async function runOne(
  services: HallucinationRunServices,
  plan: HallucinationSetup,
  { signal, emit }: InFlight,
): Promise<SavedHallucination> {
  const judged = plan.mode === 'image' && plan.truth !== null;
  const lexicon = await services.lexicon(plan.lexicon);
  const references = judged ? (await services.besideImage(plan.image)).references : undefined;
  return services.hallucination(requestOf(plan, lexicon, references), signal, (progress) => emit(eventOf(progress)));
}

async function runSet(
  services: HallucinationRunServices,
  { done = [], ...plan }: SetupToRun,
  { signal, emit, recall }: InFlight,
): Promise<SavedHallucination> {
  for (const entry of done) recall({ kind: 'entry', entry });
  const [lexicon, { images, shown }] = await Promise.all([
    services.lexicon(plan.lexicon),
    services.images(plan.images),
  ]);
  if (images.length === 0) throw new Sentence(`No picture in ${plan.images} has known objects. ${shown.note ?? ''}`);
  const known = new Set(done.map(({ name }) => name));
  return services.hallucinationSet(setRequestOf(plan, images, lexicon, done), signal, (progress) => {
    if (progress.kind !== 'entry' || !known.has(progress.entry.name)) emit(eventOf(progress));
  });
}

function eventOf(progress: HallucinationProgress | HallucinationSetProgress): HallucinationEvent {
  switch (progress.kind) {
    case 'stage':
    case 'firstStep':
    case 'entry':
      return progress;
    case 'token':
      return { ...progress, variant: false };
    case 'failure':
      return { kind: 'entryFailed', name: progress.name, why: progress.why };
    default:
      return unreachable(progress);
  }
}

/** What was captioned so far: a run that was stopped goes on behind it. */
export const entriesOf = (run: HallucinationRun): readonly DatasetEntry[] =>
  run.result?.kind === 'headscope-hallucination-set'
    ? run.result.entries
    : run.replay().flatMap((event) => (event.kind === 'entry' ? [event.entry] : []));

/** A caption that was made of a result belongs to it from now on. */
export function withVariant(result: HallucinationResult, caption: Caption): HallucinationResult {
  const same = (one: Caption): boolean => JSON.stringify(one.reinforcement) === JSON.stringify(caption.reinforcement);
  return { ...result, variants: [...result.variants.filter((one) => !same(one)), caption] };
}
