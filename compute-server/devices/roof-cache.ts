/** Roofs are measured once per device, thread count, machine and runtime, and kept with their date in the cache folder. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { OwnFolder } from '../../files/own-folder';
import { writeInOneStep } from '../../files/write-file';
import type { Roof } from '../../protocol/results/benchmark-schema';
import { runInProcess } from '../processes/task-process';
import { roofTask } from './roof';
import { runtimeVersion, type DeviceId } from '../runtime/session';
import type { Surroundings } from '../surroundings';

/** Drivers and cooling change: an older roof is measured again. */
const maximumAgeDays = 30;

export async function cachedRoof(
  device: DeviceId,
  threads: number,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Roof> {
  const known = await readKept(await nameOf(device, threads), surroundings);
  return known ?? measureAndKeep(device, threads, surroundings, signal);
}

/** The kept roof, without measuring; zeros when there is none. */
export const knownRoof = async (device: DeviceId, threads: number, surroundings: Surroundings): Promise<Roof> =>
  (await readKept(await nameOf(device, threads), surroundings)) ?? { peakGflops: 0, peakBandwidthGBs: 0, measured: '' };

/** Measures now; the better of an earlier and the new figure stays, since a busy machine only ever lowers them. */
export async function measureAndKeep(
  device: DeviceId,
  threads: number,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Roof> {
  const name = await nameOf(device, threads);
  const [known, measured] = [
    await readKept(name, surroundings),
    await runInProcess(roofTask, { device, threads }, { entry: surroundings.entry, signal, timeout: 180_000 }),
  ];
  const roof = known ? betterOf(known, measured) : measured;
  try {
    const own = ownFolder(surroundings);
    await own.make();
    await writeInOneStep(join(own.path, name), JSON.stringify(roof), { isCache: true });
  } catch (error) {
    surroundings.log('warn', `the measured roof could not be kept in ${surroundings.cacheFolder}: ${String(error)}`);
  }
  return roof;
}

/** The higher of each figure, dated by its own measurement; the whole by the older, so that neither outlives its age. */
export function betterOf(known: Roof, measured: Roof): Roof {
  const gflops = known.peakGflops > measured.peakGflops ? known : measured;
  const bandwidth = known.peakBandwidthGBs > measured.peakBandwidthGBs ? known : measured;
  const gflopsMeasured = gflops.gflopsMeasured ?? gflops.measured;
  const bandwidthMeasured = bandwidth.bandwidthMeasured ?? bandwidth.measured;
  return {
    peakGflops: gflops.peakGflops,
    peakBandwidthGBs: bandwidth.peakBandwidthGBs,
    gflopsMeasured,
    bandwidthMeasured,
    // ISO times of one zone sort as texts.
    measured: gflopsMeasured < bandwidthMeasured ? gflopsMeasured : bandwidthMeasured,
  };
}

const ownFolder = ({ cacheFolder }: Surroundings): OwnFolder =>
  new OwnFolder(cacheFolder, 'headscope-roofs', { files: /^roof-.*\.json$/ });

/** Earlier versions kept them in the cache folder itself. */
const readKept = async (name: string, surroundings: Surroundings): Promise<Roof | undefined> =>
  (await read(join(ownFolder(surroundings).path, name))) ?? (await read(join(surroundings.cacheFolder, name)));

async function nameOf(device: DeviceId, threads: number): Promise<string> {
  const machine = [cpus()[0]?.model, cpus().length, totalmem(), process.arch, await runtimeVersion()].join('|');
  const hash = createHash('sha256').update(machine).digest('hex').slice(0, 12);
  return `roof-${device}-${threads || 'auto'}-${hash}.json`;
}

async function read(file: string): Promise<Roof | undefined> {
  try {
    const roof = JSON.parse(await readFile(file, 'utf8')) as Partial<Roof>;
    const age = (Date.now() - Date.parse(roof.measured ?? '')) / 86_400_000;
    // An unreadable date gives NaN, which fails both comparisons.
    const usable = roof.peakGflops! > 0 && roof.peakBandwidthGBs! > 0 && age >= 0 && age <= maximumAgeDays;
    return usable ? (roof as Roof) : undefined;
  } catch {
    return undefined;
  }
}
