import type { DeviceInfo } from '../../../protocol/compute/api';
import { threads } from '../options';
import { provenance } from '../../provenance';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { textTable } from '../table';

interface DevicesOptions {
  readonly json?: string;
  readonly threads: number;
  readonly roof: boolean;
}

/** headscope devices: the providers that work here, each proved by a numeric self-test. */
export const devices: Registration = (program, session) => {
  program
    .command('devices')
    .description('List the devices that work here, each checked by a numeric self-test, and what they can reach.')
    .option('--threads <n>', 'threads of the cpu, 0 for as many as the runtime chooses', threads, 0)
    .option('--no-roof', 'do not measure peak arithmetic and bandwidth')
    .addOption(jsonOption())
    .action(async (options: DevicesOptions) => {
      session.progress('Testing each device …');
      const client = session.compute(options.threads > 0 ? { HEADSCOPE_THREADS: String(options.threads) } : {});
      const found = await client.call('devices', [{ roof: options.roof }], { signal: session.signal });
      if (options.json !== undefined) {
        const made = await provenance({ threads: options.threads, roof: options.roof }, 1);
        await session.writeJson(options.json, { ...made, devices: found });
      }
      if (options.json !== '-') session.print(asText(found));
    });
};

function asText(found: readonly DeviceInfo[]): string {
  const rows = found.map((device) => [
    device.id,
    device.name,
    device.available ? 'works' : 'not here',
    device.peakGflops === undefined ? '' : device.peakGflops.toFixed(0),
    device.peakBandwidthGBs === undefined ? '' : device.peakBandwidthGBs.toFixed(1),
    device.reason ?? failures(device),
  ]);
  return textTable(['device', 'name', 'state', 'GFLOP/s', 'GB/s', ''], rows, [3, 4]);
}

/** A device may work and have single operators that do not. */
function failures(device: DeviceInfo): string {
  const failed = Object.entries(device.selfTest?.operators ?? {}).filter(([, { ok }]) => !ok);
  if (failed.length > 0) return `without ${failed.map(([name]) => name).join(', ')}`;
  return device.selfTest ? `largest error ${device.selfTest.maxError.toPrecision(2)}` : '';
}
