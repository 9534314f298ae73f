/** What the process was started with: its own script, folders, limits. Read once in main.ts, passed to whoever needs it. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { memoryOf, readDeviceMemory, type DeviceMemory } from '../protocol/inputs/device-memory';
import { isWeightChoice, weightChoices, type WeightChoice } from '../protocol/inputs/weights';
import type { ProcessorTime } from './machine-load';
import { machineMemory } from './machine-memory';
import { processors } from './processors';

export interface Surroundings {
  /** The compute server's own script, which isolated tasks start again. */
  readonly entry: string;
  readonly cacheFolder: string;
  /** Bytes that the sessions of one measurement may take together. */
  readonly memoryLimit: number;
  /** For jobs that leave the number of threads open; 0: as many as the runtime chooses. */
  readonly defaultThreads: number;
  /** Id of the device that models run on, as the list of devices has it. */
  readonly modelDevice: string;
  /** How the weights of models are held. */
  readonly modelWeights: WeightChoice;
  /** Folder of an adapter that is put on the models; absent: none is. */
  readonly modelAdapter?: string;
  /** Bytes that packed weights kept on the disk may take together; 0: none are kept. */
  readonly keptWeightBytes: number;
  /** Memory of devices, as a person says; absent: what can be found out. */
  readonly deviceMemory?: DeviceMemory;
  /** The processor time of the machine and of this process; absent: as the system counts it. */
  readonly processorTime?: () => ProcessorTime;
  /** Ends the process behind its next answer; the caller starts a new one with the next call. */
  readonly endSoon?: () => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

/**
 * Share of the memory that is used when no limit is set: the editor and the system keep the rest. Of all memory and not of what
 * is free at the moment, so that the same plan is refused or run alike.
 */
const defaultShare = 0.7;

export function readSurroundings(
  entry: string,
  environment: NodeJS.ProcessEnv,
  log: Surroundings['log'],
): Surroundings {
  const deviceMemory = deviceMemoryIn(environment['HEADSCOPE_DEVICE_MEMORY'], log);
  const modelAdapter = environment['HEADSCOPE_ADAPTER'];
  return {
    entry,
    cacheFolder: environment['HEADSCOPE_CACHE_DIR'] || defaultCacheFolder(environment),
    memoryLimit:
      positive(environment['HEADSCOPE_MEMORY_LIMIT']) ??
      (deviceMemory && memoryOf(deviceMemory, 'cpu')) ??
      Math.floor(machineMemory() * defaultShare),
    defaultThreads: threadsIn(environment, log),
    modelDevice: environment['HEADSCOPE_DEVICE']?.trim() || 'cpu',
    modelWeights: weightsIn(environment, log),
    ...(modelAdapter ? { modelAdapter } : {}),
    keptWeightBytes: positive(environment['HEADSCOPE_CACHE_WEIGHTS']) ?? 0,
    ...(deviceMemory === undefined ? {} : { deviceMemory }),
    log,
  };
}

function weightsIn(environment: NodeJS.ProcessEnv, log: Surroundings['log']): WeightChoice {
  const asked = environment['HEADSCOPE_WEIGHTS']?.trim() || 'as-stored';
  if (isWeightChoice(asked)) return asked;
  const known = Object.keys(weightChoices).join(', ');
  log('warn', `HEADSCOPE_WEIGHTS is "${asked}", which is none of ${known}. Models run with their exact weights.`);
  return 'as-stored';
}

function defaultCacheFolder(environment: NodeJS.ProcessEnv): string {
  if (environment['XDG_CACHE_HOME']) return join(environment['XDG_CACHE_HOME'], 'headscope');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'headscope');
  if (process.platform === 'win32') {
    return join(environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'headscope', 'cache');
  }
  return join(homedir(), '.cache', 'headscope');
}

/**
 * Threads that an environment asks for; 0: as many as the runtime chooses, also where it asks for more than there are
 * processors, which the log then says.
 */
export function threadsIn(environment: NodeJS.ProcessEnv, log?: Surroundings['log']): number {
  const asked = positive(environment['HEADSCOPE_THREADS']) ?? 0;
  if (asked <= processors) return asked;
  log?.(
    'warn',
    `${asked} threads are more than this machine has processors (${processors}): the runtime chooses their number. Set at most ${processors}.`,
  );
  return 0;
}

/** What is no size is left out, which the log says: a setting is not checked before. */
function deviceMemoryIn(text: string | undefined, log: Surroundings['log']): DeviceMemory | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const read = readDeviceMemory(text);
  if (read.ok) return read.memory;
  log('warn', `The memory of devices (headscope.compute.deviceMemory, --device-memory) is left out: ${read.why}`);
  return undefined;
}

const positive = (text: string | undefined): number | undefined => {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? Math.floor(value) : undefined;
};
