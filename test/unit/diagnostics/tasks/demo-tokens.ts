/** The tokens of the demo model, and those of made-up tokenizers, without running a model. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Drawing, Drawn } from '../../../../diagnostics/tasks/samples';
import { TaskTokens } from '../../../../diagnostics/tasks/task-tokens';
import { shortDemoLm } from '../../../support/demo-models';
import { TextLibrary } from '../../../../compute-server/model/text/text-library';

export function demoTokens(longest = 2048): TaskTokens {
  const library = new TextLibrary({
    tokenizer: readFileSync(join(shortDemoLm, 'tokenizer.json'), 'utf8'),
    config: JSON.parse(readFileSync(join(shortDemoLm, 'tokenizer_config.json'), 'utf8')) as Record<string, unknown>,
  });
  return new TaskTokens(
    (text) => library.answer({ kind: 'encode', text, plain: true }) as readonly number[],
    (ids) => library.answer({ kind: 'decode', ids }) as string,
    [0],
    1280,
    [0, 1, 2],
    longest,
  );
}

/** A tokenizer that cuts a text into the pieces that the expression finds; ids in the order of their first use. */
export function cutTokens(pieces: RegExp): TaskTokens {
  const known: string[] = ['<s>'];
  return new TaskTokens(
    (text) =>
      (text.match(pieces) ?? []).map((piece) => {
        const at = known.indexOf(piece);
        return at >= 0 ? at : known.push(piece) - 1;
      }),
    (ids) => ids.map((id) => known[id] ?? '').join(''),
    [0],
    50_000,
    [0],
    undefined,
  );
}

export function finished<S>(drawing: Drawing<S>): Drawn<S> {
  for (;;) {
    const step = drawing.next();
    if (step.done) return step.value;
  }
}
