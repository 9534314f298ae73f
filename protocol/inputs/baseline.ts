/** A file of findings that are known and not reported again: written by `headscope check --write-baseline`. */
import { type Output, parseJson, type Checked } from '../schema/check';
import { list, object, text } from '../schema/fields';
import { headOf } from '../schema/parts';

const knownFinding = object({
  /** Path of the file, relative to the folder of the baseline, with `/` between names. */
  path: text,
  /** Code of the rule. */
  code: text,
  /** Hash of code, place in the JSON and message. */
  fingerprint: text,
  /** For people who read the file. */
  message: text,
});
export type KnownFinding = Output<typeof knownFinding>;

const baseline = object({
  ...headOf('headscope-baseline', 'baseline'),
  findings: list(knownFinding, 'a list of findings'),
});
type Baseline = Output<typeof baseline>;

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
