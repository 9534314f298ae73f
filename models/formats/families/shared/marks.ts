/**
 * `global_tokens` of a config: which tokens of a text are marked, in place of what the class marks by itself. No class of transformers reads
 * it; there a caller gives a mask with every text.
 */
import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { MarkRule } from './computation';
import { firstArchitecture, sizeOf, word } from './family';
import { only, type RunKeys } from './run-keys';

const markKey = 'global_tokens';

const rules = ['first', 'question', 'text'] as const;

/** Its values, for a class that knows a separator and for one that does not. */
export const markKeys: RunKeys = only(['none', ...rules, null], markKey);
export const firstMarkKey: RunKeys = only(['none', 'first', null], markKey);

/** What a class of Longformer marks where a call gives no mask; other classes mark nothing. */
const byClass: readonly (readonly [RegExp, (typeof rules)[number]])[] = [
  [/^Longformer\w*ForSequenceClassification$/, 'first'],
  [/^Longformer\w*ForQuestionAnswering$/, 'question'],
  [/^Longformer\w*ForMultipleChoice$/, 'text'],
];

/** Records the key, or what the class of the file does without it. */
export function readMarks(reader: ConfigReader): void {
  if (reader.string(markKey) !== undefined) return;
  const name = firstArchitecture(reader) ?? '';
  const rule = byClass.find(([pattern]) => pattern.test(name))?.[1];
  if (rule !== undefined) reader.derive(markKey, rule, 'architectures');
}

export function marksOf(part: ModelPart): MarkRule | undefined {
  const kind = rules.find((each) => each === word(part, markKey));
  if (kind === undefined || kind === 'first') return kind && { kind };
  return { kind, separator: sizeOf(part, 'sep_token_id') ?? 2 };
}
