import { stat } from 'node:fs/promises';
import path from 'node:path';
import { findHeadscopeFile, headscopeFileName, insideRepository } from '../../models/formats/headscope-file';
import type { JsonValue } from '../../models/formats/model-description';
import { fingerprintOf } from '../service/fingerprint';
import type { Fingerprinted } from '../service/fingerprint';
import { isNamedBy } from '../service/glob';
import { readHeadscopeSettings } from '../service/headscope-settings';
import type { HeadscopeSettings } from '../service/headscope-settings';
import type { JsonDocument } from '../service/json-document';
import { ruleCodes } from '../service/rules/catalogue';
import { readBaseline } from './known-findings';
import type { KnownFindings, ReadBaseline } from './known-findings';

/** What the nearest `.headscope.json` says of the files of a folder. */
export interface Repository {
  /** The `.headscope.json`. */
  readonly file: string;
  readonly settings: HeadscopeSettings;
  readonly known?: KnownFindings;
  /** Path of the baseline that is named, whether it is there or not. */
  readonly baseline?: string;
  /** Why the baseline cannot be used, as sentences. */
  readonly baselineFault?: string;
  /** All else that is wrong, as sentences. */
  readonly faults: readonly string[];
}

/** Folders that are remembered; a run over more begins anew. */
const mostRemembered = 5000;
const mostBaselines = 20;

/** Finds and reads `.headscope.json` files, and remembers them for a while. */
export class Repositories {
  private readonly byFolder = new Map<
    string,
    { readonly at: number; readonly found: Promise<Repository | undefined> }
  >();
  /** By the path of the `.headscope.json`: many folders share one file, which is read once for all of them. */
  private readonly byFile = new Map<string, { readonly at: number; readonly read: Promise<Repository> }>();

  /** Baselines by path; a large one is read again only when it changed. */
  private readonly baselines = new Map<string, { readonly stamp: string; readonly read: Promise<ReadBaseline> }>();

  /** @param freshFor milliseconds during which a folder is not looked at again */
  constructor(private readonly freshFor = 2000) {}

  forFolder(folder: string): Promise<Repository | undefined> {
    const known = this.byFolder.get(folder);
    if (known !== undefined && this.isFresh(known.at)) return known.found;
    if (this.byFolder.size >= mostRemembered) this.forget();
    const found = this.find(folder);
    this.byFolder.set(folder, { at: Date.now(), found });
    return found;
  }

  forget(): void {
    this.byFolder.clear();
    this.byFile.clear();
  }

  /** Whether a changed file is one that was read here, or could be. */
  async concerns(file: string): Promise<boolean> {
    if (path.basename(file) === headscopeFileName) return true;
    for (const { read } of this.byFile.values()) if ((await read).baseline === file) return true;
    return false;
  }

  private isFresh(at: number): boolean {
    return Date.now() - at < this.freshFor;
  }

  private async find(folder: string): Promise<Repository | undefined> {
    const found = await findHeadscopeFile(folder).catch(() => undefined);
    if (found === undefined) return undefined;
    const known = this.byFile.get(found.path);
    if (known !== undefined && this.isFresh(known.at)) return known.read;
    const read = found.ok
      ? this.read(found.path, found.value)
      : Promise.resolve({
          file: found.path,
          settings: { severity: {}, exclude: [], families: [] },
          faults: [found.message],
        });
    this.byFile.set(found.path, { at: Date.now(), read });
    return read;
  }

  private async baselineAt(file: string): Promise<ReadBaseline> {
    const stamp = await stampOf(file);
    const known = this.baselines.get(file);
    if (known?.stamp === stamp) return known.read;
    const read = readBaseline(file).catch(() => ({ ok: false as const, why: 'It cannot be read.' }));
    if (this.baselines.size >= mostBaselines) this.baselines.clear();
    this.baselines.set(file, { stamp, read });
    return read;
  }

  private async read(file: string, value: JsonValue): Promise<Repository> {
    const { settings, faults } = readHeadscopeSettings(value, ruleCodes);
    const sentences = faults.map(({ path: place, message }) =>
      place.length === 0 ? message : `${placeOf(place)}: ${message}`,
    );
    if (settings.baseline === undefined) return { file, settings, faults: sentences };
    const baseline = path.resolve(path.dirname(file), settings.baseline);
    const real = await insideRepository(path.dirname(file), baseline).catch(() => baseline);
    const read =
      real === undefined
        ? { ok: false as const, why: 'It is a link out of the repository and is not read.' }
        : await this.baselineAt(baseline);
    return {
      file,
      settings,
      baseline,
      faults: sentences,
      ...(read.ok ? { known: read.known } : { baselineFault: `The baseline ${settings.baseline}: ${read.why}` }),
    };
  }
}

const stampOf = (file: string): Promise<string> =>
  stat(file).then(
    ({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`,
    () => 'none',
  );

const placeOf = (keys: readonly (string | number)[]): string =>
  keys.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${key}`)).join('');

/** Whether a file is left out of the checks. */
export const isExcluded = (repository: Repository | undefined, file: string): boolean => {
  if (repository === undefined || path.basename(file) === headscopeFileName) return false;
  const name = path.relative(path.dirname(repository.file), path.resolve(file)).split(path.sep).join('/');
  return repository.settings.exclude.some((pattern) => isNamedBy(pattern, name));
};

/** The findings about a file that are to be reported: none of a file that is left out, and none that is known. */
export const toReport = <T extends Fingerprinted>(
  findings: readonly T[],
  file: string | undefined,
  document: JsonDocument | undefined,
  repository: Repository | undefined,
): readonly T[] => {
  if (repository === undefined || file === undefined) return findings;
  if (isExcluded(repository, file)) return [];
  if (repository.known === undefined) return findings;
  const isKnown = repository.known.areKnown(
    file,
    findings.map((finding) => ({ code: finding.code, fingerprint: fingerprintOf(finding, document) })),
  );
  return findings.filter((_, index) => isKnown[index] !== true);
};
