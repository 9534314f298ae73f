/** How busy a machine was beside a measurement: what is recorded with a result, what counts as busy, and what is said of it. */

/** Load of a machine over some seconds. */
export interface MachineLoad {
  /**
   * Share of the machine's processor time that other processes used, from 0 to 1: busy time (user, nice, system, interrupts) of
   * all its processors, as the system counts it (/proc/stat on Linux), less the processor time of the process that measures,
   * over seconds times processors.
   */
  readonly others: number;
  /** Runnable processes, averaged over the last minute at the end of the interval (load average); absent on Windows. */
  readonly average?: number;
  /** Length of the interval. */
  readonly seconds: number;
}

export interface MachineState {
  /** Logical processors of the machine, also where the process may not use all of them. */
  readonly processors: number;
  readonly load: {
    /** Over a fifth of a second in which the process waits, right before it starts. */
    readonly before: MachineLoad;
    /** Over the time in which something was timed; absent where nothing was. */
    readonly during?: MachineLoad;
  };
  /** Whether `during`, or `before` where nothing was timed, is a load of at least `busyShare`. */
  readonly busy: boolean;
  /** Other work of the same process that ran meanwhile, as "running an analysis"; absent where there was none. */
  readonly beside?: readonly string[];
}

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
