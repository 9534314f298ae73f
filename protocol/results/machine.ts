/** What counts as a busy machine, and what is said of the load beside a measurement. */
import type { MachineLoad, MachineState } from './benchmark-schema';

/**
 * From this share of the processor time in other processes a machine is called busy. Kernels that use all processors take longer
 * by about s / (1 - s) where others use a share s of them: by a ninth at 0.1, far more than the 2 % from which a difference is
 * called one. Ratios suffer less than times, since what is compared runs in turn.
 */
export const busyShare = 0.1;

export const isBusy = ({ others }: MachineLoad): boolean => others >= busyShare;

/** What a person needs to know of how it was measured, in sentences; undefined where the machine was at rest, or nobody looked. */
export function machineWords(machine: MachineState | undefined): string | undefined {
  if (machine === undefined) return undefined;
  const { busy, beside = [] } = machine;
  const sentences = [
    ...(busy ? [busyWords(machine)] : []),
    ...(beside.length > 0 ? [`Headscope was ${beside.join(' and ')} at the same time.`] : []),
  ];
  if (sentences.length === 0) return undefined;
  return `${sentences.join(' ')} Times may be too long and intervals too wide: run it again when nothing else runs.`;
}

function busyWords({ load: { before, during }, processors }: MachineState): string {
  const [used, when] = during
    ? [during, `while this was timed (${percentOf(before)} before)`]
    : [before, 'when this began'];
  const all = processors === 1 ? "the machine's processor" : `the machine's ${processors} processors`;
  return `Other programs used ${percentOf(used)} of ${all} ${when}.`;
}

export const percentOf = ({ others }: MachineLoad): string => `${Math.round(100 * others)} %`;
