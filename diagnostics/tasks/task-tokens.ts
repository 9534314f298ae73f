/** What a task needs of a model before it runs: its tokens. */
import { FailureError } from '../../protocol/wire/failures';
import type { ModelRunner } from '../model-runner/model-runner';

export class TaskTokens {
  private readonly known = new Map<string, readonly number[] | undefined>();

  constructor(
    /** Ids of a text without special tokens. */
    readonly encode: (text: string) => readonly number[],
    readonly decode: (ids: readonly number[]) => string,
    /** Ids that stand in front of every text. */
    readonly lead: readonly number[],
    readonly vocabulary: number,
    readonly specialIds: readonly number[],
    /** Tokens of a prompt at most. */
    readonly longest: number | undefined,
  ) {}

  /** Without what the tokenizer puts around a text. */
  static plain(runner: ModelRunner): TaskTokens {
    const { summary, specialIds } = runner.facts;
    return new TaskTokens(
      (text) => runner.encode(text),
      (ids) => runner.decode(ids),
      [],
      summary.vocabulary,
      specialIds,
      summary.contextLength,
    );
  }

  /** `longest`: the context of the model, where nothing makes it read further. */
  static async of(
    runner: ModelRunner,
    longest: number | undefined = runner.facts.summary.contextLength,
  ): Promise<TaskTokens> {
    const { summary, bosId, specialIds } = runner.facts;
    const bos = bosId === undefined ? [] : [bosId];
    return new TaskTokens(
      (text) => runner.encode(text),
      (ids) => runner.decode(ids),
      summary.tokenizer === true ? await leadOf(runner) : bos,
      summary.vocabulary,
      specialIds,
      longest,
    );
  }

  /**
   * The tokens of `text` where it follows `before`; undefined where the tokenizer joins the two. The last word of `before`
   * decides: tokenizers split at spaces first.
   */
  behind(before: string, text: string): readonly number[] | undefined {
    const word = /\s?\S*$/u.exec(before)?.[0] ?? before;
    const key = JSON.stringify([word, text]);
    if (!this.known.has(key)) {
      const alone = this.encode(word);
      const both = this.encode(word + text);
      this.known.set(key, startsWith(both, alone) ? both.slice(alone.length) : undefined);
    }
    return this.known.get(key);
  }

  /** The tokens that cover the characters [from, to) of a text, from 0 without the lead. */
  covering(text: string, ids: readonly number[], from: number, to: number): readonly number[] {
    const before = this.encode(text.slice(0, from));
    const upTo = this.encode(text.slice(0, to));
    const first = common(before, ids);
    const whole = common(upTo, ids);
    // A token that begins before `to` and ends behind it is covered in part.
    const end = Math.max(first + 1, whole < upTo.length ? whole + 1 : whole);
    return Array.from({ length: Math.min(end, ids.length) - first }, (_, i) => first + i);
  }
}

async function leadOf(runner: ModelRunner): Promise<readonly number[]> {
  const word = 'The';
  const { ids } = await runner.prompt({ kind: 'text', text: word, chat: false });
  const plain = runner.encode(word);
  const lead = ids.slice(0, Math.max(0, ids.length - plain.length));
  if (startsWith(ids.slice(lead.length), plain)) return lead;
  throw new FailureError({
    code: 'unsupported',
    detail:
      'The tokenizer of this model adds tokens after every text, so no answer can follow a prompt. Choose a model that continues a text.',
  });
}

function common(a: readonly number[], b: readonly number[]): number {
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return same;
}

const startsWith = (ids: readonly number[], start: readonly number[]): boolean => common(ids, start) === start.length;
