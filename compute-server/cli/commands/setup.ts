/** headscope setup: what a device needs that Headscope does not bring along, and what of it is missing. It fetches nothing. */
import { cudaParts, libraryPlaces } from '../../devices/cuda-parts';
import { runtimePackage } from '../../runtime/load';
import { binariesOf } from '../../runtime/runtime-folder';
import { exitCodes } from '../exit-codes';
import { provenance } from '../../provenance';
import type { Registration } from '../registration';
import { textTable } from '../table';

export const setup: Registration = (program, session) => {
  program
    .command('setup')
    .description('Say what a device needs that Headscope does not bring along, and what of it is missing here.')
    .command('cuda')
    .description('NVIDIA GPUs: driver, CUDA 12, cuDNN 9 and the provider library of onnxruntime. Nothing is fetched.')
    .option('--json <file>', 'write the result as JSON, - for stdout')
    .action(async ({ json }: { readonly json?: string }) => {
      const runtime = binariesOf(await runtimePackage());
      const parts = cudaParts(await libraryPlaces(runtime, process.env), process.platform);
      if (!parts) {
        session.note(`CUDA does not exist on ${process.platform}. "headscope devices" lists what works here.`);
        session.exitCode = exitCodes.findings;
        return;
      }
      const client = session.compute();
      const found = await client.call('devices', [{ roof: false }], { signal: session.signal });
      const device = found.find(({ id }) => id === 'cuda');
      if (json !== undefined) {
        await session.writeJson(json, { ...(await provenance()), runtime, parts, cuda: device });
      }
      if (json !== '-') {
        const rows = parts.map(({ title, libraries, missing }) => [
          title,
          missing.length === 0 ? 'found' : 'missing',
          (missing.length === 0 ? libraries : missing).join(', '),
        ]);
        session.print(textTable(['part', 'state', 'libraries'], rows));
        for (const { title, missing, next } of parts) if (missing.length > 0) session.print(`${title}: ${next}`);
        session.print(`onnxruntime is loaded from ${runtime}.`);
        session.print(device?.available ? 'CUDA works here.' : `CUDA does not work here: ${device?.reason ?? ''}`);
      }
      if (!device?.available) session.exitCode = exitCodes.findings;
    });
};
