/** How busy the machine was: the numbers by hand, what counts as busy, and what is said. */
import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import { describe, it } from 'mocha';
import { sayMachine } from '../../../compute-server/cli/machine-load';
import { MachineWatch, processorTime, usedBetween, type ProcessorTime } from '../../../compute-server/machine-load';
import { joinPatterns } from '../../../compute-server/harness/cab';
import { busyShare, machineWords } from '../../../protocol/results/machine';
import type { MachineState } from '../../../protocol/results/benchmark-schema';
import { result } from '../extension/samples';

/** A machine of four processors whose clock is set by the test. */
class Machine {
  at = 0;
  all = 0;
  own = 0;
  readonly clock = (): ProcessorTime => ({ at: this.at, processors: 4, all: this.all, own: this.own, average: 1.5 });

  pass(seconds: number, own: number, others: number): void {
    this.at += seconds;
    this.own += own;
    this.all += own + others;
  }
}

/** Begins to watch a machine on which other programs use `before` of the processors. */
async function watched(before: number, doing?: () => readonly string[]) {
  const machine = new Machine();
  let asked = 0;
  const watch = await MachineWatch.begin(() => {
    if ((asked += 1) === 2) machine.pass(0.2, 0, 0.2 * 4 * before);
    return machine.clock();
  }, doing);
  assert.ok(watch);
  return { machine, watch };
}

describe('the load of the machine', () => {
  it('is what other processes used: the busy time of all processors less that of this process', () => {
    const from = { at: 10, processors: 4, all: 100, own: 20 };
    // 16 of 40 seconds of processors: 10 seconds of wall time, 24 of them this process.
    assert.deepEqual(usedBetween(from, { at: 20, processors: 4, all: 140, own: 44 }), { others: 16, seconds: 10 });
    assert.equal(usedBetween(from, { at: 20, processors: 4, all: 120, own: 41 }).others, 0, 'never below none');
  });

  it('is that of the time in which something was timed, each interval marked by its own', async () => {
    const { machine, watch } = await watched(0);
    machine.pass(5, 1, 15);
    const quiet = watch.timing();
    machine.pass(10, 38, 2);
    assert.equal(quiet(), false, '2 of 40: 5 %');
    machine.pass(5, 0, 20);
    const loud = watch.timing();
    machine.pass(10, 30, 6);
    assert.equal(loud(), true, '6 of 40: 15 %');
    const { load, ...state } = watch.end();
    assert.deepEqual(state, { processors: 4, busy: true });
    assert.deepEqual(load.before, { others: 0, seconds: 0.2, average: 1.5 });
    assert.deepEqual(load.during, { others: 8 / 80, seconds: 20, average: 1.5 });
    assert.equal(busyShare, 0.1);
  });

  it('before the run decides where nothing was timed', async () => {
    const busy = await watched(0.5);
    const state = busy.watch.end();
    assert.equal(state.busy, true);
    assert.equal(state.load.during, undefined);
    assert.match(
      machineWords(state) ?? '',
      /^Other programs used 50 % of the machine's 4 processors when this began\./,
    );
    const calm = await watched(0.5);
    const timed = calm.watch.timing();
    calm.machine.pass(10, 39, 1);
    timed();
    assert.equal(calm.watch.end().busy, false, 'what ended before anything was timed disturbed nothing');
  });

  it('keeps what the process itself did meanwhile, also what began and ended between two looks at the clock', async () => {
    let doing: readonly string[] = [];
    const { watch } = await watched(0, () => doing);
    doing = ['running a model'];
    const end = watch.timing();
    doing = [];
    end();
    const state = watch.end();
    assert.deepEqual([state.busy, state.beside], [false, ['running a model']]);
    assert.match(machineWords(state) ?? '', /^Headscope was running a model at the same time\. Times may be too long/);
  });

  it('is read from the system: this process is counted, and no more than there is', () => {
    const from = processorTime();
    // By its own time, which a busy machine gives it late; the other end is for a count that stands still.
    const until = performance.now() + 10_000;
    let to = processorTime();
    while (to.own - from.own <= 0.05 && performance.now() < until) to = processorTime();
    assert.equal(to.processors, cpus().length);
    assert.ok(to.own - from.own > 0.02, 'it has worked');
    const { others, seconds } = usedBetween(from, to);
    // The system counts in hundredths of a second, on each processor for itself.
    assert.ok(others <= (seconds + 0.03) * to.processors);
  });

  it('is said on the command line where it matters, and of the busiest of several patterns', () => {
    const load = (others: number): MachineState => ({
      processors: 4,
      load: { before: { others: 0, seconds: 0.2 }, during: { others, seconds: 10 } },
      busy: others >= busyShare,
    });
    const said: string[] = [];
    const session = { note: (sentence: string) => said.push(sentence) };
    sayMachine(session, {});
    sayMachine(session, { machine: load(0.02) });
    assert.deepEqual(said, []);
    const { machine } = joinPatterns(
      [
        { ...result(), machine: load(0.02) },
        { ...result(), machine: load(0.3) },
      ],
      2,
      [],
    );
    sayMachine(session, machine ? { machine } : {});
    assert.deepEqual(said, [
      "Other programs used 30 % of the machine's 4 processors while this was timed (0 % before). Times may be too long and intervals too wide: run it again when nothing else runs.",
    ]);
  });
});
