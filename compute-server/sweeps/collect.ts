/** The results of a sweep as one table: a row for each cell, or for each row of its result. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CellSettings } from '../../protocol/sweeps/sweep-file';
import type { SweepStatus } from '../../protocol/sweeps/sweep-status';
import { fieldsIn } from '../../protocol/schema/fields';
import { parseJsonText } from '../../protocol/wire/json-text';
import { seedMeans, type CellRows, type MeanRow } from './seed-means';
import type { SweepFolder } from './sweep-folder';

export interface CollectedRow {
  readonly key: string;
  readonly settings: CellSettings;
  readonly file: string;
  /** The first sentence of the result, where it has one. */
  readonly finding?: string;
  /** Single values of the result by their path, such as `accuracy.value`. */
  readonly values: Readonly<Record<string, number | string | boolean | null>>;
}

export interface Collected {
  readonly title: string;
  readonly run: string;
  readonly axes: readonly string[];
  readonly rows: readonly CollectedRow[];
  /** Over the seeds of otherwise equal cells; absent where cells differ by no seed. */
  readonly means?: readonly MeanRow[];
  /** Cells without a result that can be read. */
  readonly missing: readonly { readonly key: string; readonly settings: CellSettings; readonly reason: string }[];
}

/** Levels of objects whose numbers are taken. */
const deepest = 3;

/** Fields that say how a result was made; they are not part of what it says. */
const besides = new Set([
  ...['headscope', 'created', 'kind', 'version', 'sweep', 'device', 'settings', 'seed', 'seconds', 'parity', 'model'],
  ...['input', 'prompts', 'parameters', 'interventions', 'sections', 'offers', 'source', 'samples', 'notes', 'title'],
  ...['analysis', 'task', 'weights', 'finding', 'scored'],
]);

export async function collect(status: SweepStatus, folder: SweepFolder): Promise<Collected> {
  const rows: CollectedRow[] = [];
  const missing: { key: string; settings: CellSettings; reason: string }[] = [];
  const cells: CellRows[] = [];
  for (const { key, state, file, settings, reason } of status.cells) {
    if (state !== 'done' || file === undefined) {
      missing.push({ key, settings, reason: reason ?? `It is ${state === 'open' ? 'not submitted' : state}.` });
      continue;
    }
    const result = await readCell(folder, key, file);
    if (!result) {
      const why = `${file} is incomplete, or not the result of this cell. Delete it and submit the sweep again.`;
      missing.push({ key, settings, reason: why });
      continue;
    }
    const { finding, rows: own } = result;
    const about = { key, settings, file, ...(finding === undefined ? {} : { finding }) };
    cells.push({ settings, rows: own });
    for (const values of own) rows.push({ ...about, values });
  }
  const { title, run, axes } = status;
  return { title, run, axes, rows, ...(axes.includes('seed') ? { means: seedMeans(cells) } : {}), missing };
}

export type Values = Readonly<Record<string, number | string | boolean | null>>;

export interface CellResult {
  /** The first sentence of the result, where it has one. */
  readonly finding?: string;
  /** One for each row where the result is a table (bench, plan evaluate); else one. */
  readonly rows: readonly Values[];
}

/** Undefined for a file that is not there, was cut off, or was changed by hand: it is no result of this cell. */
export async function readCell(folder: SweepFolder, key: string, file: string): Promise<CellResult | undefined> {
  const parsed = parseJsonText(await readFile(join(folder.path, file), 'utf8').catch(() => ''));
  const result = parsed.ok ? fieldsIn(parsed.value) : {};
  if (fieldsIn(result['sweep'])['key'] !== key) return undefined;
  const { finding } = result;
  return { ...(typeof finding === 'string' ? { finding } : {}), rows: valuesOf(result) };
}

function valuesOf(result: Readonly<Record<string, unknown>>): readonly Values[] {
  const { rows } = result;
  if (Array.isArray(rows) && rows.length > 0) return rows.map((row) => scalars(fieldsIn(row)));
  const inner = fieldsIn(result['result']);
  const own =
    Object.keys(inner).length > 0
      ? inner
      : Object.fromEntries(Object.entries(result).filter(([name]) => !besides.has(name)));
  return [scalars(own)];
}

function scalars(fields: Readonly<Record<string, unknown>>): Values {
  const values: Record<string, Values[string]> = {};
  const take = (inner: Readonly<Record<string, unknown>>, prefix: string, level: number): void => {
    for (const [name, value] of Object.entries(inner)) {
      const path = `${prefix}${name}`;
      if (typeof value === 'number' || typeof value === 'boolean' || value === null) values[path] = value;
      else if (typeof value === 'string') {
        if (value.length <= 200) values[path] = value;
      } else if (!Array.isArray(value) && level < deepest) take(fieldsIn(value), `${path}.`, level + 1);
    }
  };
  take(fields, '', 1);
  return values;
}
