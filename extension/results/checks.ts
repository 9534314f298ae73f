/** What the parsers of saved files share: a file may come from anywhere. Pure. */

export type Table = Readonly<Record<string, unknown>>;

export const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isText = (value: unknown): value is string => typeof value === 'string';
export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
export const isWhole = (value: unknown): value is number => isNumber(value) && Number.isInteger(value) && value >= 0;
export const isCount = (value: unknown): value is number => isWhole(value) && value > 0;

/** One sentence that names the place. */
export class Wrong extends Error {}

export function need(condition: boolean, place: string, what: string): asserts condition {
  if (!condition) throw new Wrong(`${place} is not ${what}.`);
}

export type Parsed<T> =
  | { readonly ok: true; readonly result: T }
  /** `why`: one sentence that names the place. */
  | { readonly ok: false; readonly why: string };

export function parseChecked<T>(text: string, check: (value: unknown) => T): Parsed<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (text.trim() === '') return { ok: false, why: 'The file is empty.' };
    return { ok: false, why: `The file is not valid JSON: ${(error as Error).message}.` };
  }
  try {
    return { ok: true, result: check(value) };
  } catch (error) {
    if (error instanceof Wrong) return { ok: false, why: error.message };
    throw error;
  }
}

/** What every saved result begins with: its kind, its format, and what made it. */
export function checkHead(value: unknown, kind: string, what: string): asserts value is Table {
  need(isTable(value), 'The file', 'a JSON object');
  need(value['kind'] === kind, 'kind', `"${kind}", so this is no ${what} of Headscope`);
  if (isNumber(value['version']) && value['version'] > 1) {
    throw new Wrong(
      `It was written in format ${value['version']}, and this Headscope reads format 1: update Headscope.`,
    );
  }
  need(value['version'] === 1, 'version', '1');
}

export function checkProvenance(value: Table): void {
  for (const key of ['headscope', 'created']) need(isText(value[key]), key, 'a text');
  need(isNumber(value['seed']), 'seed', 'a number');
  const device = value['device'];
  need(isTable(device), 'device', 'an object');
  for (const key of ['id', 'provider', 'name', 'runtime', 'platform'])
    need(isText(device[key]), `device.${key}`, 'a text');
  need(isNumber(device['threads']), 'device.threads', 'a number');
  need(isTable(value['settings']), 'settings', 'an object');
}
