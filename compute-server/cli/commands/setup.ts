/** headscope setup: what a device needs that Headscope does not bring along, and what of it is missing. It fetches nothing. */
import { setupVerdict, type SetupDevice } from '../../../protocol/compute/setup';
import { exitCodes } from '../exit-codes';
import { provenance } from '../../provenance';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import { textTable } from '../table';

const descriptions: Readonly<Record<SetupDevice, string>> = {
  cuda: 'NVIDIA GPUs: driver, CUDA 12, cuDNN 9 and the provider library of onnxruntime. Nothing is fetched.',
  dml: 'GPUs on Windows: DirectML. Nothing is fetched.',
  coreml: 'Apple silicon: Core ML. Nothing is fetched.',
};

export const setup: Registration = (program, session) => {
  const command = program
    .command('setup')
    .description('Say what a device needs that Headscope does not bring along, and what of it is missing here.');
  for (const [device, description] of Object.entries(descriptions) as [SetupDevice, string][]) {
    command
      .command(device)
      .description(description)
      .addOption(jsonOption())
      .action(async ({ json }: { readonly json?: string }) => {
        const report = await session.compute().call('setup', [device], { signal: session.signal });
        const { needs, parts, runtime } = report;
        if (json !== undefined) await session.writeJson(json, { ...(await provenance()), ...report });
        if (json !== '-') {
          session.print(needs);
          const rows = parts.map(({ title, libraries, missing }) => [
            title,
            missing.length === 0 ? 'found' : 'missing',
            (missing.length === 0 ? libraries : missing).join(', '),
          ]);
          if (rows.length > 0) session.print(textTable(['part', 'state', 'libraries'], rows));
          for (const { title, missing, next } of parts) if (missing.length > 0) session.print(`${title}: ${next}`);
          session.print(`onnxruntime is loaded from ${runtime}.`);
          session.print(setupVerdict(report));
        }
        if (!report.found.available) session.exitCode = exitCodes.findings;
      });
  }
};
