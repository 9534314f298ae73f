/**
 * Computing time of one call of several graphs on one thread, in milliseconds by entrant: that of the process, which other work on
 * the machine slows less than the clock's. On one thread nothing of it is spent on waiting for the other threads.
 */
import { summary } from '../../../compute-server/harness/statistics/summary';
import { withSessions, type GraphEntrant } from './interleaved';

/** A sample holds as many calls as take so long, since the counter of computing time has steps. */
const sampleMs = 40;

export const computingTimes = (entrants: readonly GraphEntrant[], rounds: number): Promise<readonly number[]> =>
  withSessions(entrants, 1, async (competitors) => {
    const times = competitors.map((): number[] => []);
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const [at, { run }] of competitors.entries()) {
        const before = process.cpuUsage();
        let [calls, used] = [0, 0];
        do {
          await run();
          calls++;
          const { user, system } = process.cpuUsage(before);
          used = (user + system) / 1000;
        } while (used < sampleMs);
        if (round > 0) times[at]!.push(used / calls);
      }
    }
    return times.map((each) => summary(each).median);
  });
