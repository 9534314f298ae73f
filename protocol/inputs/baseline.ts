/** A file of findings that are known and not reported again: written by `headscope check --write-baseline`. */
import { parseJson, type Checked, type Schema } from '../schema/check';
import { list, object, text } from '../schema/fields';
import { headOf } from '../schema/parts';

export interface KnownFinding {
  /** Of the file, relative to the folder of the baseline, with `/` between names. */
  readonly path: string;
  /** Of the rule. */
  readonly code: string;
  /** Of code, place in the JSON and message. */
  readonly fingerprint: string;
  /** For people who read the file. */
  readonly message: string;
}

export interface Baseline {
  readonly kind: 'headscope-baseline';
  readonly version: 1;
  readonly findings: readonly KnownFinding[];
}

const baseline: Schema<Baseline> = object<Baseline>({
  ...headOf('headscope-baseline', 'baseline'),
  findings: list(
    object<KnownFinding>({ path: text, code: text, fingerprint: text, message: text }),
    'a list of findings',
  ),
});

export const parseBaseline = (content: string): Checked<Baseline> => parseJson(baseline, content);

const inOrder = (left: KnownFinding, right: KnownFinding): number => {
  const [one, other] = [left, right].map(({ path, code, fingerprint }) => `${path}\n${code}\n${fingerprint}`);
  return (one ?? '') < (other ?? '') ? -1 : 1;
};

/** The text of the file, in an order that does not depend on the run: a change of it is a change of the findings. */
export const baselineText = (findings: readonly KnownFinding[]): string => {
  const content: Baseline = { kind: 'headscope-baseline', version: 1, findings: findings.toSorted(inOrder) };
  return `${JSON.stringify(content, undefined, 2)}\n`;
};
