/** The files of an opened model, and drafts of new checkpoints made of it. */
import { basename, dirname, join, resolve } from 'node:path';
import type {
  DraftCheckpoint,
  ModelCheckpoint,
  NewCheckpoint,
  TensorInfo,
  WriteStep,
} from '../../diagnostics/model-runner/checkpoint';
import { elementsOf, tensorBytes } from '../../diagnostics/model-runner/checkpoint';
import type { ModelRunner } from '../../diagnostics/model-runner/model-runner';
import type { ModelSpec } from '../../models/architectures/model-spec';
import type { ModelDescription } from '../../models/formats/model-description';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { someRows } from '../model/checkpoint/layer-weights';
import { closeModel } from '../model/checkpoint/model-store';
import { openModel, type LoadedModel } from '../model/checkpoint/loaded-model';
import type { Surroundings } from '../surroundings';
import { disk, type Disk } from './disk';
import { requirePlace } from './place';
import { tensorProblem } from './tensor-bytes';
import { writeFolder } from './write-checkpoint';

/** Share of the memory limit that the weights of a draft may take while they are open beside those of its source. */
const draftShare = 0.25;

interface Draft {
  readonly temporary: string;
  opened?: LoadedModel;
  /** While it is written: a run that is cancelled leaves it in the middle, with a file open. */
  writing?: AsyncGenerator<WriteStep, void>;
  named?: true;
}

export class ServerCheckpoint implements ModelCheckpoint<ModelRunner> {
  readonly description: ModelDescription;
  readonly spec: ModelSpec;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly TensorInfo[];
  private readonly drafts: Draft[] = [];

  constructor(
    private readonly model: LoadedModel,
    private readonly surroundings: Pick<Surroundings, 'memoryLimit' | 'defaultThreads'>,
    private readonly signal: AbortSignal,
    private readonly runnerOf: (opened: LoadedModel) => ModelRunner,
    private readonly on: Disk = disk,
  ) {
    const { description, spec, config, tensors } = model;
    this.description = description;
    this.spec = spec;
    this.config = config;
    this.tensors = tensors;
  }

  async numbers(name: string): Promise<Float32Array> {
    this.signal.throwIfAborted();
    const { weights, weightsFolder } = this.model;
    const shape = weights.find(name)?.shape ?? [];
    return someRows({ weight: name, inputs: 1 }, 0, elementsOf(shape), weights, weightsFolder);
  }

  async requireWritable(folder: string, weightBytes: number): Promise<void> {
    await requirePlace(resolve(folder), this.model.folder, weightBytes, this.on);
  }

  async *draft(folder: string, made: NewCheckpoint): AsyncGenerator<WriteStep, DraftCheckpoint<ModelRunner>> {
    const { model, on, signal } = this;
    const { tensors } = made;
    const weights = { find: (name: string) => model.weights.find(name), folder: model.weightsFolder };
    const problem = tensors.map((tensor) => tensorProblem(tensor, weights)).find((found) => found !== undefined);
    if (problem !== undefined) throw new RangeError(problem);
    const weightBytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
    const target = await requirePlace(resolve(folder), model.folder, weightBytes, on);
    await model.requireUnchanged();
    // On the disk of its target, where a rename is one step.
    let draft: Draft | undefined;
    let complete = false;
    let temporary: string;
    try {
      temporary = await on.makeFolder(join(dirname(target), `.${basename(target)}.converting-`));
      draft = { temporary };
      this.drafts.push(draft);
      const { summary } = model;
      const from = { folder: model.folder, name: summary.name, hash: summary.hash, weights };
      draft.writing = writeFolder(temporary, made, from, on);
      for await (const step of draft.writing) {
        yield step;
        signal.throwIfAborted();
      }
      await model.requireUnchanged();
      // Says what is wrong with it before it has a name.
      draft.opened = await this.open(temporary);
      complete = true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (error instanceof FailureError || code === undefined || error instanceof RangeError) throw error;
      const why = code === 'ENOSPC' ? 'the disk is full' : message;
      const detail = `The checkpoint could not be written to ${folder} (${why}). Nothing was left there; choose another folder or make room.`;
      throw refusal(detail);
    } finally {
      if (draft && !complete) await this.discard(draft);
    }
    const whole = draft;
    return {
      weightBytes,
      parameters: tensors.reduce((sum, { shape }) => sum + elementsOf(shape), 0),
      open: async () => this.runnerOf((whole.opened ??= await this.open(temporary))),
      keep: async () => {
        const { hash } = (whole.opened ??= await this.open(temporary)).summary;
        // Its files are open until then, and Windows moves no open file.
        await closeModel(whole.opened);
        await requirePlace(target, model.folder, 0, on);
        await on.name(temporary, target);
        whole.named = true;
        return { folder: target, hash };
      },
    };
  }

  /** Drafts that were not kept are removed. */
  async close(): Promise<void> {
    for (const draft of this.drafts) await this.discard(draft);
    this.drafts.length = 0;
  }

  private async discard(draft: Draft): Promise<void> {
    if (draft.named) return;
    const { opened, writing } = draft;
    delete draft.opened;
    await writing?.return();
    if (opened) await closeModel(opened);
    await this.on.remove(draft.temporary);
  }

  private open(folder: string): Promise<LoadedModel> {
    const { defaultThreads: threads, memoryLimit } = this.surroundings;
    return openModel(folder, { device: 'cpu', threads, limitBytes: memoryLimit * draftShare, memoryLimit });
  }
}
