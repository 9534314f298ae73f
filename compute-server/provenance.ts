import type { Provenance } from '../protocol/schema/parts';
import { cpus } from 'node:os';
import { runtimeVersion } from './runtime/session';
import { headscopeVersion } from './version';

export const cpuName = cpus()[0]?.model.trim() ?? 'CPU';

/** Provenance of a result that no single device made (lists): it names this machine. With `threads` 0 the runtime chooses. */
export async function provenance(settings: Provenance['settings'] = {}, seed = 0, threads = 0): Promise<Provenance> {
  return {
    headscope: headscopeVersion,
    created: new Date().toISOString(),
    device: {
      id: 'cpu',
      provider: 'cpu',
      name: cpuName,
      threads,
      runtime: await runtimeVersion(),
      platform: `${process.platform}-${process.arch}`,
    },
    settings,
    seed,
  };
}

/** What made a result of a model: its device names the parts that ran on the cpu instead, as they are known after the run. */
export async function modelProvenance(
  model: { device(): Promise<Provenance['device']>; readonly weightsHeld: NonNullable<Provenance['weights']> },
  settings: Provenance['settings'] = {},
  seed = 0,
): Promise<Provenance> {
  return { ...(await provenance(settings, seed)), device: await model.device(), weights: model.weightsHeld };
}
