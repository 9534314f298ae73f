import { resolve } from 'node:path';
import type { DeviceInfo } from '../../../protocol/compute/api';
import { heldWords } from '../../../protocol/results/device-words';
import type { DevicePart } from '../../../protocol/schema/parts';
import { bytesInWords } from '../../../protocol/wire/words';
import { addPlaceOptions, environmentOf, type PlaceOptions } from '../model-options';
import { modelProvenance, openedModel } from '../model-provenance';
import { provenance } from '../../provenance';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { textTable } from '../table';

interface DevicesOptions extends PlaceOptions {
  readonly json?: string;
  readonly roof: boolean;
  readonly model?: string;
}

/** headscope devices: the providers that work here, each proved by a numeric self-test. */
export const devices: Registration = (program, session) => {
  const command = program
    .command('devices')
    .description('List the devices that work here, each checked by a numeric self-test, and what they can reach.')
    .option('--no-roof', 'do not measure peak arithmetic and bandwidth')
    .option('--model <folder>', 'say instead what each device would hold of this model, with the options below');
  addPlaceOptions(command)
    .addOption(jsonOption())
    .action(async (options: DevicesOptions) => {
      if (options.model !== undefined) return holdings(session, options.model, options);
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

/** What each device holds of a model that is opened as the options say. Nothing is run. */
async function holdings(session: CommandSession, folder: string, options: DevicesOptions): Promise<void> {
  const client = session.compute(environmentOf(options));
  const model = await openedModel(session, client, resolve(folder));
  const { parts = [] } = model.device ?? {};
  if (options.json !== undefined) {
    const made = await modelProvenance(options, model, { device: options.device ?? 'cpu' });
    await session.writeJson(options.json, { ...made, parts });
  }
  if (options.json === '-') return;
  session.print(parts.length > 0 ? partsTable(parts) : `${model.device?.id ?? 'cpu'} holds the whole model.`);
}

const partsTable = (parts: readonly DevicePart[]): string =>
  textTable(
    ['device', 'name', 'holds', 'weights', 'memory'],
    parts.map((part) => [
      part.id,
      part.name,
      heldWords(part),
      bytesInWords(part.weightBytes),
      part.memoryBytes === undefined ? '' : bytesInWords(part.memoryBytes),
    ]),
    [3, 4],
  );

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
