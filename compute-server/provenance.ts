import { cpus } from 'node:os';
import type { Provenance } from '../protocol/results/provenance';
import { runtimeVersion } from './runtime/session';
import { headscopeVersion } from './version';

/** What made a result that no single device made (lists): this machine. `threads` 0: as many as the runtime chooses. */
export async function provenance(settings: Provenance['settings'] = {}, seed = 0, threads = 0): Promise<Provenance> {
  return {
    headscope: headscopeVersion,
    created: new Date().toISOString(),
    device: {
      id: 'cpu',
      provider: 'cpu',
      name: cpus()[0]?.model.trim() ?? 'CPU',
      threads,
      runtime: await runtimeVersion(),
      platform: `${process.platform}-${process.arch}`,
    },
    settings,
    seed,
  };
}
