// How fast this machine is and how busy, against the one on which the limits of the tests were chosen. Limits end what hangs:
// on a slower or busier machine the same work takes longer, and its limits have to be as much longer.
import { createHash } from 'node:crypto';
import { availableParallelism, loadavg } from 'node:os';

/** A machine with two cores of a server and nothing else to do, Node 20: where the limits come from (Intel Xeon, 2026-11-26). */
export const reference = { seconds: 0.2, cores: 2 };

/** A wrong clock or a load of hundreds would lift a limit to days. */
const most = 12;

/** A fixed calculation, half hashing (native code) and half arithmetic: its processor time in seconds, the least of three. */
export function secondsOfCalculation() {
  return Math.min(...[1, 2, 3].map(once));
}

function once() {
  const before = process.cpuUsage();
  const bytes = Buffer.alloc(1 << 20, 7);
  let hash = '';
  for (let round = 0; round < 64; round += 1) hash = createHash('sha256').update(bytes).update(hash).digest('hex');
  let sum = hash.length;
  for (let step = 1; step < 12_000_000; step += 1) sum += Math.sqrt(step % 1000) / (1 + (sum % 7));
  const { user, system } = process.cpuUsage(before);
  // The sum is used, or the loop could be left out.
  return (user + system) / 1e6 + (Number.isFinite(sum) ? 0 : 1);
}

/** How much more processor time the same work takes here; never under 1. Cores and load do not change that. */
export const effort = ({ seconds }) => Math.min(most, Math.max(1, seconds / reference.seconds));

/** What the calculation says of the processor: at least 1, 2 where it takes twice as long or where half the cores are missing. */
export const weakness = ({ seconds, cores }) =>
  Math.min(most, effort({ seconds }) * Math.max(1, reference.cores / cores));

/** How many want each core, at least 1: the load is the mean of the last minute (always 0 on Windows). */
export const crowding = ({ load, cores }) => Math.min(most, Math.max(1, load / cores));

/** How many times as long as on the reference machine work may take here and now; never under 1. */
export const slowness = ({ seconds, load, cores }) =>
  Math.min(most, weakness({ seconds, cores }) * crowding({ load, cores }));

/** The machine as it is: measured once, the load each time that it is asked for. */
export function thisMachine() {
  const cores = availableParallelism();
  const seconds = secondsOfCalculation();
  const now = () => ({ seconds, cores, load: loadavg()[0] });
  return { now, slowness: () => slowness(now()), effort: effort({ seconds }) };
}

/** One line for the output of a run. */
export function described({ seconds, load, cores }) {
  const factor = slowness({ seconds, load, cores });
  const than = factor === 1 ? 'limits are not stretched' : `limits are stretched ${factor.toFixed(1)} times`;
  return (
    `machine: the calculation took ${seconds.toFixed(2)} s (${reference.seconds.toFixed(2)} s on the reference), ` +
    `load ${load.toFixed(1)} on ${cores} ${cores === 1 ? 'core' : 'cores'}: ${than}`
  );
}

/**
 * The time that a step may take, in minutes of the reference machine. Its clock runs slower while the machine is slow or
 * busy, so what else runs beside the tests, also later, does not end them.
 */
export class Limit {
  #left;

  constructor(minutes) {
    this.#left = minutes * 60;
  }

  /** Books the seconds that have passed at this slowness; true once nothing is left. */
  pass(seconds, slow) {
    this.#left -= seconds / slow;
    return this.#left <= 0;
  }
}
