/** Values of options; each refusal says what the option takes (commander adds which option). */
import { InvalidArgumentError, Option } from 'commander';
import { deviceIds } from '../runtime/session';
import { limits } from '../../protocol/results/limits';
import { deviceFault, noDevice } from '../../protocol/inputs/devices';
import { weightChoices } from '../../protocol/inputs/weights';
import { processors } from '../processors';
import type { NumberRange, SettingInfo } from '../../protocol/sweeps/catalogue';
import { readDeviceMemory } from '../../protocol/inputs/device-memory';
import { bytesOfText } from '../../protocol/wire/quantities';

/** A parser that says what it takes, for the editor, which checks sweeps without running a command. */
type Ranged<T> = ((text: string) => T) & { readonly range: NumberRange };

/** What the editor is told of an option's values. */
export const takenBy = (parse: unknown): Pick<SettingInfo, 'range' | 'devices' | 'size'> => {
  const { range, devices, size } = (parse ?? {}) as Pick<SettingInfo, 'range' | 'devices' | 'size'>;
  return { ...(range ? { range } : {}), ...(devices ? { devices } : {}), ...(size ? { size } : {}) };
};

/** A number in decimal notation; NaN for anything else, such as the 0x10 and the blanks that Number reads. */
export const decimal = (text: string): number =>
  /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;

export function between(min: number, max: number): Ranged<number> {
  const parse = (text: string): number => {
    const value = decimal(text);
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`It takes a number from ${min} to ${max}.`);
    return value;
  };
  return Object.assign(parse, { range: { least: min, most: max } });
}

export function whole(min: number, max: number): Ranged<number> {
  const parse = (text: string): number => {
    const value = decimal(text);
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`);
    }
    return value;
  };
  return Object.assign(parse, { range: { least: min, most: max, whole: true as const } });
}

/** Seconds of timing. */
export function seconds(text: string): number {
  const value = decimal(text);
  const [least, most] = limits.seconds;
  if (!(value > least && value <= most)) {
    throw new InvalidArgumentError(`It takes a number above ${least} and at most ${most}.`);
  }
  return value;
}

/** Threads of the cpu; 0 leaves their number to the runtime. */
export function threads(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0 || value > processors) {
    throw new InvalidArgumentError(
      `It takes a whole number from 0 to ${processors}, as many as this machine has processors.`,
    );
  }
  return value;
}

const devices = Object.assign(
  (text: string): string => {
    const fault = deviceFault(text, deviceIds);
    if (fault !== undefined) throw new InvalidArgumentError(fault);
    return text;
  },
  { devices: deviceIds },
);

/** The device for commands that run a model. Without it HEADSCOPE_DEVICE counts, then the cpu. */
export const deviceOption = (when = ''): Option =>
  new Option(
    '--device <id>',
    when +
      'where the model runs: a device of `headscope devices`, auto, or several that share the layers, e.g. webgpu,cpu or webgpu:0-11,cpu:12-23 (default: HEADSCOPE_DEVICE, else cpu)',
  ).argParser(devices);

/** The weight format for commands that run a model. Without it HEADSCOPE_WEIGHTS counts, then the exact weights. */
export const weightsOption = (): Option =>
  new Option(
    '--weights <format>',
    'how weights are held: exact, or linear layers in float16 (on a GPU) or in 8 or 4 bits (default: HEADSCOPE_WEIGHTS, else as-stored)',
  ).choices(Object.keys(weightChoices));

/** For weights that are quantised in their file. */
export const activationsOption = (): Option =>
  new Option(
    '--activations <format>',
    'how the inputs of quantised weights are held: float, which is exact, or int8, rounded to 8 bits and faster (default: float)',
  ).choices(['float', 'int8']);

/** Low-rank matrices that are put on the model. Without the option HEADSCOPE_ADAPTER decides; without both there are none. */
export const adapterOption = (): Option =>
  new Option(
    '--adapter <folder>',
    'an adapter of PEFT that is put on the model (default: HEADSCOPE_ADAPTER, else none)',
  );

/** Disk that packed weights take where the option gives no size. */
const usualCache = 20e9;

/** Keeps prepared weights, for the same commands. Without it HEADSCOPE_CACHE_WEIGHTS counts, then nothing is kept. */
export const cacheWeightsOption = (): Option =>
  new Option(
    '--cache-weights [size]',
    'keep quantised weights (q8, q4) on the disk for the next run, at most as many, e.g. 20GB (HEADSCOPE_CACHE_DIR names the folder)',
  )
    .argParser(bytes)
    .preset(String(usualCache));

export const deviceMemoryOption = (when = ''): Option =>
  new Option(
    '--device-memory <size>',
    when +
      'memory of the device, e.g. 8GB, or of each, e.g. webgpu=6GB,cpu=20GB: runs that need more are refused (default: what can be found out)',
  ).argParser(deviceMemory);

function deviceMemory(text: string): string {
  const read = readDeviceMemory(text);
  if (!read.ok) throw new InvalidArgumentError(read.why);
  const unknown = Object.keys(read.memory.of).find((id) => !isDeviceId(id));
  if (unknown !== undefined) throw new InvalidArgumentError(`${noDevice(unknown, deviceIds)}.`);
  return text;
}

const isDeviceId = (id: string): boolean => (deviceIds as readonly string[]).includes(id);

export const seed = whole(...limits.seed);

export function list<T>(item: (text: string) => T): (text: string) => T[] {
  const parse = (text: string): T[] => text.split(',').map((part) => item(part.trim()));
  const { range } = takenBy(item);
  return range ? Object.assign(parse, { range: { ...range, list: true as const } }) : parse;
}

export function word(text: string): string {
  if (text === '') throw new InvalidArgumentError('It takes names separated by commas.');
  return text;
}

/** `6GB`, `512MiB` or a number of bytes. */
export const bytes = Object.assign(
  (text: string): number => {
    const value = bytesOfText(text);
    if (value === undefined) throw new InvalidArgumentError('It takes a size such as 6GB or 512MiB.');
    return value;
  },
  { size: true as const },
);

/** For engines of sweeps: one part of the set of examples, whose steps are kept for the run that joins the parts. */
export const partOption = (): Option =>
  new Option('--part <n/of>', 'run only the n-th part of the set of examples')
    .argParser((text: string) => {
      const [, number = '', of = ''] = /^(\d{1,6})\/(\d{1,6})$/u.exec(text) ?? [];
      const part = { number: Number(number), of: Number(of) };
      if (part.number >= 1 && part.number <= part.of) return part;
      throw new InvalidArgumentError('It takes a part such as 2/4.');
    })
    .hideHelp();

/** Collects an option that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];
