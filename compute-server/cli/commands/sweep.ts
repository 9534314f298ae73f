/** headscope sweep: one command over many models, parameters and seeds, as jobs. */
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import { lockAnew } from '../../../files/lock';
import { timeInWords } from '../../../protocol/wire/quantities';
import { runNamed } from '../../../protocol/sweeps/catalogue';
import { readSweep, type PlacedSweepFault } from '../../../protocol/sweeps/read-sweep';
import { engineIds, type EngineId, type SweepValue } from '../../../protocol/sweeps/sweep-file';
import type { CellStatus, SweepStatus } from '../../../protocol/sweeps/sweep-status';
import { counted } from '../../../protocol/wire/number-words';
import { cancelSweep } from '../../sweeps/cancel';
import { settingOfVariable, shellSettingsOf, type ShellSettings } from '../../sweeps/cell-key';
import type { EstimateOfCell } from '../../sweeps/cell-work';
import { collect, type Collected, type CollectedRow } from '../../sweeps/collect';
import type { SweepEngine } from '../../sweeps/engine';
import { kubernetesEngine } from '../../sweeps/kubernetes/kubernetes-engine';
import { localEngine, serveLocal } from '../../sweeps/local-engine';
import { slurmEngine } from '../../sweeps/slurm/slurm-engine';
import { OpenedSweep } from '../../sweeps/opened-sweep';
import { servePanel, SweepPanelAnswers } from '../../sweeps/picture/answers';
import type { SeedMean } from '../../sweeps/seed-means';
import { StateStore } from '../../sweeps/state-store';
import { statusOf } from '../../sweeps/status';
import { planSweep, submitSweep, type SweepPlan } from '../../sweeps/submit';
import { SweepFolder, type KeptSubmission } from '../../sweeps/sweep-folder';
import { work } from '../../sweeps/work';
import { CommandError, exitCodes, wrongUsage } from '../exit-codes';
import { jsonOption } from '../output-options';
import type { Registration } from '../registration';
import type { CommandSession } from '../session';
import { cellEstimates } from '../sweep-estimates';
import { cellProgram, sweepCatalogue } from '../sweep-program';
import { textTable } from '../table';
import { textFile } from '../text-files';

/** The command line's own script, which tasks and cells start again. */
const script = (): string => __filename;

interface SweepOptions {
  readonly engine?: EngineId;
  readonly wait?: boolean;
  readonly json?: string;
}

export const sweep: Registration = (program, session) => {
  const group = program.command('sweep').description('Run a command over many models, parameters and seeds, as jobs.');
  const file = (command: Command): Command =>
    command
      .argument('<sweep>', 'a sweep, e.g. heads.headscope-sweep.yaml')
      .addOption(
        new Option('--engine <id>', 'where the jobs run (default: the engine of the file, or local)').choices([
          ...engineIds,
        ]),
      )
      .addOption(jsonOption());
  /** For what may run next: as this shell would submit it. */
  const toRun = (path: string): Promise<OpenedSweep> => openSweep(program, path, shellSettingsOf(process.env));
  /** For what was submitted: as it was then, whatever this shell has set. */
  const asSubmitted = async (path: string): Promise<OpenedSweep> => {
    const last = await new SweepFolder(path).last();
    return openSweep(program, path, last ? (last.shell ?? {}) : shellSettingsOf(process.env));
  };
  const estimateOf = (opened: OpenedSweep): EstimateOfCell | undefined => {
    const run = runNamed(sweepCatalogue(program), opened.sweep.run);
    return run && cellEstimates(session, opened, run);
  };

  file(
    group.command('plan').description('Count what the sweep would run and report mistakes, without starting anything.'),
  ).action(async (path: string, options: SweepOptions) => {
    const opened = await toRun(path);
    await requireCells(opened);
    const engine = engineOf(options.engine ?? opened.sweep.engine ?? 'local', opened);
    const layout = await planSweep(opened, engine, estimateOf(opened));
    if (!layout.ok) throw wrongUsage(layout.why);
    const { plan } = layout.laid;
    if (options.json !== undefined) await session.writeJson(options.json, plan);
    if (options.json !== '-') session.print(planInWords(plan, opened));
  });

  file(
    group
      .command('submit')
      .description('Start the cells that have no result yet.')
      .option('--wait', 'wait until all cells have ended; they keep running if you interrupt this command'),
  ).action(async (path: string, options: SweepOptions) => {
    const opened = await toRun(path);
    await requireCells(opened);
    const estimate = estimateOf(opened);
    const submitted = await submitSweep(opened, {
      ...(estimate ? { estimate } : {}),
      engine: engineOf(options.engine ?? opened.sweep.engine ?? 'local', opened),
      engineOf: (id) => knownEngine(id, opened),
      command: [process.execPath, script(), 'sweep', 'work', opened.folder.file],
    });
    if (!submitted.ok) throw new CommandError(exitCodes.failed, submitted.why);
    const { plan, submission } = submitted;
    if (options.wait) {
      const status = await waited(session, opened);
      if (options.json !== undefined) await session.writeJson(options.json, { ...plan, ...status });
      if (options.json !== '-') session.print(statusInWords(status));
      if (status.states.failed > 0) session.exitCode = exitCodes.findings;
      return;
    }
    if (options.json !== undefined)
      await session.writeJson(options.json, { ...plan, submission: submission?.number ?? null });
    if (options.json === '-') return;
    session.print(
      submission
        ? `${planInWords(plan, opened)}\nThey are running now. headscope sweep status ${path} shows them.`
        : planInWords(plan, opened),
    );
  });

  file(group.command('status').description('Show the state of each cell.')).action(
    async (path: string, options: SweepOptions) => {
      const opened = await asSubmitted(path);
      const status = await statusOf(opened, (id) => knownEngine(id, opened));
      if (options.json !== undefined) await session.writeJson(options.json, status);
      if (options.json !== '-') session.print(statusInWords(status));
    },
  );

  file(group.command('collect').description('Put the results into one table.')).action(
    async (path: string, options: SweepOptions) => {
      const opened = await asSubmitted(path);
      const status = await statusOf(opened, (id) => knownEngine(id, opened));
      const collected = await collect(status, opened.folder);
      if (options.json !== undefined) await session.writeJson(options.json, collected);
      if (options.json !== '-') session.print(collectedInWords(collected));
      const { length } = collected.missing;
      if (length === 0) return;
      session.exitCode = exitCodes.findings;
      session.note(`${counted(length, 'cell has', 'cells have')} no result. headscope sweep status ${path} says why.`);
    },
  );

  file(group.command('cancel').description('Stop running cells and withdraw waiting ones; results are kept.')).action(
    async (path: string, options: SweepOptions) => {
      const opened = await asSubmitted(path);
      const cancelled = await cancelSweep(opened, (id) => knownEngine(id, opened));
      if (options.json !== undefined) await session.writeJson(options.json, { cancelled: cancelled ?? 0 });
      if (options.json === '-') return;
      session.print(
        cancelled === undefined
          ? 'Nothing of this sweep is running.'
          : `${counted(cancelled, 'cell was', 'cells were')} cancelled. Submit the sweep again to run what is left.`,
      );
    },
  );

  // The panel of VS Code starts this.
  group
    .command('panel', { hidden: true })
    .argument('<sweep>')
    .action(async (path: string) => {
      await servePanel(
        new SweepPanelAnswers({
          async open(submitted) {
            const folder = new SweepFolder(path);
            const last = submitted ? await folder.last() : undefined;
            const shell = last ? (last.shell ?? {}) : shellSettingsOf(process.env);
            const read = readOpened(program, folder, await textFile(path), shell);
            if ('opened' in read) return read.opened;
            return { mistakes: read.faults.slice(0, 20).map(({ line, message }) => ({ line, message })) };
          },
          engineOf: knownEngine,
          estimateOf,
          command: ({ folder }) => [process.execPath, script(), 'sweep', 'work', folder.file],
        }),
      );
    });
  // Only engines start these.
  group
    .command('work', { hidden: true })
    .argument('<sweep>')
    .argument('<submission>')
    .argument('<task>')
    .action(async (path: string, number: string, task: string) => {
      const { opened, submission } = await submitted(program, path, Number(number));
      const units = await opened.folder.unitsOf(submission.number, Number(task));
      if (!units) throw wrongUsage(`Submission ${number} has no task ${task}.`);
      await work({
        folder: opened.folder,
        submission,
        task: Number(task),
        units,
        program: opened.program,
        cellAt: (cell) => opened.cells.at(cell),
        keyOf: (cell) => opened.keyOf(cell),
        script: script(),
        environment: process.env,
      });
    });
  group
    .command('serve', { hidden: true })
    .argument('<sweep>')
    .argument('<submission>')
    .action(async (path: string, number: string) => {
      const { opened, submission } = await submitted(program, path, Number(number));
      const { folder } = opened;
      await serveLocal(submission, submission.atOnce, async () => {
        const locked = await lockAnew(folder.lockFile);
        if (!locked.ok) return;
        await new StateStore(folder.path).gather();
        await locked.free();
      });
    });
};

const engines = (opened: OpenedSweep): readonly SweepEngine[] => [
  localEngine(script(), ['sweep', 'serve', opened.folder.file]),
  slurmEngine(opened.sweep),
  kubernetesEngine(opened.sweep, {
    folder: opened.folder.path,
    pathOutside: (folder) => opened.pathOutside(folder),
  }),
];

const knownEngine = (id: EngineId, opened: OpenedSweep): SweepEngine | undefined =>
  engines(opened).find((engine) => engine.id === id);

function engineOf(id: EngineId, opened: OpenedSweep): SweepEngine {
  const engine = knownEngine(id, opened);
  if (engine) return engine;
  const known = engines(opened).map((one) => one.id);
  throw wrongUsage(`This version of Headscope has no engine "${id}". Choose ${known.join(' or ')} with --engine.`);
}

async function openSweep(program: Command, path: string, shell: ShellSettings): Promise<OpenedSweep> {
  return opening(program, new SweepFolder(path), await textFile(path), path, shell);
}

/** The sweep as it was when it was submitted. */
async function submitted(
  program: Command,
  path: string,
  number: number,
): Promise<{ readonly opened: OpenedSweep; readonly submission: KeptSubmission }> {
  const folder = new SweepFolder(path);
  const submission = await folder.kept(number);
  if (!submission) throw wrongUsage(`${folder.path} has no submission ${number}.`);
  const text = await folder.textOf(number);
  return { opened: opening(program, folder, text, path, submission.shell ?? {}), submission };
}

const shownFaults = 5;

function opening(program: Command, folder: SweepFolder, text: string, path: string, shell: ShellSettings): OpenedSweep {
  const read = readOpened(program, folder, text, shell);
  if ('faults' in read) {
    const { faults } = read;
    const some = faults.slice(0, shownFaults).map(({ line, message }) => `${path}:${line}: ${message}`);
    const more = faults.length > shownFaults ? [`There are ${faults.length - shownFaults} more.`] : [];
    throw wrongUsage([...some, ...more].join('\n'));
  }
  return read.opened;
}

function readOpened(
  program: Command,
  folder: SweepFolder,
  text: string,
  shell: ShellSettings,
): { readonly opened: OpenedSweep } | { readonly faults: readonly PlacedSweepFault[] } {
  const catalogue = sweepCatalogue(program);
  const { sweep: read, faults } = readSweep(text, catalogue);
  if (!read || faults.length > 0) return { faults };
  return { opened: new OpenedSweep(folder, read, text, cellProgram(program, catalogue, read), shell) };
}

async function requireCells(opened: OpenedSweep): Promise<void> {
  const faults = await opened.faults();
  if (faults.length > 0) throw wrongUsage(faults.slice(0, shownFaults).join('\n'));
}

/** Waits until all cells have ended or the person interrupts the command. The cells keep running then. */
async function waited(session: CommandSession, opened: OpenedSweep): Promise<SweepStatus> {
  for (;;) {
    const status = await statusOf(opened, (id) => knownEngine(id, opened));
    if (!status.active || session.signal.aborted) return status;
    session.progress(progressOf(status));
    // The status of a large sweep takes longer, so it is read less often.
    await pause(Math.min(5000, 250 + status.total / 20));
  }
}

const left = ({ secondsLeft }: SweepStatus): string =>
  secondsLeft === undefined ? '' : `, about ${timeInWords(secondsLeft)} left`;

const progressOf = (status: SweepStatus): string =>
  `${status.done} of ${counted(status.total, 'cell', 'cells')} done, ${status.states.running} running${left(status)}`;

function planInWords(plan: SweepPlan, opened: OpenedSweep): string {
  const { title } = opened;
  const { run } = opened.sweep;
  const { refused = [], total, done, twice, excluded, units, tasks, atOnce, engine } = plan;
  const further = [
    ...(excluded > 0 ? [`${counted(excluded, 'cell is', 'cells are')} excluded.`] : []),
    ...(twice > 0
      ? [`${counted(twice, 'cell is', 'cells are')} the same as another and ${twice === 1 ? 'runs' : 'run'} once.`]
      : []),
  ];
  const first = `${title === run ? run : `${title} (${run})`}: ${counted(total, 'cell', 'cells')}, of which ${done} ${done === 1 ? 'is' : 'are'} done.`;
  const second =
    units === 0
      ? 'Nothing is left to run: headscope sweep collect shows the results.'
      : `${counted(units, 'run is', 'runs are')} left, in ${counted(tasks, 'task', 'tasks')} on the engine ${engine}, ${atOnce} at a time.`;
  const shell = opened
    .shellThatCounts()
    .map(
      ([variable, value]) =>
        `${variable} is ${value} in this shell. It counts for cells that set no ${settingOfVariable[variable]}.`,
    );
  const fails = refused.slice(0, shownFaults).map((why) => `Some cells will fail: ${why}`);
  return [first, ...further, ...shell, ...fails, second].join('\n');
}

const shownRows = 40;

const inWords = (value: SweepValue | undefined): string =>
  value === undefined ? '' : typeof value === 'object' ? value.join(',') : String(value);

/** Cells that a person should look at stand first. */
function statusInWords(status: SweepStatus): string {
  const { axes, cells, states, total, done } = status;
  const order = ['failed', 'running', 'cancelled', 'open', 'waiting', 'done'] as const;
  const sorted = order.flatMap((state) => cells.filter((cell) => cell.state === state));
  const row = ({ settings, state, tries, seconds, reason, parts }: CellStatus): string[] => [
    ...axes.map((axis) => inWords(settings[axis])),
    parts ? `${state} (${parts.done}/${parts.total})` : state,
    String(tries),
    seconds === undefined ? '' : timeInWords(seconds),
    reason ?? '',
  ];
  const table = textTable([...axes, 'state', 'tries', 'time', 'why'], sorted.slice(0, shownRows).map(row));
  const counts = order.filter((state) => states[state] > 0).map((state) => `${states[state]} ${state}`);
  const more = total > shownRows ? `\n… ${total - shownRows} more: --json has them.` : '';
  const running = status.active ? `${left(status)}.` : '.';
  return `${table}${more}\n\n${done} of ${counted(total, 'cell', 'cells')} done (${counts.join(', ')})${running}`;
}

function collectedInWords(collected: Collected): string {
  const { axes, rows } = collected;
  const first = rows.slice(0, shownRows);
  const names = [...new Set(first.flatMap(({ values }) => Object.keys(values)))].slice(0, 8);
  const number = (value: CollectedRow['values'][string] | undefined): string =>
    typeof value === 'number' ? String(Number(value.toPrecision(5))) : String(value ?? '');
  const table = textTable(
    [...axes, ...names],
    first.map(({ settings, values }) => [
      ...axes.map((axis) => basename(inWords(settings[axis]))),
      ...names.map((name) => number(values[name])),
    ]),
  );
  const more = rows.length > shownRows ? `\n… ${rows.length - shownRows} more: --json has them.` : '';
  return rows.length === 0 ? 'There is no result yet.' : `${table}${more}${meansInWords(collected, names)}`;
}

/** A row for each group of cells that differ by their seed alone, of the same columns as the table of cells. */
function meansInWords({ axes, means = [] }: Collected, columns: readonly string[]): string {
  if (!means.some(({ seeds }) => seeds.length > 1)) return '';
  const number = (value: number): string => String(Number(value.toPrecision(5)));
  const inCell = ({ n, mean, low, high }: SeedMean, seeds: number): string => {
    const interval = low === undefined || high === undefined ? '' : ` (${number(low)} to ${number(high)})`;
    return `${number(mean)}${interval}${n < seeds ? `, n = ${n}` : ''}`;
  };
  const others = axes.filter((axis) => axis !== 'seed');
  const rows = means.slice(0, shownRows).map(({ settings, seeds, texts, means: own }) => [
    ...others.map((axis) => basename(inWords(settings[axis]))),
    String(seeds.length),
    ...columns.map((name) => {
      const mean = own[name];
      return mean ? inCell(mean, seeds.length) : (texts[name] ?? '');
    }),
  ]);
  const more = means.length > shownRows ? `\n… ${means.length - shownRows} more: --json has them.` : '';
  return `\n\nMeans over seeds (95 % interval by Student's t):\n${textTable([...others, 'seeds', ...columns], rows)}${more}`;
}
