import { totalmem } from 'node:os';

/** Bytes of memory of the machine, or of the container when it is limited. */
export function machineMemory(): number {
  // Without a limit there is none, 0, or a number far above the machine's memory.
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}
