/**
 * How long something may take. What counts is computing time: on a busy machine the same work waits for a processor, which is no
 * fault of its own. What is blocked computes nothing, so the clock ends it too, much later.
 */
export interface TimeLimit {
  /** Processor time over all threads of the process. */
  readonly seconds: number;
  /** Time of the clock; it alone counts where a system does not report processor time. */
  readonly ceiling: number;
}

/** The clock may show ten times as much, as it does where ten programs share each processor. */
export const limitOf = (seconds: number): TimeLimit => ({ seconds, ceiling: 10 * seconds });

/** The seconds that have passed a limit, or undefined. */
export const overdue = (
  { seconds, ceiling }: TimeLimit,
  { computed, waited }: { readonly computed: number | undefined; readonly waited: number },
): number | undefined => {
  if (computed !== undefined && computed > seconds) return seconds;
  return waited > ceiling ? ceiling : undefined;
};

/** USER_HZ of every Linux that Node is built for. */
const ticksPerSecond = 100;

/**
 * Seconds of processor time that a process has used, from /proc; undefined on systems without it and of one that has ended.
 * `of` is the number of a process, or `self/task/…` of a thread.
 */
export function computingSeconds(
  of: number | string | undefined,
  { platform, read }: { readonly platform: string; readonly read: (file: string) => string },
): number | undefined {
  if (platform !== 'linux' || of === undefined) return undefined;
  try {
    const stat = read(`/proc/${of}/stat`);
    // The name before may hold spaces and brackets: fields are counted behind its last bracket, from the third on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return undefined;
  }
}
