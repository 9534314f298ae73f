/** Calls that run a model: one at a time, on the model kept warm, with failures that have words. */
import { ModelError } from '../../models/architectures/model-spec';
import { heldWeights, type WeightChoice } from '../../protocol/inputs/weights';
import { isCapture } from '../../protocol/wire/capture-name';
import { FailureError } from '../../protocol/wire/failures';
import { alone, jobAlone, Lane } from '../dispatch/lane';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { ModelStore } from '../model/checkpoint/model-store';
import { DeviceFault } from '../model/run/graphs/placement';
import { TextFault } from '../model/text/text-library';
import { modelPlaces } from './model-places';

/** Share of the memory limit that opened weights may take; the rest is for the run. */
const weightShare = 0.5;

interface ModelFiles {
  readonly folder: string;
  /** Folder of the adapter on it; null for none, even if the process was started with one. */
  readonly adapter?: string | null | undefined;
}

/** Which model, where it runs and how its weights are held; absent: as the process was started. */
interface ModelPlace extends ModelFiles {
  readonly device?: string | undefined;
  readonly weights?: WeightChoice | undefined;
}

export interface ModelNeeds {
  /** How weights are held, whatever a person chose. */
  readonly weights?: WeightChoice | undefined;
  /** Why, as a sentence. */
  readonly why?: string;
}

export interface ModelCalls {
  /**
   * For what reads the model and runs nothing: as it is open, on whatever device, else on the cpu, whose opening tries nothing.
   * While a run goes on that takes no times, it does not wait for it.
   */
  readonly reading: <T>(
    files: ModelFiles,
    signal: AbortSignal,
    act: (model: LoadedModel) => Promise<T>,
    needs?: ModelNeeds,
  ) => Promise<T>;
  /** The same for what says how the model is opened at a place: beside a run on the cpu. */
  readonly opening: <T>(place: ModelPlace, signal: AbortSignal, act: (model: LoadedModel) => Promise<T>) => Promise<T>;
  readonly once: <T>(
    place: ModelPlace,
    signal: AbortSignal,
    act: (model: LoadedModel) => Promise<T>,
    needs?: ModelNeeds,
  ) => Promise<T>;
  /** For what begins without a model, and opens one as it goes: on the cpu, with its exact weights. */
  readonly withoutModel: <P, R>(
    signal: AbortSignal,
    start: (open: (folder: string) => Promise<LoadedModel>) => AsyncGenerator<P, R, void>,
  ) => AsyncGenerator<P, R, void>;
  readonly job: <P, R>(
    place: ModelPlace,
    signal: AbortSignal,
    start: (model: LoadedModel) => AsyncGenerator<P, R, void>,
    needs?: ModelNeeds,
  ) => AsyncGenerator<P, R, void>;
}

export function modelCalls(surroundings: Surroundings, lane: Lane): ModelCalls {
  const { cacheFolder, keptWeightBytes, memoryLimit, modelWeights, modelAdapter } = surroundings;
  const storing = {
    limitBytes: memoryLimit * weightShare,
    memoryLimit,
    cache: keptWeightBytes > 0 ? { cacheFolder, limitBytes: keptWeightBytes } : undefined,
    say: (sentence: string) => surroundings.log('warn', sentence),
  };
  const store = new ModelStore(storing);
  /**
   * The model that is read beside a run. In `store` it would take the place of the one that runs; here it is no more than headers
   * and a tokenizer, for which a process of its own would cost its start and some 60 MB more.
   */
  const readStore = new ModelStore(storing);
  const readLane = new Lane();
  const threads = surroundings.defaultThreads;
  const places = modelPlaces(surroundings);
  const open = async (
    { folder, adapter = modelAdapter, device, weights: wanted = modelWeights }: ModelPlace,
    signal: AbortSignal,
    { weights, why }: ModelNeeds,
  ): Promise<LoadedModel> => {
    requireModel(folder);
    const where = { ...(await places(device ?? surroundings.modelDevice, signal)), adapter: adapter ?? undefined };
    const [chosen, needed] = [wanted, weights ?? wanted].map((each) => heldWeights(each, where.device));
    if (weights === undefined || chosen === needed) return store.open(folder, { ...where, weights: wanted });
    return store.open(folder, { ...where, weights, whyWeights: why });
  };
  const failed = (error: unknown, folder: string, signal: AbortSignal): unknown => {
    // A device that was reset stays lost to its process.
    if (error instanceof DeviceFault) surroundings.endSoon?.();
    return asFailure(error, folder, signal);
  };
  const once: ModelCalls['once'] = (place, signal, act, needs = {}) =>
    alone(lane, signal, async () => {
      try {
        const model = await open(place, signal, needs);
        const result = await act(model);
        await model.requireUnchanged();
        return result;
      } catch (error) {
        throw failed(error, place.folder, signal);
      }
    });
  const beside = <T>(
    { folder, adapter = modelAdapter }: ModelFiles,
    signal: AbortSignal,
    act: (model: LoadedModel) => Promise<T>,
    { weights = modelWeights, why }: ModelNeeds,
  ): Promise<T> =>
    alone(readLane, signal, async () => {
      try {
        requireModel(folder);
        const on = { device: 'cpu', threads, adapter: adapter ?? undefined } as const;
        const model = await readStore.open(folder, { ...on, weights, whyWeights: why });
        const result = await act(model);
        await model.requireUnchanged();
        return result;
      } catch (error) {
        throw asFailure(error, folder, signal);
      }
    });
  const named = <P, R>(
    name: string,
    signal: AbortSignal,
    start: () => AsyncGenerator<P, R, void>,
  ): AsyncGenerator<P, R, void> =>
    jobAlone(
      lane,
      signal,
      async function* () {
        try {
          return yield* start();
        } finally {
          // What was read meanwhile is opened in `store` from now on.
          void alone(readLane, new AbortController().signal, () => readStore.close());
        }
      },
      { name },
    );
  return {
    once,
    opening: (place, signal, act) =>
      lane.onlyRuns ? beside(place, signal, act, { weights: place.weights }) : once(place, signal, act),
    reading: (files, signal, act, needs) => {
      const open = store.openedAs(files.folder);
      const asOpened = needs ?? (open ? { weights: open.weights } : {});
      const opened = { adapter: open && (open.adapter ?? null), ...files };
      if (lane.onlyRuns) return beside(opened, signal, act, asOpened);
      return once({ ...opened, device: open?.device ?? 'cpu' }, signal, act, asOpened);
    },
    withoutModel: (signal, start) =>
      named('training models', signal, async function* () {
        try {
          return yield* start((folder) =>
            open({ folder, adapter: null, device: 'cpu' }, signal, { weights: 'as-stored' }),
          );
        } catch (error) {
          throw failed(error, '', signal);
        }
      }),
    job: (place, signal, start, needs = {}) =>
      named('running a model', signal, async function* () {
        try {
          const model = await open(place, signal, needs);
          const result = yield* start(model);
          await model.requireUnchanged();
          return result;
        } catch (error) {
          throw failed(error, place.folder, signal);
        }
      }),
  };
}

/** Captured tensors have methods of their own. */
function requireModel(folder: string): void {
  if (!isCapture(folder)) return;
  const detail =
    'It is captured attention, which no model runs. Open the model itself, or look at the heads of the capture.';
  throw new FailureError({ code: 'model-unusable', folder, detail });
}

/** What a run throws, as a failure that has words. */
function asFailure(error: unknown, folder: string, signal: AbortSignal): unknown {
  if (signal.aborted && error instanceof Error && error.name === 'AbortError') {
    return new FailureError({ code: 'cancelled' });
  }
  if (error instanceof ModelError) return new FailureError({ code: 'model-unusable', folder, detail: error.message });
  if (error instanceof TextFault) {
    const detail = `Its tokenizer cannot be used here: ${error.message.replace(/\.$/, '')}. Fetch tokenizer.json again, or take it away and give token ids.`;
    return new FailureError({ code: 'model-unusable', folder, detail });
  }
  return error;
}
