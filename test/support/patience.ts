/**
 * How long to wait for what must come, on this machine: waits end what hangs and are never part of what is asserted. `npm test`
 * measures the machine and says how much slower than the reference it is; a file run alone goes by the load.
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout } from 'node:timers/promises';

const measured = Number(process.env['HEADSCOPE_SLOWNESS'] ?? 1);
const effort = Number(process.env['HEADSCOPE_EFFORT'] ?? 1);

/** At least 1; what else has begun since the start counts too. */
const slowness = (): number => Math.min(12, Math.max(1, measured, (loadavg()[0] ?? 0) / availableParallelism()));

/** Processor time that is enough on the reference machine, in the same unit as much as is enough here: load does not add to it. */
export const computing = (time: number): number => time * Math.max(1, effort);

/** Milliseconds that are enough on the reference machine, as many as are enough here and now. */
export const patience = (milliseconds: number): number => Math.round(milliseconds * slowness());

/** Tries assertions until they hold, as what is shown follows what was done; after a while the last failure counts. */
export async function eventually(assertions: () => Promise<void> | void): Promise<void> {
  const deadline = performance.now() + patience(30_000);
  for (;;) {
    try {
      await assertions();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await setTimeout(100);
  }
}
