/** A second model that an analysis reads beside the open one, on the cpu with its exact weights. */
import { join, relative, sep } from 'node:path';
import type { BesideModel } from '../../diagnostics/model-runner/beside';
import type { ModelRunner } from '../../diagnostics/model-runner/model-runner';
import type { ExternalData } from '../../kernels/graph/records';
import { exchangesOf, otherName } from '../../models/architectures/exchange';
import type { ModelSpec } from '../../models/architectures/model-spec';
import type { StoredTensor, StoredWeights } from '../../models/architectures/stored-weights';
import { openModel, type LoadedModel } from '../model/checkpoint/loaded-model';
import { closeModel } from '../model/checkpoint/model-store';
import { commonFolder } from '../model/checkpoint/common-folder';
import { LayerSessions } from '../model/run/graphs/layer-sessions';
import { holdingOf } from '../model/weights/holding';
import { PackedWeights } from '../model/weights/packed-weights';
import { isEncoded } from '../model/weights/tensor-source';
import type { Surroundings } from '../surroundings';

/** The share of the memory limit that its open weights may take. */
const besideShare = 0.25;

export class OpenedBeside implements BesideModel<ModelRunner> {
  readonly exchanges: BesideModel<ModelRunner>['exchanges'];
  readonly model: ModelRunner;
  readonly stamp: string;
  private readonly specs: ReturnType<typeof exchangesOf>;

  private constructor(
    private readonly own: LoadedModel,
    private readonly other: LoadedModel,
    private readonly surroundings: Pick<Surroundings, 'memoryLimit' | 'defaultThreads'>,
    private readonly runnerOf: (opened: LoadedModel) => ModelRunner,
  ) {
    this.model = runnerOf(other);
    this.stamp = `${other.summary.hash} ${other.stamp}`;
    this.specs = exchangesOf(stacksOf(own), stacksOf(other));
    this.exchanges = this.specs;
  }

  static async open(
    own: LoadedModel,
    path: string,
    surroundings: Pick<Surroundings, 'memoryLimit' | 'defaultThreads'>,
    runnerOf: (opened: LoadedModel) => ModelRunner,
  ): Promise<OpenedBeside> {
    const { defaultThreads: threads, memoryLimit } = surroundings;
    const limitBytes = memoryLimit * besideShare;
    const other = await openModel(path, { device: 'cpu', threads, limitBytes, memoryLimit });
    return new OpenedBeside(own, other, surroundings, runnerOf);
  }

  async exchanged<T>(exchange: number, act: (model: ModelRunner) => Promise<T>): Promise<T> {
    const { own, other } = this;
    const mixed = this.specs[exchange];
    if (!mixed) throw new RangeError(`no exchange ${exchange}`);
    const folder = commonFolder([own.weightsFolder, other.weightsFolder].map((each) => join(each, 'weights')));
    const weights: StoredWeights = {
      find(name) {
        const asked = otherName(name);
        const { weights: held, weightsFolder } = asked === undefined ? own : other;
        const tensor = held.find(asked ?? name);
        return tensor && { ...moved(tensor, weightsFolder, folder), name };
      },
    };
    const encoded = [...own.tensors, ...other.tensors].some(isEncoded);
    const holding = holdingOf('float32', 'cpu', encoded);
    const { defaultThreads: threads, memoryLimit } = this.surroundings;
    const requireUnchanged = async (): Promise<void> => {
      await own.requireUnchanged();
      await other.requireUnchanged();
    };
    const opened: LayerSessions[] = [];
    const mixedWith = (model: LoadedModel, spec: ModelSpec): LoadedModel => {
      const options = {
        ...{ device: 'cpu' as const, threads, limitBytes: memoryLimit * besideShare },
        ...(holding ? { packed: new PackedWeights(holding) } : {}),
      };
      const sessions = new LayerSessions(spec, weights, folder, options, requireUnchanged);
      opened.push(sessions);
      return { ...model, spec, weights, weightsFolder: folder, sessions };
    };
    const source = own.source && mixed.source ? { source: mixedWith(own.source, mixed.source.spec) } : {};
    try {
      return await act(this.runnerOf({ ...mixedWith(own, mixed.spec), ...source }));
    } finally {
      for (const sessions of opened) await sessions.release();
    }
  }

  close(): Promise<void> {
    return closeModel(this.other);
  }
}

const stacksOf = ({ spec, source }: LoadedModel) => ({ spec, source: source?.spec });

/** The tensor with its locations relative to another folder. */
function moved(tensor: StoredTensor, from: string, to: string): StoredTensor {
  const placed = <Place extends ExternalData>(place: Place): Place => ({
    ...place,
    location: relative(to, join(from, place.location)).split(sep).join('/'),
  });
  const { encoded } = tensor;
  if (!encoded) return placed(tensor);
  const parts = Object.fromEntries(Object.entries(encoded.parts).map(([name, part]) => [name, placed(part)]));
  return { ...placed(tensor), encoded: { ...encoded, parts } };
}
