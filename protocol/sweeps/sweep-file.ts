/**
 * A sweep (`*.headscope-sweep.yaml`): one command of Headscope, run once for each combination of values. This schema has the fields that
 * every sweep has. Settings are checked against the options of the command elsewhere (sweep-faults.ts).
 */
import * as v from 'valibot';
import type { Output, Schema } from '../schema/check';
import {
  either,
  ensure,
  filledText,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  record,
  text,
  wholeFrom,
} from '../schema/fields';
import { headOf } from '../schema/parts';
import { bytesOfText, secondsOfText } from '../wire/quantities';

/** The most cells of a sweep. A larger one is more than a person can read or a cluster accepts. */
export const mostCells = 1_000_000;

export const engineIds = ['local', 'slurm', 'kubernetes'] as const;
export type EngineId = (typeof engineIds)[number];

const said = <T>(schema: Schema<T>, words: string): Schema<T> => v.pipe(schema, v.description(words));

const scalar = either(either(number, text, 'a number or a text'), flag, 'a number, a text, true or false');
/** A list gives an option several times, or is joined with commas for an option that takes several values. */
const sweepValue = either(scalar, list(scalar, 'a list of values', { most: 4096 }), 'a value or a list of values');
export type SweepValue = Output<typeof sweepValue>;

const settings = record(sweepValue, 'an object of settings', { most: 256 });
/** Values of a cell, by the name of an option without its dashes, `param.NAME` or `task-param.NAME`. */
export type CellSettings = Output<typeof settings>;

const size = ensure(
  either(number, text, 'a size such as 6GB'),
  (value) => bytesOfText(String(value)) !== undefined,
  'a size such as 6GB or 512MiB',
);
const time = ensure(text, (value) => secondsOfText(value) !== undefined, 'a time such as 90s, 30m, 2h or 1d12h');

const resources = {
  threads: optional(said(wholeFrom(1, 4096), 'CPU threads for each cell.')),
  memory: optional(said(size, 'Memory for each cell, such as 6GB. A cell that needs more is refused or stopped.')),
  gpus: optional(said(wholeFrom(0, 64), 'GPUs for each cell, requested from the cluster.')),
  time: optional(said(time, 'Time limit for each cell, such as 30m. A cell that takes longer is stopped.')),
};

const local = {
  processes: optional(said(wholeFrom(1, 1024), 'How many cells run at the same time.')),
};

const slurm = {
  partition: optional(said(filledText, 'The partition. By default, that of the cluster.')),
  account: optional(said(filledText, 'The account that is charged.')),
  options: optional(
    said(list(filledText, 'a list of options', { most: 64 }), 'Further options of sbatch, such as --qos=low.'),
  ),
  setup: optional(
    said(
      list(filledText, 'a list of lines', { most: 64 }),
      'Shell lines to run before each task, such as module load.',
    ),
  ),
  tasks: optional(said(wholeFrom(1, 1_000_000), 'The most tasks in an array. By default, what the cluster allows.')),
};

const names = list(filledText, 'a list of names', { most: 64 });

const kubernetes = {
  image: optional(said(filledText, 'The image of the pods, with Headscope in it. Required.')),
  volume: optional(said(filledText, 'The persistent volume claim that holds the sweep and its models. Required.')),
  mount: optional(
    said(
      ensure(filledText, (path) => path.startsWith('/'), 'an absolute path'),
      'Where this machine and the pods see the volume. Required.',
    ),
  ),
  namespace: optional(said(filledText, 'The namespace. By default, that of the context.')),
  context: optional(said(filledText, 'The context of the kubeconfig. By default, the current one.')),
  pods: optional(said(wholeFrom(1, 10_000), 'How many pods run at the same time. 8 by default.')),
  tasks: optional(said(wholeFrom(1, 10_000), 'The most tasks of a job. 10,000 by default.')),
  gpu: optional(said(filledText, 'The resource that resources.gpus counts. nvidia.com/gpu by default.')),
  nodeSelector: optional(
    said(record(text, 'an object of labels', { most: 64 }), 'Labels of the nodes that may run the pods.'),
  ),
  tolerations: optional(said(names, 'Keys of taints that the pods tolerate.')),
  pullSecrets: optional(said(names, 'Secrets to fetch the image with.')),
};

const split = {
  parts: said(wholeFrom(2, 10_000), 'How many parts each set of examples is cut into.'),
};

export const sweepFields = {
  ...headOf('headscope-sweep', 'sweep'),
  title: optional(said(text, 'The title of the sweep.')),
  run: said(
    filledText,
    'What each cell runs: the id of an analysis or an experiment, or bench, task, captions or plan evaluate.',
  ),
  settings: optional(
    said(settings, 'Settings that all cells share: options of the command by name, and parameters as param.NAME.'),
  ),
  matrix: optional(
    said(
      record(list(sweepValue, 'a list of values', { least: 1, most: mostCells }), 'an object of lists', { most: 32 }),
      'Lists of values, with a cell for each combination.',
    ),
  ),
  cells: optional(
    said(
      list(settings, 'a list of cells', { most: mostCells }),
      'Further cells, one by one. Without a matrix, these are all cells.',
    ),
  ),
  exclude: optional(
    said(
      list(settings, 'a list of cells', { most: 1024 }),
      'Leaves out every cell that has all the values of an entry.',
    ),
  ),
  seeds: optional(
    said(
      either(
        wholeFrom(1, mostCells),
        list(wholeFrom(0, 2 ** 32 - 1), 'a list of seeds', { least: 1, most: mostCells }),
        'a number of seeds or a list of them',
      ),
      'Runs every cell once for each seed: a number of seeds (from 0), or a list.',
    ),
  ),
  resources: optional(said(object(resources), 'What each cell may use.')),
  tries: optional(said(wholeFrom(1, 100), 'How many times a cell is started if its process dies. 3 by default.')),
  split: optional(
    said(object(split), 'Cuts the set of examples of each cell into parts (task, captions, pope, divergence-set).'),
  ),
  engine: optional(said(oneOf(engineIds), 'Where the jobs run: local (default), slurm or kubernetes.')),
  local: optional(said(object(local), 'Settings of the engine local.')),
  slurm: optional(said(object(slurm), 'Settings of the engine slurm.')),
  kubernetes: optional(said(object(kubernetes), 'Settings of the engine kubernetes.')),
};

/** Fields of the parts of the file, by the name of the part. */
export const partNames: Readonly<Record<string, Readonly<Record<string, Schema<unknown>>>>> = {
  resources,
  split,
  local,
  slurm,
  kubernetes,
};

/** The file as YAML gives it. */
export const sweepFile = object(sweepFields, 'an object');
export type SweepFile = Output<typeof sweepFile>;
