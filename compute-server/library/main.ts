/** The npm package `headscope-lib`: a model with taps and interventions for scripts, in the compute server that the editor uses. */
import { resolve } from 'node:path';
import type { ComputeMethod, ComputeMethods } from '../../protocol/compute/api';
import { ComputeClient, type CallOptions } from '../../protocol/compute/client';
import type { PromptInput } from '../../protocol/inputs/prompt';
import { parseEach } from '../../protocol/interventions/do-form';
import type { Intervention } from '../../protocol/interventions/interventions';
import type { ModelSummary } from '../../protocol/schema/parts';
import { FailureError } from '../../protocol/wire/failures';
import { sentenceOf } from '../../protocol/wire/words';
import { clientOptions, serverScript } from '../cli/compute-process';
import { HeadscopeError } from './error';
import { Tensor } from './tensor';
import type {
  AnalyseOptions,
  Changes,
  GenerateOptions,
  Model,
  OpenModel,
  OpenOptions,
  Prompt,
  Run,
  RunOptions,
} from './types';

export { HeadscopeError, Tensor };

/** Names of settings, so that a misspelt one is said and not ignored. */
type Names<T> = { readonly [K in keyof Required<T>]: true };
const openNames: Names<OpenOptions> = {
  ...{ device: true, weights: true, adapter: true, threads: true, memoryLimit: true, cacheFolder: true },
  ...{ onWarning: true, signal: true },
};
const runNames: Names<RunOptions> = {
  ...{ taps: true, rows: true, attention: true, statistics: true, logits: true, loss: true, top: true },
  ...{ interventions: true, signal: true },
};
const generateNames: Names<GenerateOptions> = {
  ...{ maxNewTokens: true, temperature: true, topP: true, seed: true, statistics: true },
  ...{ interventions: true, onToken: true, signal: true },
};
const analyseNames: Names<AnalyseOptions> = {
  ...{ prompt: true, input: true, parameters: true, interventions: true, seed: true, keepIn: true },
  ...{ onProgress: true, signal: true },
};

export const openModel: OpenModel = async (path, options = {}) => {
  if (typeof path !== 'string' || path === '') {
    throw new HeadscopeError('usage', 'openModel takes the folder of a checkpoint, or a .gguf file, as a text.');
  }
  requireNames('openModel', options, openNames);
  const { device, weights, adapter, signal } = options;
  const folder = resolve(path);
  const process = new ModelProcess(folder, options);
  try {
    const where = [folder, device, weights, adapter === undefined ? undefined : resolve(adapter)] as const;
    const summary = await process.call('openModel', [...where], signal ? { signal } : {});
    return new OpenedModel(folder, summary, process);
  } catch (error) {
    process.close();
    throw error;
  }
};

class ModelProcess {
  private closed = false;
  private readonly client: ComputeClient;

  constructor(
    private readonly folder: string,
    { device, weights, adapter, threads, memoryLimit, cacheFolder, onWarning }: OpenOptions,
  ) {
    const set = {
      HEADSCOPE_DEVICE: device,
      HEADSCOPE_WEIGHTS: weights,
      HEADSCOPE_ADAPTER: adapter === undefined ? undefined : resolve(adapter),
      HEADSCOPE_THREADS: threads?.toString(),
      HEADSCOPE_MEMORY_LIMIT: memoryLimit?.toString(),
      HEADSCOPE_CACHE_DIR: cacheFolder === undefined ? undefined : resolve(cacheFolder),
    };
    const given = Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined));
    const environment = { ...globalThis.process.env, ...given };
    this.client = new ComputeClient(
      clientOptions(serverScript(), environment, {
        apart: true,
        onLog: (level, sentence) => {
          if (level !== 'info') onWarning?.(sentence);
        },
      }),
    );
  }

  async call<M extends ComputeMethod>(
    method: M,
    args: ComputeMethods[M]['args'],
    options: CallOptions<M> = {},
  ): Promise<ComputeMethods[M]['result']> {
    if (this.closed) {
      throw new HeadscopeError('closed', `The model in ${this.folder} is closed. Open it again with openModel.`);
    }
    // The compute process does not keep the script alive; an answer that is waited for does.
    const waiting = setInterval(() => {}, 60_000);
    try {
      return await this.client.call(method, args, options);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      if (this.closed) {
        throw new HeadscopeError('closed', `The model in ${this.folder} was closed before it answered.`);
      }
      throw new HeadscopeError(error.failure.code, sentenceOf(error.failure));
    } finally {
      clearInterval(waiting);
    }
  }

  close(): void {
    this.closed = true;
    this.client.dispose();
  }
}

class OpenedModel implements Model {
  constructor(
    private readonly folder: string,
    readonly summary: ModelSummary,
    private readonly process: ModelProcess,
  ) {}

  async tokenise(prompt: Prompt): ReturnType<Model['tokenise']> {
    return this.process.call('tokenise', [this.folder, promptOf(prompt)]);
  }

  async run(prompt: Parameters<Model['run']>[0], options: RunOptions = {}): Promise<Run> {
    requireNames('run', options, runNames);
    const { taps = [], rows, attention = [], statistics = false, logits, loss = false, top, signal } = options;
    const run = await this.process.call(
      'runModel',
      [
        {
          folder: this.folder,
          prompt: promptOf(prompt),
          interventions: this.changesOf(options.interventions),
          taps,
          ...(rows === undefined ? {} : { rows }),
          attention,
          statistics,
          ...(logits === undefined ? {} : { logits }),
          loss,
          ...(top === undefined ? {} : { top }),
        },
      ],
      signal ? { signal } : {},
    );
    const { logits: scores, taps: named, attention: maps, ...rest } = run;
    const tensor = ({ data, shape }: (typeof maps)[number]): Tensor => new Tensor(data, shape);
    return {
      ...rest,
      ...(scores ? { logits: tensor(scores) } : {}),
      taps: Object.fromEntries(Object.entries(named).map(([name, values]) => [name, tensor(values)])),
      attention: maps.map(tensor),
    };
  }

  async generate(prompt: Prompt, options: GenerateOptions = {}): ReturnType<Model['generate']> {
    requireNames('generate', options, generateNames);
    const { maxNewTokens = 32, temperature = 0, topP = 1, seed = 0, statistics = false, onToken, signal } = options;
    const request = {
      folder: this.folder,
      prompt: promptOf(prompt),
      interventions: this.changesOf(options.interventions),
      ...{ maxNewTokens, temperature, topP, seed, statistics },
    };
    return this.process.call('generate', [request], {
      ...(signal ? { signal } : {}),
      ...(onToken ? { onProgress: onToken } : {}),
    });
  }

  async analyses(): ReturnType<Model['analyses']> {
    return this.process.call('analyses', []);
  }

  async analyse(id: string, options: AnalyseOptions = {}): ReturnType<Model['analyse']> {
    requireNames('analyse', options, analyseNames);
    const { prompt, input, parameters = {}, seed = 0, keepIn, onProgress, signal } = options;
    if (prompt !== undefined && input !== undefined) {
      throw new HeadscopeError('usage', 'Give the analysis a prompt or an input, and not both.');
    }
    const request = {
      analysis: id,
      folder: this.folder,
      input:
        input ??
        (prompt === undefined ? ({ kind: 'none' } as const) : { kind: 'prompt' as const, prompt: promptOf(prompt) }),
      parameters,
      interventions: this.changesOf(options.interventions),
      seed,
      ...(keepIn === undefined ? {} : { keepIn: resolve(keepIn) }),
    };
    return this.process.call('analysis', [request], {
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
  }

  close(): void {
    this.process.close();
  }

  private changesOf(changes: Changes = []): readonly Intervention[] {
    if (!Array.isArray(changes)) {
      throw new HeadscopeError('usage', 'interventions are a list, such as ["head:2.5=zero"].');
    }
    return (changes as Changes).flatMap((one) => {
      if (typeof one !== 'string') return [one];
      const read = parseEach(one, this.summary);
      if (!read.ok) throw new HeadscopeError('usage', read.why);
      return read.value;
    });
  }
}

const promptOf = <P>(prompt: P | string): P | PromptInput =>
  typeof prompt === 'string' ? { kind: 'text', text: prompt } : prompt;

function requireNames(call: string, options: unknown, names: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null) {
    throw new HeadscopeError('usage', `Settings of ${call} are an object.`);
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  const known = Object.keys(names).join(', ');
  throw new HeadscopeError('usage', `${call} has no setting "${unknown}". It has ${known}.`);
}
