/** Faults of a sweep that its schema does not find: what it runs, its settings, and impossible cells. */
import { givenBy, waysToGive } from '../analysis/input-settings';
import { runNamed, settingsOf, type RunInfo, type SweepCatalogue } from './catalogue';
import { Cells } from './cells';
import { misspelt, settingFaults, shown, type SweepFault } from './setting-faults';
import type { SweepFile, SweepValue } from './sweep-file';

/** The faults in the order of the file. Values whose form only an option itself knows are left to the command. */
export function sweepFaults(sweep: SweepFile, catalogue: SweepCatalogue): readonly SweepFault[] {
  const run = runNamed(catalogue, sweep.run);
  if (run === undefined) {
    const names = catalogue.runs.map((one) => one.run);
    const commands = 'bench, task, captions and plan evaluate';
    const said = misspelt(sweep.run, 'not something that a sweep runs', names);
    const message = said.message.replace(
      / docs\/sweeps\.md .*$/u,
      ` It runs ${commands}, and what \`headscope analyses\` lists.`,
    );
    return [{ path: ['run'], ofKey: false, ...said, message }];
  }
  const cells = Cells.of(sweep);
  return [
    ...settingFaults(sweep, catalogue, run),
    ...missing(sweep, catalogue, run),
    ...inputFaults(sweep, run),
    ...exclusionFaults(sweep),
    ...kubernetesFaults(sweep),
    ...(sweep.seeds !== undefined && !settingsOf(catalogue, run).some(({ name }) => name === 'seed')
      ? [
          {
            path: ['seeds'],
            ofKey: true,
            message: `${run.title} takes no seed. Remove seeds.`,
          },
        ]
      : []),
    ...(sweep.split !== undefined && !run.cuts
      ? [
          {
            path: ['split'],
            ofKey: true,
            message: `The examples of ${run.title} cannot be cut into parts: those of ${cut(catalogue)} can. Remove split.`,
          },
        ]
      : []),
    ...(cells.ok ? [] : [{ path: [sweep.matrix ? 'matrix' : 'cells'], ofKey: true, message: cells.why }]),
  ];
}

const cut = ({ runs }: SweepCatalogue): string =>
  runs
    .filter(({ cuts }) => cuts)
    .map(({ run }) => run)
    .join(', ');

function* missing(sweep: SweepFile, catalogue: SweepCatalogue, run: RunInfo): Generator<SweepFault> {
  for (const { name, required } of settingsOf(catalogue, run)) {
    if (!required) continue;
    const everywhere = name in (sweep.settings ?? {});
    const inMatrix = sweep.matrix !== undefined && name in sweep.matrix;
    const inCells = (sweep.cells ?? []).every((cell) => name in cell);
    const matrixLacks = (sweep.matrix !== undefined || sweep.cells === undefined) && !inMatrix;
    if (everywhere || (!matrixLacks && inCells)) continue;
    yield {
      path: ['run'],
      ofKey: false,
      message: `${run.title} needs a ${name} in every cell. Add ${name} under settings, or as a list under matrix.`,
    };
  }
}

/** Cells that give an analysis nothing of what it runs on. */
function inputFaults(sweep: SweepFile, { title, inputs }: RunInfo): readonly SweepFault[] {
  if (!inputs || inputs.includes('none')) return [];
  const shared = Object.keys(sweep.settings ?? {});
  const kinds = [
    ...(sweep.matrix !== undefined || sweep.cells === undefined ? [Object.keys(sweep.matrix ?? {})] : []),
    ...(sweep.cells ?? []).map((cell) => Object.keys(cell)),
  ];
  if (kinds.every((own) => inputs.some((input) => givenBy(input, new Set([...shared, ...own]))))) return [];
  const ways = inputs.map((input) => `${waysToGive[input].title} (${waysToGive[input].settings.join(', ')})`);
  const message = `${title} runs on ${ways.join(', or ')}, but some cells have none. Add one under settings, or a list of them under matrix.`;
  return [{ path: ['run'], ofKey: false, message }];
}

/** What the engine `kubernetes` cannot do without, as a sentence; undefined where all of it is there. */
export function whatKubernetesLacks({ kubernetes = {} }: SweepFile): string | undefined {
  const { image, volume, mount } = kubernetes;
  const lacking = Object.entries({ image, volume, mount }).flatMap(([name, value]) =>
    value === undefined ? [name] : [],
  );
  if (lacking.length === 0) return undefined;
  return `The engine kubernetes needs ${lacking.map((name) => `kubernetes.${name}`).join(', ')}. docs/sweeps.md explains them.`;
}

function kubernetesFaults(sweep: SweepFile): readonly SweepFault[] {
  const message = sweep.engine === 'kubernetes' ? whatKubernetesLacks(sweep) : undefined;
  return message === undefined ? [] : [{ path: ['engine'], ofKey: false, message }];
}

function* exclusionFaults(sweep: SweepFile): Generator<SweepFault> {
  for (const [at, entry] of (sweep.exclude ?? []).entries()) {
    for (const [name, value] of Object.entries(entry)) {
      const given = valuesOf(sweep, name);
      if (given === undefined) {
        yield {
          path: ['exclude', at, name],
          ofKey: true,
          message: `No cell has ${shown(name)}, so this entry excludes nothing. Use a name from the matrix.`,
        };
      } else if (!given.some((one) => JSON.stringify(one) === JSON.stringify(value))) {
        yield {
          path: ['exclude', at, name],
          ofKey: false,
          message: `No cell has ${JSON.stringify(value).slice(0, 60)} as its ${name}, so this entry excludes nothing. Write it as in the matrix.`,
        };
      }
    }
  }
}

/** The values that cells have under a name; undefined if no cell has it. */
function valuesOf(sweep: SweepFile, name: string): readonly SweepValue[] | undefined {
  if (name === 'seed' && sweep.seeds !== undefined) {
    return typeof sweep.seeds === 'number' ? Array.from({ length: sweep.seeds }, (_, at) => at) : sweep.seeds;
  }
  const listed = (sweep.cells ?? []).flatMap((cell) => (name in cell ? [cell[name] ?? ''] : []));
  const shared = sweep.settings?.[name];
  const all = [...(sweep.matrix?.[name] ?? []), ...listed, ...(shared === undefined ? [] : [shared])];
  return all.length === 0 ? undefined : all;
}
