/** Reads a sweep from YAML, keeping positions, and checks it against its schema and what can run. */
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Pair } from 'yaml';
import { allFaults, check } from '../schema/check';
import { nearestName } from '../wire/nearest-name';
import type { SweepCatalogue } from './catalogue';
import type { SweepFault } from './setting-faults';
import { sweepFaults } from './sweep-faults';
import { partNames, sweepFields, sweepFile, type SweepFile } from './sweep-file';

/** A fault with its place in the text, as offsets of characters. */
export interface PlacedSweepFault extends SweepFault {
  readonly from: number;
  readonly to: number;
  /** From 1. */
  readonly line: number;
}

export interface ReadSweep {
  readonly document: Document.Parsed;
  /** Absent where the form is wrong. */
  readonly sweep?: SweepFile;
  readonly faults: readonly PlacedSweepFault[];
}

/** The most characters that are read. A list of a million cells is shorter. */
const longest = 2 ** 26;

export function readSweep(text: string, catalogue: SweepCatalogue): ReadSweep {
  const lines = new LineCounter();
  // The parser reports duplicate keys, and takes no key of more than 1,024 characters.
  const document = parseDocument(text.slice(0, longest), { lineCounter: lines, prettyErrors: false });
  const at = (fault: SweepFault, [from, to]: readonly [number, number]): PlacedSweepFault => ({
    ...fault,
    from,
    to,
    line: lines.linePos(from).line,
  });
  if (document.errors.length > 0) {
    const faults = document.errors.map(({ message, pos }) =>
      at(
        { path: [], ofKey: false, message: `This is not valid YAML: ${message.replace(/\.?$/u, '.')} Correct it.` },
        pos,
      ),
    );
    return { document, faults };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const message = `The file cannot be read: ${error instanceof Error ? error.message : String(error)}. Use fewer aliases.`;
    return { document, faults: [at({ path: [], ofKey: false, message }, [0, Math.min(text.length, 1)])] };
  }
  const placed = (fault: SweepFault): PlacedSweepFault => at(fault, placeOf(document, fault.path, fault.ofKey));
  const form = formFaults(value).map(placed);
  const checked = check(sweepFile, value, 'The file');
  if (!checked.ok) return { document, faults: form };
  return { document, sweep: checked.result, faults: [...form, ...sweepFaults(checked.result, catalogue).map(placed)] };
}

/** Keys of the whole file and of its parts. */
const namesOf: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({ '': sweepFields, ...partNames }).map(([part, fields]) => [part, Object.keys(fields)]),
);

function formFaults(value: unknown): readonly SweepFault[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = 'The file holds no sweep. Begin with "kind: headscope-sweep", "version: 1" and "run: …".';
    return [{ path: [], ofKey: false, message }];
  }
  const faults: SweepFault[] = [];
  for (const [part, names] of Object.entries(namesOf)) {
    const fields: unknown = part === '' ? value : (value as Readonly<Record<string, unknown>>)[part];
    if (typeof fields !== 'object' || fields === null) continue;
    for (const key of Object.keys(fields)) {
      if (names.includes(key)) continue;
      const meant = nearestName(key.toLowerCase(), names, Math.max(1, Math.floor(key.length / 3)));
      const where = part === '' ? 'a sweep' : part;
      const guess = meant === undefined ? '.' : `; did you mean "${meant}"?`;
      const message = `"${key.slice(0, 60)}" is no key of ${where}${guess} Choose from ${names.join(', ')}.`;
      faults.push({
        path: part === '' ? [key] : [part, key],
        ofKey: true,
        message,
        ...(meant === undefined ? {} : { meant }),
      });
    }
  }
  for (const { path, needed } of allFaults(sweepFile, value)) {
    const name = path.map(String).join('.') || 'The file';
    const given = path.reduce<unknown>(
      (inner, key) =>
        typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[String(key)] : inner,
      value,
    );
    const message = given === undefined ? `${name} is missing: write ${needed}.` : `${name} is not ${needed}.`;
    faults.push({ path, ofKey: false, message: needed.endsWith('.') ? needed : message });
  }
  return faults;
}

/** The range of a path in the text; if the path is not there, that of the nearest one above it. */
function placeOf(
  document: Document.Parsed,
  path: readonly (string | number)[],
  ofKey: boolean,
): readonly [number, number] {
  for (let length = path.length; length > 0; length--) {
    const inner = path.slice(0, length);
    if (ofKey && length === path.length) {
      const pair = pairAt(document, inner);
      const key = pair && isScalar(pair.key) ? pair.key.range : undefined;
      if (key) return [key[0], key[1]];
    }
    const node = document.getIn(inner, true);
    const range = (node as { readonly range?: readonly number[] | null } | undefined)?.range;
    if (range?.[0] !== undefined && range[1] !== undefined) return [range[0], Math.max(range[1], range[0] + 1)];
  }
  const start = document.contents?.range[0] ?? 0;
  return [start, start + 1];
}

function pairAt(document: Document.Parsed, path: readonly (string | number)[]): Pair | undefined {
  const last = path.at(-1);
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  return isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last))
    : undefined;
}
