/**
 * `npm run test:device -- [DEVICE…] [--full]`: models and kernels on devices against the cpu, by the compute server as it is
 * shipped: what is right, and times beside those of the cpu. Without a name: every device but the cpu. A device that is not here
 * is said to be not run, with the reason. `--full` takes sizes that keep a graphics card busy; without it a software adapter is
 * through in minutes.
 */
import type { DeviceInfo } from '../../protocol/compute/api';
import type { Servers } from '../support/device/on-both';
import { buildServer, Place } from '../process/model/support/model-server';
import { families } from './families';
import { kernelTimes } from './kernel-times';
import { modelTimes, sizes } from './model-times';
import { textTable } from '../../compute-server/cli/table';
import { wordsOf } from './words';

const sections = ['families', 'model', 'kernels'] as const;

async function runOn(found: DeviceInfo, place: Place, full: boolean): Promise<boolean> {
  console.log(
    `${found.name} (${found.id}); in brackets the cpu, and device / cpu; milliseconds, medians, calls in turns`,
  );
  const servers: Servers = { cpu: place.client(), device: place.client({}, { HEADSCOPE_DEVICE: found.id }) };
  const right = await families(servers, place);
  await modelTimes(found, place.at(`model-${found.id}`), sizes[full ? 'full' : 'quick']);
  const exact = await kernelTimes(servers.device, found.id, full ? 4096 : 256);
  return right && exact;
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const named = words.filter((word) => !word.startsWith('--'));
  const unknown = words.find((word) => word.startsWith('--') && word !== '--full');
  if (unknown !== undefined) throw new Error(`There is no option ${unknown}: --full is the one.`);
  await buildServer();
  const place = new Place();
  try {
    const devices = await place.client().call('devices', [{ roof: true }]);
    const ids = devices.map(({ id }) => id);
    const other = named.find((name) => !ids.includes(name));
    if (other !== undefined) throw new Error(`There is no device "${other}": choose from ${ids.join(', ')}.`);
    const wanted = devices.filter(({ id }) => (named.length === 0 ? id !== 'cpu' : named.includes(id)));
    const missing = wanted.filter(({ available }) => !available);
    if (missing.length > 0) {
      console.log(
        textTable(
          ['device', ...sections, 'why'],
          missing.map(({ id, reason }) => [id, ...sections.map(() => 'not run'), reason ?? 'It does not work here.']),
        ),
      );
      console.log('');
    }
    for (const found of wanted) {
      if (found.available && !(await runOn(found, place, words.includes('--full')))) process.exitCode = 1;
    }
  } finally {
    place.remove();
  }
}

main().catch((error: unknown) => {
  console.error(wordsOf(error));
  process.exitCode = 1;
});
