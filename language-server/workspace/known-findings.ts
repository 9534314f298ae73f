import { stat } from 'node:fs/promises';
import path from 'node:path';
import { FileRefused, readRegular } from '../../models/formats/regular-file';
import { parseBaseline } from '../../protocol/inputs/baseline';
import type { KnownFinding } from '../../protocol/inputs/baseline';
import { fileNotRead } from '../service/rules/field-values';

/** Some 40,000 findings. */
const largestBaseline = 16 * 1024 * 1024;

/**
 * Whether a baseline may hide a finding. What was not looked at is not known: whatever went wrong in the file later would be
 * hidden with it.
 */
export const canBeKnown = ({ code }: Pick<KnownFinding, 'code'>): boolean => code !== fileNotRead.code;

/** The findings of a baseline file. */
export class KnownFindings {
  /** By path, then by fingerprint: as many as there are of it. */
  private readonly byFile = new Map<string, Map<string, KnownFinding[]>>();

  constructor(
    /** Path of the baseline itself; paths in it are relative to its folder. */
    readonly file: string,
    findings: readonly KnownFinding[],
  ) {
    for (const finding of findings) {
      const known = this.byFile.get(finding.path) ?? new Map<string, KnownFinding[]>();
      this.byFile.set(finding.path, known);
      const same = known.get(finding.fingerprint);
      if (same === undefined) known.set(finding.fingerprint, [finding]);
      else same.push(finding);
    }
  }

  /** For each finding of a file whether it is known, by its fingerprint; one that is there twice has to be known twice. */
  areKnown(file: string, findings: readonly Pick<KnownFinding, 'code' | 'fingerprint'>[]): readonly boolean[] {
    const known = this.byFile.get(this.nameOf(file));
    const seen = new Map<string, number>();
    return findings.map(({ code, fingerprint }) => {
      if (!canBeKnown({ code })) return false;
      const before = seen.get(fingerprint) ?? 0;
      seen.set(fingerprint, before + 1);
      return before < (known?.get(fingerprint)?.length ?? 0);
    });
  }

  /** How the baseline names a file. */
  nameOf(file: string): string {
    return nameIn(this.file, file);
  }

  /**
   * Entries that no longer occur: those of checked files that no longer have such a finding, and all entries of files that are
   * gone. Nothing is known of files that were not checked.
   */
  async gone(checked: ReadonlyMap<string, readonly string[]>): Promise<readonly KnownFinding[]> {
    const gone: KnownFinding[] = [];
    const found = new Map([...checked].map(([file, fingerprints]) => [this.nameOf(file), fingerprints]));
    for (const [name, entries] of this.byFile) {
      const fingerprints = found.get(name);
      if (fingerprints === undefined && (await exists(path.resolve(path.dirname(this.file), name)))) continue;
      const times = new Map<string, number>();
      for (const one of fingerprints ?? []) times.set(one, (times.get(one) ?? 0) + 1);
      for (const [fingerprint, same] of entries)
        for (const entry of same.slice(times.get(fingerprint) ?? 0)) gone.push(entry);
    }
    return gone;
  }
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

/** How a baseline names a file: relative to its folder, with `/` between names on every platform. */
export const nameIn = (baseline: string, file: string): string =>
  path
    .relative(path.dirname(path.resolve(baseline)), path.resolve(file))
    .split(path.sep)
    .join('/');

export type ReadBaseline =
  | { readonly ok: true; readonly known: KnownFindings }
  /** A sentence about the file. */
  | { readonly ok: false; readonly why: string };

export const readBaseline = async (file: string): Promise<ReadBaseline> => {
  let text: string;
  try {
    text = (await readRegular(file, largestBaseline)).toString('utf8').replace(/^\ufeff/, '');
  } catch (error) {
    if (!(error instanceof FileRefused)) throw error;
    const advice = error.code === 'not-found' ? ' Write it with headscope check --write-baseline.' : '';
    return { ok: false, why: `${error.message}${advice}` };
  }
  const parsed = parseBaseline(text);
  return parsed.ok
    ? { ok: true, known: new KnownFindings(path.resolve(file), parsed.result.findings) }
    : { ok: false, why: `${parsed.why} Write it again with headscope check --write-baseline.` };
};
