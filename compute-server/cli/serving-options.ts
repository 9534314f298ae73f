/** Options of `headscope inspect --serve`, and the request that they make. */
import { InvalidArgumentError, type Command } from 'commander';
import type { ModelDescription } from '../../models/formats/model-description';
import {
  measuredDevice,
  publishedDevice,
  publishedDevices,
  type ServingDevice,
} from '../../models/formats/estimates/serving/devices';
import {
  usualRequest,
  type CacheBits,
  type ServingRequest,
  type WeightBits,
} from '../../models/formats/estimates/serving/request';
import { machineMemory } from '../machine-memory';
import { CommandError, exitCodes, wrongUsage } from './exit-codes';
import { between, deviceMemoryOption, deviceOption, whole } from './options';
import type { CommandSession } from './session';

export interface ServingOptions {
  readonly serve?: boolean;
  readonly measure?: boolean;
  readonly deviceProfile?: string;
  readonly batch?: number;
  readonly context?: number;
  readonly prompt?: number;
  readonly weightsBits?: WeightBits;
  readonly cacheBits?: CacheBits;
  readonly activationBits?: ServingRequest['activationBits'];
  readonly tensorParallel?: number;
  readonly link?: number;
  readonly device?: string;
  readonly deviceMemory?: string;
}

const usualDevice = 'h100-sxm';

/** One of these. */
function bits<B extends number | 'stored'>(...choices: readonly B[]): (text: string) => B {
  return (text) => {
    const found = choices.find((choice) => String(choice) === text.trim());
    if (found === undefined) throw new InvalidArgumentError(`It takes ${choices.join(', ')}.`);
    return found;
  };
}

const most = 2 ** 24;

export const addServingOptions = (command: Command): Command =>
  command
    .option('--serve', 'what serving it takes: times of a prompt and a token by part, memory, sequences that fit')
    .option(
      '--device-profile <name>',
      `with --serve, the device: measured (this machine), or one of ${publishedDevices.map(({ id }) => id).join(', ')} (default: ${usualDevice})`,
    )
    .option('--batch <n>', 'with --serve, sequences served together (default: 1)', whole(1, most))
    .option('--context <n>', 'with --serve, tokens before the one that is decoded (default: 2048)', whole(0, most))
    .option('--prompt <n>', 'with --serve, tokens of the prompt (default: 1024)', whole(1, most))
    .option(
      '--weights-bits <n>',
      'with --serve, bits of weights: stored, 32, 16, 8, 4 (default: stored)',
      bits<WeightBits>('stored', 32, 16, 8, 4),
    )
    .option(
      '--cache-bits <n>',
      'with --serve, bits of the cache: stored, 32, 16, 8, 4 (default: stored)',
      bits<CacheBits>('stored', 32, 16, 8, 4),
    )
    .option(
      '--activation-bits <n>',
      'with --serve, bits of numbers between operators: 32, 16, 8 (default: 16 where the device has them)',
      bits(32, 16, 8),
    )
    .option('--tensor-parallel <n>', 'with --serve, devices that share each layer (default: 1)', whole(1, 1024))
    .option(
      '--link <gb>',
      'with --serve, GB/s that one device sends to the others (default: as published)',
      between(0.001, 1e6),
    )
    .option('--measure', 'with --serve, run the model here too: predicted against measured')
    .addOption(deviceOption('with --measure, '))
    .addOption(deviceMemoryOption('with --measure, '));

const ofServing = [
  'deviceProfile',
  'batch',
  'context',
  'prompt',
  'weightsBits',
  'cacheBits',
  'activationBits',
  'tensorParallel',
  'link',
  'measure',
] as const;

const ofMeasurement = ['device', 'deviceMemory'] as const;

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Options that say how a model is served, without dashes in front. */
export const servingSettings: readonly string[] = [...ofServing, ...ofMeasurement].map(dashed);

/** Refuses what makes no sense together. */
export function requireServing(options: ServingOptions): void {
  const [stray] = options.serve ? [] : [...ofServing, ...ofMeasurement].filter((name) => options[name] !== undefined);
  const flag = (name: string): string => `--${dashed(name)}`;
  if (stray !== undefined) throw wrongUsage(`${flag(stray)} says how a model is served. Add --serve.`);
  const [place] = options.measure ? [] : ofMeasurement.filter((name) => options[name] !== undefined);
  if (place !== undefined) {
    throw wrongUsage(
      `${flag(place)} says where the model runs. Add --measure, or name another device's figures with --device-profile.`,
    );
  }
  if (!options.measure) return;
  const given = ofServing.find(
    (name) => !['measure', 'prompt', 'deviceProfile'].includes(name) && options[name] !== undefined,
  );
  if (given !== undefined || (options.deviceProfile ?? 'measured') !== 'measured') {
    throw wrongUsage(
      `--measure runs one sequence on this machine with its weights in float32. Leave ${given === undefined ? '--device-profile' : flag(given)} out.`,
    );
  }
}

export async function deviceFrom(
  { deviceProfile = usualDevice, link }: ServingOptions,
  session: CommandSession,
): Promise<ServingDevice> {
  const linked = link === undefined ? {} : { link: link * 1e9 };
  if (deviceProfile === 'measured') return { ...(await thisMachine(session)), ...linked };
  const found = publishedDevice(deviceProfile);
  if (found === undefined) {
    throw wrongUsage(
      `There is no device profile "${deviceProfile}". Choose measured or one of ${publishedDevices.map(({ id }) => id).join(', ')}.`,
    );
  }
  return { ...found, ...linked };
}

/** The cpu, by the two ceilings of `headscope devices`. */
async function thisMachine(session: CommandSession): Promise<ServingDevice> {
  session.progress('Measuring what this machine can reach …');
  const devices = await session.compute().call('devices', [{ roof: true }], { signal: session.signal });
  const cpu = devices.find(({ id }) => id === 'cpu');
  if (cpu?.peakGflops === undefined || cpu.peakBandwidthGBs === undefined) {
    throw new CommandError(exitCodes.failed, 'The ceilings of the cpu could not be measured. Try `headscope devices`.');
  }
  const { peakGflops, peakBandwidthGBs } = cpu;
  return measuredDevice(cpu.name, { peakGflops, peakBandwidthGBs }, machineMemory());
}

/** No longer than the model takes where nothing was asked for. */
export function requestFrom(
  options: ServingOptions,
  device: ServingDevice,
  { parts: [part] }: ModelDescription,
): ServingRequest {
  const usual = usualRequest(device);
  const longest = part?.contextLength ?? Infinity;
  return {
    ...usual,
    batch: options.batch ?? usual.batch,
    context: options.context ?? Math.min(usual.context, longest),
    prompt: options.prompt ?? Math.min(usual.prompt, longest),
    weightBits: options.weightsBits ?? usual.weightBits,
    cacheBits: options.cacheBits ?? usual.cacheBits,
    activationBits: options.activationBits ?? usual.activationBits,
    tensorParallel: options.tensorParallel ?? usual.tensorParallel,
  };
}
