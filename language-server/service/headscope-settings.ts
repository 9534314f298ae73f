import { readOwnFamilies } from '../../models/formats/families/workspace-families';
import type { OwnFamily } from '../../models/formats/workspace-family';
import type { JsonPath, JsonValue } from '../../models/formats/model-description';
import {
  headscopeFileFields,
  headscopeFileKeys,
  severityLevels,
  type HeadscopeFileFields,
} from '../../protocol/inputs/headscope-file';
import { allFaults } from '../../protocol/schema/check';
import type { SeveritySetting } from './finding';
import { patternFault } from './glob';
import { isObject } from './json-document';
import { nearestName } from '../../protocol/wire/nearest-name';

/** What a `.headscope.json` asks of the checks. What is wrong in it counts as absent. */
export interface HeadscopeSettings {
  readonly severity: Readonly<Record<string, SeveritySetting>>;
  /** Relative to the file. */
  readonly baseline?: string;
  /** Bytes; 0: the file says that nobody asks. */
  readonly deviceMemory?: number;
  readonly exclude: readonly string[];
  readonly families: readonly OwnFamily[];
}

interface HeadscopeFault {
  readonly path: JsonPath;
  /** The key at the path is wrong, and not its value. */
  readonly ofKey: boolean;
  /** Sentences. */
  readonly message: string;
  /** The name that was meant, where there is one. */
  readonly meant?: string;
}

export interface ReadHeadscopeFile {
  readonly settings: HeadscopeSettings;
  readonly faults: readonly HeadscopeFault[];
}

/** Names in a file may fill a page. */
const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);

/** Edits within which a name is taken for a slip: a third of it. */
const slip = (name: string): number => Math.min(6, Math.max(1, Math.floor(name.length / 3)));

const misspelt = (
  path: JsonPath,
  ofKey: boolean,
  word: string,
  isNot: string,
  names: readonly string[],
): HeadscopeFault => {
  const plain = word.toLowerCase();
  // Other tools call them warn and info.
  const begun = plain.length >= 3 ? names.filter((name) => name.startsWith(plain)) : [];
  const meant = begun.length === 1 ? begun[0] : nearestName(plain, names, slip(word));
  const guess = meant === undefined ? '.' : `; did you mean "${meant}"?`;
  const choice = names.length > 10 ? ' All codes are in docs/rules.' : ` Choose from ${names.join(', ')}.`;
  return {
    path,
    ofKey,
    message: `${shown(word)} is ${isNot}${guess}${choice}`,
    ...(meant === undefined ? {} : { meant }),
  };
};

/** Reads the value of a `.headscope.json`; `codes` are those of all rules. Never throws. */
export const readHeadscopeSettings = (value: JsonValue | undefined, codes: readonly string[]): ReadHeadscopeFile => {
  const faults: HeadscopeFault[] = [];
  if (!isObject(value)) {
    const message = 'The file holds no JSON object. Write {"severity": {…}}.';
    return { settings: { severity: {}, exclude: [], families: [] }, faults: [{ path: [], ofKey: false, message }] };
  }
  for (const key of Object.keys(value)) {
    if ((headscopeFileKeys as readonly string[]).includes(key)) continue;
    faults.push(misspelt([key], true, key, 'no key of this file', headscopeFileKeys.slice(1)));
  }
  const wrong = new Set<string>();
  for (const { path, needed } of allFaults(headscopeFileFields, value)) {
    wrong.add(JSON.stringify(path));
    const given = path.reduce<unknown>(
      (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : inner),
      value,
    );
    const isLevel = path[0] === 'severity' && path.length === 2;
    if (isLevel && typeof given === 'string') {
      faults.push(misspelt(path, false, given, 'no severity', severityLevels));
    } else {
      faults.push({ path, ofKey: false, message: `${String(path.at(-1) ?? 'The file')} is not ${needed}.` });
    }
  }
  const isRight = (...path: readonly (string | number)[]): boolean => !wrong.has(JSON.stringify(path));
  const { severity, baseline, deviceMemoryGB, exclude } = value as HeadscopeFileFields;
  const levels: Record<string, SeveritySetting> = {};
  if (severity !== undefined && isRight('severity')) {
    for (const [code, level] of Object.entries(severity)) {
      if (!codes.includes(code)) faults.push(misspelt(['severity', code], true, code, 'the code of no rule', codes));
      else if (isRight('severity', code)) levels[code] = level;
    }
  }
  const patterns: string[] = [];
  if (exclude !== undefined && isRight('exclude')) {
    exclude.forEach((pattern, index) => {
      if (!isRight('exclude', index)) return;
      const fault = patternFault(pattern);
      if (fault === undefined) patterns.push(pattern);
      else faults.push({ path: ['exclude', index], ofKey: false, message: fault });
    });
  }
  const own = readOwnFamilies(isRight('families') ? value['families'] : undefined);
  for (const { path, message } of own.problems) faults.push({ path: ['families', ...path], ofKey: false, message });
  const leadsOut =
    baseline !== undefined && isRight('baseline') && /^(\/|\\|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|\0/.test(baseline);
  if (leadsOut) {
    const message = 'The baseline lies in the folder of this file or below it. Give its path from here.';
    faults.push({ path: ['baseline'], ofKey: false, message });
  }
  return {
    settings: {
      severity: levels,
      exclude: patterns,
      families: own.families,
      ...(baseline === undefined || leadsOut || !isRight('baseline') ? {} : { baseline }),
      ...(deviceMemoryGB === undefined || !isRight('deviceMemoryGB') ? {} : { deviceMemory: deviceMemoryGB * 2 ** 30 }),
    },
    faults,
  };
};
