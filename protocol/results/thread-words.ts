/** `1 thread`, `4 threads`, or that the runtime chooses. */
export const threadWords = (threads: number): string =>
  threads === 0 ? 'threads chosen by the runtime' : `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
