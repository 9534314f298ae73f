/** The load of the machine beside this process (protocol/results/machine.ts has the definition). */
import { cpus, loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { isBusy } from '../protocol/results/machine';
import type { MachineLoad, MachineState } from '../protocol/results/benchmark-schema';

/** Processor time until a moment, in seconds; only differences say anything. */
export interface ProcessorTime {
  /** Seconds of wall time. */
  readonly at: number;
  readonly processors: number;
  /** In which any process was busy on any processor. */
  readonly all: number;
  /** In which this process was, with all its threads. */
  readonly own: number;
  readonly average?: number;
}

/** How long the process waits for the load before it starts; the system counts in hundredths of a second. */
const waitMs = 200;

export function processorTime(): ProcessorTime {
  const each = cpus();
  const all = each.reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  const own = process.cpuUsage();
  return {
    at: performance.now() / 1000,
    processors: each.length,
    all: all / 1000,
    own: (own.user + own.system) / 1e6,
    ...(process.platform === 'win32' ? {} : { average: loadavg()[0] ?? 0 }),
  };
}

/** What other processes used, and of how much. */
interface Used {
  readonly others: number;
  /** Seconds of wall time. */
  readonly seconds: number;
}

export function usedBetween(from: ProcessorTime, to: ProcessorTime): Used {
  // The two clocks tick apart, so that a process alone on the machine may seem to use more than there is.
  return { others: Math.max(0, to.all - from.all - (to.own - from.own)), seconds: to.at - from.at };
}

function loadOf(used: readonly Used[], { processors, average }: ProcessorTime): MachineLoad {
  const seconds = used.reduce((sum, one) => sum + one.seconds, 0);
  const others = used.reduce((sum, one) => sum + one.others, 0) / Math.max(seconds * processors, Number.MIN_VALUE);
  return { others: Math.min(1, others), seconds, ...(average === undefined ? {} : { average }) };
}

/** Watches the machine over one run. */
export class MachineWatch {
  private readonly clock: () => ProcessorTime;
  private readonly doing: () => readonly string[];
  private readonly loadBefore: MachineLoad;
  private readonly timed: Used[] = [];
  private readonly beside = new Set<string>();

  private constructor(clock: () => ProcessorTime, doing: () => readonly string[], before: MachineLoad) {
    this.clock = clock;
    this.doing = doing;
    this.loadBefore = before;
    this.look();
  }

  /** `doing`: other work of this process at the moment. Undefined where the system says nothing of its processors. */
  static async begin(
    clock: () => ProcessorTime = processorTime,
    doing: () => readonly string[] = () => [],
  ): Promise<MachineWatch | undefined> {
    const from = clock();
    if (from.processors === 0) return undefined;
    await wait(waitMs);
    const to = clock();
    return new MachineWatch(clock, doing, loadOf([usedBetween(from, to)], to));
  }

  get before(): MachineLoad {
    return this.loadBefore;
  }

  /** Begins an interval in which something is timed; the answer ends it and says whether the machine was busy. */
  timing(): () => boolean {
    this.look();
    const from = this.clock();
    return () => {
      this.look();
      const to = this.clock();
      const used = usedBetween(from, to);
      this.timed.push(used);
      return isBusy(loadOf([used], to));
    };
  }

  end(): MachineState {
    this.look();
    const now = this.clock();
    const during = this.timed.length === 0 ? undefined : loadOf(this.timed, now);
    return {
      processors: now.processors,
      load: { before: this.loadBefore, ...(during ? { during } : {}) },
      busy: isBusy(during ?? this.loadBefore),
      ...(this.beside.size > 0 ? { beside: [...this.beside] } : {}),
    };
  }

  private look(): void {
    for (const each of this.doing()) this.beside.add(each);
  }
}
