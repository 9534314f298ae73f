/** Calls that run a model: one at a time, on the model kept warm, with failures that have words. */
import { ModelError } from '../../models/architectures/model-spec';
import { heldWeights, type WeightChoice } from '../../protocol/results/weights';
import { FailureError } from '../../protocol/wire/failures';
import { alone, jobAlone, type Lane } from '../dispatch/lane';
import { deviceMemory } from '../devices/device-memory';
import { requireDevice } from '../devices/devices';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import type { ModelDevice } from '../model/checkpoint/model-device';
import { ModelStore } from '../model/checkpoint/model-store';
import { modelOperators } from '../model/run/graphs/model-operators';
import { DeviceFault } from '../model/run/graphs/placement';
import { TextFault } from '../model/text/text-library';

/** Share of the memory limit that opened weights may take; the rest is for the run. */
const weightShare = 0.5;

/** Which model, and where it runs; absent: on the device that the process was started with. */
interface ModelPlace {
  readonly folder: string;
  readonly device?: string | undefined;
}

export interface ModelNeeds {
  /** How weights are held, whatever a person chose. */
  readonly weights?: WeightChoice | undefined;
  /** Why, as a sentence. */
  readonly why?: string;
}

export interface ModelCalls {
  /** For what reads the model and runs nothing: as it is open, on whatever device, else on the cpu, whose opening tries nothing. */
  readonly reading: <T>(
    folder: string,
    signal: AbortSignal,
    act: (model: LoadedModel) => Promise<T>,
    needs?: ModelNeeds,
  ) => Promise<T>;
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
  const { cacheFolder, keptWeightBytes, memoryLimit, modelWeights } = surroundings;
  const store = new ModelStore({
    limitBytes: memoryLimit * weightShare,
    memoryLimit,
    cache: keptWeightBytes > 0 ? { cacheFolder, limitBytes: keptWeightBytes } : undefined,
    say: (sentence) => surroundings.log('warn', sentence),
  });
  const threads = surroundings.defaultThreads;
  const deviceOf = async (wanted: string, signal: AbortSignal): Promise<ModelDevice> => {
    if (wanted === 'cpu') return { device: 'cpu', threads };
    const { id, name, selfTest } = await requireDevice(wanted, threads, surroundings, signal, modelOperators);
    const memoryBytes = await deviceMemory(id, surroundings.deviceMemory);
    return { device: id, threads, name, selfTest, memoryBytes };
  };
  const open = async (
    { folder, device }: ModelPlace,
    signal: AbortSignal,
    { weights, why }: ModelNeeds,
  ): Promise<LoadedModel> => {
    const where = await deviceOf(device ?? surroundings.modelDevice, signal);
    const [chosen, needed] = [modelWeights, weights ?? modelWeights].map((each) => heldWeights(each, where.device));
    if (weights === undefined || chosen === needed) return store.open(folder, { ...where, weights: modelWeights });
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
  const named = <P, R>(
    name: string,
    signal: AbortSignal,
    start: () => AsyncGenerator<P, R, void>,
  ): AsyncGenerator<P, R, void> => jobAlone(lane, signal, start, { name });
  return {
    once,
    reading: (folder, signal, act, needs) => {
      const open = store.openedAs(folder);
      const place = { folder, device: open?.device ?? 'cpu' };
      return once(place, signal, act, needs ?? (open ? { weights: open.weights } : {}));
    },
    withoutModel: (signal, start) =>
      named('training models', signal, async function* () {
        try {
          return yield* start((folder) => open({ folder, device: 'cpu' }, signal, { weights: 'as-stored' }));
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
